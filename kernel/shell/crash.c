/* SPDX-License-Identifier: BSD-2-Clause */
/* Shows what a panic looks like, and lets the tests see that each kind is caught and reported. */
#include "kernel/memory/pages.h"
#include "kernel/panic.h"
#include "kernel/shell/command.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/io.h"
#include "kernel/x86/paging.h"
#include "kernel/x86/protection.h"

#include <stdint.h>
#include <string.h>

#define USER_PAGE 0x400000u /* in the lower half, where nothing else is */

extern char boot_stack_guard[], boot_stack_end[];

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

/* The boot stack is that of CPU 0 while it idles, and of the interrupts that come then. */
static void on_timer(void *context)
{
	struct timer *timer = context;
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (here >= (uintptr_t)boot_stack_guard && here < (uintptr_t)boot_stack_end)
		(void)recurse(0);
	timer_arm(timer, clock_monotonic() + NANOSECONDS_PER_MILLISECOND);
}

static void overflow_boot_stack(void)
{
	struct timer timer = TIMER_INIT(on_timer, &timer);

	timer_arm(&timer, clock_monotonic());
	for (;;)
		thread_sleep(NANOSECONDS_PER_SECOND);
}

/* One byte more than there is room for, and then some. The compiler must not know how many. */
static __attribute__((noinline)) void overrun(size_t length)
{
	char room[16];

	__asm__ volatile("" : "+r"(length));
	for (size_t i = 0; i < length; i++)
		((volatile char *)room)[i] = 'x';
}

/* A page of the user's that holds a `ret`; NULL and a line where the CPU does not keep us from it. */
static void *user_page(enum protection protection)
{
	uint64_t page = pages_alloc(1, 0);

	if (!protection_on(protection)) {
		command_print("crash: this CPU has no %s\n", protection_name(protection));
		return NULL;
	}
	if (!page || paging_map(USER_PAGE, page, 1, PAGE_USER, PAGE_CACHED)) {
		command_print("crash: no memory\n");
		return NULL;
	}
	*(uint8_t *)direct_map(page) = 0xc3;
	return (void *)hidden(USER_PAGE);
}

static __attribute__((noinline, noreturn)) void spin(void *deaf)
{
	if (deaf)
		interrupts_off();
	for (;;)
		cpu_relax();
}

/* On another CPU, since a shell that hears nothing has nobody to be found out by. */
static void spin_deaf(void)
{
	const struct thread_options options = {.cpu = thread_cpu_count() - 1};

	if (!options.cpu || !thread_create("deaf", spin, (void *)spin, &options))
		command_print("crash: this takes two CPUs\n");
}

static enum command_result command_crash(int argc, char **argv)
{
	void *user;

	if (argc != 2)
		return COMMAND_USAGE;
	if (!strcmp(argv[1], "null"))
		(void)mmio_read32((const volatile void *)hidden(8));
	else if (!strcmp(argv[1], "stack"))
		(void)recurse(0);
	else if (!strcmp(argv[1], "boot-stack"))
		overflow_boot_stack();
	else if (!strcmp(argv[1], "text"))
		mmio_write32((volatile void *)hidden((uintptr_t)recurse), 0);
	else if (!strcmp(argv[1], "rodata"))
		mmio_write32((volatile void *)hidden((uintptr_t)&read_only), 0);
	else if (!strcmp(argv[1], "execute"))
		((void (*)(void))hidden((uintptr_t)argv))();
	else if (!strcmp(argv[1], "overrun"))
		overrun(64);
	else if (!strcmp(argv[1], "user-execute") && (user = user_page(PROTECTION_SMEP)))
		((void (*)(void))(uintptr_t)user)();
	else if (!strcmp(argv[1], "user-read") && (user = user_page(PROTECTION_SMAP)))
		(void)mmio_read32(user);
	else if (!strcmp(argv[1], "spin"))
		spin(NULL);
	else if (!strcmp(argv[1], "deaf"))
		spin_deaf();
	else if (!strcmp(argv[1], "panic"))
		panic("as you asked");
	else if (!strncmp(argv[1], "user-", 5))
		return COMMAND_FAILED;
	else
		return COMMAND_USAGE;
	return COMMAND_FAILED;
}
COMMAND(crash,
	"crash null|stack|boot-stack|text|rodata|execute|overrun|user-execute|user-read|spin|deaf|panic",
	"end in a panic, to see the report", command_crash);
