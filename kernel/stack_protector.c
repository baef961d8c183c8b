/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/stack_protector.h"

#include "kernel/panic.h"

uintptr_t __stack_chk_guard = STACK_PROTECTOR_UNSEEDED;

/* Called by the compiler's code. The caller's frame cannot be trusted, so that its name is all there is. */
void __stack_chk_fail(void) __attribute__((noreturn));
void __stack_chk_fail(void)
{
	panic("the stack was overwritten: a function wrote beyond its own");
}
