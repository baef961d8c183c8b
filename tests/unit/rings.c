/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both ring formats against the model's, at every size from 1 to 64 (split: the powers of two), in all
 * combinations of EVENT_IDX, indirect descriptors, IN_ORDER (with and without batches) and
 * NOTIFICATION_DATA: random traffic, a buffer of every length at every place of two laps, and kicks and
 * interrupts exactly where they are due.
 */
#include "drivers/virtio/rings/formats.h"
#include "kernel/memory/dma.h"
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

struct mode {
	bool packed, event_idx, indirect, in_order, batches, data;
};

/* As the transports do it: the model checks what it is told. */
static void on_notify(struct virtqueue *queue)
{
	ring.notified++;
	virtio_model_notify(&ring.model, virtio_model_accepted(&ring.model, MODEL_NOTIFICATION_DATA)
						 ? virtqueue_notification(queue)
						 : queue->notify_value);
}

static void open_queue(uint16_t size, struct mode mode, unsigned int segments_max)
{
	ring_open(&(struct virtqueue_parameters){.size = size,
						 .segments_max = segments_max,
						 .packed = mode.packed,
						 .event_idx = mode.event_idx,
						 .indirect = mode.indirect,
						 .in_order = mode.in_order});
	ring.vq->notify = on_notify;
	ring.model.batches = mode.batches;
	if (mode.data)
		ring.model.accepted[MODEL_NOTIFICATION_DATA / 32] |=
			MODEL_FEATURE(MODEL_NOTIFICATION_DATA);
	assert_string_equal(ring.vq->operations->format, mode.packed ? "packed" : "split");
}

/* Calls `test` for each mode that makes a difference. */
static void each_mode(uint16_t size, void (*test)(uint16_t size, struct mode mode))
{
	bool power = !(size & (size - 1));

	for (unsigned int bits = 0; bits < 64; bits++) {
		struct mode mode = {bits & 1, bits & 2, bits & 4, bits & 8, bits & 16, bits & 32};

		if ((mode.packed || power) && (mode.in_order || !mode.batches))
			test(size, mode);
	}
}

/* -- Random traffic against a reference */

struct reference {
	uintptr_t token;
	unsigned int out, in;
	uint16_t head;
	uint32_t written;
};

static struct reference lent[64];
static unsigned int lent_count, popped;

static void lend_some(uint16_t size, uintptr_t *next_token)
{
	for (unsigned int n = (unsigned int)rand() % 4; n > 0; n--) {
		unsigned int out = (unsigned int)rand() % 4, in = (unsigned int)rand() % 4;
		unsigned int before = virtqueue_free(ring.vq);
		int error = ring_chain(out, in, *next_token);

		if ((!out && !in) || out + in > size)
			assert_int_equal(error, -EINVAL);
		else if (error)
			assert_true(error == -ENOSPC && before < out + in);
		if (error)
			continue;
		assert_true(before > virtqueue_free(ring.vq));
		assert_true(lent_count < size);
		lent[lent_count++] = (struct reference){++*next_token - 1, out, in, 0, 0};
	}
}

/* The same for several buffers in one call. */
static void lend_each(uint16_t size, uintptr_t *next_token)
{
	unsigned int count = (unsigned int)rand() % (size + 2u), room = virtqueue_free(ring.vq);
	struct virtqueue_buffer buffers[65];

	for (unsigned int i = 0; i < count; i++) {
		buffers[i].segment.address = dma_address(ring.memory);
		buffers[i].segment.length = RING_PIECE;
		buffers[i].token = (void *)(*next_token + i);
	}
	assert_int_equal(virtqueue_add_each(ring.vq, buffers, count), count < room ? count : room);
	count = count < room ? count : room;
	assert_int_equal(virtqueue_free(ring.vq), room - count);
	for (unsigned int i = 0; i < count; i++)
		lent[lent_count++] = (struct reference){(*next_token)++, 0, 1, 0, 0};
}

