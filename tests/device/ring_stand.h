/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One virtqueue of the driver's against the model, without a device or a transport: what the tests of the
 * rings share.
 *
 *	ring_open(&parameters);
 *	ring_chain(1, 2, token);
 *	...
 *	ring_close();
 */
#ifndef TESTS_DEVICE_RING_STAND_H
#define TESTS_DEVICE_RING_STAND_H

#include "drivers/virtio/rings/virtqueue.h"
#include "tests/device/virtio_model.h"

#define RING_SEGMENTS_MAX 64
#define RING_PIECE 16

struct ring_stand {
	struct virtio_model model;
	struct virtqueue *vq;
	uint8_t *memory;		       /* RING_SEGMENTS_MAX pieces, for buffers */
	unsigned int notified, called, failed; /* calls of the queue's functions */
};

extern struct ring_stand ring;

/* The model has accepted what the parameters say; the driver's functions only count. */
void ring_open(const struct virtqueue_parameters *parameters);
/* Shows the model where the queue is: done by ring_open(), wanted again after a reset. */
void ring_show(void);
/* Ends the program when the model saw a rule broken, or when memory is left. */
void ring_close(void);
/* A buffer of pieces of the memory, from its beginning on. What virtqueue_add() returns. */
int ring_chain(unsigned int out, unsigned int in, uintptr_t token);

#endif
