/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The compiler puts a value between the arrays of a function and its return address, and looks at it before
 * the function returns: -fstack-protector-strong, -mstack-protector-guard=global.
 */
#ifndef KERNEL_STACK_PROTECTOR_H
#define KERNEL_STACK_PROTECTOR_H

#include <stdint.h>

#define STACK_PROTECTOR_UNSEEDED 0x9d1f0e53c2a76b00u /* until there are random bytes */

extern uintptr_t __stack_chk_guard;

/*
 * Chooses the value, once: nobody who is running may return any more. The lowest byte stays 0, so that no
 * text that runs over its end can carry it.
 */
static inline __attribute__((always_inline)) void stack_protector_seed(uint64_t random)
{
	__stack_chk_guard = random & ~(uintptr_t)0xff;
}

#endif