static void pop_some(void)
{
	for (unsigned int n = (unsigned int)rand() % 4; n > 0; n--) {
		struct model_chain chain;

		if (!model_ring_pop(&ring.model, 0, &chain))
			break;
		assert_true(popped < lent_count);
		assert_int_equal(chain.out_count, lent[popped].out);
		assert_int_equal(chain.in_count, lent[popped].in);
		for (unsigned int i = 0; i < chain.out_count + chain.in_count; i++)
			assert_ptr_equal(chain.segments[i].data, ring.memory + RING_PIECE * i);
		lent[popped++].head = chain.head;
	}
}

/* The device uses `count` of the popped ones at once, and the driver takes them back. */
static void use(struct mode mode, unsigned int count)
{
	struct reference used[64];

	for (unsigned int i = 0; i < count; i++) {
		unsigned int which = mode.in_order ? 0 : (unsigned int)rand() % popped;
		uint32_t room = RING_PIECE * lent[which].in;

		used[i] = lent[which];
		/* Those that are skipped in a batch count as written completely. */
		used[i].written =
			mode.batches && i + 1 < count ? room : (uint32_t)rand() % (room + 1);
		memmove(&lent[which], &lent[which + 1], (lent_count - which - 1) * sizeof(lent[0]));
		lent_count--;
		popped--;
		model_ring_fill(&ring.model, 0, i, used[i].head, used[i].written);
	}
	model_ring_show(&ring.model, 0, count);
	model_ring_interrupt(&ring.model, 0);
	for (unsigned int i = 0; i < count;) {
		unsigned int most = (unsigned int)rand() % 5, came = 1;
		struct virtqueue_used taken[5];

		assert_true(virtqueue_has_used(ring.vq));
		if (most) {
			came = virtqueue_take_each(ring.vq, taken, most);
			assert_int_equal(came, count - i < most ? count - i : most);
		} else {
			taken[0].token = virtqueue_take(ring.vq, &taken[0].length);
		}
		for (unsigned int j = 0; j < came; j++, i++) {
			assert_int_equal((uintptr_t)taken[j].token, used[i].token);
			assert_int_equal(taken[j].length, used[i].written);
		}
	}
	assert_false(virtqueue_has_used(ring.vq));
}

static void traffic(uint16_t size, struct mode mode)
{
	uintptr_t next_token = 1;

	open_queue(size, mode, 8);
	srand(size);
	lent_count = popped = 0;
	for (unsigned int round = 0; round < 60u + 4u * size; round++) {
		lend_some(size, &next_token);
		if (rand() % 4 == 0)
			lend_each(size, &next_token);
		if (rand() % 4 == 0)
			lend_some(size, &next_token);
		virtqueue_kick(ring.vq);
		pop_some();
		if (popped)
			use(mode, 1 + (unsigned int)rand() % popped);
	}
	assert_int_equal(ring.failed, 0);
	assert_int_equal(ring.vq->counters.added - ring.vq->counters.taken, lent_count);
	/* After a reset everything comes back, once, and the ring is as good as new. */
	for (; lent_count; lent_count--) {
		uintptr_t token = (uintptr_t)virtqueue_detach(ring.vq);
		unsigned int i = 0;

		while (i < lent_count && lent[i].token != token)
			i++;
		assert_true(i < lent_count);
		lent[i] = lent[lent_count - 1];
	}
	assert_null(virtqueue_detach(ring.vq));
	assert_int_equal(virtqueue_free(ring.vq), size);
	ring_close();
}

static void test_traffic(void **state)
{
	(void)state;
	for (uint16_t size = 1; size <= 64; size++)
		each_mode(size, traffic);
}

/* -- Every place */

