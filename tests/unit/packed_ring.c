/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver's packed ring by itself: sizes, kicks at the boundaries of the event, and everything that a
 * device can lie about. rings.c has the traffic.
 */
#include "drivers/virtio/rings/formats.h"
#include "drivers/virtio/rings/packed.h"
#include "tests/device/host.h"
#include "tests/device/ring_stand.h"
#include "tests/device/virtio_model_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/ring_lies.h"

static void open_queue(uint16_t size, bool event_idx, bool in_order)
{
	ring_open(&(struct virtqueue_parameters){.size = size,
						 .segments_max = 8,
						 .packed = true,
						 .event_idx = event_idx,
						 .in_order = in_order});
}

/* -- Sizes */

static void test_sizes(void **state)
{
	static const uint16_t sizes[] = {1, 2, 3, 100, 255, 1000, 32767, 32768};
	struct virtqueue_parameters parameters = {.packed = true};

	(void)state;
	host_reset();
	assert_int_equal(virtqueue_usable_size(true, 0), 0);
	assert_int_equal(virtqueue_usable_size(true, 1000), 1000);
	assert_int_equal(virtqueue_usable_size(true, 65535), 32768);
	assert_null(virtqueue_create(&parameters));
	parameters.size = 32769;
	assert_null(virtqueue_create(&parameters));
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		open_queue(sizes[i], true, false);
		assert_int_equal(ring.vq->descriptor_area % 16, 0);
		assert_int_equal(ring.vq->driver_area % 4, 0);
		assert_int_equal(ring.vq->device_area % 4, 0);
		/* Twice round, full each time. */
		for (unsigned int lap = 0; lap < 2; lap++) {
			struct model_chain chain;
			uint32_t length;

			for (unsigned int n = 0; n < sizes[i]; n++)
				assert_int_equal(ring_chain(1, 0, n + 1), 0);
			assert_int_equal(ring_chain(1, 0, 1), -ENOSPC);
			virtqueue_kick(ring.vq);
			for (unsigned int n = 0; n < sizes[i]; n++) {
				assert_true(model_ring_pop(&ring.model, 0, &chain));
				model_ring_push(&ring.model, 0, chain.head, 0);
				assert_int_equal((uintptr_t)virtqueue_take(ring.vq, &length),
						 n + 1);
			}
			assert_int_equal(virtqueue_free(ring.vq), sizes[i]);
		}
		ring_close();
	}
}

static void test_no_memory(void **state)
{
	struct virtqueue_parameters parameters = {
		.size = 9, .segments_max = 4, .indirect = true, .packed = true};

	(void)state;
	for (int allowed = 0; allowed < 2; allowed++) {
		host_reset();
		host_dma_fail_after(allowed);
		assert_null(virtqueue_create(&parameters));
		assert_int_equal(host_dma_blocks(), 0);
	}
}

/* -- Kicks */

static void test_kick_flags(void **state)
{
	struct model_chain chain;

	(void)state;
	open_queue(5, false, false);
	assert_false(virtqueue_kick(ring.vq)); /* nothing is new */
	ring_chain(1, 0, 1);
	assert_true(virtqueue_kick(ring.vq));
	model_ring_want_kicks(&ring.model, 0, false);
	ring_chain(1, 0, 2);
	assert_false(virtqueue_kick(ring.vq));
	assert_true(model_ring_pop(&ring.model, 0, &chain)); /* it sees it nevertheless */
	assert_true(model_ring_pop(&ring.model, 0, &chain));
	model_ring_want_kicks(&ring.model, 0, true);
	ring_chain(1, 0, 3);
	ring_chain(1, 0, 4);
	assert_true(virtqueue_kick(ring.vq)); /* one for both */
	assert_int_equal(ring.notified, 2);
	assert_int_equal(ring.vq->counters.kicks_avoided, 1);
	/* A device that uses what was not negotiated, or reserved: better a kick too many. */
	((uint16_t *)host_dma_pointer(ring.vq->device_area, 4))[1] = 2;
	ring_chain(1, 0, 5);
	assert_true(virtqueue_kick(ring.vq));
	ring_close();
}

static void advance(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct model_chain chain;
		uint32_t length;

		ring_chain(1, 0, 1);
		virtqueue_kick(ring.vq);
		model_ring_pop(&ring.model, 0, &chain);
		model_ring_fill(&ring.model, 0, 0, chain.head, 0);
		model_ring_show(&ring.model, 0, 1);
		assert_non_null(virtqueue_take(ring.vq, &length));
	}
}

/* A kick is due exactly when the event's place is among those that are shown. */
static void test_kick_event(void **state)
{
	(void)state;
	for (uint16_t size = 1; size <= 7; size++)
		for (unsigned int start = 0; start < 2u * size; start++)
			for (unsigned int batch = 1; batch <= size; batch++)
				for (unsigned int event = 0; event < 2u * size; event++) {
					bool due = false;
					uint16_t *words;

					open_queue(size, true, false);
					advance(start);
					words = host_dma_pointer(ring.vq->device_area, 4);
					words[0] = (uint16_t)(event % size |
							      (event < size ? 0x8000u : 0));
					words[1] = 2;
					for (unsigned int i = 0; i < batch; i++) {
						assert_int_equal(ring_chain(1, 0, 1), 0);
						due |= (start + i) % (2u * size) == event;
					}
					assert_int_equal(virtqueue_kick(ring.vq), due);
					ring_close();
				}
}

