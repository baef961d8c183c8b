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
typedef uint64_t sys_prot_t;

#define sys_sem_valid(semaphore) ((semaphore)->valid)
#define sys_sem_set_invalid(semaphore) ((semaphore)->valid = false)
#define sys_mutex_valid(lock) ((lock)->valid)
#define sys_mutex_set_invalid(lock) ((lock)->valid = false)
#define sys_mbox_valid(mailbox) (*(mailbox) != NULL)
#define sys_mbox_set_invalid(mailbox) (*(mailbox) = NULL)

#endif