/* One buffer of so many pieces goes there and back, with a kick and an interrupt. */
static void round_trip(unsigned int pieces)
{
	unsigned int in = pieces / 2, calls = ring.called, kicks = ring.notified;
	struct model_chain chain;
	uint32_t written;

	assert_int_equal(ring_chain(pieces - in, in, pieces), 0);
	assert_false(model_ring_pop(&ring.model, 0, &chain)); /* not shown yet */
	assert_true(virtqueue_kick(ring.vq));
	assert_int_equal(ring.notified, kicks + 1);
	assert_true(model_ring_pop(&ring.model, 0, &chain));
	assert_int_equal(chain.out_count, pieces - in);
	assert_int_equal(chain.in_count, in);
	assert_false(model_ring_pop(&ring.model, 0, &chain));
	assert_null(virtqueue_take(ring.vq, &written));
	assert_false(virtqueue_interrupts_on(ring.vq, 1));
	model_ring_push(&ring.model, 0, chain.head, RING_PIECE * in);
	assert_int_equal(ring.called, calls + 1);
	assert_int_equal((uintptr_t)virtqueue_take(ring.vq, &written), pieces);
	assert_int_equal(written, RING_PIECE * in);
	assert_null(virtqueue_take(ring.vq, &written));
	assert_int_equal(virtqueue_free(ring.vq), ring.vq->size);
}

static void all_places(uint16_t size, struct mode mode)
{
	if (mode.batches || mode.indirect)
		return; /* nothing is different */
	for (unsigned int pieces = 1; pieces <= size; pieces++) {
		bool seen[128] = {false};
		unsigned int place = 0, left = 2u * size, steps = 0;

		open_queue(size, mode, size);
		while (left) {
			unsigned int step = seen[place] ? 1 : pieces;

			if (!seen[place])
				left--;
			seen[place] = true;
			round_trip(step);
			place = (place + step) % (2u * size);
			assert_true(++steps < 10u * size + 10);
		}
		assert_int_equal(ring.failed, 0);
		ring_close();
	}
}

static void test_all_places(void **state)
{
	(void)state;
	for (uint16_t size = 1; size <= 64; size++)
		each_mode(size, all_places);
}

/* The whole ring lent in single pieces, at every place; used in one go. */
static void full(uint16_t size, struct mode mode)
{
	if (mode.indirect || mode.data)
		return;
	open_queue(size, mode, 1);
	for (unsigned int place = 0; place < 2u * size; place++) {
		struct model_chain chain;
		uint32_t written;

		for (unsigned int i = 0; i < size; i++)
			assert_int_equal(ring_chain(0, 1, i + 1), 0);
		assert_int_equal(ring_chain(0, 1, 1), -ENOSPC);
		assert_int_equal(virtqueue_free(ring.vq), 0);
		assert_true(virtqueue_kick(ring.vq));
		assert_false(virtqueue_interrupts_on(ring.vq, size));
		ring.called = 0;
		for (unsigned int i = 0; i < size; i++) {
			assert_true(model_ring_pop(&ring.model, 0, &chain));
			model_ring_fill(&ring.model, 0, i, chain.head, RING_PIECE);
		}
		assert_false(model_ring_pop(&ring.model, 0, &chain));
		model_ring_show(&ring.model, 0, size);
		model_ring_interrupt(&ring.model, 0);
		assert_int_equal(ring.called, 1);
		assert_true(virtqueue_interrupts_on(ring.vq, size));
		for (unsigned int i = 0; i < size; i++) {
			assert_int_equal((uintptr_t)virtqueue_take(ring.vq, &written), i + 1);
			assert_int_equal(written, RING_PIECE);
		}
		assert_null(virtqueue_take(ring.vq, &written));
		round_trip(1); /* one place on */
	}
	ring_close();
}

static void test_full(void **state)
{
	(void)state;
	for (uint16_t size = 1; size <= 64; size++)
		each_mode(size, full);
}

/* Interrupts come with the buffer that was asked for, and not before, when each is one piece. */
static void interrupt_after(uint16_t size, struct mode mode)
{
	if (mode.indirect || mode.data || mode.batches || !mode.event_idx)
		return;
	open_queue(size, mode, 1);
	for (unsigned int place = 0; place < 2u * size; place++) {
		for (unsigned int after = 1; after <= size; after++) {
			struct model_chain chain;
			uint32_t written;

			for (unsigned int i = 0; i < size; i++)
				ring_chain(1, 0, i + 1);
			virtqueue_kick(ring.vq);
			ring.called = 0;
			assert_false(virtqueue_interrupts_on(ring.vq, after));
			for (unsigned int i = 1; i <= size; i++) {
				assert_true(model_ring_pop(&ring.model, 0, &chain));
				model_ring_push(&ring.model, 0, chain.head, 0);
				assert_int_equal(ring.called, i >= after);
			}
			while (virtqueue_take(ring.vq, &written))
				;
		}
		round_trip(1);
	}
	ring_close();
}

