/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine is handed over as it was found: no device can write to memory, no interrupt comes, other
 * CPUs wait to be started. Then the trampoline has it.
 *
 * Devices go first, while threads can still wait for them; the network's threads may go on writing into
 * queues that nobody looks at any more. Then the other CPUs, and nothing runs but this.
 */
#include "boot/next/internal.h"
#include "drivers/console/serial.h"
#include "drivers/pci/pci.h"
#include "drivers/virtio/transports/mmio.h"
#include "kernel/console/console.h"
#include "kernel/memory/dma.h"
#include "kernel/panic.h"
#include "kernel/platform.h"
#include "kernel/thread/thread.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/paging.h"
#include "kernel/x86/smp.h"

#include <string.h>

/* What came in before its source was shut is taken now, or the next kernel gets it. */
#define LATE_INTERRUPTS 100000ULL

extern const uint8_t next_trampoline[], next_trampoline_end[];
extern const uint8_t next_trampoline_moves[], next_trampoline_tables[], next_trampoline_entry[];
extern const uint8_t next_trampoline_argument[], next_trampoline_pvh[];

static void patch(uint8_t *page, const uint8_t *where, uint64_t value)
{
	memcpy(page + (where - next_trampoline), &value, sizeof(value));
}

static void prepare(const struct next_plan *plan)
{
	uint8_t *page = dma_pointer(plan->trampoline);
	uint64_t *tables = dma_pointer(plan->tables);
	const uint64_t *ours = dma_pointer(paging_root());

	memcpy(page, next_trampoline, (size_t)(next_trampoline_end - next_trampoline));
	patch(page, next_trampoline_moves, plan->moves);
	patch(page, next_trampoline_tables, plan->tables);
	patch(page, next_trampoline_entry, plan->entry);
	patch(page, next_trampoline_argument, plan->argument);
	if (plan->protocol == NEXT_PROTOCOL_PVH)
		page[next_trampoline_pvh - next_trampoline] = 1;
	/* Our upper half too, as far as the jump. */
	memcpy(tables + 256, ours + 256, 256 * sizeof(*tables));
}

static void stop_machine(void)
{
	uint64_t end;

	console_drain();
	serial_stop_input();
	power_button_stop();
	virtio_mmio_shutdown();
	pci_shutdown();
	smp_stop_others();
	interrupts_on();
	ioapic_mask_all();
	end = clock_monotonic() + LATE_INTERRUPTS;
	while (clock_monotonic() < end)
		cpu_relax();
	interrupts_off();
	apic_leave();
	smp_reset_others();
}

static void run(void *argument)
{
	const struct next_plan *plan = argument;

	prepare(plan);
	stop_machine();
	__asm__ volatile("mov %0, %%cr3\n\t"
			 "jmp *%1"
			 :
			 : "r"(plan->tables), "b"(plan->trampoline)
			 : "memory");
	__builtin_unreachable();
}

void next_hand_over(const struct next_plan *plan)
{
	static const struct thread_options on_boot_cpu = {.stack_size = 32u << 10};

	/* The next kernel begins on the CPU that firmware began on. */
	if (thread_cpu() == 0)
		run((void *)plan);
	if (!thread_create("next", run, (void *)plan, &on_boot_cpu))
		panic("no memory for the thread that hands over");
	for (;;)
		thread_sleep(NANOSECONDS_PER_SECOND);
}
