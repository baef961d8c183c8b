/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newlib's locks (--enable-newlib-retargetable-locking) and its per-thread state. newlib's locks
 * are recursive; our mutexes are not, so a count stands beside.
 */
#include "kernel/thread/scheduler.h"
#include "kernel/thread/thread.h"

#include <malloc.h>
#include <reent.h>
#include <stdlib.h>
#include <sys/lock.h>

struct __lock {
	struct mutex mutex;
	unsigned int depth;
};

/* Those that newlib names itself. */
struct __lock __lock___sinit_recursive_mutex;
struct __lock __lock___sfp_recursive_mutex;
struct __lock __lock___atexit_recursive_mutex;
struct __lock __lock___at_quick_exit_mutex;
struct __lock __lock___malloc_recursive_mutex;
struct __lock __lock___env_recursive_mutex;
struct __lock __lock___tz_mutex;
struct __lock __lock___dd_hash_mutex;
struct __lock __lock___arc4random_mutex;

struct _reent *__getreent(void)
{
	return thread_reent();
}

/* Of all that there was no memory for: a thread that has it may take it again, whoever's it is. */
static struct __lock without_memory;

static void lock(struct __lock *lock)
{
	if (mutex_held(&lock->mutex)) {
		lock->depth++;
		return;
	}
	mutex_lock(&lock->mutex);
	lock->depth = 1;
}

static void unlock(struct __lock *lock)
{
	if (--lock->depth == 0)
		mutex_unlock(&lock->mutex);
}

void __retarget_lock_init_recursive(_LOCK_T *made)
{
	*made = calloc(1, sizeof(**made));
	if (!*made)
		*made = &without_memory;
}

void __retarget_lock_init(_LOCK_T *made)
{
	__retarget_lock_init_recursive(made);
}

void __retarget_lock_close_recursive(_LOCK_T closed)
{
	if (closed != &without_memory)
		free(closed);
}

void __retarget_lock_close(_LOCK_T closed)
{
	__retarget_lock_close_recursive(closed);
}

void __retarget_lock_acquire_recursive(_LOCK_T taken)
{
	lock(taken);
}

void __retarget_lock_acquire(_LOCK_T taken)
{
	lock(taken);
}

int __retarget_lock_try_acquire_recursive(_LOCK_T taken)
{
	if (!mutex_held(&taken->mutex) && !mutex_trylock(&taken->mutex))
		return 0;
	taken->depth++;
	return 1;
}

int __retarget_lock_try_acquire(_LOCK_T taken)
{
	return __retarget_lock_try_acquire_recursive(taken);
}

void __retarget_lock_release_recursive(_LOCK_T released)
{
	unlock(released);
}

void __retarget_lock_release(_LOCK_T released)
{
	unlock(released);
}

static struct __lock malloc_lock;

void __malloc_lock(struct _reent *reent)
{
	(void)reent;
	lock(&malloc_lock);
}

void __malloc_unlock(struct _reent *reent)
{
	(void)reent;
	unlock(&malloc_lock);
}
