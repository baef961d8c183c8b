/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spinlocks: for a few instructions, shared with interrupt handlers or other CPUs. Interrupts are
 * off on this CPU while one is held. Context: any.
 */
#ifndef KERNEL_THREAD_SPINLOCK_H
#define KERNEL_THREAD_SPINLOCK_H

#include "kernel/x86/cpu_flags.h"
#include "kernel/x86/io.h"

#include <stdbool.h>
#include <stdint.h>

struct spinlock {
	uint32_t locked;
};

#define SPINLOCK_INIT                                                                              \
	{                                                                                          \
		.locked = 0                                                                        \
	}

/*
 * For what no interrupt handler touches. Interrupts stay on, which is most of what a lock costs; the
 * holder is not left for another thread of its CPU, because the kernel never is. Thread context.
 */
static inline void spin_lock_threads(struct spinlock *lock)
{
	while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->locked, __ATOMIC_RELAXED))
			cpu_relax();
}

static inline void spin_unlock_threads(struct spinlock *lock)
{
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

/* For what they do. Returns what spin_unlock() wants back: whether interrupts were on. */
static inline uint64_t spin_lock(struct spinlock *lock)
{
	uint64_t flags = interrupts_save();

	spin_lock_threads(lock);
	return flags;
}

static inline void spin_unlock(struct spinlock *lock, uint64_t flags)
{
	spin_unlock_threads(lock);
	interrupts_restore(flags);
}

/* Takes it when nobody has it. The caller has turned interrupts off. */
static inline bool spin_trylock(struct spinlock *lock)
{
	return !__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE);
}

#endif
