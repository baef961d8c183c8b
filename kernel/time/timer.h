/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One-shot timers. The function runs in interrupt context on the CPU that armed the timer (same
 * rules as an interrupt handler: no sleeping, no allocation); typically it wakes a thread. The
 * structure is the caller's and must live until the timer has run or was cancelled.
 */
#ifndef KERNEL_TIME_TIMER_H
#define KERNEL_TIME_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct timer {
	uint64_t deadline; /* clock_monotonic() */
	void (*function)(void *context);
	void *context;
	struct timer *next; /* the owner of these two is timer.c */
	int cpu;	    /* -1: not armed */
};

#define TIMER_INIT(fn, ctx)                                                                        \
	{                                                                                          \
		.function = (fn), .context = (ctx), .cpu = -1                                      \
	}

/* Arms or re-arms. A deadline in the past fires at once. */
void timer_arm(struct timer *timer, uint64_t deadline);

/* True when it was armed. When this returns the function does not run any more, nor will it. */
bool timer_cancel(struct timer *timer);

/* The interrupt of this CPU's timer came: from kernel/x86/interrupt.c. */
void timer_interrupt(void);

#endif
