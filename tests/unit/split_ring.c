/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver's split ring against the model's: random chains at all sizes and across the wrap of
 * the 16-bit index, kick and interrupt decisions at their boundaries, and everything a device can
 * lie about.
 */
#include "drivers/virtio/rings/formats.h"
#include "drivers/virtio/rings/split.h"
#include "kernel/x86/io.h"
#include "tests/device/host.h"
#include "tests/device/ring_stand.h"
#include "tests/device/virtio_model.h"

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

#define SEGMENTS_MAX 8

static void open_queue(uint16_t size, bool event_idx, bool indirect)
{
	ring_open(&(struct virtqueue_parameters){.size = size,
						 .segments_max = SEGMENTS_MAX,
						 .event_idx = event_idx,
						 .indirect = indirect});
}

/* -- Random traffic against a reference */

struct reference {
	uintptr_t token;
	uint32_t in_bytes, written;
	unsigned int out, in;
	uint16_t head;
	bool popped, used;
};

static void traffic(uint16_t size, bool event_idx, bool indirect, unsigned int rounds)
{
	struct reference lent[64] = {0};
	unsigned int lent_count = 0, popped = 0;
	uintptr_t next_token = 1;

	open_queue(size, event_idx, indirect);
	srand(size * 4u + event_idx * 2u + indirect);
	for (unsigned int round = 0; round < rounds; round++) {
		/* Lend a few. */
		for (unsigned int n = (unsigned int)rand() % 4; n > 0; n--) {
			unsigned int out = (unsigned int)rand() % 4, in = (unsigned int)rand() % 4;
			unsigned int before = virtqueue_free(ring.vq);
			int error = ring_chain(out, in, next_token);

			if (!out && !in)
				assert_int_equal(error, -EINVAL);
			else if (out + in > size)
				assert_int_equal(error, -EINVAL);
			else if (error)
				assert_true(error == -ENOSPC && before < out + in);
			if (error)
				continue;
			assert_true(before > virtqueue_free(ring.vq));
			lent[lent_count++] = (struct reference){
				.token = next_token++, .in_bytes = 16 * in, .out = out, .in = in};
			assert_true(lent_count <= size);
		}
		virtqueue_kick(ring.vq);
		/* The device takes some, in order, and uses some of these, in any order. */
		for (unsigned int n = (unsigned int)rand() % 4; n > 0; n--) {
			struct model_chain chain;

			if (!model_split_pop(&ring.model, 0, &chain))
				break;
			while (lent[popped].popped)
				popped++;
			assert_int_equal(chain.out_count, lent[popped].out);
			assert_int_equal(chain.in_count, lent[popped].in);
			for (unsigned int i = 0; i < chain.out_count + chain.in_count; i++)
				assert_ptr_equal(chain.segments[i].data, ring.memory + 16 * i);
			lent[popped].popped = true;
			lent[popped].head = chain.head;
		}
		for (unsigned int i = 0; i < lent_count; i++) {
			uint32_t written;
			void *token;

			if (!lent[i].popped || rand() % 2)
				continue;
			written = lent[i].in_bytes ? (uint32_t)rand() % (lent[i].in_bytes + 1) : 0;
			model_split_push(&ring.model, 0, lent[i].head, written);
			token = virtqueue_take(ring.vq, &lent[i].written);
			assert_int_equal((uintptr_t)token, lent[i].token);
			assert_int_equal(lent[i].written, written);
			memmove(&lent[i], &lent[i + 1], (63 - i) * sizeof(lent[0]));
			lent_count--;
			i--;
		}
		popped = 0;
	}
	assert_int_equal(ring.failed, 0);
	assert_int_equal(ring.vq->counters.added - ring.vq->counters.taken, lent_count);
	/* After a reset everything comes back, once. */
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
	for (unsigned int size = 1; size <= 64; size *= 2)
		for (unsigned int mode = 0; mode < 4; mode++)
			traffic((uint16_t)size, mode & 1, mode & 2, 2000);
}

static void test_index_wrap(void **state)
{
	(void)state;
	/* About 1.5 buffers a round: the 16-bit indices go round more than twice. */
	traffic(16, true, false, 120000);
	traffic(16, false, true, 120000);
	assert_true(ring.model.queues[0].used_idx != 0);
}

/* -- Sizes */

static void test_sizes(void **state)
{
	struct virtqueue_parameters parameters = {.size = 3};

	(void)state;
	host_reset();
	assert_int_equal(virtqueue_usable_size(false, 0), 0);
	assert_int_equal(virtqueue_usable_size(false, 1), 1);
	assert_int_equal(virtqueue_usable_size(false, 100), 64);
	assert_int_equal(virtqueue_usable_size(false, 256), 256);
	assert_int_equal(virtqueue_usable_size(false, 65535), 32768);
	assert_int_equal(virtqueue_usable_size(true, 100), 100);
	assert_null(virtqueue_create(&parameters));
	parameters.size = 0;
	assert_null(virtqueue_create(&parameters));
	parameters.size = 32768;
	ring.vq = virtqueue_create(&parameters);
	assert_non_null(ring.vq);
	assert_int_equal(ring.vq->descriptor_area % 16, 0);
	assert_int_equal(ring.vq->driver_area % 2, 0);
	assert_int_equal(ring.vq->device_area % 4, 0);
	virtqueue_destroy(ring.vq);
	assert_int_equal(host_dma_blocks(), 0);
}

