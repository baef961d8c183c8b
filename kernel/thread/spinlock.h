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

/* Returns what spin_unlock() wants back: whether interrupts were on. */
static inline uint64_t spin_lock(struct spinlock *lock)
{
	uint64_t flags = interrupts_save();

	while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->locked, __ATOMIC_RELAXED))
			cpu_relax();
	return flags;
}

static inline void spin_unlock(struct spinlock *lock, uint64_t flags)
{
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
	interrupts_restore(flags);
}

/* Takes it when nobody has it. The caller has turned interrupts off. */
static inline bool spin_trylock(struct spinlock *lock)
{
	return !__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE);
}

#endif
