/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-rng (virtio 1.4, 5.4), for its own file and for tests. */
#ifndef DRIVERS_ENTROPY_VIRTIO_RNG_H
#define DRIVERS_ENTROPY_VIRTIO_RNG_H

#include "drivers/virtio/virtio.h"
#include "kernel/thread/thread.h"

#define VIRTIO_RNG_BYTES 64u /* of one request: twice the generator's key */
#define VIRTIO_RNG_INTERVAL (300 * NANOSECONDS_PER_SECOND)

struct virtio_rng {
	struct virtio_rng *next;
	struct virtio_device *virtio;
	struct virtqueue *vq; /* NULL: stopped */
	uint8_t *buffer;      /* DMA memory, VIRTIO_RNG_BYTES */
	struct wait_queue wait;
	bool event;	   /* something happened: set in any context */
	bool outstanding;  /* the device has the buffer */
	bool late;	   /* and has had it for long; was said */
	uint64_t asked_at; /* clock_monotonic() */
	uint64_t next_at;  /* of the next request */

	uint64_t requests, answers, bytes;
	uint64_t empty; /* answers without a byte, which break 5.4.6.2 */
};

struct virtio_rng *virtio_rng_first(void);

/* Does what is due, and returns when the next thing is. For the driver's thread, and for tests. */
uint64_t virtio_rng_work(struct virtio_rng *rng);

#endif
