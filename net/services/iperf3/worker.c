/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread that does what no packet causes: sends what is due at a time, waits for what is still on
 * its way, and takes down a test that has ended. It sleeps while there is no such thing.
 */
#include "kernel/thread/thread.h"
#include "lwip/tcpip.h"
#include "net/services/iperf3/iperf3.h"

#include <errno.h>

#define INTERVAL NANOSECONDS_PER_MILLISECOND
#define THREAD_STACK (32u << 10)

static struct wait_queue idle = WAIT_QUEUE_INIT;

void iperf3_worker_wake(void)
{
	wait_wake_one(&idle);
}

static bool is_wanted(void)
{
	enum iperf3_state state = __atomic_load_n(&iperf3_test.state, __ATOMIC_ACQUIRE);

	return state == IPERF3_ENDING || state == IPERF3_DRAINING ||
	       (state == IPERF3_RUNNING && iperf3_streams_timed());
}

static void work(void *argument)
{
	(void)argument;
	for (;;) {
		bool more = false;

		wait_event(&idle, is_wanted());
		LOCK_TCPIP_CORE();
		if (iperf3_test.state == IPERF3_RUNNING)
			more = iperf3_streams_tick();
		else
			iperf3_control_tick();
		UNLOCK_TCPIP_CORE();
		if (more)
			thread_yield();
		else
			thread_sleep(INTERVAL);
	}
}

int iperf3_worker_start(void)
{
	struct thread_options options = {.cpu = 0, .stack_size = THREAD_STACK};
	struct thread *worker = thread_create("iperf3", work, NULL, &options);

	if (!worker)
		return -ENOMEM;
	thread_detach(worker);
	return 0;
}
