/* SPDX-License-Identifier: BSD-2-Clause */
#define LOG_AREA "apic"
#include "kernel/x86/apic.h"

#include "kernel/console/log.h"
#include "kernel/memory/map.h"
#include "kernel/panic.h"
#include "kernel/platform.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/io.h"

#include <stddef.h>

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_ENABLE (1u << 11)
#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ADDRESS 0x000ffffffffff000ULL
#define MSR_X2APIC 0x800
#define MSR_TSC_DEADLINE 0x6e0

#define CPUID_X2APIC (1u << 21)	      /* leaf 1, ECX */
#define CPUID_TSC_DEADLINE (1u << 24) /* leaf 1, ECX */
#define CPUID_APIC (1u << 9)	      /* leaf 1, EDX */

/* Register numbers: times 16 in the xAPIC's page, plus 0x800 as x2APIC MSR. */
#define REGISTER_ID 0x02
#define REGISTER_TASK_PRIORITY 0x08
#define REGISTER_EOI 0x0b
#define REGISTER_SPURIOUS 0x0f
#define SPURIOUS_ENABLE (1u << 8)
#define REGISTER_COMMAND 0x30
#define REGISTER_COMMAND_HIGH 0x31 /* xAPIC only */
#define COMMAND_PENDING (1u << 12)
#define COMMAND_NMI 0x4400
#define COMMAND_INIT 0x4500
#define COMMAND_STARTUP 0x4600
#define COMMAND_FIXED 0x4000
#define COMMAND_OTHERS (3u << 18)
#define REGISTER_TIMER 0x32
#define REGISTER_LINT0 0x35
#define REGISTER_LINT1 0x36
#define REGISTER_ERROR_VECTOR 0x37
#define LVT_MASKED (1u << 16)
#define LVT_NMI 0x400
#define TIMER_DEADLINE (2u << 17)
#define REGISTER_TIMER_INITIAL 0x38
#define REGISTER_TIMER_CURRENT 0x39
#define REGISTER_TIMER_DIVIDE 0x3e
#define TIMER_DIVIDE_BY_1 0xb

#define COMMAND_POLLS_MAX 1000000

static bool x2apic, deadline_mode;
static volatile uint8_t *registers;

/* The boot CPU's as firmware left it. */
static struct {
	uint64_t base;
	uint32_t task_priority, lint0, lint1, error, spurious;
} found;

static uint32_t apic_read(unsigned int index)
{
	if (x2apic)
		return (uint32_t)cpu_read_msr(MSR_X2APIC + index);
	return mmio_read32(registers + (size_t)index * 16);
}

static void apic_write(unsigned int index, uint32_t value)
{
	if (x2apic)
		cpu_write_msr(MSR_X2APIC + index, value);
	else
		mmio_write32(registers + (size_t)index * 16, value);
}

/* The old controllers would raise exceptions' vectors: remap and mask them. */
static void silence_pic(void)
{
	static const uint8_t sequence[][2] = {
		{0x20, 0x11}, {0x21, 0x20}, {0x21, 0x04}, {0x21, 0x01}, {0x21, 0xff},
		{0xa0, 0x11}, {0xa1, 0x28}, {0xa1, 0x02}, {0xa1, 0x01}, {0xa1, 0xff},
	};

	for (unsigned int i = 0; i < sizeof(sequence) / sizeof(sequence[0]); i++)
		port_write8(sequence[i][0], sequence[i][1]);
}

void apic_init(void)
{
	struct cpuid id = cpu_id(1, 0);
	uint64_t base;

	if (!(id.edx & CPUID_APIC))
		panic("this CPU has no local APIC");
	if (platform.pic_present)
		silence_pic();
	base = cpu_read_msr(MSR_APIC_BASE);
	found.base = base;
	/* Who comes after us gets it in the mode that it was found in. */
	x2apic = base & APIC_BASE_X2APIC;
	if (!x2apic) {
		registers = map_mmio(base & APIC_BASE_ADDRESS, 4096);
		if (!registers)
			panic("the local APIC cannot be mapped");
	}
	if (base & APIC_BASE_ENABLE) {
		found.task_priority = apic_read(REGISTER_TASK_PRIORITY);
		found.lint0 = apic_read(REGISTER_LINT0);
		found.lint1 = apic_read(REGISTER_LINT1);
		found.error = apic_read(REGISTER_ERROR_VECTOR);
		found.spurious = apic_read(REGISTER_SPURIOUS);
	}
	/* A machine that was handed over in x2APIC mode stays there. */
	x2apic = id.ecx & CPUID_X2APIC || base & APIC_BASE_X2APIC;
	deadline_mode = id.ecx & CPUID_TSC_DEADLINE;
	apic_enable();
	log_info("%s, timer %s", x2apic ? "x2APIC" : "xAPIC",
		 deadline_mode ? "by TSC deadline" : "by countdown");
}

