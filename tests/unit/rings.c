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

#define SEGMENTS_MAX 64
#define PIECE 16
#define BLOCK (SEGMENTS_MAX * PIECE)

struct mode {
	bool packed, event_idx, indirect, in_order, batches, data;
};

static struct virtio_model model;
static struct virtqueue *vq;
static uint8_t *memory;
static unsigned int notified, called, failed;

static void on_interrupt(struct virtio_model *device, int queue)
{
	(void)device;
	assert_int_equal(queue, 0);
	virtqueue_interrupt(vq);
}

static void on_call(struct virtqueue *queue)
{
	(void)queue;
	called++;
}

/* As the transports do it: the model checks what it is told. */
static void on_notify(struct virtqueue *queue)
{
	notified++;
	virtio_model_notify(&model, virtio_model_accepted(&model, MODEL_NOTIFICATION_DATA)
					    ? virtqueue_notification(queue)
					    : queue->notify_value);
}

static void on_failure(struct virtqueue *queue)
{
	(void)queue;
	failed++;
}

static void accept(unsigned int bit, bool on)
{
	if (on)
		model.accepted[bit / 32] |= MODEL_FEATURE(bit);
}

static void show_to_model(void)
{
	model.queues[0].desc = vq->descriptor_area;
	model.queues[0].driver = vq->driver_area;
	model.queues[0].device = vq->device_area;
	model.queues[0].size = vq->size;
	model.queues[0].enabled = true;
}

static void open_queue(uint16_t size, struct mode mode, unsigned int segments_max)
{
	struct virtqueue_parameters parameters = {
		.size = size,
		.segments_max = segments_max,
		.packed = mode.packed,
		.event_idx = mode.event_idx,
		.indirect = mode.indirect,
		.in_order = mode.in_order,
	};

	host_reset();
	notified = called = failed = 0;
	virtio_model_init(&model, 4, 1, size);
	model.interrupt = on_interrupt;
	model.status = 15;
	model.batches = mode.batches;
	accept(MODEL_VERSION_1, true);
	accept(MODEL_RING_PACKED, mode.packed);
	accept(MODEL_EVENT_IDX, mode.event_idx);
	accept(MODEL_INDIRECT, mode.indirect);
	accept(MODEL_IN_ORDER, mode.in_order);
	accept(MODEL_NOTIFICATION_DATA, mode.data);
	vq = virtqueue_create(&parameters);
	assert_non_null(vq);
	assert_string_equal(vq->operations->format, mode.packed ? "packed" : "split");
	vq->notify = on_notify;
	vq->callback = on_call;
	vq->failed = on_failure;
	vq->live = true;
	strcpy(vq->name, "test");
	show_to_model();
	memory = dma_alloc(BLOCK, NULL);
}

static void close_queue(void)
{
	if (model.violations)
		fail_msg("size %u: %s", vq->size, model.violation);
	virtqueue_destroy(vq);
	dma_free(memory, BLOCK);
	assert_int_equal(host_dma_blocks(), 0);
}

static int add(unsigned int out, unsigned int in, uintptr_t token)
{
	struct virtqueue_segment segments[SEGMENTS_MAX];

	for (unsigned int i = 0; i < out + in; i++) {
		segments[i].address = dma_address(memory) + PIECE * i;
		segments[i].length = PIECE;
	}
	return virtqueue_add(vq, segments, out, in, (void *)token);
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
		unsigned int before = virtqueue_free(vq);
		int error = add(out, in, *next_token);

		if ((!out && !in) || out + in > size)
			assert_int_equal(error, -EINVAL);
		else if (error)
			assert_true(error == -ENOSPC && before < out + in);
		if (error)
			continue;
		assert_true(before > virtqueue_free(vq));
		assert_true(lent_count < size);
		lent[lent_count++] = (struct reference){++*next_token - 1, out, in, 0, 0};
	}
}

static void pop_some(void)
{
	for (unsigned int n = (unsigned int)rand() % 4; n > 0; n--) {
		struct model_chain chain;

		if (!model_ring_pop(&model, 0, &chain))
			break;
		assert_true(popped < lent_count);
		assert_int_equal(chain.out_count, lent[popped].out);
		assert_int_equal(chain.in_count, lent[popped].in);
		for (unsigned int i = 0; i < chain.out_count + chain.in_count; i++)
			assert_ptr_equal(chain.segments[i].data, memory + PIECE * i);
		lent[popped++].head = chain.head;
	}
}

