/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/thread/watchdog.h"

#include "kernel/options/options.h"
#include "kernel/panic.h"
#include "kernel/thread/thread.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/percpu.h"
#include "kernel/x86/symbols.h"

#include <string.h>

#define TICK NANOSECONDS_PER_SECOND
#define SECONDS_DEFAULT 30u
#define SECONDS_MAX 3600u

static bool check(const char *value)
{
	uint64_t seconds;

	return !strcmp(value, "off") ||
	       (option_parse_number(value, &seconds) && seconds >= 1 && seconds <= SECONDS_MAX);
}
OPTION(watchdog, "watchdog", "SECONDS|off",
       "how long a CPU may be stuck before that is a panic (default: 30)", check);

/* Of one CPU, and written by that CPU only, but for `silent`. */
struct watch {
	struct timer timer;
	uint64_t ticks;
	uint64_t pauses;      /* as they were at the last tick */
	unsigned int busy;    /* ticks in a row without a pause */
	uint64_t next_ticks;  /* of the CPU behind this one, when they last changed */
	unsigned int waiting; /* own ticks since then */
	bool silent;	      /* the one before has given this CPU up */
};

static struct watch watches[CPUS_MAX];
static unsigned int limit; /* ticks */

/* The thread that the timer's interrupt came into. */
static void look_at_thread(struct watch *watch, const struct cpu *cpu)
{
	uint64_t offset;
	char name[SYMBOL_NAME_SIZE];

	if (cpu->current == cpu->idle || thread_is_application(cpu->current) ||
	    cpu->pauses != watch->pauses) {
		watch->pauses = cpu->pauses;
		watch->busy = 0;
		return;
	}
	if (++watch->busy < limit)
		return;
	symbol_find(cpu->interrupted, name, &offset);
	panic("CPU %u is stuck: thread %s has not paused for %u s, in %s+%#lx", cpu->index,
	      thread_name(cpu->current), limit, name, (unsigned long)offset);
}

static void look_at_next(struct watch *watch, const struct cpu *cpu)
{
	unsigned int next = (cpu->index + 1) % cpu_count;
	uint64_t ticks = __atomic_load_n(&watches[next].ticks, __ATOMIC_RELAXED);

	if (ticks != watch->next_ticks) {
		watch->next_ticks = ticks;
		watch->waiting = 0;
		return;
	}
	if (++watch->waiting != limit)
		return;
	__atomic_store_n(&watches[next].silent, true, __ATOMIC_RELEASE);
	apic_send_nmi(cpus[next]->apic_id);
}

static void tick(void *context)
{
	struct watch *watch = context;
	const struct cpu *cpu = cpu_current();

	__atomic_store_n(&watch->ticks, watch->ticks + 1, __ATOMIC_RELAXED);
	look_at_thread(watch, cpu);
	if (cpu_count > 1)
		look_at_next(watch, cpu);
	timer_arm(&watch->timer, clock_monotonic() + TICK);
}

void watchdog_touch(void)
{
	cpu_current()->pauses++;
}

const char *watchdog_verdict(void)
{
	return __atomic_load_n(&watches[thread_cpu()].silent, __ATOMIC_ACQUIRE)
		       ? ": this CPU is stuck, and takes no interrupts"
		       : "";
}

/* Timers belong to the CPU that arms them. */
static void start_here(void *context)
{
	struct watch *watch = context;

	watch->timer = (struct timer)TIMER_INIT(tick, watch);
	timer_arm(&watch->timer, clock_monotonic() + TICK);
}

void watchdog_start(void)
{
	const char *value = option_get("watchdog", "");

	if (!strcmp(value, "off"))
		return;
	limit = (unsigned int)option_number("watchdog", 1, SECONDS_MAX, SECONDS_DEFAULT);
	for (unsigned int i = 0; i < cpu_count; i++) {
		const struct thread_options options = {.cpu = i};
		struct thread *thread;

		if (i == thread_cpu()) {
			start_here(&watches[i]);
			continue;
		}
		thread = thread_create("watchdog", start_here, &watches[i], &options);
		if (thread)
			thread_join(thread);
	}
}
