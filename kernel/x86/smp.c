/* SPDX-License-Identifier: BSD-2-Clause */
#define LOG_AREA "smp"
#include "kernel/x86/smp.h"

#include "kernel/console/log.h"
#include "kernel/memory/budget.h"
#include "kernel/memory/memory.h"
#include "kernel/options/options.h"
#include "kernel/platform.h"
#include "kernel/thread/scheduler.h"
#include "kernel/time/clock.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/io.h"
#include "kernel/x86/paging.h"
#include "kernel/x86/percpu.h"
#include "kernel/x86/protection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define APIC_ID_MAX 255 /* what messages can reach without interrupt remapping */
#define INIT_WAIT 10000000ULL
#define STARTUP_WAIT 200000ULL
/* One that exists may still be long in coming, where a host has much else to do. */
#define ONLINE_WAIT 10000000000ULL
#define TURNED_AWAY_WAIT 10000000000ULL
#define STOP_WAIT 100000000ULL
#define START_STACK 16384

struct cpu *cpus[CPUS_MAX];
unsigned int cpu_count;

static struct cpu boot_cpu;

/* trampoline.S, copied once to a page below 1 MiB; what the CPU needs is written into that. */
extern const uint8_t trampoline[], trampoline_end[];
extern const uint8_t trampoline_tables[], trampoline_stack[], trampoline_cpu[];
extern const uint8_t trampoline_apic_id[], trampoline_wanted[], trampoline_turned_away[];
#define SMP_NOBODY UINT32_MAX

static uint64_t start_tables; /* for CPUs that may be on their way; or 0 */

static bool check_cpus(const char *value)
{
	uint64_t number;

	return option_parse_number(value, &number) && number >= 1 && number <= CPUS_MAX;
}
OPTION(cpus, "cpus", "1..64", "how many CPUs to use at most (default: all)", check_cpus);
_Static_assert(CPUS_MAX == 64, "as the option says");

static void cpu_begin(struct cpu *cpu)
{
	cpu->self = cpu;
	descriptors_load(&cpu->descriptors, cpu);
	cpu_enable_floating_point();
	protection_enable();
}

void smp_boot_cpu(void)
{
	interrupt_table_init();
	cpus[0] = &boot_cpu;
	cpu_count = 1;
	cpu_begin(&boot_cpu);
	scheduler_adopt(&boot_cpu);
}

/* The first C of another CPU, on its own stack. */
void smp_entry(struct cpu *cpu);
void smp_entry(struct cpu *cpu)
{
	cpu_begin(cpu);
	cpu_set_cr3(paging_root());
	apic_enable();
	scheduler_adopt(cpu);
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
	scheduler_idle();
}

/* A word of the page that is `where` in the trampoline. */
static void *place(const uint8_t *where)
{
	return (uint8_t *)direct_map(memory_trampoline_page()) + (where - trampoline);
}

static bool trampoline_prepare(void)
{
	uint64_t page = memory_trampoline_page();
	const volatile void *apic_id_at = apic_id_place();

	if (start_tables)
		return true;
	/* After what these CPUs find in our half was mapped. */
	if (page && apic_id_at)
		start_tables = paging_start_tables();
	if (!start_tables)
		return false;
	memcpy(direct_map(page), trampoline, (size_t)(trampoline_end - trampoline));
	*(uint64_t *)place(trampoline_tables) = start_tables;
	*(uint64_t *)place(trampoline_apic_id) = (uint64_t)apic_id_at;
	return true;
}

/* From now on the CPU with this APIC id may go on from the trampoline, on that stack. */
static void trampoline_open(uint32_t id, const void *stack, const struct cpu *cpu)
{
	*(uint64_t *)place(trampoline_stack) = (uint64_t)stack;
	*(uint64_t *)place(trampoline_cpu) = (uint64_t)cpu;
	__atomic_store_n((uint32_t *)place(trampoline_wanted), id, __ATOMIC_RELEASE);
}