static void test_interrupt_after(void **state)
{
	(void)state;
	for (uint16_t size = 1; size <= 16; size++)
		each_mode(size, interrupt_after);
}

/* Nobody asks for interrupts: there are none, however often the ring goes round. */
static void quiet(uint16_t size, struct mode mode)
{
	if (mode.indirect || mode.data || mode.batches)
		return;
	open_queue(size, mode, 1);
	for (unsigned int i = 0; i < 5u * size; i++) {
		struct model_chain chain;
		uint32_t written;

		ring_chain(1, 0, 1);
		virtqueue_kick(ring.vq);
		if (i % 3 == 0) {
			/* Asked for, and thought better of. */
			virtqueue_interrupts_on(ring.vq, 1);
			virtqueue_interrupts_off(ring.vq);
		}
		model_ring_pop(&ring.model, 0, &chain);
		model_ring_push(&ring.model, 0, chain.head, 0);
		assert_non_null(virtqueue_take(ring.vq, &written));
	}
	assert_int_equal(ring.called, 0);
	if (!mode.event_idx || mode.packed)
		assert_int_equal(ring.model.queues[0].interrupts, 0);
	ring_close();
}

static void test_quiet(void **state)
{
	(void)state;
	for (uint16_t size = 1; size <= 64; size++)
		each_mode(size, quiet);
}

/* What is used between the wish and the sleep is seen. */
static void race(uint16_t size, struct mode mode)
{
	struct model_chain chain;
	uint32_t written;

	if (mode.indirect || mode.data)
		return;
	open_queue(size, mode, 1);
	for (unsigned int place = 0; place < 2u * size; place++) {
		ring_chain(1, 0, 1);
		virtqueue_kick(ring.vq);
		assert_true(model_ring_pop(&ring.model, 0, &chain));
		model_ring_fill(&ring.model, 0, 0, chain.head, 0);
		model_ring_show(&ring.model, 0, 1);
		assert_true(virtqueue_interrupts_on(ring.vq, 1));
		assert_false(ring.vq->armed);
		assert_non_null(virtqueue_take(ring.vq, &written));
		model_ring_interrupt(&ring.model, 0);
	}
	assert_int_equal(ring.called, 0);
	ring_close();
}

static void test_race(void **state)
{
	(void)state;
	for (uint16_t size = 1; size <= 64; size++)
		each_mode(size, race);
}

/* Rewound, it starts from the beginning with a device that does too. */
static void rewind_it(uint16_t size, struct mode mode)
{
	uint32_t written;

	if (mode.data)
		return;
	open_queue(size, mode, 4);
	for (unsigned int i = 0; i < 5; i++) {
		struct model_queue fresh = {.size_max = size, .vector = 0xffff};
		unsigned int pieces = size < 3 ? size : 3;

		round_trip(1);
		ring_chain(pieces, 0, 1);
		virtqueue_kick(ring.vq);
		ring_chain(1, 0, 2); /* not shown; with a short ring there is no room */
		virtqueue_interrupts_on(ring.vq, 1);
		while (virtqueue_detach(ring.vq))
			;
		ring.model.queues[0] = fresh;
		memset(ring.model.packed_counts, 0, sizeof(ring.model.packed_counts));
		ring.vq->armed = false;
		ring.vq->operations->rewind(ring.vq);
		ring_show();
		assert_int_equal(virtqueue_free(ring.vq), size);
		assert_null(virtqueue_take(ring.vq, &written));
		assert_false(virtqueue_kick(ring.vq));
		round_trip(pieces);
	}
	ring_close();
}

static void test_rewind(void **state)
{
	(void)state;
	for (uint16_t size = 1; size <= 16; size++)
		each_mode(size, rewind_it);
}