static void test_no_memory(void **state)
{
	struct virtqueue_parameters parameters = {.size = 8, .segments_max = 4, .indirect = true};

	(void)state;
	for (int allowed = 0; allowed < 2; allowed++) {
		host_reset();
		host_dma_fail_after(allowed);
		assert_null(virtqueue_create(&parameters));
		assert_int_equal(host_dma_blocks(), 0);
	}
}

/* -- Kicks */

static void test_kick_flag(void **state)
{
	(void)state;
	open_queue(8, false, false);
	assert_false(virtqueue_kick(ring.vq)); /* nothing is new */
	ring_chain(1, 0, 1);
	assert_true(virtqueue_kick(ring.vq));
	model_split_want_kicks(&ring.model, 0, false);
	ring_chain(1, 0, 2);
	assert_false(virtqueue_kick(ring.vq));
	assert_int_equal(model_split_avail_idx(&ring.model, 0), 2); /* it sees it nevertheless */
	model_split_want_kicks(&ring.model, 0, true);
	ring_chain(1, 0, 3);
	ring_chain(1, 0, 4);
	assert_true(virtqueue_kick(ring.vq)); /* one for both */
	assert_int_equal(ring.notified, 2);
	assert_int_equal(ring.vq->counters.kicks, 2);
	assert_int_equal(ring.vq->counters.kicks_avoided, 1);
	ring_close();
}

static void test_kick_before_live(void **state)
{
	(void)state;
	open_queue(8, true, false);
	ring.vq->live = false;
	ring_chain(1, 0, 1);
	assert_false(virtqueue_kick(ring.vq));
	assert_int_equal(model_split_avail_idx(&ring.model, 0), 0);
	ring.vq->live = true;
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
		model_split_pop(&ring.model, 0, &chain);
		model_split_fill(&ring.model, 0, 0, chain.head, 0);
		model_split_show(&ring.model, 0, 1);
		assert_non_null(virtqueue_take(ring.vq, &length));
	}
}

/* A kick is due exactly when the index passes the event, wherever both are. */
static void test_kick_event(void **state)
{
	static const unsigned int starts[] = {0, 1, 65533, 65534, 65535, 65536};

	(void)state;
	for (unsigned int s = 0; s < sizeof(starts) / sizeof(starts[0]); s++)
		for (unsigned int batch = 1; batch <= 3; batch++)
			for (int event = -3; event <= 5; event++) {
				uint8_t *used;
				uint16_t value = (uint16_t)((int)starts[s] + event);

				open_queue(4, true, false);
				advance(starts[s]);
				used = host_dma_pointer(ring.vq->device_area, 6 + 8 * 4);
				memcpy(used + 4 + 8 * 4, &value, sizeof(value));
				for (unsigned int i = 0; i < batch; i++)
					ring_chain(1, 0, 1);
				assert_int_equal(virtqueue_kick(ring.vq),
						 event >= 0 && event < (int)batch);
				ring_close();
			}
}

/* -- Interrupts */

/* The device uses the next available buffer. */
static void use_one(void)
{
	struct model_chain chain;

	assert_true(model_split_pop(&ring.model, 0, &chain));
	model_split_push(&ring.model, 0, chain.head, 0);
}

static void interrupts(bool event_idx)
{
	uint32_t length;

	open_queue(8, event_idx, false);
	for (unsigned int i = 0; i < 8; i++)
		ring_chain(1, 0, i + 1);
	virtqueue_kick(ring.vq);
	use_one();
	assert_int_equal(ring.called, 0); /* none was asked for */

	/* One is there already: interrupts stay off and the caller takes. */
	assert_true(virtqueue_interrupts_on(ring.vq, 1));
	assert_non_null(virtqueue_take(ring.vq, &length));
	assert_false(virtqueue_interrupts_on(ring.vq, 1));
	use_one();
	assert_int_equal(ring.called, 1);
	use_one();
	use_one();
	assert_int_equal(ring.called, 1); /* one asked for, one given */
	while (virtqueue_take(ring.vq, &length))
		;
	assert_false(virtqueue_interrupts_on(ring.vq, 1));
	virtqueue_interrupts_off(ring.vq);
	use_one();
	assert_int_equal(ring.called, 1);
	assert_non_null(virtqueue_take(ring.vq, &length));
	assert_int_equal(model_split_avail_flags(&ring.model, 0), !event_idx);

	/* Interrupts that nobody asked for do nothing. */
	virtqueue_interrupt(ring.vq);
	assert_int_equal(ring.called, 1);
	assert_true(ring.vq->counters.interrupts_idle >= 1);
	assert_int_equal(ring.vq->counters.interrupts, 1);
	ring_close();
}

