/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether this CPU takes interrupts. On the host a model's interrupts wait while they are off, so that a
 * handler never runs inside what a spinlock guards.
 */
#ifndef KERNEL_X86_CPU_FLAGS_H
#define KERNEL_X86_CPU_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#define RFLAGS_IF (1u << 9)

#ifdef HOST_BUILD

uint64_t interrupts_save(void);
void interrupts_restore(uint64_t flags);

/* `flags` is what interrupts_save() returned: how often they had been turned off before. */
static inline bool interrupts_were_on(uint64_t flags)
{
	return !flags;
}

#else

static inline uint64_t cpu_flags(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq\n\tpopq %0" : "=r"(flags) : : "memory");
	return flags;
}

static inline void interrupts_off(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline void interrupts_on(void)
{
	__asm__ volatile("sti" : : : "memory");
}

/* Turns interrupts off; the result says how they were. */
static inline uint64_t interrupts_save(void)
{
	uint64_t flags = cpu_flags();

	interrupts_off();
	return flags;
}

static inline void interrupts_restore(uint64_t flags)
{
	if (flags & RFLAGS_IF)
		interrupts_on();
}

static inline bool interrupts_were_on(uint64_t flags)
{
	return flags & RFLAGS_IF;
}

#endif
#endif
