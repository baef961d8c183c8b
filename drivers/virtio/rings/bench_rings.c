/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark `rings`: adding buffers to a virtqueue and taking them back, without a device. The
 * device's side is played between the two, outside the time that counts: it uses all that is available
 * in order, asks for no kick, and is not read or written by anybody else.
 *
 * Ticks are of the time stamp counter; under QEMU's -icount shift=0 they are instructions.
 */
#include "drivers/virtio/rings/packed.h"
#include "drivers/virtio/rings/split.h"
#include "drivers/virtio/rings/virtqueue.h"
#include "kernel/bench/bench.h"
#include "kernel/memory/dma.h"
#include "kernel/x86/cpu.h"

#include <errno.h>
#include <stdio.h>

#define QUEUE_SIZE 256u /* BATCH_MAX chains fill it */
#define PIECE 64u
#define CHAIN 8u
#define BATCH_MAX 32u
#define OPERATIONS 2048u

enum phase { PHASE_ADD, PHASE_TAKE, PHASE_BOTH };

struct stand {
	struct virtqueue *vq;
	bool packed;
	unsigned int segments, batch;
	bool each; /* one call for the whole batch */
	enum phase phase;
	uint64_t overhead; /* ticks that reading the counter twice takes */
	uint64_t kicks;
	struct virtqueue_segment pieces[CHAIN];
	struct virtqueue_buffer buffers[BATCH_MAX];
	/* The device's. */
	uint16_t place;
	bool wrap;
};

static void count_kick(struct virtqueue *vq)
{
	((struct stand *)vq->context)->kicks++;
}

static void use_split(struct stand *stand)
{
	const struct virtqueue *vq = stand->vq;
	const struct split_avail *avail = dma_pointer(vq->driver_area);
	struct split_used *used = dma_pointer(vq->device_area);
	le16 *avail_event = (le16 *)&used->ring[vq->size];
	uint16_t mask = (uint16_t)(vq->size - 1), end = wire_read16(&avail->idx);

	while (stand->place != end) {
		struct split_used_element *element = &used->ring[stand->place & mask];

		wire_write32(&element->id, wire_read16(&avail->ring[stand->place & mask]));
		wire_write32(&element->length, 0);
		stand->place++;
	}
	/* 2.7.10: a kick at the index behind this one, which is a whole round away. */
	wire_write16(avail_event, (uint16_t)(stand->place - 1));
	wire_write16(&used->idx, stand->place);
}

static void use_packed(struct stand *stand, unsigned int buffers)
{
	const struct virtqueue *vq = stand->vq;
	struct packed_desc *ring = dma_pointer(vq->descriptor_area);

	while (buffers--) {
		unsigned int length = 1, last = stand->place;

		/* 2.8.6: the id stands in the last descriptor of the list. */
		while (wire_read16(&ring[last].flags) & PACKED_DESC_NEXT) {
			last = (last + 1) % vq->size;
			length++;
		}
		wire_write16(&ring[stand->place].id, wire_read16(&ring[last].id));
		wire_write32(&ring[stand->place].length, 0);
		wire_write16(&ring[stand->place].flags,
			     stand->wrap ? PACKED_DESC_AVAIL | PACKED_DESC_USED : 0);
		stand->place = (uint16_t)(stand->place + length);
		if (stand->place >= vq->size) {
			stand->place = (uint16_t)(stand->place - vq->size);
			stand->wrap = !stand->wrap;
		}
	}
}

static uint64_t counted(const struct stand *stand, uint64_t from, uint64_t to)
{
	return to - from > stand->overhead ? to - from - stand->overhead : 0;
}

static int run_round(struct bench_round *round)
{
	struct stand *stand = round->context;
	struct virtqueue *vq = stand->vq;
	uint64_t adding = 0, taking = 0, start;
	struct virtqueue_used used[BATCH_MAX];
	uint32_t length;

	for (uint64_t done = 0; done < round->operations; done += stand->batch) {
		int error = 0;

		start = cpu_tsc();
		if (stand->each)
			error = virtqueue_add_each(vq, stand->buffers, stand->batch) !=
				stand->batch;
		for (unsigned int i = 0; !stand->each && i < stand->batch; i++)
			error |= virtqueue_add(vq, stand->pieces, 0, stand->segments, stand);
		(void)virtqueue_kick(vq);
		adding += counted(stand, start, cpu_tsc());
		if (error)
			return -EIO;
		if (stand->packed)
			use_packed(stand, stand->batch);
		else
			use_split(stand);
		start = cpu_tsc();
		if (stand->each)
			error = virtqueue_take_each(vq, used, stand->batch) != stand->batch;
		for (unsigned int i = 0; !stand->each && i < stand->batch; i++)
			error |= !virtqueue_take(vq, &length);
		taking += counted(stand, start, cpu_tsc());
		if (error)
			return -EIO;
	}
	round->elapsed = stand->phase == PHASE_ADD    ? adding
			 : stand->phase == PHASE_TAKE ? taking
						      : adding + taking;
	return 0;
}

