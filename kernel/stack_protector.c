/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/stack_protector.h"

#include "kernel/panic.h"

/* Until there are random bytes. */
uintptr_t __stack_chk_guard = 0x9d1f0e53c2a76b00;

/* Called by the compiler's code. The caller's frame cannot be trusted, so that its name is all there is. */
void __stack_chk_fail(void) __attribute__((noreturn));
void __stack_chk_fail(void)
{
	panic("the stack was overwritten: a function wrote beyond its own");
}
