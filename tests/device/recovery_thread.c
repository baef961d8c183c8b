/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/recovery_thread.h"

#include "drivers/recovery.h"
#include "kernel/time/clock.h"
#include "tests/device/host.h"

#define PERIOD (10 * NANOSECONDS_PER_MILLISECOND)

static bool running;

uint64_t recovery_thread_turn(void)
{
	uint64_t next;

	if (running || recovery_held())
		return 0;
	running = true;
	next = recovery_run();
	running = false;
	return next;
}

void recovery_thread_wait(uint64_t nanoseconds, void (*service)(void))
{
	host_clock_advance(nanoseconds);
	(void)recovery_thread_turn();
	if (service)
		service();
}

static void turn(void)
{
	(void)recovery_thread_turn();
}

void recovery_thread_start(uint64_t patience)
{
	running = false; /* it may be that the last test ended inside */
	host_thread(turn, PERIOD);
	host_patience(patience);
}
