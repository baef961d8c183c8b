/* SPDX-License-Identifier: BSD-2-Clause */
/* Shows what a panic looks like, and lets the tests see that each kind is caught and reported. */
#include "kernel/panic.h"
#include "kernel/shell/command.h"
#include "kernel/x86/io.h"

#include <stdint.h>
#include <string.h>

static const uint32_t read_only = 1;

/* The compiler must not know how wrong an address is. */
static uintptr_t hidden(uintptr_t address)
{
	__asm__ volatile("" : "+r"(address));
	return address;
}

/*
 * Each level keeps something on the stack, so that no compiler makes a loop of it: less than a
 * guard page, or a level could step over it.
 */
static __attribute__((noinline)) unsigned int recurse(unsigned int depth)
{
	volatile uint8_t kept[256];

	kept[0] = (uint8_t)depth;
	if (depth == UINT32_MAX)
		return 0;
	return recurse(depth + 1) + kept[0];
}

static enum command_result command_crash(int argc, char **argv)
{
	if (argc != 2)
		return COMMAND_USAGE;
	if (!strcmp(argv[1], "null"))
		(void)mmio_read32((const volatile void *)hidden(8));
	else if (!strcmp(argv[1], "stack"))
		(void)recurse(0);
	else if (!strcmp(argv[1], "text"))
		mmio_write32((volatile void *)hidden((uintptr_t)recurse), 0);
	else if (!strcmp(argv[1], "rodata"))
		mmio_write32((volatile void *)hidden((uintptr_t)&read_only), 0);
	else if (!strcmp(argv[1], "execute"))
		((void (*)(void))hidden((uintptr_t)argv))();
	else if (!strcmp(argv[1], "panic"))
		panic("as you asked");
	else
		return COMMAND_USAGE;
	return COMMAND_FAILED;
}
COMMAND(crash, "crash null|stack|text|rodata|execute|panic", "end in a panic, to see the report",
	command_crash);
