/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark `console`: bytes to the host through a port of a console device that is no console. The
 * host has to open it and to read; a write is over when its bytes are in the driver's slots, which wait
 * for the device when all are lent.
 */
#include "drivers/console/port.h"
#include "drivers/console/virtio_console.h"
#include "kernel/bench/bench.h"
#include "kernel/options/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PORT_DEFAULT "org.ringside.bench"
#define LENGTH_MAX 4096u
#define PATIENCE (3 * NANOSECONDS_PER_SECOND)

OPTION(bench_port, "bench.port", "NAME",
       "bench: a port that the host reads, for console (default: " PORT_DEFAULT ")", NULL);

struct stand {
	struct port *port;
	uint8_t *data;
	uint32_t length;
};

static int run_round(struct bench_round *round)
{
	struct stand *stand = round->context;

	for (uint64_t i = 0; i < round->operations; i++) {
		uint64_t start = clock_monotonic();
		ssize_t length =
			port_write(stand->port, stand->data, stand->length, start + PATIENCE);

		if (length != (ssize_t)stand->length)
			return length < 0 ? (int)length : -ETIMEDOUT;
		bench_single(round, clock_monotonic() - start);
	}
	return 0;
}

static void costs(void *context, struct bench_costs *costs)
{
	const struct stand *stand = context;
	const struct virtqueue *vq = stand->port->transmit.vq;

	if (!vq)
		return;
	costs->kicks = vq->counters.kicks;
	costs->interrupts = vq->counters.interrupts;
	/* Into the slots, each byte once. */
	costs->bytes_copied = stand->port->transmit.bytes;
}

static int measure(struct bench *bench, struct stand *stand, const char *name)
{
	static const uint32_t lengths[] = {64, LENGTH_MAX};
	int error = 0;

	if (!port_wait_host(stand->port, clock_monotonic() + PATIENCE)) {
		bench_skip(bench, "%s: the host has not opened it", name);
		return 0;
	}
	for (unsigned int i = 0; i < 2 && !error; i++) {
		char what[BENCH_TEXT_MAX];
		const struct bench_measurement measurement = {
			.device = name,
			.what = what,
			.operations = 128,
			.bytes = lengths[i],
			.round = run_round,
			.costs = costs,
			.context = stand,
		};

		stand->length = lengths[i];
		sniprintf(what, sizeof(what), "write, %u bytes", (unsigned int)lengths[i]);
		error = bench_measure(bench, &measurement);
	}
	return error;
}

static int run(struct bench *bench)
{
	const char *name = option_get("bench.port", PORT_DEFAULT);
	struct stand stand = {0};
	int error = port_open(name, &stand.port);

	if (error) {
		bench_skip(bench, "%s: %s", name,
			   error == -EBUSY ? "the port is open already" : "there is no such port");
		return 0;
	}
	stand.data = calloc(1, LENGTH_MAX);
	error = stand.data ? measure(bench, &stand, name) : -ENOMEM;
	free(stand.data);
	port_close(stand.port);
	return error;
}
BENCH(console, 100, "bytes to the host through a port", run);
