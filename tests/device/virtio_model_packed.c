/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device's side of a packed virtqueue (virtio 1.4, 2.8), written apart from the driver's.
 *
 * Places are counted from the beginning of the queue's life and never wrap here: place p is entry
 * p % size of the ring in lap p / size, and the wrap counter is 1 in even laps.
 */
#include "tests/device/virtio_model_ring.h"

#include <string.h>

#define NEXT 1
#define WRITE 2
#define INDIRECT 4
#define AVAIL (1 << 7)
#define USED (1 << 15)
#define KNOWN_FLAGS (NEXT | WRITE | INDIRECT | AVAIL | USED)

#define EVENT_DISABLE 1
#define EVENT_DESC 2

static bool wrap_of(const struct model_queue *q, uint64_t place)
{
	return place / q->size % 2 == 0;
}

static struct model_packed_desc *ring(struct virtio_model *model, unsigned int queue)
{
	struct model_queue *q = &model->queues[queue];
	struct model_packed_desc *desc = host_dma_pointer(q->desc, 16ull * q->size);

	if (!desc)
		host_abort("a packed ring of %u at 0x%llx is not DMA memory", q->size,
			   (unsigned long long)q->desc);
	return desc;
}

static uint16_t *event(uint64_t address)
{
	uint16_t *words = host_dma_pointer(address, 4);

	if (!words)
		host_abort("an event structure at 0x%llx is not DMA memory",
			   (unsigned long long)address);
	return words;
}

struct model_packed_desc *model_packed_entry(struct virtio_model *model, unsigned int queue,
					     uint64_t place)
{
	return &ring(model, queue)[place % model->queues[queue].size];
}

static bool is_available(struct virtio_model *model, unsigned int queue, uint64_t place)
{
	uint16_t flags = model_packed_entry(model, queue, place)->flags;
	bool wrap = wrap_of(&model->queues[queue], place);

	return !!(flags & AVAIL) == wrap && !!(flags & USED) != wrap;
}

uint16_t model_packed_next(struct virtio_model *model, unsigned int queue)
{
	struct model_queue *q = &model->queues[queue];
	uint64_t place = q->avail_place;

	while (place < q->used_place + q->size && is_available(model, queue, place))
		place++;
	return (uint16_t)(place % q->size | (wrap_of(q, place) ? 0x8000u : 0));
}

static void write_kick_event(struct virtio_model *model, unsigned int queue)
{
	struct model_queue *q = &model->queues[queue];
	uint16_t *words = event(q->device);

	words[0] =
		(uint16_t)(q->avail_place % q->size | (wrap_of(q, q->avail_place) ? 0x8000u : 0));
	words[1] = EVENT_DESC;
}

void model_packed_want_kicks(struct virtio_model *model, unsigned int queue, bool want)
{
	struct model_queue *q = &model->queues[queue];

	q->no_notify = !want;
	if (want && virtio_model_accepted(model, MODEL_EVENT_IDX))
		write_kick_event(model, queue);
	else
		event(q->device)[1] = want ? 0 : EVENT_DISABLE;
}

static bool add_table(struct virtio_model *model, struct model_chain *chain,
		      const struct model_packed_desc *desc)
{
	const struct model_packed_desc *table = host_dma_pointer(desc->address, desc->length);

	if (!table || desc->length % 16 || !desc->length || desc->flags & (NEXT | WRITE) ||
	    !virtio_model_accepted(model, MODEL_INDIRECT)) {
		virtio_model_violation(model, "a wrong indirect descriptor");
		return false;
	}
	chain->indirect = true;
	for (uint32_t i = 0; i < desc->length / 16; i++) {
		if (table[i].flags & ~WRITE)
			virtio_model_violation(model, "flags %04x in an indirect table",
					       table[i].flags);
		if (!model_ring_append(model, chain, table[i].address, table[i].length,
				       table[i].flags & WRITE))
			return false;
	}
	return true;
}

