/* SPDX-License-Identifier: BSD-2-Clause */
/* The packed virtqueue, lending: descriptors are filled in behind the ones that the device sees (packed.c). */
#include "drivers/virtio/rings/packed_queue.h"

#include <errno.h>

static inline uint16_t avail_flags(bool wrap)
{
	return wrap ? PACKED_DESC_AVAIL : PACKED_DESC_USED;
}

static uint32_t fill_indirect(struct packed_queue *queue, uint16_t id,
			      const struct virtqueue_segment *segments, unsigned int out_count,
			      unsigned int count, struct virtqueue_segment *whole)
{
	struct packed_desc *entries;
	uint32_t writable = 0;

	queue->more[id].table = tables_take(&queue->tables, count, (void **)&entries, whole);
	for (unsigned int i = 0; i < count; i++) {
		/* 2.8.7: of the flags only WRITE means something here. */
		entries[i] = (struct packed_desc){
			.address = segments[i].address,
			.length = segments[i].length,
			.flags = i >= out_count ? PACKED_DESC_WRITE : 0,
		};
		if (i >= out_count)
			writable += segments[i].length;
	}
	queue->vq.counters.indirect++;
	return writable;
}

/* Writes one descriptor. The flags of the very first that is hidden wait. */
static inline void put(struct packed_queue *queue, struct place place, uint16_t id,
		       const struct virtqueue_segment *segment, uint16_t extra_flags, bool first)
{
	struct packed_desc *desc = &queue->desc[place.offset];
	uint16_t flags = avail_flags(place.wrap) | extra_flags;

	desc->address = segment->address;
	desc->length = segment->length;
	desc->id = id;
	if (first) {
		queue->hidden_first = place;
		queue->hidden_flags = flags;
	} else {
		wire_write16(&desc->flags, flags);
	}
}

/* Writes descriptors from queue->avail on. */
static void fill_ring(struct packed_queue *queue, uint16_t id,
		      const struct virtqueue_segment *segments, unsigned int out_count,
		      unsigned int count, uint16_t extra_flags)
{
	struct place place = queue->avail;

	for (unsigned int i = 0; i < count; i++) {
		uint16_t flags = extra_flags;

		if (i + 1 < count)
			flags |= PACKED_DESC_NEXT;
		if (i >= out_count)
			flags |= PACKED_DESC_WRITE;
		put(queue, place, id, &segments[i], flags, !queue->hidden && !i);
		advance(queue, &place, 1);
	}
	queue->avail = place;
	queue->hidden += (uint16_t)count;
}

/* A buffer was put into the ring under the id: the next kick shows it. */
static inline void lend(struct packed_queue *queue, struct virtqueue_slot *slot, unsigned int count,
			enum slot_kind kind, void *token)
{
	slot->token = token;
	slot->kind = (uint8_t)kind;
	queue->free_id = slot->next;
	queue->hidden_buffers++;
	queue->vq.free -= (uint16_t)count;
	queue->vq.counters.added++;
}

/* What packed_ring_add() has no short way for. */
static __attribute__((noinline)) int add_any(struct virtqueue *vq,
					     const struct virtqueue_segment *segments,
					     unsigned int out_count, unsigned int in_count,
					     void *token)
{
	struct packed_queue *queue = packed_of(vq);
	unsigned int count = out_count + in_count;
	uint16_t id = queue->free_id;
	struct virtqueue_slot *slot = &queue->slots[id];
	enum slot_kind kind = SLOT_CHAIN;

	if (vq->broken)
		return -EIO;
	/* 2.8.8: no list is longer than the queue, nor is a table. */
	if (!count || count > vq->size || !token)
		return -EINVAL;
	if (tables_wanted(&queue->tables, vq, count)) {
		count = 1;
		kind = SLOT_TABLE;
	}
	if (count > vq->free)
		return -ENOSPC;
	if (kind == SLOT_TABLE) {
		struct virtqueue_segment whole;

		slot->writable =
			fill_indirect(queue, id, segments, out_count, out_count + in_count, &whole);
		fill_ring(queue, id, &whole, 1, 1, PACKED_DESC_INDIRECT);
	} else {
		slot->writable = 0;
		for (unsigned int i = out_count; i < count; i++)
			slot->writable += segments[i].length;
		fill_ring(queue, id, segments, out_count, count, 0);
	}
	queue->more[id].count = (uint16_t)count;
	lend(queue, slot, count, kind, token);
	return 0;
}

/* One segment is what most buffers are. */
int packed_ring_add(struct virtqueue *vq, const struct virtqueue_segment *segments,
		    unsigned int out_count, unsigned int in_count, void *token)
{
	struct packed_queue *queue = packed_of(vq);
	uint16_t id = queue->free_id;
	struct virtqueue_slot *slot = &queue->slots[id];

	/* The sum may wrap around, but not to 1 with both parts: then it is none of ours. */
	if (out_count + in_count != 1 || in_count > 1 || !token || !vq->free || vq->broken)
		return add_any(vq, segments, out_count, in_count, token);
	put(queue, queue->avail, id, segments, in_count ? PACKED_DESC_WRITE : 0, !queue->hidden);
	advance(queue, &queue->avail, 1);
	queue->hidden++;
	slot->writable = in_count ? segments->length : 0;
	lend(queue, slot, 1, SLOT_ONE, token);
	return 0;
}

/* All of the buffer but the flags, under this id; returns the next free one. */
static inline size_t put_one(struct packed_desc *desc, struct virtqueue_slot *slots, size_t id,
			     const struct virtqueue_buffer *buffer)
{
	struct virtqueue_slot *slot = &slots[id];
	uint32_t length = buffer->segment.length;

	desc->address = buffer->segment.address;
	desc->length = length;
	desc->id = (uint16_t)id;
	slot->token = buffer->token;
	slot->writable = length;
	slot->kind = SLOT_ONE;
	return slot->next;
}

/*
 * Lends so many, up to the ring's end at most. All that the loop needs stands in registers: the compiler
 * cannot know what the stores do not change.
 */
static __attribute__((noinline)) void add_run(struct packed_queue *queue,
					      const struct virtqueue_buffer *buffers,
					      unsigned int count)
{
	struct packed_desc *desc = &queue->desc[queue->avail.offset], *end = desc + count;
	uint16_t flags = avail_flags(queue->avail.wrap) | PACKED_DESC_WRITE;
	struct virtqueue_slot *slots = queue->slots;
	size_t id = queue->free_id;

	if (!queue->hidden) {
		queue->hidden_first = queue->avail;
		queue->hidden_flags = flags; /* which wait */
		id = put_one(desc++, slots, id, buffers++);
	}
#pragma GCC unroll 4
	for (; desc != end; desc++) {
		id = put_one(desc, slots, id, buffers++);
		wire_write16(&desc->flags, flags);
	}
	queue->free_id = (uint16_t)id;
	advance(queue, &queue->avail, count);
	queue->hidden += (uint16_t)count;
}

unsigned int packed_ring_add_each(struct virtqueue *vq, const struct virtqueue_buffer *buffers,
				  unsigned int count)
{
	struct packed_queue *queue = packed_of(vq);
	unsigned int to_end = vq->size - queue->avail.offset;

	if (vq->broken)
		return 0;
	if (count > vq->free)
		count = vq->free;
	queue->hidden_buffers += (uint16_t)count;
	vq->free -= (uint16_t)count;
	vq->counters.added += count;
	for (unsigned int left = count; left;) {
		unsigned int run = left < to_end ? left : to_end;

		add_run(queue, buffers, run);
		buffers += run;
		left -= run;
		to_end = vq->size;
	}
	return count;
}
