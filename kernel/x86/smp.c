/* SPDX-License-Identifier: BSD-2-Clause */
#define LOG_AREA "smp"
#include "kernel/x86/smp.h"

#include "kernel/console/log.h"
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

#include <stdlib.h>
#include <string.h>

#define APIC_ID_MAX 255 /* what messages can reach without interrupt remapping */
#define INIT_WAIT 10000000ULL
#define STARTUP_WAIT 200000ULL
#define ONLINE_WAIT 1000000000ULL
#define STOP_WAIT 100000000ULL
#define START_STACK 16384

struct cpu *cpus[CPUS_MAX];
unsigned int cpu_count;

static struct cpu boot_cpu;

/* trampoline.S, copied to a page below 1 MiB; what the CPU needs is patched in. */
extern const uint8_t trampoline[], trampoline_end[];
extern const uint8_t trampoline_tables[], trampoline_stack[], trampoline_cpu[];

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

static void patch(uint8_t *page, const uint8_t *where, uint64_t value)
{
	memcpy(page + (where - trampoline), &value, sizeof(value));
}

/*
 * A CPU that did not come up in time may be on its way: INIT stops it, before the trampoline and its tables
 * are used for others. Its descriptors and stack are lost on purpose all the same.
 */
static bool start(uint32_t id, uint64_t page, uint64_t tables)
{
	struct cpu *cpu = calloc(1, sizeof(*cpu));
	void *stack = cpu ? stack_alloc(START_STACK) : NULL;
	uint64_t deadline;

	if (!stack) {
		log_error("no memory for the CPU with APIC id %u", (unsigned int)id);
		free(cpu);
		return false;
	}
	cpu->index = cpu_count;
	cpu->apic_id = id;
	memcpy(direct_map(page), trampoline, (size_t)(trampoline_end - trampoline));
	patch(direct_map(page), trampoline_tables, tables);
	patch(direct_map(page), trampoline_stack, (uint64_t)stack);
	patch(direct_map(page), trampoline_cpu, (uint64_t)cpu);
	/* thread.c looks CPUs up by index from the moment they run. */
	cpus[cpu_count] = cpu;

	/*
	 * INIT, then STARTUP twice (SDM volume 3, 8.4.4.1); hypervisors need no waits, hardware
	 * does.
	 */
	apic_send_init(id);
	if (!cpu_hypervisor()[0])
		clock_spin(INIT_WAIT);
	for (unsigned int i = 0; i < 2 && !cpu->online; i++) {
		apic_send_startup(id, (uint8_t)(page >> PAGE_SHIFT));
		deadline = clock_monotonic() + STARTUP_WAIT;
		while (!cpu->online && clock_monotonic() < deadline)
			cpu_relax();
	}
	deadline = clock_monotonic() + ONLINE_WAIT;
	while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) {
		if (clock_monotonic() > deadline) {
			log_error("the CPU with APIC id %u does not start", (unsigned int)id);
			apic_send_init(id);
			cpus[cpu_count] = NULL;
			return false;
		}
		cpu_relax();
	}
	cpu_count++;
	return true;
}

void smp_start_others(void)
{
	uint64_t limit = option_number("cpus", 1, CPUS_MAX, CPUS_MAX);
	uint64_t page = memory_trampoline_page(), tables;
	uint32_t self = apic_id();

	boot_cpu.apic_id = self;
	if (platform.cpu_count < 2 || limit < 2)
		return;
	tables = paging_start_tables();
	if (!page || !tables) {
		log_error("no memory below 640 KiB to start other CPUs with: one is used");
		return;
	}
	for (unsigned int i = 0; i < platform.cpu_count && cpu_count < limit; i++) {
		if (platform.apic_ids[i] == self)
			continue;
		if (platform.apic_ids[i] > APIC_ID_MAX ||
		    !start(platform.apic_ids[i], page, tables))
			log_warning("the CPU with APIC id %u is not used",
				    (unsigned int)platform.apic_ids[i]);
	}
	paging_free_start_tables(tables);
	log_info("%u CPUs", cpu_count);
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
	for (unsigned int i = 1; i < cpu_count; i++)
		apic_send_init(cpus[i]->apic_id);
}
