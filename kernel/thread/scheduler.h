/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rest of the kernel and the processor code need of the scheduler. */
#ifndef KERNEL_THREAD_SCHEDULER_H
#define KERNEL_THREAD_SCHEDULER_H

#include "kernel/thread/thread.h"

#include <stdbool.h>
#include <stdint.h>

struct _reent;
struct cpu;

/* Makes what runs now on this CPU a thread, the CPU's idle one. Each CPU once. */
void scheduler_adopt(struct cpu *cpu);

/* The idle thread's life: halts until something is ready. */
void scheduler_idle(void) __attribute__((noreturn));

/* Makes a sleeping thread ready, whichever CPU it belongs to. Context: any. */
void thread_wake(struct thread *thread);

/*
 * Sleeps until thread_wake(), or not at all when *woken is set by then. False: the deadline came
 * first (clock_monotonic(); WAIT_FOREVER). Thread context.
 */
bool scheduler_block(const bool *woken, uint64_t deadline);

/* From the end of each interrupt: an application's own code may be left for other threads. */
void scheduler_interrupt_end(uint64_t instruction);

/* newlib's state of the current thread. */
struct _reent *thread_reent(void);

#endif
