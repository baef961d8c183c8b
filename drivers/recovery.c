/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/recovery.h"

#include "kernel/console/log.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <stddef.h>

#define LOG_AREA "devices"

#define WORKER_STACK (32u << 10)
/* A device that ran so long has left its trouble behind. */
#define RUNNING_WELL (30 * NANOSECONDS_PER_SECOND)

/* Before each attempt: from the break, or from the end of the attempt before. */
static const uint64_t pauses[RECOVERY_ATTEMPTS] = {
	0,
	100 * NANOSECONDS_PER_MILLISECOND,
	500 * NANOSECONDS_PER_MILLISECOND,
	2 * NANOSECONDS_PER_SECOND,
	5 * NANOSECONDS_PER_SECOND,
};

static struct recovery *all;
static struct wait_queue worker_wait = WAIT_QUEUE_INIT;
static bool work;
/* Held for an attempt, so that recovery_shut_down() and recovery_hold() find the device in one piece. */
static struct mutex attempt_lock = MUTEX_INIT;

/* -- One device */

bool recovery_break(struct recovery *recovery, const char *failure)
{
	if (__atomic_exchange_n(&recovery->broken, true, __ATOMIC_SEQ_CST))
		return false;
	recovery->failure = failure;
	return true;
}

void recovery_begin(struct recovery *recovery)
{
	recovery->reason = recovery->failure;
	recovery->failure = NULL;
	__atomic_store_n(&recovery->left, false, __ATOMIC_SEQ_CST);
	__atomic_store_n(&recovery->broken, false, __ATOMIC_SEQ_CST);
}

static void give_up(struct recovery *recovery)
{
	recovery->given_up = true;
	log_error("%s (%s): given up, it %s", recovery->place, recovery->name, recovery->failure);
	recovery->operations->give_up(recovery);
}

static void schedule(struct recovery *recovery)
{
	if (recovery_last_attempt(recovery))
		give_up(recovery);
	else
		recovery->next_attempt = clock_monotonic() + pauses[recovery->attempts];
}

static void attempt(struct recovery *recovery)
{
	int error = recovery->operations->attempt(recovery);

	if (!error) {
		recovery->running_since = clock_monotonic();
		recovery->recoveries++;
		if (!recovery->broken) /* again, meanwhile */
			log_notice("%s (%s): reset, and running again", recovery->place,
				   recovery->name);
		return;
	}
	if (!recovery->failure)
		recovery->failure = recovery->reason;
	/* Where it broke meanwhile, that is another's to leave. */
	if (!__atomic_exchange_n(&recovery->broken, true, __ATOMIC_SEQ_CST))
		__atomic_store_n(&recovery->left, true, __ATOMIC_SEQ_CST);
	if (error == -ENODEV)
		give_up(recovery);
	else
		schedule(recovery);
}

/* An attempt if it is due. */
static void look_after(struct recovery *recovery)
{
	if (!recovery->next_attempt) {
		/* It broke just now. */
		if (clock_monotonic() - recovery->running_since >= RUNNING_WELL)
			recovery->attempts = 0;
		schedule(recovery);
		if (recovery->given_up)
			return;
	}
	if (clock_monotonic() < recovery->next_attempt)
		return;
	recovery->next_attempt = 0;
	recovery->attempts++;
	attempt(recovery);
}

static bool needs_care(const struct recovery *recovery)
{
	return __atomic_load_n(&recovery->broken, __ATOMIC_SEQ_CST) &&
	       __atomic_load_n(&recovery->left, __ATOMIC_SEQ_CST) && !recovery->given_up &&
	       !recovery->shut_down;
}

void recovery_hold(void)
{
	mutex_lock(&attempt_lock);
}

void recovery_release(void)
{
	mutex_unlock(&attempt_lock);
}

bool recovery_held(void)
{
	return mutex_held(&attempt_lock);
}

void recovery_shut_down(struct recovery *recovery)
{
	recovery->shut_down = true;
	recovery_hold();
	recovery_release();
}

/* -- All of them, and their thread */

uint64_t recovery_run(void)
{
	uint64_t next = UINT64_MAX;

	for (struct recovery *recovery = __atomic_load_n(&all, __ATOMIC_ACQUIRE); recovery;
	     recovery = __atomic_load_n(&recovery->next, __ATOMIC_ACQUIRE)) {
		if (!needs_care(recovery))
			continue;
		mutex_lock(&attempt_lock);
		if (needs_care(recovery)) /* the lock may have been waited for */
			look_after(recovery);
		mutex_unlock(&attempt_lock);
		if (needs_care(recovery) && recovery->next_attempt < next)
			next = recovery->next_attempt;
	}
	return next;
}

static void worker(void *unused)
{
	(void)unused;
	for (;;) {
		uint64_t next;

		__atomic_store_n(&work, false, __ATOMIC_SEQ_CST);
		next = recovery_run();
		(void)wait_event_deadline(&worker_wait, __atomic_load_n(&work, __ATOMIC_SEQ_CST),
					  next);
	}
}

static void start_worker(void)
{
	static const struct thread_options options = {.stack_size = WORKER_STACK};
	static bool started;
	struct thread *thread;

	if (started)
		return;
	started = true;
	thread = thread_create("devices", worker, NULL, &options);
	if (thread)
		thread_detach(thread);
	else
		log_notice("no thread to recover broken devices");
}

static void wake_worker(void)
{
	__atomic_store_n(&work, true, __ATOMIC_SEQ_CST);
	wait_wake(&worker_wait);
}

void recovery_wake(struct recovery *recovery)
{
	__atomic_store_n(&recovery->left, true, __ATOMIC_SEQ_CST);
	wake_worker();
}

void recovery_add(struct recovery *recovery)
{
	struct recovery **link = &all;

	start_worker();
	while (*link)
		link = &(*link)->next;
	recovery->running_since = clock_monotonic();
	__atomic_store_n(link, recovery, __ATOMIC_RELEASE);
	if (recovery->broken)
		wake_worker(); /* before it was ours to recover */
}