static void costs(void *context, struct bench_costs *costs)
{
	const struct stand *stand = context;

	costs->kicks = stand->kicks;
}

static void find_overhead(struct stand *stand)
{
	stand->overhead = UINT64_MAX;
	for (unsigned int i = 0; i < 64; i++) {
		uint64_t start = cpu_tsc(), pair = cpu_tsc() - start;

		if (pair < stand->overhead)
			stand->overhead = pair;
	}
}

static int measure(struct bench *bench, struct stand *stand, const char *kind)
{
	static const char *const phases[] = {"add", "take", "add and take"};
	char what[BENCH_TEXT_MAX];
	struct bench_measurement measurement = {
		.device = stand->packed ? "packed" : "split",
		.what = what,
		.unit = BENCH_TICKS,
		.operations = OPERATIONS,
		.multiple = BATCH_MAX,
		.round = run_round,
		.costs = costs,
		.context = stand,
	};
	int error = 0;

	for (unsigned int phase = PHASE_ADD; phase <= PHASE_BOTH && !error; phase++) {
		stand->phase = (enum phase)phase;
		sniprintf(what, sizeof(what), "%s, batch of %u: %s", kind, stand->batch,
			  phases[phase]);
		error = bench_measure(bench, &measurement);
	}
	return error;
}

/* A queue of its own for each, so that none finds the ring as another one has left it. */
static int run_queue(struct bench *bench, struct stand *stand, bool indirect, const char *kind)
{
	struct virtqueue_parameters parameters = {
		.size = QUEUE_SIZE,
		.segments_max = stand->segments,
		.packed = stand->packed,
		.event_idx = true,
		.indirect = indirect,
	};
	int error;

	stand->vq = virtqueue_create(&parameters);
	if (!stand->vq)
		return -ENOMEM;
	stand->place = 0;
	stand->wrap = true;
	stand->vq->context = stand;
	stand->vq->notify = count_kick;
	stand->vq->live = true;
	if (stand->packed)
		wire_write32((le32 *)dma_pointer(stand->vq->device_area),
			     PACKED_EVENT_DISABLE << PACKED_EVENT_FLAGS_SHIFT);
	else
		wire_write16((le16 *)&((struct split_used *)dma_pointer(stand->vq->device_area))
				     ->ring[QUEUE_SIZE],
			     UINT16_MAX);
	error = measure(bench, stand, kind);
	virtqueue_destroy(stand->vq);
	return error;
}

static int run(struct bench *bench)
{
	static const struct {
		const char *name;
		unsigned int segments;
		bool indirect, each;
	} kinds[] = {{"direct", 1, false, false},
		     {"direct, one call", 1, false, true},
		     {"chain of 8", CHAIN, false, false},
		     {"indirect of 8", CHAIN, true, false}};
	static const unsigned int kind_count = sizeof(kinds) / sizeof(kinds[0]);
	static const unsigned int batches[] = {1, BATCH_MAX};
	size_t size = (size_t)CHAIN * PIECE;
	uint8_t *memory = dma_alloc(size, NULL);
	struct stand stand = {0};
	int error = 0;

	if (!memory)
		return -ENOMEM;
	for (unsigned int i = 0; i < CHAIN; i++)
		stand.pieces[i] =
			(struct virtqueue_segment){dma_address(memory + (size_t)i * PIECE), PIECE};
	for (unsigned int i = 0; i < BATCH_MAX; i++)
		stand.buffers[i] = (struct virtqueue_buffer){stand.pieces[0], &stand};
	find_overhead(&stand);
	for (unsigned int packed = 0; packed < 2 && !error; packed++)
		for (unsigned int kind = 0; kind < kind_count && !error; kind++)
			for (unsigned int batch = 0; batch < 2 && !error; batch++) {
				stand.packed = packed;
				stand.segments = kinds[kind].segments;
				stand.each = kinds[kind].each;
				stand.batch = batches[batch];
				error = run_queue(bench, &stand, kinds[kind].indirect,
						  kinds[kind].name);
			}
	dma_free(memory, size);
	return error;
}
BENCH(rings, 10, "a buffer added to a ring and taken from it, without a device", run);
