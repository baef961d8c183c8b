/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads, locks, sleeping and timers, on all CPUs. */
#include "kernel/selftest/selftest.h"

#include "kernel/thread/thread.h"
#include "kernel/time/timer.h"
#include "kernel/x86/percpu.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 2000
#define LONG_WAIT (5 * NANOSECONDS_PER_SECOND)

static struct mutex mutex = MUTEX_INIT;
static volatile uint64_t counter;
static uint64_t seen_cpus;

static void count_up(void *unused)
{
	(void)unused;
	__atomic_fetch_or(&seen_cpus, 1ULL << cpu_current()->index, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t value;

		mutex_lock(&mutex);
		value = counter;
		if (i % 64 == 0)
			thread_yield();
		counter = value + 1;
		mutex_unlock(&mutex);
	}
}

static const char *mutex_test(void)
{
	const char *seen;

	counter = 0;
	seen_cpus = 0;
	seen = selftest_on_all_cpus(count_up);
	if (seen)
		return seen;
	if (counter != (uint64_t)cpu_count * SELFTEST_THREADS_PER_CPU * ROUNDS)
		return "increments were lost";
	if (seen_cpus != (cpu_count == 64 ? UINT64_MAX : (1ULL << cpu_count) - 1))
		return "a thread did not run on its CPU";
	return NULL;
}
SELFTEST(mutex_test, "threads run on the CPU they were made for, and a mutex keeps them apart");

static struct wait_queue queue = WAIT_QUEUE_INIT;
static volatile unsigned int turn;

static void answer(void *unused)
{
	(void)unused;
	for (unsigned int i = 0; i < ROUNDS; i += 2) {
		wait_event(&queue, turn == i + 1);
		turn = i + 2;
		wait_wake(&queue);
	}
}

/*
 * With the partner on another CPU where there is one: no wake may be lost between look and sleep.
 */
static const char *wait_test(void)
{
	struct thread_options options = {.cpu = cpu_count - 1};
	struct thread *partner;

	turn = 0;
	partner = thread_create("selftest", answer, NULL, &options);
	if (!partner)
		return "a thread could not be made";
	for (unsigned int i = 0; i < ROUNDS; i += 2) {
		turn = i + 1;
		wait_wake(&queue);
		if (!wait_event_timeout(&queue, turn == i + 2, LONG_WAIT))
			return "a wake was lost";
	}
	thread_join(partner);
	return NULL;
}
SELFTEST(wait_test, "no wake is lost between two threads that wait for each other");

static const char *timeout_test(void)
{
	uint64_t begin = clock_monotonic(), waited;

	if (wait_event_timeout(&queue, false, 5 * NANOSECONDS_PER_MILLISECOND))
		return "a condition that is false held";
	waited = clock_monotonic() - begin;
	if (waited < 5 * NANOSECONDS_PER_MILLISECOND)
		return "the wait ended early";
	begin = clock_monotonic();
	thread_sleep(3 * NANOSECONDS_PER_MILLISECOND);
	if (clock_monotonic() - begin < 3 * NANOSECONDS_PER_MILLISECOND)
		return "the sleep ended early";
	return NULL;
}
SELFTEST(timeout_test, "sleeps and waits last at least as long as asked");

#define TIMERS 16

static unsigned int fired[TIMERS];
static volatile unsigned int fired_count;

static void fire(void *context)
{
	fired[fired_count] = (unsigned int)(uintptr_t)context;
	fired_count++;
	wait_wake(&queue);
}

