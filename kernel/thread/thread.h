/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads, and what they wait with.
 *
 * A thread belongs to one CPU for its whole life and runs until it sleeps: nothing preempts a
 * kernel thread, interrupts aside. So what only threads of one CPU touch needs no lock between two
 * sleeps. An idle CPU halts. Sleeping is allowed in thread context with interrupts on and no
 * spinlock held.
 */
#ifndef KERNEL_THREAD_THREAD_H
#define KERNEL_THREAD_THREAD_H

#include "kernel/thread/spinlock.h"
#include "kernel/time/clock.h"
#include "kernel/x86/current.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define THREAD_NAME_MAX 24
#define THREAD_STACK_DEFAULT (16u << 10)

struct thread;

struct thread_options {
	unsigned int cpu;  /* where it runs, for good */
	size_t stack_size; /* bytes; 0: THREAD_STACK_DEFAULT; a guard page is added below */
	bool application;  /* may be interrupted for other threads, and uses floating point */
};

/*
 * Starts a thread (options may be NULL: CPU 0, defaults). NULL when there is no memory or no such
 * CPU.
 */
struct thread *thread_create(const char *name, void (*function)(void *argument), void *argument,
			     const struct thread_options *options);

/* Ends the caller; returning from its function does the same. */
void thread_exit(void) __attribute__((noreturn));

/* Waits until the thread has ended, and frees it; for each thread that is not detached, once. */
void thread_join(struct thread *thread);
void thread_detach(struct thread *thread);

/*
 * The caller is thread_current(): kernel/x86/current.h. Where it runs, interrupt handlers included, and how
 * many CPUs there are. Context: any.
 */
unsigned int thread_cpu(void);
unsigned int thread_cpu_count(void);
const char *thread_name(const struct thread *thread);
/* Whether it may run for as long as it likes, because it can be interrupted for others. */
bool thread_is_application(const struct thread *thread);

/* Lets the other threads that are ready on this CPU run first. */
void thread_yield(void);

/* Sleeps at least so long. */
void thread_sleep(uint64_t nanoseconds);

/*
 * Wait queues. The waiter:
 *
 *	wait_event(&queue, condition);			   until the condition holds
 *	ok = wait_event_timeout(&queue, condition, ns);	   or the time is over (false)
 *
 * The condition is looked at again after each wake, and never again once it held: it may take what
 * it waited for (a trylock, a message). Whoever makes it true then calls wait_wake() (any context)
 * or wait_wake_one(). No wake is lost between the look and the sleep.
 */
struct waiter;

struct wait_queue {
	struct spinlock lock;
	struct waiter *first;
	struct waiter *last;
};

#define WAIT_QUEUE_INIT                                                                            \
	{                                                                                          \
		.lock = SPINLOCK_INIT, .first = NULL, .last = NULL                                 \
	}

void wait_queue_init(struct wait_queue *queue);
void wait_wake(struct wait_queue *queue);     /* all */
void wait_wake_one(struct wait_queue *queue); /* the first that came */

/* What the macros below are made of: announce, look, then sleep until woken or the deadline. */
struct waiter {
	struct thread *thread;
	struct waiter *next;
	struct waiter *previous;
	bool queued;
	bool woken;
};

#define WAIT_FOREVER UINT64_MAX

void wait_prepare(struct wait_queue *queue, struct waiter *waiter);
bool wait_sleep(struct wait_queue *queue, struct waiter *waiter,
		uint64_t deadline); /* false: time is over */
void wait_finish(struct wait_queue *queue, struct waiter *waiter);

#define wait_event_deadline(queue, condition, deadline)                                            \
	({                                                                                         \
		struct waiter wait_waiter_;                                                        \
		bool wait_held_ = (condition), wait_time_left_ = true;                             \
		while (!wait_held_ && wait_time_left_) {                                           \
			wait_prepare(queue, &wait_waiter_);                                        \
			wait_held_ = (condition);                                                  \
			if (!wait_held_)                                                           \
				wait_time_left_ = wait_sleep(queue, &wait_waiter_, deadline);      \
			wait_finish(queue, &wait_waiter_);                                         \
			if (!wait_held_)                                                           \
				wait_held_ = (condition);                                          \
		}                                                                                  \
		wait_held_;                                                                        \
	})

#define wait_event(queue, condition) ((void)wait_event_deadline(queue, condition, WAIT_FOREVER))
#define wait_event_timeout(queue, condition, nanoseconds)                                          \
	({                                                                                         \
		uint64_t wait_deadline_ = clock_monotonic() + (nanoseconds);                       \
		wait_event_deadline(queue, condition, wait_deadline_);                             \
	})

/* A lock to hold while sleeping. Not recursive. Thread context. */
struct mutex {
	struct thread *owner;
	struct wait_queue waiters;
};

#define MUTEX_INIT                                                                                 \
	{                                                                                          \
		.owner = NULL, .waiters = WAIT_QUEUE_INIT                                          \
	}

void mutex_init(struct mutex *mutex);
void mutex_lock(struct mutex *mutex);
bool mutex_trylock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

/* By the caller. */
static inline bool mutex_held(const struct mutex *mutex)
{
	return mutex->owner == thread_current();
}

#endif