/* -- Lies */

static void test_lie_id(void **state)
{
	static const uint16_t ids[] = {1, 6, 7, 8, 0x7fff, 0x8000, 65535};

	(void)state;
	for (unsigned int in_order = 0; in_order < 2; in_order++)
		for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
			open_queue(7, true, in_order);
			assert_int_equal(lend_one(1, 1), 0);
			model_ring_push(&ring.model, 0, ids[i], 0);
			expect_broken();
			assert_int_equal((uintptr_t)virtqueue_detach(ring.vq), 77);
			assert_null(virtqueue_detach(ring.vq));
			ring_close();
		}
}

static void test_lie_id_twice(void **state)
{
	uint32_t length;
	uint16_t id;

	(void)state;
	open_queue(7, false, false);
	id = lend_one(1, 0);
	lend_one(1, 0);
	model_ring_push(&ring.model, 0, id, 0);
	assert_non_null(virtqueue_take(ring.vq, &length));
	model_ring_push(&ring.model, 0, id, 0);
	expect_broken();
	ring_close();
}

/* IN_ORDER: a batch ends with a buffer that is due, and no batch is longer than what is lent. */
static void test_lie_batch(void **state)
{
	uint32_t length;

	(void)state;
	open_queue(7, false, true);
	ring.model.batches = true;
	lend_one(1, 0);
	lend_one(1, 0);
	ring_chain(1, 0, 3); /* lent, but not shown */
	model_ring_fill(&ring.model, 0, 0, 0, 0);
	model_ring_fill(&ring.model, 0, 1, 2, 0);
	model_ring_show(&ring.model, 0, 2);
	expect_broken();
	ring_close();

	open_queue(7, false, true);
	lend_one(1, 0);
	lend_one(1, 0);
	model_ring_push(&ring.model, 0, 1, 0); /* the second alone: the first counts as used, too */
	assert_non_null(virtqueue_take(ring.vq, &length));
	assert_non_null(virtqueue_take(ring.vq, &length));
	assert_null(virtqueue_take(ring.vq, &length));
	assert_int_equal(ring.failed, 0);
	ring_close();
}

static void open_for_lengths(void)
{
	open_queue(7, false, false);
}

static void test_lie_length(void **state)
{
	(void)state;
	lie_length(open_for_lengths);
}

/* Used before anything was lent: no buffer has that id. */
static void test_lie_used(void **state)
{
	(void)state;
	open_queue(7, true, false);
	model_packed_entry(&ring.model, 0, 0)->flags = 0x8080;
	assert_true(virtqueue_has_used(ring.vq));
	expect_broken();
	ring_close();
}

/* The driver never reads back what the device could have changed. */
static void test_scribble(void **state)
{
	(void)state;
	open_queue(7, false, false);
	for (unsigned int i = 0; i < 1000; i++) {
		uint16_t id = lend_one(2, 1);
		uint64_t place = ring.model.queues[0].used_place;
		uint32_t length;

		for (unsigned int n = 0; n < 3; n++) {
			struct model_packed_desc *desc =
				model_packed_entry(&ring.model, 0, place + n);

			desc->address = desc->length = 0xa5a5a5a5;
			if (n) {
				desc->id = 0xa5a5;
				desc->flags ^= 0x0007;
			}
		}
		model_ring_push(&ring.model, 0, id, 16);
		assert_int_equal((uintptr_t)virtqueue_take(ring.vq, &length), 77);
		assert_int_equal(virtqueue_free(ring.vq), 7);
	}
	ring_close();
}

/* Whatever stands in the ring: nothing is lost, and nothing is touched that is not ours. */
static void test_random_lies(void **state)
{
	(void)state;
	for (unsigned int seed = 0; seed < 3000; seed++) {
		uint16_t size = (uint16_t)(1 + seed % 9);
		unsigned int taken = 0, detached = 0;

		open_queue(size, seed & 1, seed & 2);
		srand(seed);
		for (unsigned int step = 0; step < 100 && !ring.vq->broken; step++) {
			struct model_packed_desc *desc =
				model_packed_entry(&ring.model, 0, (unsigned int)rand() % size);
			uint32_t length;

			ring_chain((unsigned int)rand() % 3, (unsigned int)rand() % 3, 1 + step);
			if (rand() % 2)
				virtqueue_kick(ring.vq);
			desc->flags = (uint16_t)(rand() % 2 ? rand() : 0x8080);
			desc->id = (uint16_t)(rand() % (rand() % 4 ? size : 65536));
			desc->length = (uint32_t)rand() % 40;
			virtqueue_interrupts_on(ring.vq, 1 + (unsigned int)rand() % size);
			while (virtqueue_take(ring.vq, &length))
				taken++;
			assert_true(virtqueue_free(ring.vq) <= size);
		}
		while (virtqueue_detach(ring.vq))
			detached++;
		assert_int_equal(ring.vq->counters.added, taken + detached);
		assert_int_equal(virtqueue_free(ring.vq), size);
		ring.model.violations = 0;
		ring_close();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),	    cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_kick_flags),  cmocka_unit_test(test_kick_event),
		cmocka_unit_test(test_lie_id),	    cmocka_unit_test(test_lie_id_twice),
		cmocka_unit_test(test_lie_batch),   cmocka_unit_test(test_lie_length),
		cmocka_unit_test(test_lie_used),    cmocka_unit_test(test_scribble),
		cmocka_unit_test(test_random_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
