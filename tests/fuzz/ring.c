/* SPDX-License-Identifier: BSD-2-Clause */
/* Adds, kicks, takes and resets in any order; each token must come back exactly once. */
#include "tests/fuzz/ring.h"

#include "kernel/facts/facts.h"
#include "kernel/memory/dma.h"
#include "tests/device/ring_stand.h"
#include "tests/device/virtio_model_ring.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"

#include <string.h>

#define TOKENS 256u
#define STEPS 200

static struct hostile hostile;
static uint32_t writable[TOKENS]; /* 1 + bytes that the device may write; 0: not lent */
static unsigned int lent;

/* An honest device: uses all there is. */
static void echo(struct virtio_model *model)
{
	static struct model_chain chain;

	while (model_ring_pop(model, 0, &chain))
		model_ring_push(model, 0, chain.head, chain.in_bytes);
}

/* Any at any time; those of the configuration are nobody's here. */
static void on_interrupt(struct virtio_model *model, int queue)
{
	(void)model;
	if (queue == 0)
		virtqueue_interrupt(ring.vq);
}

static void add(void)
{
	unsigned int out = fuzz_choose(6), in = fuzz_choose(6);
	uintptr_t token = 1;
	int error;

	if (fuzz_choose(16) == 15)
		out += 50;
	while (token <= TOKENS && writable[token - 1])
		token++;
	if (token > TOKENS)
		return;
	error = ring_chain(out, in, token);
	if (error) {
		fuzz_check(error == -28 /* ENOSPC */ || error == -22 || error == -5, "add: %d",
			   error);
		fuzz_check(error != -5 || ring.vq->broken, "-EIO of a queue that is not broken");
		return;
	}
	fuzz_check(out + in && out + in <= ring.vq->size, "%u segments were taken", out + in);
	writable[token - 1] = 1 + in * RING_PIECE;
	lent++;
}

static void returned(uintptr_t token, uint32_t length)
{
	fuzz_check(token && token <= TOKENS && writable[token - 1],
		   "token %zu came back and is not lent", (size_t)token);
	fuzz_check(length < writable[token - 1], "%u bytes in a buffer of %u", length,
		   writable[token - 1] - 1);
	writable[token - 1] = 0;
	lent--;
}

static void take(void)
{
	uint32_t length = 0;
	void *token = virtqueue_take(ring.vq, &length);

	if (token)
		returned((uintptr_t)token, length);
}

/* The same for several in one call: buffers of one piece that the device writes. */
static void add_each(void)
{
	struct virtqueue_buffer buffers[8];
	unsigned int wanted = 1 + fuzz_choose(8), count = 0, added, room = virtqueue_free(ring.vq);

	for (uintptr_t token = 1; token <= TOKENS && count < wanted; token++)
		if (!writable[token - 1])
			buffers[count++] = (struct virtqueue_buffer){
				{dma_address(ring.memory), RING_PIECE}, (void *)token};
	added = virtqueue_add_each(ring.vq, buffers, count);
	fuzz_check(ring.vq->broken ? !added : added == (count < room ? count : room),
		   "%u of %u buffers were taken with room for %u", added, count, room);
	for (unsigned int i = 0; i < added; i++)
		writable[(uintptr_t)buffers[i].token - 1] = 1 + RING_PIECE;
	lent += added;
}

static void take_each(void)
{
	struct virtqueue_used used[8];
	unsigned int count = virtqueue_take_each(ring.vq, used, 1 + fuzz_choose(8));

	for (unsigned int i = 0; i < count; i++)
		returned((uintptr_t)used[i].token, used[i].length);
}

/* As a driver recovers: the device is reset, buffers come back, the queue is as new. */
static void recover(void)
{
	void *token;

	virtio_model_status_write(&ring.model, 0);
	while ((token = virtqueue_detach(ring.vq)))
		returned((uintptr_t)token, 0);
	fuzz_check(!lent, "%u buffers did not come back", lent);
}

static void restart(const struct virtqueue_parameters *parameters)
{
	recover();
	ring.vq->operations->rewind(ring.vq);
	ring.vq->broken = false;
	ring.model.status = 15;
	ring.model.accepted[0] = (parameters->event_idx ? MODEL_FEATURE(MODEL_EVENT_IDX) : 0) |
				 (parameters->indirect ? MODEL_FEATURE(MODEL_INDIRECT) : 0);
	ring.model.accepted[1] = MODEL_FEATURE(MODEL_VERSION_1) |
				 (parameters->packed ? MODEL_FEATURE(MODEL_RING_PACKED) : 0) |
				 (parameters->in_order ? MODEL_FEATURE(MODEL_IN_ORDER) : 0);
	ring_show();
}

static void step(const struct virtqueue_parameters *parameters)
{
	switch (fuzz_choose(10)) {
	case 0:
	case 1:
		add();
		break;
	case 2:
		(void)virtqueue_kick(ring.vq);
		break;
	case 3:
	case 4:
		take();
		break;
	case 5:
		host_poll();
		break;
	case 6:
		(void)virtqueue_interrupts_on(ring.vq, 1 + fuzz_choose(8));
		break;
	case 7:
		virtqueue_interrupts_off(ring.vq);
		(void)virtqueue_has_used(ring.vq);
		(void)virtqueue_notification(ring.vq);
		break;
	case 8:
		virtqueue_notify(ring.vq);
		break;
	default:
		switch (fuzz_choose(4)) {
		case 1:
			add_each();
			break;
		case 2:
			take_each();
			break;
		case 3:
			restart(parameters);
			break;
		}
		break;
	}
}

/* With an honest device a queue that is new works, whatever was before. */
static void works_again(const struct virtqueue_parameters *parameters)
{
	hostile_calm(&hostile);
	restart(parameters);
	for (unsigned int i = 0; i < 3; i++) {
		add();
		(void)virtqueue_kick(ring.vq);
		host_poll();
		while (lent) {
			unsigned int before = lent;

			take();
			fuzz_check(lent < before, "an honest device's buffer does not come back");
		}
		if (ring_chain(1, 1, 1) == 0) {
			writable[0] = 1 + RING_PIECE;
			lent++;
		}
		(void)virtqueue_kick(ring.vq);
		host_poll();
		take();
		fuzz_check(!lent && !ring.vq->broken, "the queue does not work again");
	}
}

void fuzz_ring(bool packed)
{
	static const uint16_t sizes[] = {8, 1, 2, 4, 16, 64, 5, 256};
	struct virtqueue_parameters parameters = {.packed = packed, .segments_max = 8};
	uint8_t flags = fuzz_byte();
	uint32_t size = sizes[flags & 7];

	parameters.size = virtqueue_usable_size(packed, size);
	parameters.event_idx = flags & 8;
	parameters.indirect = flags & 16;
	parameters.in_order = flags & 32;
	parameters.segments_max = flags & 64 ? 1 : 8;
	memset(writable, 0, sizeof(writable));
	lent = 0;
	ring_open(&parameters);
	ring.model.process = echo;
	ring.model.interrupt = on_interrupt;
	ring.model.batches = flags & 128;
	hostile_open(&hostile, &ring.model);
	hostile.lies &= (uint8_t) ~(LIE_CHANGES | LIE_CONFIG);
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		step(&parameters);
	hostile_check(&hostile);
	ring.model.violations = 0;
	works_again(&parameters);
	recover();
	ring_close();
}