bool model_packed_pop(struct virtio_model *model, unsigned int queue, struct model_chain *chain)
{
	struct model_queue *q = &model->queues[queue];
	const struct model_packed_desc *desc;
	unsigned int count = 0;
	bool good = true;

	if (!q->enabled || !is_available(model, queue, q->avail_place))
		return false;
	if (q->desc % 16 || q->driver % 4 || q->device % 4)
		virtio_model_violation(model, "queue %u: a part is not aligned", queue);
	memset(chain, 0, sizeof(*chain));
	do {
		if (count == q->size ||
		    (count && !is_available(model, queue, q->avail_place + count))) {
			virtio_model_violation(model, "a list that does not end");
			return false;
		}
		desc = model_packed_entry(model, queue, q->avail_place + count++);
		if (desc->flags & ~KNOWN_FLAGS)
			virtio_model_violation(model, "descriptor flags %04x", desc->flags);
		if (desc->flags & INDIRECT)
			good &= add_table(model, chain, desc);
		else
			good &= model_ring_append(model, chain, desc->address, desc->length,
						  desc->flags & WRITE);
	} while (good && desc->flags & NEXT);
	chain->head = desc->id;
	if (desc->id >= MODEL_PACKED_IDS)
		host_abort("buffer id %u", desc->id);
	if (model->packed_counts[queue][desc->id])
		virtio_model_violation(model, "buffer id %u is given twice", desc->id);
	if (q->avail_place + count > q->used_place + q->size)
		virtio_model_violation(model, "queue %u: more than the ring is lent", queue);
	model->packed_counts[queue][desc->id] = (uint16_t)count;
	q->avail_place += count;
	q->last_count = count;
	if (!q->no_notify && virtio_model_accepted(model, MODEL_EVENT_IDX))
		write_kick_event(model, queue);
	return good;
}

/* Takes the last one that was popped back: it is popped again. */
void model_packed_unpop(struct virtio_model *model, unsigned int queue,
			const struct model_chain *chain)
{
	model->queues[queue].avail_place -= model->packed_counts[queue][chain->head];
	model->packed_counts[queue][chain->head] = 0;
}

void model_packed_fill(struct virtio_model *model, unsigned int queue, unsigned int ahead,
		       uint32_t id, uint32_t length)
{
	struct model_queue *q = &model->queues[queue];
	uint16_t count = 1;

	if (ahead >= MODEL_FILLS)
		host_abort("%u used buffers at once", ahead);
	/* What is not lent, when the device lies, takes one entry. */
	if (id < MODEL_PACKED_IDS && model->packed_counts[queue][id]) {
		count = model->packed_counts[queue][id];
		model->packed_counts[queue][id] = 0;
	}
	q->fills[ahead] = (struct model_fill){(uint16_t)id, count, length};
}

static void write_used(struct virtio_model *model, unsigned int queue, uint64_t place,
		       const struct model_fill *fill)
{
	struct model_packed_desc *desc = model_packed_entry(model, queue, place);
	bool wrap = wrap_of(&model->queues[queue], place);

	desc->id = fill->id;
	desc->length = fill->length;
	host_poll();
	desc->flags = wrap ? AVAIL | USED : 0;
}

void model_packed_show(struct virtio_model *model, unsigned int queue, unsigned int count)
{
	struct model_queue *q = &model->queues[queue];
	uint64_t places[MODEL_FILLS + 1] = {q->used_place};

	for (unsigned int i = 0; i < count; i++)
		places[i + 1] = places[i] + q->fills[i].count;
	/* 2.8.9: one entry for all, with the id and the length of the last, where the first was. */
	if (model->batches && virtio_model_accepted(model, MODEL_IN_ORDER))
		write_used(model, queue, places[0], &q->fills[count - 1]);
	else /* the last first, so that the driver sees all or nothing */
		for (unsigned int i = count; i-- > 0;)
			write_used(model, queue, places[i], &q->fills[i]);
	q->used_place = places[count];
}

void model_packed_interrupt(struct virtio_model *model, unsigned int queue)
{
	struct model_queue *q = &model->queues[queue];
	const uint16_t *words = event(q->driver);
	uint64_t from = q->told_place;
	bool due = words[1] == 0;

	if (q->told_place == q->used_place)
		return;
	q->told_place = q->used_place;
	if (words[1] > EVENT_DESC ||
	    (words[1] == EVENT_DESC && !virtio_model_accepted(model, MODEL_EVENT_IDX)))
		virtio_model_violation(model, "driver event flags %04x", words[1]);
	if (words[1] == EVENT_DESC) {
		if ((words[0] & 0x7fff) >= q->size)
			virtio_model_violation(model, "driver event at %u", words[0] & 0x7fff);
		for (uint64_t place = from; place < q->used_place; place++)
			due |= place % q->size == (words[0] & 0x7fffu) &&
			       wrap_of(q, place) == (words[0] >> 15);
	}
	if (!due)
		return;
	q->interrupts++;
	model->interrupt(model, (int)queue);
}
