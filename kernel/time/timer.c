/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers of each CPU: a list in the order of deadlines, and the local APIC's timer for the first.
 */
#include "kernel/time/timer.h"

#include "kernel/time/clock.h"
#include "kernel/time/clock_source.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/percpu.h"

#include <stddef.h>

static void program(const struct cpu *cpu)
{
	uint64_t deadline, now;

	if (!cpu->timers)
		return;
	deadline = cpu->timers->deadline;
	if (apic_timer_has_deadline()) {
		apic_timer_start(clock_to_tsc(deadline), 0);
		return;
	}
	now = clock_monotonic();
	apic_timer_start(0, clock_to_apic_ticks(deadline > now ? deadline - now : 0));
}

static void take_out(struct cpu *cpu, struct timer *timer)
{
	struct timer **at = &cpu->timers;

	while (*at && *at != timer)
		at = &(*at)->next;
	if (*at)
		*at = timer->next;
	/* Whoever sees this sees timer_running too. */
	__atomic_store_n(&timer->cpu, -1, __ATOMIC_RELEASE);
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	uint64_t flags;
	struct timer **at;
	struct cpu *cpu;

	/* From here on no handler of this CPU comes in between that arms it as well. */
	flags = interrupts_save();
	(void)timer_cancel(timer);
	cpu = cpu_current();
	(void)spin_lock(&cpu->timer_lock);
	timer->deadline = deadline;
	timer->cpu = (int)cpu->index;
	at = &cpu->timers;
	while (*at && (*at)->deadline <= deadline)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
	if (cpu->timers == timer)
		program(cpu);
	spin_unlock(&cpu->timer_lock, flags);
}

static bool take_if_armed(struct timer *timer, int index)
{
	struct cpu *cpu = cpus[index];
	uint64_t flags = spin_lock(&cpu->timer_lock);
	bool armed = timer->cpu == index;

	if (armed)
		take_out(cpu, timer);
	spin_unlock(&cpu->timer_lock, flags);
	return armed;
}

bool timer_cancel(struct timer *timer)
{
	bool armed = false;
	int index;

	for (;;) {
		index = __atomic_load_n(&timer->cpu, __ATOMIC_ACQUIRE);
		if (index >= 0)
			armed |= take_if_armed(timer, index);
		/* It may just be running on another CPU, also one that has armed itself again. */
		for (unsigned int i = 0; i < cpu_count; i++)
			while (cpus[i] != cpu_current() &&
			       __atomic_load_n(&cpus[i]->timer_running, __ATOMIC_ACQUIRE) == timer)
				cpu_relax();
		/* Done unless that run armed it. */
		if (__atomic_load_n(&timer->cpu, __ATOMIC_ACQUIRE) < 0)
			return armed;
	}
}

void timer_interrupt(void)
{
	struct cpu *cpu = cpu_current();
	uint64_t flags = spin_lock(&cpu->timer_lock);

	while (cpu->timers && cpu->timers->deadline <= clock_monotonic()) {
		struct timer *timer = cpu->timers;
		void (*function)(void *context) = timer->function;
		void *context = timer->context;

		__atomic_store_n(&cpu->timer_running, timer, __ATOMIC_RELEASE);
		take_out(cpu, timer);
		spin_unlock(&cpu->timer_lock, flags);
		function(context);
		flags = spin_lock(&cpu->timer_lock);
		__atomic_store_n(&cpu->timer_running, NULL, __ATOMIC_RELEASE);
	}
	program(cpu);
	spin_unlock(&cpu->timer_lock, flags);
}
