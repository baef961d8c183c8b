/* SPDX-License-Identifier: BSD-2-Clause */
/* What each CPU has of its own. GS points to it. */
#ifndef KERNEL_X86_PERCPU_H
#define KERNEL_X86_PERCPU_H

#include "kernel/thread/spinlock.h"
#include "kernel/time/timer.h"
#include "kernel/x86/current.h"
#include "kernel/x86/descriptors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPUS_MAX 64

struct cpu {
	struct cpu *self;	/* at %gs:0 */
	struct thread *current; /* the scheduler's; at a place that thread_current() knows */
	unsigned int index;
	uint32_t apic_id;
	volatile bool online;
	struct cpu_descriptors descriptors;

	/* The scheduler's (kernel/thread/thread.c) */
	struct spinlock run_lock;
	struct thread *leaving; /* whose stack is still in use during a switch */
	struct thread *idle;
	struct thread *run_first, *run_last;
	uint64_t switches;
	uint64_t pauses;   /* times that a thread slept, let others run, or said that it gets on */
	struct timer tick; /* only where applications' threads run */

	/* The timers' (kernel/time/timer.c) */
	struct spinlock timer_lock;
	struct timer *timers;
	struct timer *timer_running;

	/* The interrupts' (kernel/x86/interrupt.c) */
	struct interrupt *vectors[256];
	struct interrupt *handling; /* whose handler may be running here */
	unsigned int interrupt_depth;
	uint64_t interrupted; /* the instruction that the last interrupt came before */
	uint64_t spurious;    /* the local APIC's own */
	uint64_t unclaimed;   /* that nobody had a handler for */
};

_Static_assert(offsetof(struct cpu, current) == CPU_CURRENT_OFFSET, "thread_current() finds it");

extern struct cpu *cpus[CPUS_MAX];
extern unsigned int cpu_count; /* those that run; the first is the one that booted */

static inline struct cpu *cpu_current(void)
{
	struct cpu *cpu;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

#endif
