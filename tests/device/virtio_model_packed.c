/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device's side of a packed virtqueue (virtio 1.4, 2.8), written apart from the driver's.
 *
 * Places are counted from the beginning of the queue's life and never wrap here: place p is entry
 * p % size of the ring in lap p / size, and the wrap counter is 1 in even laps.
 */
#include "tests/device/virtio_model_ring.h"

#include "tests/device/faults.h"

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

bool model_packed_usable(const struct virtio_model *model, unsigned int queue)
{
	const struct model_queue *q = &model->queues[queue];

	return q->size && !(q->desc % 16 || q->driver % 4 || q->device % 4) &&
	       host_dma_pointer(q->desc, 16ull * q->size) && host_dma_pointer(q->driver, 4) &&
	       host_dma_pointer(q->device, 4);
}

static bool is_available(struct virtio_model *model, unsigned int queue, uint64_t place)
{
	uint16_t flags = model_packed_entry(model, queue, place)->flags;
	bool wrap = wrap_of(&model->queues[queue], place);

	if (fault(FAULT_PACKED_WRAP_IGNORED))
		return !!(flags & AVAIL) != !!(flags & USED);
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

bool model_packed_waits(struct virtio_model *model, unsigned int queue)
{
	return !model->queues[queue].blind && model_packed_usable(model, queue) &&
	       is_available(model, queue, model->queues[queue].avail_place);
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
		      const struct model_packed_desc *desc, bool first)
{
	const uint8_t *table = host_dma_pointer(desc->address, desc->length);

	/* 2.8.19: WRITE says nothing there. */
	if (!table || desc->address % 2 || desc->length % 16 || !desc->length ||
	    desc->flags & NEXT || !first ||
	    (desc->flags & WRITE && fault(FAULT_INDIRECT_WRITE_REFUSED)) ||
	    !virtio_model_accepted(model, MODEL_INDIRECT)) {
		virtio_model_broken(model, "a wrong indirect descriptor");
		return false;
	}
	chain->indirect = true;
	for (uint32_t i = 0; i < desc->length / 16; i++) {
		struct model_packed_desc entry;

		memcpy(&entry, table + 16ull * i, sizeof(entry));
		if (entry.flags & INDIRECT) {
			virtio_model_broken(model, "an indirect table in an indirect table");
			return false;
		}
		if (entry.flags & ~WRITE)
			virtio_model_violation(model, "flags %04x in an indirect table",
					       entry.flags);
		if (!model_ring_append(model, chain, entry.address, entry.length,
				       entry.flags & WRITE))
			return false;
	}
	return true;
}

/* Takes the list at the next place; returns how many entries it has, 0 when it is no good. */
static unsigned int take_list(struct virtio_model *model, unsigned int queue,
			      struct model_chain *chain)
{
	struct model_queue *q = &model->queues[queue];
	struct model_packed_desc desc;
	unsigned int count = 0;

	do {
		if (count == q->size ||
		    (count && !is_available(model, queue, q->avail_place + count))) {
			if (count && fault(FAULT_BAD_CHAIN_COMPLETES))
				return count;
			virtio_model_broken(model, "a list that does not end");
			return 0;
		}
		desc = *model_packed_entry(model, queue, q->avail_place + count);
		if (desc.flags & ~KNOWN_FLAGS)
			virtio_model_violation(model, "descriptor flags %04x", desc.flags);
		if (!count || !fault(FAULT_PACKED_ID_FIRST))
			chain->head = desc.id;
		if (desc.flags & INDIRECT ? !add_table(model, chain, &desc, !count)
					  : !model_ring_append(model, chain, desc.address,
							       desc.length, desc.flags & WRITE))
			return 0;
		count++;
	} while (desc.flags & NEXT);
	return count;
}

bool model_packed_pop(struct virtio_model *model, unsigned int queue, struct model_chain *chain)
{
	struct model_queue *q = &model->queues[queue];
	unsigned int count;

	if (!q->enabled || q->blind || model->stuck)
		return false;
	if (!model_packed_usable(model, queue)) {
		virtio_model_broken(model, "queue %u is not aligned or not in DMA memory", queue);
		return false;
	}
	if (!is_available(model, queue, q->avail_place))
		return false;
	model_ring_chain(chain);
	count = take_list(model, queue, chain);
	if (!count)
		return model_ring_popped(model, queue, chain, false);
	/* A device keeps no account of ids; this one does so to watch drivers. */
	if (model->packed_counts[queue][chain->head % MODEL_PACKED_IDS])
		virtio_model_violation(model, "buffer id %u is given twice", chain->head);
	if (q->avail_place + count > q->used_place + q->size) {
		virtio_model_broken(model, "queue %u: more than the ring is lent", queue);
		return false;
	}
	model->packed_counts[queue][chain->head % MODEL_PACKED_IDS] = (uint16_t)count;
	model->packed_used[queue] = true;
	if (fault(FAULT_DESCRIPTOR_WRITTEN))
		model_packed_entry(model, queue, q->avail_place)->address ^= 4096;
	q->avail_place += count;
	q->last_count = count;
	if (!q->no_notify && virtio_model_accepted(model, MODEL_EVENT_IDX) &&
	    !fault(FAULT_AVAIL_EVENT_STUCK))
		write_kick_event(model, queue);
	return model_ring_popped(model, queue, chain, true);
}

/* Takes the last one that was popped back: it is popped again. */
void model_packed_unpop(struct virtio_model *model, unsigned int queue,
			const struct model_chain *chain)
{
	model->queues[queue].avail_place -=
		model->packed_counts[queue][chain->head % MODEL_PACKED_IDS];
	model->packed_counts[queue][chain->head % MODEL_PACKED_IDS] = 0;
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
	if (fault(FAULT_PACKED_USED_STEP))
		count = 1;
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
	if (fault(FAULT_PACKED_USED_FLAGS))
		wrap = true;
	desc->flags = wrap ? AVAIL | USED : 0;
	if (fault(FAULT_PACKED_USED_AVAIL_BIT))
		desc->flags ^= AVAIL;
	if (fault(FAULT_PACKED_REWRITES) && place)
		model_packed_entry(model, queue, place - 1)->length ^= 0x100;
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
	uint64_t from = q->told_place, shift = 0;
	uint16_t offset = words[0] & 0x7fff, flags = words[1];
	bool wrap = words[0] >> 15, due = flags == 0;

	if (q->told_place == q->used_place)
		return;
	q->told_place = q->used_place;
	if (flags > EVENT_DESC ||
	    (flags == EVENT_DESC && !virtio_model_accepted(model, MODEL_EVENT_IDX)))
		virtio_model_violation(model, "driver event flags %04x", flags);
	if (flags == EVENT_DESC) {
		if (offset >= q->size)
			virtio_model_violation(model, "driver event at %u", offset);
		if (fault(FAULT_EVENT_LATE))
			shift = q->size - 1;
		if (fault(FAULT_EVENT_EARLY))
			shift = 1;
		for (uint64_t place = from; place < q->used_place; place++)
			due |= (place + shift) % q->size == offset &&
			       (wrap_of(q, place + shift) == wrap || shift ||
				fault(FAULT_PACKED_EVENT_WRAP_IGNORED));
		if (fault(FAULT_EVENT_ONLY_LAST))
			due = (q->used_place - 1) % q->size == offset;
		due |= fault(FAULT_EVENT_IGNORED);
	}
	if (due || fault(FAULT_INTERRUPTS_NOT_SUPPRESSED))
		model_ring_send(model, queue);
}
