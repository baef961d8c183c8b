/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts as drivers see them: a vector on one CPU with a name, a handler and a counter.
 *
 *	irq = interrupt_allocate(cpu, "virtio0-rx0", handler, context);
 *	interrupt_message(irq, &message);	 write message.address and .data into MSI-X or MSI
 *	...
 *	interrupt_free(irq);			 after the device can no longer send it
 *
 * or, for a line (INTx, legacy ISA), interrupt_connect_line() instead of interrupt_message().
 *
 * A handler runs on the CPU that the vector belongs to, with interrupts off, on that CPU's current
 * stack; it must not sleep, allocate, or use newlib beyond memcpy and memset. It wakes a thread.
 * End of interrupt is given for it.
 */
#ifndef KERNEL_X86_INTERRUPT_H
#define KERNEL_X86_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

#define INTERRUPT_NAME_MAX 32

/* INTERRUPT_NONE: the source is shared and this one has nothing (only lines look at it). */
enum interrupt_result { INTERRUPT_NONE, INTERRUPT_HANDLED };

typedef enum interrupt_result interrupt_handler(void *context);

struct interrupt;

/* What a device writes to raise the interrupt. */
struct interrupt_message {
	uint64_t address;
	uint32_t data;
};

/*
 * Takes a free vector of `cpu`. NULL when that CPU has none left or does not exist. The name is
 * copied, cut at INTERRUPT_NAME_MAX - 1. Thread context.
 */
struct interrupt *interrupt_allocate(unsigned int cpu, const char *name, interrupt_handler *handler,
				     void *context);

/*
 * Frees the vector; waits until a handler that runs just now has ended. Thread context. NULL is
 * ignored.
 */
void interrupt_free(struct interrupt *interrupt);

void interrupt_message(const struct interrupt *interrupt, struct interrupt_message *message);

/*
 * Moves it to another CPU: a new vector, so the device's message must be written again. 0, -ENOSPC,
 * -EINVAL.
 */
int interrupt_move(struct interrupt *interrupt, unsigned int cpu);

/*
 * Lines. Several interrupts may be connected to one line: all handlers run. `line` is an I/O APIC
 * input (global system interrupt). 0, -ENODEV when no I/O APIC has that line, -EBUSY when it is
 * connected already with the other trigger or polarity.
 */
struct interrupt_line {
	uint32_t gsi;
	bool level;
	bool active_low;
};
int interrupt_connect_line(struct interrupt *interrupt, const struct interrupt_line *line);

/*
 * Holds the connected line back at the interrupt controller, for all that share it, or lets it through
 * again. Context: any, the interrupt's own handler included.
 */
void interrupt_line_mask(const struct interrupt *interrupt, bool mask);

/* The line of a legacy ISA interrupt (0 to 15), with the firmware tables' overrides applied. */
void interrupt_isa_line(unsigned int irq, struct interrupt_line *line);

/* Read by commands and by drivers' describe(); exact. */
uint64_t interrupt_count(const struct interrupt *interrupt);
unsigned int interrupt_cpu(const struct interrupt *interrupt);
unsigned int interrupt_vector(const struct interrupt *interrupt);

/* Interrupts so far on vectors that nobody has, of all CPUs. Context: any. */
uint64_t interrupts_unclaimed(void);

#endif
