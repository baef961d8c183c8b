/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark `balloon`: pages that the host did not ask for go into the balloon and come back, so
 * that no host has to take part. The thread of the balloon waits meanwhile.
 */
#include "drivers/balloon/balloon.h"
#include "kernel/bench/bench.h"

#include <errno.h>

#define PAGES 1024u /* a round's: 4 MiB */

struct stand {
	struct balloon *balloon;
	bool back;
};

static int run_round(struct bench_round *round)
{
	struct stand *stand = round->context;
	struct balloon *balloon = stand->balloon;
	uint64_t start, middle;
	size_t given, back;

	mutex_lock(&balloon->lock);
	if (!balloon->running || balloon->virtio->recovery.broken) {
		mutex_unlock(&balloon->lock);
		return -ENODEV;
	}
	start = clock_monotonic();
	given = balloon_lend(balloon, round->operations);
	middle = clock_monotonic();
	back = balloon_take_back(balloon, given);
	round->elapsed = stand->back ? clock_monotonic() - middle : middle - start;
	mutex_unlock(&balloon->lock);
	if (given != back)
		return -EIO;
	return given == round->operations ? 0 : -ENOMEM;
}

static void costs(void *context, struct bench_costs *costs)
{
	const struct balloon *balloon = ((struct stand *)context)->balloon;

	for (unsigned int i = 0; i < BALLOON_QUEUES; i++) {
		if (!balloon->queues[i])
			continue;
		costs->kicks += balloon->queues[i]->counters.kicks;
		costs->interrupts += balloon->queues[i]->counters.interrupts;
	}
}

static int run(struct bench *bench)
{
	struct stand stand = {.balloon = balloon_get()};
	struct bench_measurement measurement = {
		.operations = PAGES,
		.bytes = PAGE_SIZE,
		.round = run_round,
		.costs = costs,
		.context = &stand,
	};
	int error;

	if (!stand.balloon) {
		bench_skip(bench, "no balloon");
		return 0;
	}
	measurement.device = stand.balloon->virtio->name;
	/* A round does both: what an operation costs beside time is of both, too. */
	measurement.what = "inflate, pages (costs with deflate)";
	error = bench_measure(bench, &measurement);
	if (error)
		return error;
	stand.back = true;
	measurement.what = "deflate, pages (costs with inflate)";
	return bench_measure(bench, &measurement);
}
BENCH(balloon, 90, "pages to the host and back", run);
