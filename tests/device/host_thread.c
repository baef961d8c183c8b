/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting on the host: there is one thread, time is virtual, and sleeping lets the models, the timers and what stands
 * for another thread run until they wake the sleeper. A sleep that nothing can end is a failure of the test.
 */
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "kernel/x86/cpu_flags.h"
#include "tests/device/host.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#define READ_COST 20 /* nanoseconds that go by when the clock is read */
#define WALL_START (1700000000 * NANOSECONDS_PER_SECOND)
#define IDLE_STEP NANOSECONDS_PER_MILLISECOND
#define IDLE_STEPS_MAX                                                                             \
	1000 /* a sleep without deadline or timer is hopeless after so many polls   \
			     */

struct thread {
	const char *name;
};

static struct thread only_thread = {"test"};
static uint64_t now;
static struct timer *timers;

static bool threads_exist;

/* Another thread: none is there while it has no function. */
static struct {
	void (*turn)(void);
	uint64_t period, next;
	bool running;
} other;
static uint64_t patience = UINT64_MAX;

/* Those that were made, each to be run from its beginning to where it waits for work. */
#define THREADS_MAX 16u
static struct {
	char name[THREAD_NAME_MAX];
	void (*function)(void *argument);
	void *argument;
} made[THREADS_MAX];
static unsigned int made_count;
static jmp_buf *working;

void host_threads(void)
{
	threads_exist = true;
	made_count = 0;
}

static void work(void (*function)(void *argument), void *argument)
{
	jmp_buf waits;

	working = &waits;
	if (!setjmp(waits))
		function(argument);
	working = NULL;
}

void host_thread_work(const char *name)
{
	for (unsigned int i = 0; i < made_count; i++)
		if (!strcmp(made[i].name, name)) {
			work(made[i].function, made[i].argument);
			return;
		}
}

void host_thread(void (*turn)(void), uint64_t period)
{
	other.turn = turn;
	other.period = period;
	other.next = now + period;
	other.running = false;
}

void host_patience(uint64_t end)
{
	patience = end;
}

void host_thread_reset(void)
{
	threads_exist = false;
	made_count = 0;
	other.turn = NULL;
	patience = UINT64_MAX;
	now = 0;
	timers = NULL;
	host_cpu(0, 1);
}

static bool other_waits(void)
{
	return other.turn && !other.running;
}

/* Timers are interrupts, and the other thread has this CPU when nobody keeps it: neither breaks into what holds a lock. */
static void run_due(void)
{
	struct timer **link = &timers;

	if (now > patience)
		host_abort("a sleep that nothing ends");
	if (!host_interrupts_on())
		return;
	while (*link) {
		struct timer *timer = *link;
		uint64_t flags;

		if (timer->deadline > now) {
			link = &timer->next;
			continue;
		}
		*link = timer->next;
		timer->cpu = -1;
		flags = interrupts_save();
		timer->function(timer->context);
		interrupts_restore(flags);
		link = &timers; /* the function may have armed or cancelled others */
	}
	if (other_waits() && now >= other.next) {
		other.running = true;
		other.turn();
		other.running = false;
		other.next = now + other.period;
	}
}

void host_clock_advance(uint64_t nanoseconds)
{
	now += nanoseconds;
	run_due();
	host_poll();
}

uint64_t clock_monotonic(void)
{
	now += READ_COST;
	return now;
}

uint64_t clock_wall(void)
{
	return WALL_START + clock_monotonic();
}

void clock_spin(uint64_t nanoseconds)
{
	host_clock_advance(nanoseconds);
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	timer_cancel(timer);
	timer->deadline = deadline;
	timer->cpu = 0;
	timer->next = timers;
	timers = timer;
}

bool timer_cancel(struct timer *timer)
{
	for (struct timer **link = &timers; *link; link = &(*link)->next)
		if (*link == timer) {
			*link = timer->next;
			timer->cpu = -1;
			return true;
		}
	return false;
}

static uint64_t next_event(uint64_t deadline)
{
	uint64_t next = deadline;

	if (other_waits() && other.next < next)
		next = other.next;
	for (struct timer *timer = timers; timer; timer = timer->next)
		if (timer->deadline < next)
			next = timer->deadline;
	return next;
}

