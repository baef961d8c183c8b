/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/recovery_thread.h"

#include "drivers/recovery.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "tests/device/host.h"

#define PERIOD (10 * NANOSECONDS_PER_MILLISECOND)

static void run(void *context);
static struct timer timer = TIMER_INIT(run, NULL);
static uint64_t end;

/* Never one attempt inside the other, nor while the test holds recovery. */
static void run(void *context)
{
	static bool running;

	(void)context;
	if (clock_monotonic() > end)
		host_abort("a sleep that nothing ends");
	if (!running && !recovery_held()) {
		running = true;
		recovery_run();
		running = false;
	}
	timer_arm(&timer, clock_monotonic() + PERIOD);
}

void recovery_thread_start(uint64_t patience)
{
	end = patience;
	timer_arm(&timer, PERIOD);
}
