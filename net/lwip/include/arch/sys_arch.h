/* SPDX-License-Identifier: BSD-2-Clause */
/* lwIP's semaphores, mutexes, mailboxes and threads are ours: see sys_arch.c. */
#ifndef NET_LWIP_ARCH_SYS_ARCH_H
#define NET_LWIP_ARCH_SYS_ARCH_H

#include "kernel/thread/thread.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
	struct spinlock lock;
	struct wait_queue waiters;
	uint32_t count;
	bool valid;
} sys_sem_t;

typedef struct {
	struct mutex mutex;
	bool valid;
} sys_mutex_t;

struct mailbox;
typedef struct mailbox *sys_mbox_t;
typedef struct thread *sys_thread_t;

/*
 * Short critical sections: of a few instructions, in threads only. They may nest, so the owner is kept;
 * nobody else can find itself there. In line, because each reference to a pbuf is counted in one.
 */
extern struct network_protection {
	struct spinlock lock;
	struct thread *owner;
} network_protection;

/* Whether this one is the outermost. */
static inline bool network_protect(void)
{
	struct thread *self = thread_current();

	if (__atomic_load_n(&network_protection.owner, __ATOMIC_RELAXED) == self)
		return false;
	spin_lock_threads(&network_protection.lock);
	__atomic_store_n(&network_protection.owner, self, __ATOMIC_RELAXED);
	return true;
}

static inline void network_unprotect(bool outermost)
{
	if (!outermost)
		return;
	__atomic_store_n(&network_protection.owner, NULL, __ATOMIC_RELAXED);
	spin_unlock_threads(&network_protection.lock);
}

#define SYS_ARCH_DECL_PROTECT(outermost) bool outermost
#define SYS_ARCH_PROTECT(outermost) outermost = network_protect()
#define SYS_ARCH_UNPROTECT(outermost) network_unprotect(outermost)

#define sys_sem_valid(semaphore) ((semaphore)->valid)
#define sys_sem_set_invalid(semaphore) ((semaphore)->valid = false)
#define sys_mutex_valid(lock) ((lock)->valid)
#define sys_mutex_set_invalid(lock) ((lock)->valid = false)
#define sys_mbox_valid(mailbox) (*(mailbox) != NULL)
#define sys_mbox_set_invalid(mailbox) (*(mailbox) = NULL)

#endif
