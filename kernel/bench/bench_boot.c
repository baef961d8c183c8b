/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark `boot`: how long each step of this machine's start took, from the first instruction on.
 * It happened once, so there is one value of each.
 */
#include "kernel/bench/bench.h"
#include "kernel/milestone.h"
#include "kernel/time/clock.h"
#include "net/lwip/stack.h"

#include <string.h>

static int add(struct bench *bench, const char *device, const char *name, uint64_t nanoseconds)
{
	uint64_t value = nanoseconds * 1000;
	struct bench_result result = {
		.unit = BENCH_NANOSECONDS,
		.rounds = 1,
		.operations = 1,
		.samples = 1,
		.best = value,
		.median = value,
		.p50 = value,
		.p90 = value,
		.p99 = value,
		.p999 = value,
	};

	strncpy(result.device, device, sizeof(result.device) - 1);
	strncpy(result.what, name, sizeof(result.what) - 1);
	return bench_add(bench, &result);
}

static int run(struct bench *bench)
{
	uint64_t before = 0, ready;
	int error = 0;

	for (const struct milestone *step = milestone_after(NULL); step && !error;
	     step = milestone_after(step)) {
		uint64_t at = clock_at(step->tsc);

		error = add(bench, "step", step->name, at - before);
		before = at;
	}
	if (!error)
		error = add(bench, "until", "the job starts", before);
	if (!network_stack_ready(&ready))
		bench_skip(bench, "no address: no time of the line ready");
	else if (!error)
		error = add(bench, "until", "ready", ready);
	return error;
}
BENCH(boot, 40, "the start of this machine, step by step", run);