/* The device uses `count` of the popped ones at once, and the driver takes them back. */
static void use(struct mode mode, unsigned int count)
{
	struct reference used[64];

	for (unsigned int i = 0; i < count; i++) {
		unsigned int which = mode.in_order ? 0 : (unsigned int)rand() % popped;
		uint32_t room = PIECE * lent[which].in;

		used[i] = lent[which];
		/* Those that are skipped in a batch count as written completely. */
		used[i].written =
			mode.batches && i + 1 < count ? room : (uint32_t)rand() % (room + 1);
		memmove(&lent[which], &lent[which + 1], (lent_count - which - 1) * sizeof(lent[0]));
		lent_count--;
		popped--;
		model_ring_fill(&model, 0, i, used[i].head, used[i].written);
	}
	model_ring_show(&model, 0, count);
	model_ring_interrupt(&model, 0);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t written;

		assert_true(virtqueue_has_used(vq));
		assert_int_equal((uintptr_t)virtqueue_take(vq, &written), used[i].token);
		assert_int_equal(written, used[i].written);
	}
	assert_false(virtqueue_has_used(vq));
}

static void traffic(uint16_t size, struct mode mode)
{
	uintptr_t next_token = 1;

	open_queue(size, mode, 8);
	srand(size);
	lent_count = popped = 0;
	for (unsigned int round = 0; round < 60u + 4u * size; round++) {
		lend_some(size, &next_token);
		virtqueue_kick(vq);
		pop_some();
		if (popped)
			use(mode, 1 + (unsigned int)rand() % popped);
	}
	assert_int_equal(failed, 0);
	assert_int_equal(vq->counters.added - vq->counters.taken, lent_count);
	/* After a reset everything comes back, once, and the ring is as good as new. */
	for (; lent_count; lent_count--) {
		uintptr_t token = (uintptr_t)virtqueue_detach(vq);
		unsigned int i = 0;

		while (i < lent_count && lent[i].token != token)
			i++;
		assert_true(i < lent_count);
		lent[i] = lent[lent_count - 1];
	}
	assert_null(virtqueue_detach(vq));
	assert_int_equal(virtqueue_free(vq), size);
	close_queue();
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
	unsigned int in = pieces / 2, calls = called, kicks = notified;
	struct model_chain chain;
	uint32_t written;

	assert_int_equal(add(pieces - in, in, pieces), 0);
	assert_false(model_ring_pop(&model, 0, &chain)); /* not shown yet */
	assert_true(virtqueue_kick(vq));
	assert_int_equal(notified, kicks + 1);
	assert_true(model_ring_pop(&model, 0, &chain));
	assert_int_equal(chain.out_count, pieces - in);
	assert_int_equal(chain.in_count, in);
	assert_false(model_ring_pop(&model, 0, &chain));
	assert_null(virtqueue_take(vq, &written));
	assert_false(virtqueue_interrupts_on(vq, 1));
	model_ring_push(&model, 0, chain.head, PIECE * in);
	assert_int_equal(called, calls + 1);
	assert_int_equal((uintptr_t)virtqueue_take(vq, &written), pieces);
	assert_int_equal(written, PIECE * in);
	assert_null(virtqueue_take(vq, &written));
	assert_int_equal(virtqueue_free(vq), vq->size);
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
		assert_int_equal(failed, 0);
		close_queue();
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
			assert_int_equal(add(0, 1, i + 1), 0);
		assert_int_equal(add(0, 1, 1), -ENOSPC);
		assert_int_equal(virtqueue_free(vq), 0);
		assert_true(virtqueue_kick(vq));
		assert_false(virtqueue_interrupts_on(vq, size));
		called = 0;
		for (unsigned int i = 0; i < size; i++) {
			assert_true(model_ring_pop(&model, 0, &chain));
			model_ring_fill(&model, 0, i, chain.head, PIECE);
		}
		assert_false(model_ring_pop(&model, 0, &chain));
		model_ring_show(&model, 0, size);
		model_ring_interrupt(&model, 0);
		assert_int_equal(called, 1);
		assert_true(virtqueue_interrupts_on(vq, size));
		for (unsigned int i = 0; i < size; i++) {
			assert_int_equal((uintptr_t)virtqueue_take(vq, &written), i + 1);
			assert_int_equal(written, PIECE);
		}
		assert_null(virtqueue_take(vq, &written));
		round_trip(1); /* one place on */
	}
	close_queue();
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
				add(1, 0, i + 1);
			virtqueue_kick(vq);
			called = 0;
			assert_false(virtqueue_interrupts_on(vq, after));
			for (unsigned int i = 1; i <= size; i++) {
				assert_true(model_ring_pop(&model, 0, &chain));
				model_ring_push(&model, 0, chain.head, 0);
				assert_int_equal(called, i >= after);
			}
			while (virtqueue_take(vq, &written))
				;
		}
		round_trip(1);
	}
	close_queue();
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

		add(1, 0, 1);
		virtqueue_kick(vq);
		if (i % 3 == 0) {
			/* Asked for, and thought better of. */
			virtqueue_interrupts_on(vq, 1);
			virtqueue_interrupts_off(vq);
		}
		model_ring_pop(&model, 0, &chain);
		model_ring_push(&model, 0, chain.head, 0);
		assert_non_null(virtqueue_take(vq, &written));
	}
	assert_int_equal(called, 0);
	if (!mode.event_idx || mode.packed)
		assert_int_equal(model.queues[0].interrupts, 0);
	close_queue();
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
		add(1, 0, 1);
		virtqueue_kick(vq);
		assert_true(model_ring_pop(&model, 0, &chain));
		model_ring_fill(&model, 0, 0, chain.head, 0);
		model_ring_show(&model, 0, 1);
		assert_true(virtqueue_interrupts_on(vq, 1));
		assert_false(vq->armed);
		assert_non_null(virtqueue_take(vq, &written));
		model_ring_interrupt(&model, 0);
	}
	assert_int_equal(called, 0);
	close_queue();
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
		add(pieces, 0, 1);
		virtqueue_kick(vq);
		add(1, 0, 2); /* not shown; with a short ring there is no room */
		virtqueue_interrupts_on(vq, 1);
		while (virtqueue_detach(vq))
			;
		model.queues[0] = fresh;
		memset(model.packed_counts, 0, sizeof(model.packed_counts));
		vq->armed = false;
		vq->operations->rewind(vq);
		show_to_model();
		assert_int_equal(virtqueue_free(vq), size);
		assert_null(virtqueue_take(vq, &written));
		assert_false(virtqueue_kick(vq));
		round_trip(pieces);
	}
	close_queue();
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
			add(i == 1, i != 1, i + 1);
		virtqueue_kick(vq);
		for (unsigned int i = 0; i < 3; i++) {
			model_ring_pop(&model, 0, &chain);
			model_ring_fill(&model, 0, i, chain.head, 5);
		}
		model_ring_show(&model, 0, 3);
		assert_non_null(virtqueue_take(vq, &written));
		assert_int_equal(written, PIECE);
		assert_non_null(virtqueue_take(vq, &written));
		assert_int_equal(written, 0);
		assert_non_null(virtqueue_take(vq, &written));
		assert_int_equal(written, 5);
		close_queue();

		open_queue(8, mode, 1);
		for (unsigned int i = 0; i < 3; i++)
			add(0, 1, i + 1);
		virtqueue_kick(vq);
		for (unsigned int i = 0; i < 3; i++) {
			model_ring_pop(&model, 0, &chain);
			model_ring_fill(&model, 0, i, chain.head, PIECE + 1);
		}
		model_ring_show(&model, 0, 3);
		assert_non_null(virtqueue_take(vq, &written));
		assert_non_null(virtqueue_take(vq, &written));
		assert_null(virtqueue_take(vq, &written));
		assert_int_equal(failed, 1);
		close_queue();
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
		add(0, 1, i + 1);
	virtqueue_kick(vq);
	for (unsigned int i = 0; i < 2; i++)
		model_ring_pop(&model, 0, &chain);
	model_ring_push(&model, 0, chain.head, 5);
	assert_null(virtqueue_take(vq, &written));
	assert_int_equal(failed, 1);
	close_queue();
}

/* A buffer longer than an indirect table goes without one, or not at all. */
static void test_longer_than_a_table(void **state)
{
	(void)state;
	for (unsigned int packed = 0; packed < 2; packed++) {
		struct mode mode = {.packed = packed, .indirect = true};

		open_queue(8, mode, 3);
		assert_int_equal(add(4, 0, 1), 0);
		assert_int_equal(vq->counters.indirect, 0);
		assert_int_equal(virtqueue_free(vq), 4);
		assert_int_equal(add(3, 0, 2), 0);
		assert_int_equal(virtqueue_free(vq), 1);
		assert_int_equal(add(4, 0, 3), -ENOSPC);
		assert_int_equal(vq->counters.indirect, 0);
		assert_int_equal(add(3, 0, 3), 0); /* through a table, as nothing else is left */
		assert_int_equal(vq->counters.indirect, 1);
		assert_int_equal(virtqueue_free(vq), 0);
		close_queue();
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
		cmocka_unit_test(test_longer_than_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
