/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark `irq`: from an interrupt's cause to its handler, and to the thread that waits for it.
 * The cause is a message of the local APIC to this CPU or to another one, or the timer, which ends a
 * halt.
 */
#include "kernel/bench/bench.h"
#include "kernel/thread/thread.h"
#include "kernel/time/timer.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/interrupt.h"

#include <errno.h>
#include <stdio.h>

#define OPERATIONS 64u
#define PATIENCE NANOSECONDS_PER_SECOND
/* Long enough that the CPU halts meanwhile. */
#define TIMER_AHEAD (100 * NANOSECONDS_PER_MICROSECOND)

struct stand {
	struct interrupt *interrupt;
	uint32_t apic_id; /* that it belongs to */
	struct timer timer;
	struct wait_queue wait;
	uint64_t arrived; /* clock_monotonic() in the handler; 0: not yet */
	uint64_t timers;  /* that fired */
	bool to_thread;
};

static void arrive(struct stand *stand)
{
	__atomic_store_n(&stand->arrived, clock_monotonic(), __ATOMIC_RELEASE);
	wait_wake(&stand->wait);
}

static enum interrupt_result on_interrupt(void *context)
{
	arrive(context);
	return INTERRUPT_HANDLED;
}

static void on_timer(void *context)
{
	((struct stand *)context)->timers++;
	arrive(context);
}

/* Sleeps until it has arrived; then the latency is a sample. */
static int await(struct bench_round *round, uint64_t cause)
{
	struct stand *stand = round->context;
	uint64_t end;

	if (!wait_event_timeout(&stand->wait, __atomic_load_n(&stand->arrived, __ATOMIC_ACQUIRE),
				PATIENCE))
		return -ETIMEDOUT;
	end = stand->to_thread ? clock_monotonic() : stand->arrived;
	/* Counters of two CPUs may differ by a little. */
	end = end > cause ? end - cause : 0;
	bench_single(round, end);
	return 0;
}

static int send(struct bench_round *round)
{
	struct stand *stand = round->context;
	int error = 0;

	for (uint64_t i = 0; i < round->operations && !error; i++) {
		uint64_t start;

		stand->arrived = 0;
		start = clock_monotonic();
		apic_send(stand->apic_id, (uint8_t)interrupt_vector(stand->interrupt));
		error = await(round, start);
	}
	return error;
}

static int fire(struct bench_round *round)
{
	struct stand *stand = round->context;
	int error = 0;

	for (uint64_t i = 0; i < round->operations && !error; i++) {
		uint64_t due = clock_monotonic() + TIMER_AHEAD;

		stand->arrived = 0;
		timer_arm(&stand->timer, due);
		error = await(round, due);
		if (error)
			(void)timer_cancel(&stand->timer);
	}
	return error;
}

static void costs(void *context, struct bench_costs *costs)
{
	const struct stand *stand = context;

	costs->interrupts = stand->interrupt ? interrupt_count(stand->interrupt) : stand->timers;
}

static int measure(struct bench *bench, struct stand *stand, const char *cause,
		   int (*round)(struct bench_round *round))
{
	char what[BENCH_TEXT_MAX];
	struct bench_measurement measurement = {
		.what = what,
		.operations = OPERATIONS,
		.round = round,
		.costs = costs,
		.context = stand,
	};
	int error;

	stand->to_thread = false;
	sniprintf(what, sizeof(what), "%s, to the handler", cause);
	error = bench_measure(bench, &measurement);
	if (error)
		return error;
	stand->to_thread = true;
	sniprintf(what, sizeof(what), "%s, to the thread", cause);
	return bench_measure(bench, &measurement);
}

static int measure_message(struct bench *bench, unsigned int cpu, const char *cause)
{
	struct stand stand = {.wait = WAIT_QUEUE_INIT};
	struct interrupt_message message;
	int error;

	stand.interrupt = interrupt_allocate(cpu, "bench", on_interrupt, &stand);
	if (!stand.interrupt)
		return -ENOMEM;
	/* SDM volume 3, 11.11.1: the destination is in bits 12 to 19. */
	interrupt_message(stand.interrupt, &message);
	stand.apic_id = (uint32_t)(message.address >> 12) & 0xff;
	error = measure(bench, &stand, cause, send);
	interrupt_free(stand.interrupt);
	return error;
}

static int run(struct bench *bench)
{
	struct stand stand = {.timer = TIMER_INIT(on_timer, &stand), .wait = WAIT_QUEUE_INIT};
	int error = measure_message(bench, thread_cpu(), "message to this CPU");

	if (error)
		return error;
	if (thread_cpu_count() > 1)
		error = measure_message(bench, !thread_cpu(), "message to another CPU");
	else
		bench_skip(bench, "one CPU: no messages to another one");
	return error ? error : measure(bench, &stand, "timer in a halt", fire);
}
BENCH(irq, 30, "an interrupt, from its cause on", run);