void apic_enable(void)
{
	uint64_t base = cpu_read_msr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

	cpu_write_msr(MSR_APIC_BASE, base);
	if (x2apic)
		cpu_write_msr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
	apic_write(REGISTER_TASK_PRIORITY, 0);
	/* First, as after INIT: a software-disabled one keeps what follows masked (SDM 10.4.7.2). TCG's does not. */
	apic_write(REGISTER_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	apic_write(REGISTER_LINT0, LVT_MASKED);
	apic_write(REGISTER_LINT1, LVT_NMI);
	apic_write(REGISTER_ERROR_VECTOR, LVT_MASKED);
	apic_write(REGISTER_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
	apic_write(REGISTER_TIMER, (deadline_mode ? TIMER_DEADLINE : 0) | VECTOR_TIMER);
}

/* From x2APIC mode there is no other way back than through the disabled state (SDM 10.12.5). */
static void leave_x2apic(void)
{
	uint64_t base = cpu_read_msr(MSR_APIC_BASE);

	if (!(base & APIC_BASE_X2APIC) || found.base & APIC_BASE_X2APIC)
		return;
	base &= ~(uint64_t)(APIC_BASE_ENABLE | APIC_BASE_X2APIC);
	cpu_write_msr(MSR_APIC_BASE, base);
	cpu_write_msr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
}

void apic_leave_other(void)
{
	apic_write(REGISTER_TIMER, LVT_MASKED | VECTOR_TIMER);
	apic_write(REGISTER_SPURIOUS, VECTOR_SPURIOUS);
	leave_x2apic();
}

void apic_leave(void)
{
	apic_write(REGISTER_TIMER, LVT_MASKED | VECTOR_TIMER);
	if (deadline_mode)
		cpu_write_msr(MSR_TSC_DEADLINE, 0);
	apic_write(REGISTER_TIMER_INITIAL, 0);
	apic_write(REGISTER_LINT0, LVT_MASKED);
	apic_write(REGISTER_LINT1, LVT_MASKED);
	leave_x2apic();
	x2apic = found.base & APIC_BASE_X2APIC;
	if (!(found.base & APIC_BASE_ENABLE))
		return;
	apic_write(REGISTER_TASK_PRIORITY, found.task_priority);
	/* Masks can be lifted only while it is on: a software-disabled one sets them. */
	apic_write(REGISTER_SPURIOUS, found.spurious | SPURIOUS_ENABLE);
	apic_write(REGISTER_ERROR_VECTOR, found.error);
	apic_write(REGISTER_LINT0, found.lint0);
	apic_write(REGISTER_LINT1, found.lint1);
	apic_write(REGISTER_SPURIOUS, found.spurious);
}

uint32_t apic_id(void)
{
	uint32_t id = apic_read(REGISTER_ID);

	return x2apic ? id : id >> 24;
}

const volatile void *apic_id_place(void)
{
	if (!registers)
		registers = map_mmio(found.base & APIC_BASE_ADDRESS, 4096);
	return registers ? registers + (size_t)REGISTER_ID * 16 : NULL;
}

bool apic_is_x2apic(void)
{
	return x2apic;
}

void apic_end_of_interrupt(void)
{
	apic_write(REGISTER_EOI, 0);
}

static void command(uint32_t target, uint32_t value)
{
	if (x2apic) {
		/* MSR writes to the x2APIC are not ordered after earlier stores (SDM 10.12.3). */
		__asm__ volatile("mfence\n\tlfence" : : : "memory");
		cpu_write_msr(MSR_X2APIC + REGISTER_COMMAND, (uint64_t)target << 32 | value);
		return;
	}
	apic_write(REGISTER_COMMAND_HIGH, target << 24);
	apic_write(REGISTER_COMMAND, value);
	for (unsigned int i = 0; i < COMMAND_POLLS_MAX; i++) {
		if (!(apic_read(REGISTER_COMMAND) & COMMAND_PENDING))
			return;
		cpu_relax();
	}
}

/*
 * The two registers of an xAPIC command must not be torn apart by an interrupt that sends one too.
 */
static void command_atomic(uint32_t target, uint32_t value)
{
	uint64_t flags = interrupts_save();

	command(target, value);
	interrupts_restore(flags);
}

void apic_send(uint32_t target, uint8_t vector)
{
	command_atomic(target, COMMAND_FIXED | vector);
}

void apic_send_nmi(uint32_t target)
{
	command_atomic(target, COMMAND_NMI);
}

void apic_send_init(uint32_t target)
{
	command_atomic(target, COMMAND_INIT);
}

void apic_send_startup(uint32_t target, uint8_t page)
{
	command_atomic(target, COMMAND_STARTUP | page);
}

void apic_send_others(uint8_t vector)
{
	command_atomic(0, COMMAND_OTHERS | COMMAND_FIXED | vector);
}

bool apic_timer_has_deadline(void)
{
	return deadline_mode;
}

void apic_timer_start(uint64_t deadline_tsc, uint64_t ticks)
{
	if (deadline_mode) {
		/*
		 * In xAPIC mode the mode's own register write is memory-mapped: fence (SDM
		 * 10.5.4.1).
		 */
		memory_barrier();
		cpu_write_msr(MSR_TSC_DEADLINE, deadline_tsc ? deadline_tsc : 1);
		return;
	}
	if (ticks > UINT32_MAX)
		ticks = UINT32_MAX;
	apic_write(REGISTER_TIMER_INITIAL, ticks ? (uint32_t)ticks : 1);
}

void apic_timer_shot(uint32_t ticks, bool interrupt)
{
	apic_write(REGISTER_TIMER, (interrupt ? 0 : LVT_MASKED) |
					   (interrupt && deadline_mode ? TIMER_DEADLINE : 0) |
					   VECTOR_TIMER);
	apic_write(REGISTER_TIMER_INITIAL, ticks);
}

uint32_t apic_timer_count(void)
{
	return apic_read(REGISTER_TIMER_CURRENT);
}
