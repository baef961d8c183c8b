/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread that runs here, in one instruction: locks ask so often that neither a call nor all of struct
 * cpu is wanted for it.
 */
#ifndef KERNEL_X86_CURRENT_H
#define KERNEL_X86_CURRENT_H

#define CPU_CURRENT_OFFSET                                                                         \
	8 /* of `current` in struct cpu, to which GS points: checked in percpu.h */

struct thread;

#ifdef HOST_BUILD

struct thread *thread_current(void);

#else

static inline struct thread *thread_current(void)
{
	struct thread *thread;

	__asm__ volatile("mov %%gs:%c1, %0" : "=r"(thread) : "i"(CPU_CURRENT_OFFSET));
	return thread;
}

#endif
#endif