void wait_queue_init(struct wait_queue *queue)
{
	*queue = (struct wait_queue)WAIT_QUEUE_INIT;
}

void wait_prepare(struct wait_queue *queue, struct waiter *waiter)
{
	*waiter = (struct waiter){.thread = &only_thread, .queued = true, .previous = queue->last};
	if (queue->last)
		queue->last->next = waiter;
	else
		queue->first = waiter;
	queue->last = waiter;
}

bool wait_sleep(struct wait_queue *queue, struct waiter *waiter, uint64_t deadline)
{
	if (!host_interrupts_on())
		host_abort("a sleep with interrupts off");
	if (working && deadline == WAIT_FOREVER) {
		wait_finish(queue, waiter);
		longjmp(*working, 1);
	}
	for (unsigned int step = 0;; step++) {
		host_poll();
		run_due();
		if (waiter->woken)
			return true;
		if (now >= deadline)
			return false;
		if (next_event(deadline) == UINT64_MAX) {
			if (step > IDLE_STEPS_MAX)
				host_abort("a sleep that nothing ends");
			now += IDLE_STEP;
		} else if (next_event(deadline) > now) {
			now = next_event(deadline);
		}
	}
}

void wait_finish(struct wait_queue *queue, struct waiter *waiter)
{
	if (!waiter->queued)
		return;
	waiter->queued = false;
	if (waiter->previous)
		waiter->previous->next = waiter->next;
	else
		queue->first = waiter->next;
	if (waiter->next)
		waiter->next->previous = waiter->previous;
	else
		queue->last = waiter->previous;
}

void wait_wake(struct wait_queue *queue)
{
	for (struct waiter *waiter = queue->first; waiter; waiter = waiter->next)
		waiter->woken = true;
}

void wait_wake_one(struct wait_queue *queue)
{
	if (queue->first)
		queue->first->woken = true;
}

void thread_sleep(uint64_t nanoseconds)
{
	struct wait_queue queue = WAIT_QUEUE_INIT;
	struct waiter waiter;

	wait_prepare(&queue, &waiter);
	wait_sleep(&queue, &waiter, now + nanoseconds);
	wait_finish(&queue, &waiter);
}

void thread_yield(void)
{
	host_poll();
}

/* Not run on the host, unless a test says when: it calls what a thread would run, or host_thread_work(). */
struct thread *thread_create(const char *name, void (*function)(void *argument), void *argument,
			     const struct thread_options *options)
{
	static struct thread idle = {"idle"};

	(void)options;
	if (!threads_exist)
		return NULL;
	if (made_count < THREADS_MAX) {
		snprintf(made[made_count].name, THREAD_NAME_MAX, "%s", name);
		made[made_count].function = function;
		made[made_count++].argument = argument;
	}
	return &idle;
}

void thread_exit(void)
{
	host_abort("thread_exit on the host");
}

void thread_join(struct thread *thread)
{
	(void)thread;
}

void thread_detach(struct thread *thread)
{
	(void)thread;
}

static unsigned int cpu_index, cpu_total = 1;

void host_cpu(unsigned int index, unsigned int count)
{
	cpu_index = index;
	cpu_total = count;
}

unsigned int thread_cpu(void)
{
	return cpu_index;
}

unsigned int thread_cpu_count(void)
{
	return cpu_total;
}

struct thread *thread_current(void)
{
	return &only_thread;
}

const char *thread_name(const struct thread *thread)
{
	return thread->name;
}

void mutex_init(struct mutex *mutex)
{
	*mutex = (struct mutex)MUTEX_INIT;
}

void mutex_lock(struct mutex *mutex)
{
	if (mutex->owner)
		host_abort("mutex taken twice");
	mutex->owner = &only_thread;
}

bool mutex_trylock(struct mutex *mutex)
{
	if (mutex->owner)
		return false;
	mutex->owner = &only_thread;
	return true;
}

void mutex_unlock(struct mutex *mutex)
{
	if (!mutex->owner)
		host_abort("mutex released that is not held");
	mutex->owner = NULL;
}
