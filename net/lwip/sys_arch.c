/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lwIP's view of the operating system, over kernel/thread/thread.h.
 *
 * Whoever signals a semaphore or posts to a mailbox does so with its spinlock held, wake-up
 * included: the waiter needs the same lock to see the result, so that it cannot free the object too
 * early.
 */
#include "kernel/console/log.h"
#include "lwip/mem.h"
#include "lwip/priv/api_msg.h"
#include "lwip/sys.h"

#define LOG_AREA "lwip"
#define MAILBOX_SIZE_DEFAULT 64
/*
 * A connection's packets come again when there is no room for them, but not its end, and then its error: these have places
 * of their own.
 */
#define ENDS_MAX 2u

struct mailbox {
	struct spinlock lock;
	struct wait_queue readers, writers;
	unsigned int size, first, used;
	void *messages[];
};

/* A time-out in lwIP's terms (milliseconds, 0: none) as a deadline. */
static uint64_t deadline_after(u32_t milliseconds)
{
	if (!milliseconds)
		return WAIT_FOREVER;
	return clock_monotonic() + milliseconds * NANOSECONDS_PER_MILLISECOND;
}

void sys_init(void)
{
}

u32_t sys_now(void)
{
	return (u32_t)(clock_monotonic() / NANOSECONDS_PER_MILLISECOND);
}

/* -- Semaphores */
err_t sys_sem_new(sys_sem_t *semaphore, u8_t count)
{
	*semaphore = (sys_sem_t){
		.lock = SPINLOCK_INIT, .waiters = WAIT_QUEUE_INIT, .count = count, .valid = true};
	return ERR_OK;
}

void sys_sem_free(sys_sem_t *semaphore)
{
	semaphore->valid = false;
}

void sys_sem_signal(sys_sem_t *semaphore)
{
	uint64_t flags = spin_lock(&semaphore->lock);

	semaphore->count++;
	wait_wake_one(&semaphore->waiters);
	spin_unlock(&semaphore->lock, flags);
}

static bool semaphore_take(sys_sem_t *semaphore)
{
	uint64_t flags = spin_lock(&semaphore->lock);
	bool taken = semaphore->count > 0;

	if (taken)
		semaphore->count--;
	spin_unlock(&semaphore->lock, flags);
	return taken;
}

u32_t sys_arch_sem_wait(sys_sem_t *semaphore, u32_t timeout)
{
	uint64_t deadline = deadline_after(timeout);

	/* lwIP wants to know only whether the time was over, not how long it took. */
	if (!wait_event_deadline(&semaphore->waiters, semaphore_take(semaphore), deadline))
		return SYS_ARCH_TIMEOUT;
	return 0;
}

/* -- Mutexes */
err_t sys_mutex_new(sys_mutex_t *mutex)
{
	mutex_init(&mutex->mutex);
	mutex->valid = true;
	return ERR_OK;
}

void sys_mutex_free(sys_mutex_t *mutex)
{
	mutex->valid = false;
}

void sys_mutex_lock(sys_mutex_t *mutex)
{
	mutex_lock(&mutex->mutex);
}

void sys_mutex_unlock(sys_mutex_t *mutex)
{
	mutex_unlock(&mutex->mutex);
}

/* -- Mailboxes */
err_t sys_mbox_new(sys_mbox_t *result, int size)
{
	unsigned int slots = size > 0 ? (unsigned int)size : MAILBOX_SIZE_DEFAULT;
	struct mailbox *mailbox =
		mem_calloc(1, sizeof(*mailbox) + (slots + ENDS_MAX) * sizeof(void *));

	*result = mailbox;
	if (!mailbox)
		return ERR_MEM;
	wait_queue_init(&mailbox->readers);
	wait_queue_init(&mailbox->writers);
	mailbox->size = slots + ENDS_MAX;
	return ERR_OK;
}

void sys_mbox_free(sys_mbox_t *mailbox)
{
	mem_free(*mailbox);
	*mailbox = NULL;
}

static bool mailbox_put(struct mailbox *mailbox, void *message)
{
	err_t error;
	unsigned int kept = message && lwip_netconn_is_err_msg(message, &error) ? 0 : ENDS_MAX;
	uint64_t flags = spin_lock(&mailbox->lock);
	bool room = mailbox->used + kept < mailbox->size;

	if (room) {
		mailbox->messages[(mailbox->first + mailbox->used++) % mailbox->size] = message;
		wait_wake_one(&mailbox->readers);
	}
	spin_unlock(&mailbox->lock, flags);
	return room;
}

static bool mailbox_get(struct mailbox *mailbox, void **message)
{
	uint64_t flags = spin_lock(&mailbox->lock);
	bool some = mailbox->used > 0;

	if (some) {
		*message = mailbox->messages[mailbox->first];
		mailbox->first = (mailbox->first + 1) % mailbox->size;
		mailbox->used--;
		wait_wake_one(&mailbox->writers);
	}
	spin_unlock(&mailbox->lock, flags);
	return some;
}

void sys_mbox_post(sys_mbox_t *mailbox, void *message)
{
	wait_event(&(*mailbox)->writers, mailbox_put(*mailbox, message));
}

err_t sys_mbox_trypost(sys_mbox_t *mailbox, void *message)
{
	return mailbox_put(*mailbox, message) ? ERR_OK : ERR_MEM;
}

err_t sys_mbox_trypost_fromisr(sys_mbox_t *mailbox, void *message)
{
	return sys_mbox_trypost(mailbox, message);
}

u32_t sys_arch_mbox_fetch(sys_mbox_t *mailbox, void **message, u32_t timeout)
{
	uint64_t deadline = deadline_after(timeout);
	void *discarded;

	if (!message)
		message = &discarded;
	if (wait_event_deadline(&(*mailbox)->readers, mailbox_get(*mailbox, message), deadline))
		return 0;
	*message = NULL;
	return SYS_ARCH_TIMEOUT;
}

u32_t sys_arch_mbox_tryfetch(sys_mbox_t *mailbox, void **message)
{
	void *discarded;

	return mailbox_get(*mailbox, message ? message : &discarded) ? 0 : SYS_MBOX_EMPTY;
}

/* -- Threads */
sys_thread_t sys_thread_new(const char *name, lwip_thread_fn function, void *argument,
			    int stack_size, int priority)
{
	struct thread_options options = {.cpu = 0, .stack_size = (size_t)stack_size};
	struct thread *thread = thread_create(name, function, argument, &options);

	(void)priority;
	if (!thread)
		log_error("no thread for %s", name);
	else
		thread_detach(thread);
	return thread;
}

struct network_protection network_protection = {.lock = SPINLOCK_INIT};