static void test_interrupts(void **state)
{
	(void)state;
	interrupts(false);
	interrupts(true);
}

static void test_interrupt_after(void **state)
{
	uint32_t length;

	(void)state;
	open_queue(8, true, false);
	for (unsigned int i = 0; i < 8; i++)
		ring_chain(1, 0, i + 1);
	virtqueue_kick(ring.vq);
	use_one();
	assert_false(virtqueue_interrupts_on(ring.vq, 4));
	use_one();
	use_one();
	assert_int_equal(ring.called, 0);
	use_one();
	assert_int_equal(ring.called, 1);
	assert_true(virtqueue_interrupts_on(ring.vq, 4));
	for (unsigned int i = 0; i < 4; i++)
		assert_non_null(virtqueue_take(ring.vq, &length));
	ring_close();
}

/* Nobody asks for interrupts: there is none even when the index goes round many times. */
static void test_no_interrupts_at_wrap(void **state)
{
	uint32_t length;

	(void)state;
	open_queue(4, true, false);
	for (unsigned int i = 0; i < 200000; i++) {
		ring_chain(1, 0, 1);
		virtqueue_kick(ring.vq);
		use_one();
		assert_non_null(virtqueue_take(ring.vq, &length));
	}
	assert_int_equal(ring.vq->counters.interrupts_idle, 0);
	assert_int_equal(ring.model.queues[0].interrupts, 0);
	ring_close();
}

/* -- Lies */

static void test_lie_id(void **state)
{
	static const uint32_t ids[] = {8, 9, 65535, 65536, 0x80000000u, UINT32_MAX};

	(void)state;
	for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		open_queue(8, true, true);
		lend_one(1, 1);
		model_split_push(&ring.model, 0, ids[i], 0);
		expect_broken();
		assert_int_equal((uintptr_t)virtqueue_detach(ring.vq), 77);
		assert_null(virtqueue_detach(ring.vq));
		ring_close();
	}
}

static void test_lie_id_not_lent(void **state)
{
	uint32_t length;
	uint16_t head;

	(void)state;
	open_queue(8, false, false);
	head = lend_one(2, 0);
	lend_one(1, 0);
	/* The second descriptor of a chain is no head. */
	model_split_push(&ring.model, 0, (head + 1u) % 8, 0);
	expect_broken();
	ring_close();

	open_queue(8, false, false);
	head = lend_one(1, 0);
	lend_one(1, 0);
	model_split_push(&ring.model, 0, head, 0);
	assert_non_null(virtqueue_take(ring.vq, &length));
	model_split_push(&ring.model, 0, head, 0); /* twice */
	expect_broken();
	ring_close();
}

static void open_for_lengths(void)
{
	open_queue(8, false, true);
}

static void test_lie_length(void **state)
{
	(void)state;
	lie_length(open_for_lengths);
}

static void test_lie_index(void **state)
{
	static const uint16_t jumps[] = {2, 3, 9, 0x7fff, 0x8000, 0xfffe, 0xffff};

	(void)state;
	for (unsigned int i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		open_queue(8, true, false);
		lend_one(1, 0);
		*model_split_used_idx(&ring.model, 0) = jumps[i];
		assert_true(virtqueue_has_used(ring.vq));
		expect_broken();
		ring_close();
	}
}

/* The driver never reads back what the device could have changed. */
static void test_scribble(void **state)
{
	struct split_desc *desc;
	uint32_t length;
	uint16_t head;

	(void)state;
	open_queue(8, false, true);
	for (unsigned int i = 0; i < 1000; i++) {
		head = lend_one(2, 1);
		desc = host_dma_pointer(ring.vq->descriptor_area, 8 * sizeof(*desc));
		memset(desc, 0xa5, 8 * sizeof(*desc));
		model_split_push(&ring.model, 0, head, 16);
		assert_int_equal((uintptr_t)virtqueue_take(ring.vq, &length), 77);
		assert_int_equal(virtqueue_free(ring.vq), 8);
	}
	ring_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traffic),
		cmocka_unit_test(test_index_wrap),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_kick_flag),
		cmocka_unit_test(test_kick_before_live),
		cmocka_unit_test(test_kick_event),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_interrupt_after),
		cmocka_unit_test(test_no_interrupts_at_wrap),
		cmocka_unit_test(test_lie_id),
		cmocka_unit_test(test_lie_id_not_lent),
		cmocka_unit_test(test_lie_length),
		cmocka_unit_test(test_lie_index),
		cmocka_unit_test(test_scribble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