/* A read-only length that is not 0, in a batch too, is ignored; too long a one is not. */
static void test_batch_lengths(void **state)
{
	(void)state;
	for (unsigned int packed = 0; packed < 2; packed++) {
		struct mode mode = {.packed = packed, .in_order = true, .batches = true};
		struct model_chain chain;
		uint32_t written;

		open_queue(8, mode, 1);
		for (unsigned int i = 0; i < 3; i++)
			ring_chain(i == 1, i != 1, i + 1);
		virtqueue_kick(ring.vq);
		for (unsigned int i = 0; i < 3; i++) {
			model_ring_pop(&ring.model, 0, &chain);
			model_ring_fill(&ring.model, 0, i, chain.head, 5);
		}
		model_ring_show(&ring.model, 0, 3);
		assert_non_null(virtqueue_take(ring.vq, &written));
		assert_int_equal(written, RING_PIECE);
		assert_non_null(virtqueue_take(ring.vq, &written));
		assert_int_equal(written, 0);
		assert_non_null(virtqueue_take(ring.vq, &written));
		assert_int_equal(written, 5);
		ring_close();

		open_queue(8, mode, 1);
		for (unsigned int i = 0; i < 3; i++)
			ring_chain(0, 1, i + 1);
		virtqueue_kick(ring.vq);
		for (unsigned int i = 0; i < 3; i++) {
			model_ring_pop(&ring.model, 0, &chain);
			model_ring_fill(&ring.model, 0, i, chain.head, RING_PIECE + 1);
		}
		model_ring_show(&ring.model, 0, 3);
		assert_non_null(virtqueue_take(ring.vq, &written));
		assert_non_null(virtqueue_take(ring.vq, &written));
		assert_null(virtqueue_take(ring.vq, &written));
		assert_int_equal(ring.failed, 1);
		ring_close();
	}
}

/* A batch that ends with a buffer behind those that the index passed. */
static void test_batch_beyond_index(void **state)
{
	struct mode mode = {.in_order = true};
	struct model_chain chain;
	uint32_t written;

	(void)state;
	open_queue(8, mode, 1);
	for (unsigned int i = 0; i < 3; i++)
		ring_chain(0, 1, i + 1);
	virtqueue_kick(ring.vq);
	for (unsigned int i = 0; i < 2; i++)
		model_ring_pop(&ring.model, 0, &chain);
	model_ring_push(&ring.model, 0, chain.head, 5);
	assert_null(virtqueue_take(ring.vq, &written));
	assert_int_equal(ring.failed, 1);
	ring_close();
}

/* Four buffers, lent in one call; the device has them under these heads. */
static void lend_four(bool packed, uint16_t heads[4])
{
	struct mode mode = {.packed = packed};
	struct virtqueue_buffer buffers[4];
	struct model_chain chain;

	open_queue(4, mode, 1);
	for (unsigned int i = 0; i < 4; i++)
		buffers[i] = (struct virtqueue_buffer){{dma_address(ring.memory), RING_PIECE},
						       (void *)(uintptr_t)(i + 1)};
	assert_int_equal(virtqueue_add_each(ring.vq, buffers, 4), 4);
	assert_false(model_ring_pop(&ring.model, 0, &chain)); /* not shown yet */
	assert_true(virtqueue_kick(ring.vq));
	for (unsigned int i = 0; i < 4; i++) {
		assert_true(model_ring_pop(&ring.model, 0, &chain));
		assert_int_equal(chain.in_bytes, RING_PIECE);
		heads[i] = chain.head;
	}
}