/* False when it has just gone on. */
static bool trampoline_close(uint32_t id)
{
	return __atomic_compare_exchange_n((uint32_t *)place(trampoline_wanted), &id, SMP_NOBODY,
					   false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static bool wait_online(const struct cpu *cpu, uint64_t wait)
{
	uint64_t deadline = clock_monotonic() + wait;

	while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) {
		if (clock_monotonic() > deadline)
			return false;
		cpu_relax();
	}
	return true;
}

/* INIT, then STARTUP twice (SDM volume 3, 8.4.4.1); hypervisors need no waits, hardware does. */
static void send_startup(uint32_t id, const struct cpu *cpu)
{
	uint8_t page = (uint8_t)(memory_trampoline_page() >> PAGE_SHIFT);

	apic_send_init(id);
	if (!cpu_hypervisor()[0])
		clock_spin(INIT_WAIT);
	for (unsigned int i = 0; i < 2; i++) {
		apic_send_startup(id, page);
		if (wait_online(cpu, STARTUP_WAIT))
			return;
	}
}

static bool start(uint32_t id)
{
	struct cpu *cpu = memory_budget() ? calloc(1, sizeof(*cpu)) : NULL;
	void *stack = cpu ? stack_alloc(START_STACK) : NULL;

	if (!stack) {
		log_error("no memory for the CPU with APIC id %u", (unsigned int)id);
		free(cpu);
		return false;
	}
	cpu->index = cpu_count;
	cpu->apic_id = id;
	/* thread.c looks CPUs up by index from the moment they run. */
	cpus[cpu_count] = cpu;
	trampoline_open(id, stack, cpu);
	send_startup(id, cpu);
	if (wait_online(cpu, ONLINE_WAIT)) {
		cpu_count++;
		return true;
	}
	if (trampoline_close(id)) {
		/* It will never use the stack. */
		stack_free(stack, START_STACK);
		free(cpu);
	} else if (wait_online(cpu, ONLINE_WAIT)) {
		cpu_count++;
		return true;
	}
	/* If it did go on, INIT stops it where it is, and what it has is lost on purpose. */
	log_error("the CPU with APIC id %u does not start", (unsigned int)id);
	apic_send_init(id);
	cpus[cpu_count] = NULL;
	return false;
}

void smp_start_others(void)
{
	uint64_t limit = option_number("cpus", 1, CPUS_MAX, CPUS_MAX);
	bool all = true;

	boot_cpu.apic_id = apic_id();
	if (platform.cpu_count < 2 || limit < 2)
		return;
	if (!trampoline_prepare()) {
		log_error("no memory below 640 KiB to start other CPUs with: one is used");
		return;
	}
	for (unsigned int i = 0; i < platform.cpu_count && cpu_count < limit; i++) {
		uint32_t id = platform.apic_ids[i];

		if (id == boot_cpu.apic_id)
			continue;
		if (id <= APIC_ID_MAX && start(id))
			continue;
		log_warning("the CPU with APIC id %u is not used", (unsigned int)id);
		all = false;
	}
	/* One that was given up may come yet. */
	if (all) {
		paging_free_start_tables(start_tables);
		start_tables = 0;
	}
	log_info("%u CPUs", cpu_count);
}

int smp_late_start(uint32_t id)
{
	uint32_t before;
	uint64_t deadline;

	for (unsigned int i = 0; i < cpu_count; i++)
		if (cpus[i]->apic_id == id)
			return -EBUSY;
	if (id > APIC_ID_MAX)
		return -EINVAL;
	if (!trampoline_prepare())
		return -ENOMEM;
	before = __atomic_load_n((uint32_t *)place(trampoline_turned_away), __ATOMIC_ACQUIRE);
	apic_send_init(id);
	apic_send_startup(id, (uint8_t)(memory_trampoline_page() >> PAGE_SHIFT));
	deadline = clock_monotonic() + TURNED_AWAY_WAIT;
	while (__atomic_load_n((uint32_t *)place(trampoline_turned_away), __ATOMIC_ACQUIRE) ==
	       before) {
		if (clock_monotonic() > deadline)
			return -ETIMEDOUT;
		cpu_relax();
	}
	return 0;
}

void smp_stop_here(void)
{
	struct cpu *cpu = cpu_current();

	apic_leave_other();
	__atomic_store_n(&cpu->online, false, __ATOMIC_RELEASE);
	cpu_halt_forever();
	__builtin_unreachable();
}

void smp_stop_others(void)
{
	uint64_t deadline = clock_monotonic() + STOP_WAIT;

	if (cpu_count < 2)
		return;
	apic_send_others(VECTOR_STOP);
	/* One that does not hear of it is stopped by INIT all the same. */
	for (unsigned int i = 1; i < cpu_count; i++)
		while (__atomic_load_n(&cpus[i]->online, __ATOMIC_ACQUIRE) &&
		       clock_monotonic() < deadline)
			cpu_relax();
}

void smp_reset_others(void)
{
	/* Those too that were given up: they halt in a page that is not ours any more. */
	for (unsigned int i = 0; i < platform.cpu_count; i++)
		if (platform.apic_ids[i] != boot_cpu.apic_id && platform.apic_ids[i] <= APIC_ID_MAX)
			apic_send_init(platform.apic_ids[i]);
}
