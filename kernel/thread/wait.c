/* SPDX-License-Identifier: BSD-2-Clause */
/* Wait queues and mutexes: what threads wait with, made of the scheduler's block and wake. */
#include "kernel/panic.h"
#include "kernel/thread/scheduler.h"
#include "kernel/thread/thread.h"

#include <stddef.h>

/* -- Wait queues */

void wait_queue_init(struct wait_queue *queue)
{
	*queue = (struct wait_queue)WAIT_QUEUE_INIT;
}

void wait_prepare(struct wait_queue *queue, struct waiter *waiter)
{
	uint64_t flags;

	waiter->thread = thread_current();
	waiter->woken = false;
	waiter->queued = true;
	waiter->next = NULL;
	flags = spin_lock(&queue->lock);
	waiter->previous = queue->last;
	if (queue->last)
		queue->last->next = waiter;
	else
		queue->first = waiter;
	queue->last = waiter;
	spin_unlock(&queue->lock, flags);
	/*
	 * The look at the condition that follows must not pass the announcement, or it and wait_wake()'s
	 * look on another CPU could both see the past.
	 */
	memory_barrier();
}

bool wait_sleep(struct wait_queue *queue, struct waiter *waiter, uint64_t deadline)
{
	(void)queue;
	return scheduler_block(&waiter->woken, deadline);
}

static void take_out(struct wait_queue *queue, struct waiter *waiter)
{
	if (waiter->previous)
		waiter->previous->next = waiter->next;
	else
		queue->first = waiter->next;
	if (waiter->next)
		waiter->next->previous = waiter->previous;
	else
		queue->last = waiter->previous;
	waiter->queued = false;
}

void wait_finish(struct wait_queue *queue, struct waiter *waiter)
{
	/*
	 * With the lock, so that a waker on another CPU is done with the waiter, which is on our
	 * stack.
	 */
	uint64_t flags = spin_lock(&queue->lock);

	if (waiter->queued)
		take_out(queue, waiter);
	spin_unlock(&queue->lock, flags);
}

static bool wake_first(struct wait_queue *queue)
{
	struct waiter *waiter = queue->first;
	struct thread *thread;

	if (!waiter)
		return false;
	thread = waiter->thread;
	take_out(queue, waiter);
	__atomic_store_n(&waiter->woken, true, __ATOMIC_RELEASE);
	thread_wake(thread);
	return true;
}

void wait_wake(struct wait_queue *queue)
{
	uint64_t flags;

	/* Most wakes find nobody: a full barrier orders the caller's condition before this look. */
	memory_barrier();
	if (!*(struct waiter *volatile *)&queue->first)
		return;
	flags = spin_lock(&queue->lock);
	while (wake_first(queue))
		;
	spin_unlock(&queue->lock, flags);
}

void wait_wake_one(struct wait_queue *queue)
{
	uint64_t flags = spin_lock(&queue->lock);

	(void)wake_first(queue);
	spin_unlock(&queue->lock, flags);
}

/* -- Mutexes */

void mutex_init(struct mutex *mutex)
{
	*mutex = (struct mutex)MUTEX_INIT;
}

bool mutex_trylock(struct mutex *mutex)
{
	struct thread *nobody = NULL;

	return __atomic_compare_exchange_n(&mutex->owner, &nobody, thread_current(), false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void mutex_lock(struct mutex *mutex)
{
	if (mutex_trylock(mutex))
		return;
	if (mutex->owner == thread_current())
		panic("thread %s locks a mutex twice", thread_name(thread_current()));
	wait_event(&mutex->waiters, mutex_trylock(mutex));
}

void mutex_unlock(struct mutex *mutex)
{
	__atomic_store_n(&mutex->owner, NULL, __ATOMIC_RELEASE);
	memory_barrier();
	if (*(struct waiter *volatile *)&mutex->waiters.first)
		wait_wake_one(&mutex->waiters);
}