/* What is good before something that is not comes; the rest is given back after the reset. */
static void test_each_and_a_lie(void **state)
{
	static const struct {
		bool length_lie;
		uint32_t length;
	} lies[] = {{true, RING_PIECE + 1}, {true, UINT32_MAX}, {false, 4}, {false, 0x3fff}};

	(void)state;
	for (unsigned int packed = 0; packed < 2; packed++) {
		for (unsigned int i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
			struct virtqueue_used used[4];
			uint16_t heads[4];

			lend_four(packed, heads);
			model_ring_fill(&ring.model, 0, 0, heads[2], 3);
			model_ring_fill(&ring.model, 0, 1, heads[0], RING_PIECE);
			model_ring_fill(&ring.model, 0, 2,
					lies[i].length_lie ? heads[1] : lies[i].length,
					lies[i].length_lie ? lies[i].length : 0);
			model_ring_show(&ring.model, 0, 3);
			assert_int_equal(virtqueue_take_each(ring.vq, used, 4), 2);
			assert_int_equal((uintptr_t)used[0].token, 3);
			assert_int_equal(used[0].length, 3);
			assert_int_equal((uintptr_t)used[1].token, 1);
			assert_int_equal(used[1].length, RING_PIECE);
			assert_int_equal(ring.failed, 1);
			assert_true(ring.vq->broken);
			assert_int_equal(virtqueue_take_each(ring.vq, used, 4), 0);
			assert_int_equal(
				virtqueue_add_each(ring.vq,
						   &(struct virtqueue_buffer){{0, 1}, used}, 1),
				0);
			assert_int_equal((uintptr_t)virtqueue_detach(ring.vq) +
						 (uintptr_t)virtqueue_detach(ring.vq),
					 2 + 4);
			assert_null(virtqueue_detach(ring.vq));
			ring_close();
		}
	}
}

/* The same buffer twice in one call. */
static void test_each_twice(void **state)
{
	(void)state;
	for (unsigned int packed = 0; packed < 2; packed++) {
		struct virtqueue_used used[4];
		uint16_t heads[4];

		lend_four(packed, heads);
		model_ring_fill(&ring.model, 0, 0, heads[1], 1);
		model_ring_fill(&ring.model, 0, 1, heads[1], 2);
		model_ring_show(&ring.model, 0, 2);
		assert_int_equal(virtqueue_take_each(ring.vq, used, 4), 1);
		assert_int_equal((uintptr_t)used[0].token, 2);
		assert_int_equal(ring.failed, 1);
		ring_close();
	}
}

/* A driver that gives the device up gets nothing more from it, though something good is there. */
static void test_given_up(void **state)
{
	(void)state;
	for (unsigned int packed = 0; packed < 2; packed++) {
		struct virtqueue_used used;
		uint16_t heads[4];

		lend_four(packed, heads);
		for (unsigned int i = 0; i < 3; i++)
			model_ring_push(&ring.model, 0, heads[i], 1);
		assert_int_equal((uintptr_t)virtqueue_take(ring.vq, &used.length), 1);
		virtqueue_break(ring.vq);
		assert_null(virtqueue_take(ring.vq, &used.length));
		assert_int_equal(virtqueue_take_each(ring.vq, &used, 1), 0);
		ring_close();
	}
}

/* A buffer longer than an indirect table goes without one, or not at all. */
static void test_longer_than_a_table(void **state)
{
	(void)state;
	for (unsigned int packed = 0; packed < 2; packed++) {
		struct mode mode = {.packed = packed, .indirect = true};

		open_queue(8, mode, 3);
		assert_int_equal(ring_chain(4, 0, 1), 0);
		assert_int_equal(ring.vq->counters.indirect, 0);
		assert_int_equal(virtqueue_free(ring.vq), 4);
		assert_int_equal(ring_chain(3, 0, 2), 0);
		assert_int_equal(virtqueue_free(ring.vq), 1);
		assert_int_equal(ring_chain(4, 0, 3), -ENOSPC);
		assert_int_equal(ring.vq->counters.indirect, 0);
		assert_int_equal(ring_chain(3, 0, 3),
				 0); /* through a table, as nothing else is left */
		assert_int_equal(ring.vq->counters.indirect, 1);
		assert_int_equal(virtqueue_free(ring.vq), 0);
		ring_close();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traffic),
		cmocka_unit_test(test_all_places),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_interrupt_after),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_rewind),
		cmocka_unit_test(test_batch_lengths),
		cmocka_unit_test(test_batch_beyond_index),
		cmocka_unit_test(test_each_and_a_lie),
		cmocka_unit_test(test_each_twice),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_longer_than_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
