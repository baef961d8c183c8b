/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark `net`: raw frames sent through a device's driver, past the stack. They go to an address
 * that nobody has, with the EtherType for experiments (IEEE 802, 0x88b5), so that nobody answers.
 *
 * The driver gives back what was sent when it is polled, to the one function of the stack's: for the
 * time of a batch ours stands in front of it.
 */
#include "drivers/net/network.h"
#include "kernel/bench/bench.h"
#include "kernel/memory/dma.h"
#include "kernel/thread/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADROOM 64u /* for the driver's own header */
#define SLOT 2048u
#define BATCH_MAX 32u
#define PATIENCE NANOSECONDS_PER_SECOND

struct slot {
	struct network_transmit transmit;
	bool lent;
};

static struct stand {
	struct network_device *device;
	uint32_t length;
	unsigned int batch, lent;
	uint8_t *memory;    /* BATCH_MAX slots of frames */
	struct slot *slots; /* as many, of what is said of them */
	void (*stacks)(struct network_device *device, void *token);
} stand;

static void transmitted(struct network_device *device, void *token)
{
	struct slot *slot = token;

	if (device == stand.device && slot >= stand.slots && slot < stand.slots + BATCH_MAX) {
		slot->lent = false;
		stand.lent--;
	} else {
		stand.stacks(device, token);
	}
}

/* Takes back what was sent until at most so many are lent. With the stack's lock. */
static int reclaim(unsigned int most)
{
	struct network_device *device = stand.device;
	uint64_t deadline = clock_monotonic() + PATIENCE;

	while (stand.lent > most) {
		/* Received frames go their usual way; what they cause to be sent is told now. */
		(void)device->operations->poll(device, 0, 1);
		device->operations->flush(device, 0);
		if (stand.lent > most && clock_monotonic() > deadline)
			return -ETIMEDOUT;
	}
	return 0;
}

static int send_batch(void)
{
	struct network_device *device = stand.device;
	int error = 0;

	for (unsigned int i = 0; i < stand.batch && !error; i++) {
		struct slot *slot = &stand.slots[i];

		slot->transmit.segment_count = 1;
		slot->transmit.segments[0] = (struct network_segment){
			stand.memory + (size_t)i * SLOT + HEADROOM, stand.length};
		slot->transmit.headroom = HEADROOM;
		slot->transmit.token = slot;
		error = device->operations->transmit(device, 0, &slot->transmit);
		if (error)
			break;
		slot->lent = true;
		stand.lent++;
	}
	device->operations->flush(device, 0);
	return error;
}

static int run_round(struct bench_round *round)
{
	struct network_device *device = stand.device;
	int error = 0, left;

	for (uint64_t done = 0; done < round->operations && !error; done += stand.batch) {
		uint64_t start;

		device->stack_lock(device);
		stand.stacks = device->transmitted;
		device->transmitted = transmitted;
		start = clock_monotonic();
		error = send_batch();
		left = reclaim(0);
		round->elapsed += clock_monotonic() - start;
		if (stand.batch == 1)
			bench_sample(round, clock_monotonic() - start);
		if (!left)
			device->transmitted = stand.stacks;
		device->stack_unlock(device);
		/* The frames are still the device's, and ours stays in front: no more is measured. */
		if (left)
			return left;
	}
	return error;
}

static void costs(void *context, struct bench_costs *costs)
{
	struct network_statistics statistics;

	(void)context;
	network_statistics(stand.device, &statistics);
	costs->kicks = statistics.kicks;
	costs->interrupts = statistics.interrupts;
	costs->bytes_copied = statistics.bytes_copied;
}

static void make_frames(const struct network_device *device)
{
	static const uint8_t nobody[6] = {0x02, 0x00, 0x00, 0x72, 0x69, 0x6e};

	for (unsigned int i = 0; i < BATCH_MAX; i++) {
		uint8_t *frame = stand.memory + (size_t)i * SLOT + HEADROOM;

		memcpy(frame, nobody, 6);
		memcpy(frame + 6, device->mac, 6);
		frame[12] = 0x88;
		frame[13] = 0xb5;
	}
}

static int measure(struct bench *bench, struct network_device *device)
{
	static const uint32_t lengths[] = {60, 1514};
	static const unsigned int batches[] = {1, BATCH_MAX};
	int error = 0;

	stand.device = device;
	make_frames(device);
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int j = 0; j < 2 && !error; j++) {
			char what[BENCH_TEXT_MAX];
			const struct bench_measurement measurement = {
				.device = device->name,
				.what = what,
				.operations = 256,
				.multiple = BATCH_MAX,
				.bytes = lengths[i],
				.round = run_round,
				.costs = costs,
			};

			stand.length = lengths[i];
			stand.batch = batches[j];
			sniprintf(what, sizeof(what), "transmit, %u bytes, batch of %u",
				  (unsigned int)stand.length, stand.batch);
			error = bench_measure(bench, &measurement);
		}
	return error;
}

static void release(void)
{
	if (stand.memory)
		dma_free(stand.memory, BATCH_MAX * SLOT);
	free(stand.slots);
	stand.memory = NULL;
	stand.slots = NULL;
}

static int run(struct bench *bench)
{
	int error = 0;

	if (!network_first())
		bench_skip(bench, "no network device");
	if (stand.lent) {
		bench_skip(bench, "%s still has frames of the last time", stand.device->name);
		return 0;
	}
	for (struct network_device *device = network_first(); device && !error;
	     device = device->next) {
		if (!device->stack || !device->link_up) {
			bench_skip(bench, "%s: no link", device->name);
			continue;
		}
		stand.memory = dma_alloc(BATCH_MAX * SLOT, NULL);
		stand.slots = calloc(BATCH_MAX, sizeof(*stand.slots));
		error = stand.memory && stand.slots ? measure(bench, device) : -ENOMEM;
		/* What the device may still read stays. */
		if (!stand.lent)
			release();
	}
	return error;
}
BENCH(net, 60, "raw frames", run);

static void describe(struct facts *facts)
{
	fact_list(facts, "devices");
	for (struct network_device *device = network_first(); device; device = device->next) {
		fact_item(facts);
		fact_text(facts, "name", device->name);
		fact_text(facts, "driver", device->driver_name);
		fact_text(facts, "bus", device->bus_name);
		fact_number(facts, "mtu", device->mtu);
		fact_number(facts, "queue_pairs", device->queue_pairs_active);
		fact_end(facts);
	}
	fact_end(facts);
}
BENCH_ENVIRONMENT(net, describe);
