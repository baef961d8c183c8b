/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds CPUs that do not get on, and ends in a panic that says where.
 *
 *	a thread that does not sleep or yield,
 *	nor says that it gets on			its own CPU's timer sees it
 *	a CPU that takes no interrupts			the CPU before it sees it, and sends it a
 *							non-maskable one, whose report says where it was
 *
 * Times are counted in ticks that really came, so that a machine that was stopped, saved or moved is not
 * taken for one that is stuck. A single CPU that takes no interrupts is beyond this.
 */
#ifndef KERNEL_THREAD_WATCHDOG_H
#define KERNEL_THREAD_WATCHDOG_H

/* Begins, as `watchdog=` says. Once, in thread context, when all CPUs run. */
void watchdog_start(void);

/* The thread that runs gets on with something long, for which it must have its CPU for itself. Thread context. */
void watchdog_touch(void);

/* What is known about this CPU, for the report of a non-maskable interrupt; "" when nothing is. */
const char *watchdog_verdict(void);

#endif
