/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block driver: requests of all kinds under a device that answers anything, late, twice or never. Each
 * request ends exactly once, and memory outside of its segments is as it was.
 */
#include "drivers/block/virtio_blk.h"
#include "kernel/memory/dma.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "tests/device/virtio_model_block.h"
#include "tests/fuzz/bus.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"

#include <string.h>

#define SECTORS 64
#define REQUESTS 48u
#define MEMORY 16384u
#define GUARD 0xa5
#define STEPS 100
#define THREADS_PERIOD (10 * NANOSECONDS_PER_MILLISECOND)
#define PATIENCE (3600 * NANOSECONDS_PER_SECOND)

static struct virtio_model_block device;
static struct hostile hostile;
static uint8_t *memory;
static bool may_change[MEMORY]; /* bytes that a device was to write since the start */

static struct mine {
	struct block_request request;
	struct block_segment segments[4];
	bool running;
} requests[REQUESTS];
static unsigned int running;
static bool recovering;

static void run_threads(void *context);
static struct timer threads = TIMER_INIT(run_threads, NULL);

/* The core's thread, while the block layer's sleeps for a request. */
static void run_threads(void *context)
{
	(void)context;
	fuzz_check(clock_monotonic() < PATIENCE, "a sleep that nothing ends");
	if (!recovering) {
		recovering = true;
		(void)virtio_recover();
		recovering = false;
	}
	timer_arm(&threads, clock_monotonic() + THREADS_PERIOD);
}

static void service(void)
{
	block_service();
}

static void done(struct block_request *request)
{
	struct mine *mine = request->context;

	fuzz_check(mine->running, "a request ended twice");
	fuzz_check(request->error <= 0, "a request ended with %d", request->error);
	mine->running = false;
	running--;
	if (block_first())
		wait_wake(&block_first()->waiters);
}

static struct mine *spare(void)
{
	for (unsigned int i = 0; i < REQUESTS; i++)
		if (!requests[i].running)
			return &requests[i];
	return NULL;
}

static void add(void)
{
	struct mine *mine = spare();
	struct block_request *request;
	unsigned int count = 1 + fuzz_choose(4), place_of = 512 * fuzz_choose(MEMORY / 512);

	if (!mine || !block_first())
		return;
	memset(mine, 0, sizeof(*mine));
	request = &mine->request;
	request->device = block_first();
	request->operation = fuzz_choose(BLOCK_OPERATIONS);
	request->unmap = fuzz_choose(2);
	request->sector = fuzz_choose(8) == 7 ? fuzz_number(8) : fuzz_choose(SECTORS);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t length = 512 * (1 + fuzz_choose(4));

		if (request->operation == BLOCK_IDENTIFY)
			length = 20;
		if (request->operation == BLOCK_LIFETIME)
			length = 6;
		if (length > MEMORY - place_of)
			break;
		mine->segments[i] = (struct block_segment){memory + place_of, length};
		if (request->operation != BLOCK_WRITE)
			memset(may_change + place_of, 1, length);
		request->segment_count = i + 1;
		place_of += length;
		if (length < 512)
			break;
	}
	if (request->operation >= BLOCK_FLUSH && request->operation <= BLOCK_SECURE_ERASE) {
		request->segment_count = 0;
		request->sectors = fuzz_choose(16);
	}
	request->segments = mine->segments;
	request->done = done;
	request->context = mine;
	mine->running = true;
	running++;
	block_add(request);
}

static void step(void)
{
	struct block_device *disk = block_first();

	switch (fuzz_choose(8)) {
	case 0:
	case 1:
		add();
		break;
	case 2:
		if (disk)
			block_kick(disk);
		break;
	case 3:
		host_poll();
		break;
	case 4:
		bus_wait(NANOSECONDS_PER_SECOND >> fuzz_choose(10), service);
		break;
	case 5:
		host_cpu(fuzz_choose(4), 4);
		break;
	case 6:
		if (disk && fuzz_choose(4) == 3)
			(void)block_set_write_cache(disk, fuzz_choose(2));
		else
			virtio_model_block_resize(&device, fuzz_choose(SECTORS) + 1);
		break;
	default:
		if (disk && bus_device()->queue_count)
			(void)virtio_queue_renew(
				bus_device()->queues[fuzz_choose(bus_device()->queue_count)]);
		break;
	}
}

/* Recovery and time-outs end what the device does not. */
static void drain(void)
{
	bus_settle(service);
	for (unsigned int i = 0; running && i < 400; i++) {
		/* A kick is for what was added on the same CPU. */
		for (unsigned int cpu = 0; block_first() && cpu < 4; cpu++) {
			host_cpu(cpu, 4);
			block_kick(block_first());
		}
		bus_wait(NANOSECONDS_PER_SECOND, service);
	}
	fuzz_check(!running, "%u requests do not end", running);
}

static void describe(void)
{
	struct virtio_device *found = bus_device();

	for (unsigned int i = 0; found && i < found->queue_count; i++)
		if (found->queues && found->queues[i])
			(void)virtqueue_has_used(found->queues[i]);
}

void fuzz_target(void)
{
	uint64_t bits;

	memset(requests, 0, sizeof(requests));
	memset(may_change, 0, sizeof(may_change));
	running = 0;
	recovering = false;
	host_threads();
	timer_arm(&threads, THREADS_PERIOD);
	host_cpu(0, 4);
	virtio_model_block_init(&device, SECTORS, 1 + fuzz_choose(4), 4 << fuzz_choose(5));
	device.serial = "RS-0001";
	bits = fuzz_choose(256);
	virtio_model_offer(&device.model, MODEL_BLOCK_SIZE_MAX, bits & 1);
	virtio_model_offer(&device.model, MODEL_BLOCK_DISCARD, bits & 2);
	virtio_model_offer(&device.model, MODEL_BLOCK_WRITE_ZEROES, bits & 4);
	virtio_model_offer(&device.model, MODEL_BLOCK_LIFETIME, bits & 8);
	virtio_model_offer(&device.model, MODEL_BLOCK_SECURE_ERASE, bits & 16);
	virtio_model_offer(&device.model, MODEL_BLOCK_CONFIG_WCE, bits & 32);
	virtio_model_offer(&device.model, 34, bits & 64);  /* packed */
	virtio_model_offer(&device.model, 40, bits & 128); /* RING_RESET */
	if (bits & 2) {
		virtio_model_block_set(&device, 36, 8, 4);
		virtio_model_block_set(&device, 40, 1, 4);
	}
	if (bits & 4) {
		virtio_model_block_set(&device, 48, 8, 4);
		virtio_model_block_set(&device, 52, 1, 4);
	}
	if (bits & 16) {
		virtio_model_block_set(&device, 60, 8, 4);
		virtio_model_block_set(&device, 64, 1, 4);
	}
	bus_plug(&device.model, fuzz_choose(8) == 7 ? BUS_PCI_LEGACY : BUS_PCI, fuzz_choose(6));
	options_parse("block.timeout=5");
	hostile_open(&hostile, &device.model);
	bus_boot();
	memory = dma_alloc(MEMORY, NULL);
	memset(memory, GUARD, MEMORY);
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		step();
	describe();
	hostile_check(&hostile);
	hostile_calm(&hostile);
	drain();
	for (unsigned int i = 0; i < MEMORY; i++)
		fuzz_check(memory[i] == GUARD || may_change[i], "byte %u was changed", i);
	virtio_model_block_free(&device);
}