static const char *timer_test(void)
{
	static struct timer timers[TIMERS];
	static const uint8_t order[TIMERS] = {7, 3, 11, 15, 0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14};
	/* Late enough that a busy host does not let the first fire before the last is cancelled. */
	uint64_t begin = clock_monotonic() + 100 * NANOSECONDS_PER_MILLISECOND;

	fired_count = 0;
	for (unsigned int i = 0; i < TIMERS; i++) {
		unsigned int at = order[i];

		timers[at] = (struct timer)TIMER_INIT(fire, (void *)(uintptr_t)at);
		timer_arm(&timers[at], begin + at * 100 * NANOSECONDS_PER_MICROSECOND);
	}
	/* Every third is cancelled. */
	for (unsigned int i = 0; i < TIMERS; i += 3)
		if (!timer_cancel(&timers[i]))
			return "a timer that was armed could not be cancelled";
	if (!wait_event_timeout(&queue, fired_count == TIMERS - (TIMERS + 2) / 3, LONG_WAIT))
		return "a timer did not fire";
	for (unsigned int i = 1; i < fired_count; i++)
		if (fired[i] <= fired[i - 1] || fired[i] % 3 == 0)
			return "timers fired out of order, or after they were cancelled";
	if (timer_cancel(&timers[1]))
		return "a timer that had fired was cancelled";
	return NULL;
}
SELFTEST(timer_test, "timers fire in the order of their deadlines, unless they are cancelled");

static struct timer each_cpus[CPUS_MAX];
static unsigned int came;

static void count_timer(void *unused)
{
	(void)unused;
	__atomic_fetch_add(&came, 1, __ATOMIC_RELAXED);
	wait_wake(&queue);
}

static void arm_here(void *context)
{
	timer_arm(context, clock_monotonic() + NANOSECONDS_PER_MILLISECOND);
}

/* Who arms it does not wait for it: where it does not come, the thread would not either. */
static const char *timer_of_each_cpu_test(void)
{
	__atomic_store_n(&came, 0, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < cpu_count; i++) {
		struct thread_options options = {.cpu = i};
		struct thread *thread;

		each_cpus[i] = (struct timer)TIMER_INIT(count_timer, NULL);
		thread = thread_create("selftest", arm_here, &each_cpus[i], &options);
		if (!thread)
			return "a thread could not be made";
		thread_join(thread);
		if (!wait_event_timeout(&queue, __atomic_load_n(&came, __ATOMIC_RELAXED) == i + 1,
					LONG_WAIT)) {
			timer_cancel(&each_cpus[i]);
			return "a timer did not come on the CPU that armed it";
		}
	}
	return NULL;
}
SELFTEST(timer_of_each_cpu_test, "each CPU has a timer that interrupts it");

static void allocate(void *result)
{
	static const char *const bad = "a block was changed by another thread";
	void *blocks[32] = {0};

	for (unsigned int i = 0; i < ROUNDS; i++) {
		unsigned int slot = (i * 7) % 32;
		size_t size = 16 + (i * 37) % 2000;

		if (blocks[slot] && *(unsigned int *)blocks[slot] != slot)
			*(const char **)result = bad;
		free(blocks[slot]);
		blocks[slot] = malloc(size);
		if (!blocks[slot]) {
			*(const char **)result = "malloc failed";
			break;
		}
		memset(blocks[slot], 0xaa, size);
		*(unsigned int *)blocks[slot] = slot;
		if (i % 100 == 0)
			thread_yield();
	}
	for (unsigned int i = 0; i < 32; i++)
		free(blocks[i]);
}

static const char *malloc_test(void)
{
	static const char *results[CPUS_MAX];
	struct thread *threads[CPUS_MAX] = {NULL};
	const char *seen = NULL;

	for (unsigned int i = 0; i < cpu_count; i++) {
		struct thread_options options = {.cpu = i};

		results[i] = NULL;
		threads[i] = thread_create("selftest", allocate, &results[i], &options);
		if (!threads[i])
			return "a thread could not be made";
	}
	for (unsigned int i = 0; i < cpu_count && threads[i]; i++) {
		thread_join(threads[i]);
		seen = results[i] ? results[i] : seen;
	}
	return seen;
}
SELFTEST(malloc_test, "malloc and free work on all CPUs at once");
