/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-rng (virtio 1.4, 5.4): the host's randomness goes into our generator, once at the start, then
 * every few minutes, and when somebody asks for it. Nobody waits for it: what the generator gives
 * without it is good already, and a host may take its time.
 */
#include "drivers/entropy/virtio_rng.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"
#include "kernel/random/random.h"
#include "kernel/shell/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "entropy"

#define RETRY_TIME (30 * NANOSECONDS_PER_SECOND) /* after an answer without a byte */
#define LATE_TIME (60 * NANOSECONDS_PER_SECOND)

static const uint8_t features[] = {VIRTIO_FEATURES_END};
static struct virtio_rng *devices;

struct virtio_rng *virtio_rng_first(void)
{
	return devices;
}

static void wake(struct virtio_rng *rng)
{
	__atomic_store_n(&rng->event, true, __ATOMIC_SEQ_CST);
	wait_wake(&rng->wait);
}

static void on_queue(struct virtqueue *vq)
{
	wake(vq->context);
}

static void on_broken(struct virtio_device *device)
{
	if (device->driver_data)
		wake(device->driver_data);
}

/* The ring has checked that the length is not above the buffer's. */
static void accept(struct virtio_rng *rng, uint32_t length)
{
	rng->outstanding = rng->late = false;
	rng->answers++;
	rng->next_at = clock_monotonic() + VIRTIO_RNG_INTERVAL;
	if (!length) {
		if (!rng->empty++)
			log_warning("%s (%s): gave no byte", rng->virtio->bus_name,
				    rng->virtio->name);
		rng->next_at = clock_monotonic() + RETRY_TIME;
		return;
	}
	random_seed("virtio-rng", rng->buffer, length);
	explicit_bzero(rng->buffer, VIRTIO_RNG_BYTES);
	rng->bytes += length;
}

static void request(struct virtio_rng *rng)
{
	struct virtqueue_segment segment = {dma_address(rng->buffer), VIRTIO_RNG_BYTES};

	rng->asked_at = clock_monotonic();
	rng->next_at = rng->asked_at + VIRTIO_RNG_INTERVAL;
	/* 5.4.6.1: only buffers that the device writes. */
	if (virtqueue_add(rng->vq, &segment, 0, 1, rng))
		return;
	rng->outstanding = true;
	rng->requests++;
	virtqueue_kick(rng->vq);
}

uint64_t virtio_rng_work(struct virtio_rng *rng)
{
	uint32_t length;

	__atomic_store_n(&rng->event, false, __ATOMIC_SEQ_CST);
	if (!rng->vq || rng->virtio->recovery.broken)
		return WAIT_FOREVER;
	/* One buffer is lent at a time, and the next one after minutes: two rounds at most. */
	do {
		if (virtqueue_take(rng->vq, &length))
			accept(rng, length);
		if (!rng->outstanding && clock_monotonic() >= rng->next_at)
			request(rng);
	} while (rng->outstanding && !rng->virtio->recovery.broken &&
		 virtqueue_interrupts_on(rng->vq, 1));
	if (!rng->outstanding)
		return rng->next_at;
	if (rng->late)
		return WAIT_FOREVER;
	if (clock_monotonic() < rng->asked_at + LATE_TIME)
		return rng->asked_at + LATE_TIME;
	rng->late = true;
	log_notice("%s (%s): has not answered for a minute", rng->virtio->bus_name,
		   rng->virtio->name);
	return WAIT_FOREVER;
}

static void work(void *context)
{
	struct virtio_rng *rng = context;

	for (;;) {
		uint64_t next = virtio_rng_work(rng);

		wait_event_deadline(&rng->wait, __atomic_load_n(&rng->event, __ATOMIC_SEQ_CST),
				    next);
	}
}

/* -- Life */

static int start(struct virtio_device *device)
{
	struct virtio_rng *rng = device->driver_data;
	struct virtio_queue_request queue = {
		.name = "request",
		.size_wanted = 2,
		.segments_max = 1,
		.callback = on_queue,
		.context = rng,
	};
	int error = virtio_queues_create(device, &queue, 1);

	if (error)
		return error;
	virtio_driver_ok(device);
	rng->next_at = 0; /* the first request at once */
	rng->vq = device->queues[0];
	wake(rng);
	return 0;
}

static void stop(struct virtio_device *device)
{
	struct virtio_rng *rng = device->driver_data;
	struct virtqueue *vq = rng->vq;

	rng->vq = NULL;
	/* A device that did not reset may still write to the buffer, and is not started again. */
	if (!device->reset_failed && vq && virtqueue_detach(vq))
		rng->outstanding = false;
}

static int probe(struct virtio_device *device)
{
	struct virtio_rng *rng = calloc(1, sizeof(*rng));
	struct thread *thread;
	int error = -ENOMEM;

	if (!rng)
		return error;
	rng->virtio = device;
	wait_queue_init(&rng->wait);
	rng->buffer = dma_alloc(VIRTIO_RNG_BYTES, NULL);
	if (!rng->buffer)
		goto free_rng;
	device->driver_data = rng;
	error = start(device);
	if (error)
		goto free_buffer;
	thread = thread_create("virtio_rng", work, rng, NULL);
	if (!thread) {
		log_error("%s: no memory for its thread", device->bus_name);
		error = -ENOMEM;
		goto stop_device;
	}
	thread_detach(thread);
	rng->next = devices;
	devices = rng;
	return 0;

stop_device:
	if (virtio_reset(device))
		return error;
	virtio_queues_destroy(device);
free_buffer:
	device->driver_data = NULL;
	dma_free(rng->buffer, VIRTIO_RNG_BYTES);
free_rng:
	free(rng);
	return error;
}

static void describe(struct virtio_device *device, struct facts *facts)
{
	struct virtio_rng *rng = device->driver_data;

	fact_number(facts, "requests", rng->requests);
	fact_number(facts, "answers", rng->answers);
	fact_number(facts, "empty_answers", rng->empty);
	fact_bytes(facts, "bytes", rng->bytes);
	fact_flag(facts, "outstanding", rng->outstanding);
}

VIRTIO_DRIVER(rng) = {
	.name = "virtio_rng",
	.device_type = VIRTIO_ID_ENTROPY,
	.features = features,
	.probe = probe,
	.start = start,
	.stop = stop,
	.broken = on_broken,
	.describe = describe,
};

static enum command_result command_rng(int argc, char **argv)
{
	bool reseed = argc == 2 && !strcmp(argv[1], "--reseed");

	if (argc != 1 && !reseed)
		return COMMAND_USAGE;
	if (!devices)
		command_print("no virtio entropy device\n");
	for (struct virtio_rng *rng = devices; rng; rng = rng->next) {
		command_print("%s at %s: %" PRIu64 " bytes in %" PRIu64 " answers, %s\n",
			      rng->virtio->name, rng->virtio->bus_name, rng->bytes, rng->answers,
			      !rng->vq		 ? "stopped"
			      : rng->outstanding ? "asked for more"
						 : "idle");
		if (reseed) {
			rng->next_at = 0;
			wake(rng);
		}
	}
	return COMMAND_OK;
}
COMMAND(rng, "rng [--reseed]", "randomness from the host: how much came; asks for more",
	command_rng);
