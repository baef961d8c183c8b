/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of both ring formats do with a device that lies. Included behind cmocka.h, by programs that
 * have an open ring_stand.
 */
#ifndef TESTS_UNIT_RING_LIES_H
#define TESTS_UNIT_RING_LIES_H

#include "tests/device/host.h"
#include "tests/device/ring_stand.h"
#include "tests/device/virtio_model_ring.h"

#include <errno.h>

/* A buffer with token 77 that the device has taken. Its id. */
static inline uint16_t lend_one(unsigned int out, unsigned int in)
{
	struct model_chain chain;

	assert_int_equal(ring_chain(out, in, 77), 0);
	virtqueue_kick(ring.vq);
	assert_true(model_ring_pop(&ring.model, 0, &chain));
	return chain.head;
}

/* The next take finds the lie: a line, and the queue is dead to everything, once. */
static inline void expect_broken(void)
{
	uint32_t length;

	assert_null(virtqueue_take(ring.vq, &length));
	assert_true(ring.vq->broken);
	assert_int_equal(ring.failed, 1);
	assert_int_equal(host_log_count(), 1);
	assert_null(virtqueue_take(ring.vq, &length));
	assert_int_equal(ring_chain(1, 0, 1), -EIO);
	assert_false(virtqueue_kick(ring.vq));
	assert_int_equal(ring.failed, 1);
	assert_int_equal(host_log_count(), 1);
}

/* Lengths used: as much as was lent, a byte more, and any where there was nothing to write to. */
static inline void lie_length(void (*open)(void))
{
	uint32_t length;

	open();
	model_ring_push(&ring.model, 0, lend_one(1, 2), 2 * RING_PIECE);
	assert_non_null(virtqueue_take(ring.vq, &length));
	assert_int_equal(length, 2 * RING_PIECE);
	model_ring_push(&ring.model, 0, lend_one(1, 2), 2 * RING_PIECE + 1);
	expect_broken();
	ring_close();

	/* Some back ends say such things: ignored, and counted. */
	open();
	model_ring_push(&ring.model, 0, lend_one(2, 0), 2 * RING_PIECE);
	assert_non_null(virtqueue_take(ring.vq, &length));
	assert_int_equal(length, 0);
	assert_int_equal(ring.vq->counters.lengths_ignored, 1);
	ring_close();
}

#endif
