/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The split virtqueue (virtio 1.4, 2.7), driver's side.
 *
 * Three parts in one block of DMA memory: the descriptor table and the available ring, which we
 * write, and the used ring, which the device writes. We never read back what we wrote there: the
 * chain of each descriptor, the token, and how much the device may write stand in `slots`, private.
 *
 *	free_head -> slot -> slot ...		descriptors that are free
 *	published				avail.idx as the device sees it
 *	avail_next				the same, with what was added since
 *	used_next				the next used entry to take
 *	used_seen				used.idx when it was last looked at
 *
 * Free descriptors are taken from where the last ones were put, so that a queue with little in
 * flight keeps to a few cache lines.
 */
#include "drivers/virtio/rings/split.h"

#include "drivers/virtio/rings/formats.h"
#include "drivers/virtio/rings/tables.h"
#include "kernel/console/log.h"
#include "kernel/memory/dma.h"
#include "kernel/x86/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "virtio"
#define CACHE_LINE 64u
#define LEGACY_ADDRESS_MAX ((1ull << 44) - 1) /* a 32-bit number of 4096-byte pages */
/* While no interrupt is wanted, used_event is kept behind us; so often it has to be moved along. */
#define EVENT_REFRESH 0x4000u

struct split_queue {
	struct virtqueue vq;

	struct split_desc *desc;
	struct split_avail *avail;
	struct split_used *used;
	le16 *used_event;  /* ours, behind avail.ring */
	le16 *avail_event; /* the device's, behind used.ring */

	struct virtqueue_slot *slots;
	struct virtqueue_slot_more *more;
	uint16_t mask;
	uint16_t free_head;
	uint16_t avail_next, published;
	uint16_t used_next, used_seen;
	uint16_t detached; /* slots that virtqueue_detach() has looked at */
	bool event_idx, in_order, strong;

	/*
	 * IN_ORDER: descriptors are taken in the table's order, and so come back (2.7.9). One used
	 * entry may stand for a batch of buffers, of which so many were not taken yet.
	 */
	uint16_t oldest; /* the head of the buffer that is due next */
	uint16_t batch;
	uint32_t batch_length;

	struct indirect_tables tables;
	size_t block_size;
};

static struct split_queue *split_of(struct virtqueue *vq)
{
	return (struct split_queue *)((char *)vq - offsetof(struct split_queue, vq));
}

static const struct split_queue *split_of_const(const struct virtqueue *vq)
{
	return (const struct split_queue *)((const char *)vq - offsetof(struct split_queue, vq));
}

static inline void write_desc(struct split_desc *desc, const struct virtqueue_segment *segment,
			      uint16_t flags, uint16_t next)
{
	desc->address = segment->address;
	desc->length = segment->length;
	desc->flags = flags;
	desc->next = next;
}

static uint32_t fill_indirect(struct split_queue *queue, uint16_t head,
			      const struct virtqueue_segment *segments, unsigned int out_count,
			      unsigned int count)
{
	struct virtqueue_segment whole;
	struct split_desc *entries;
	uint32_t writable = 0;

	queue->more[head].table = tables_take(&queue->tables, count, (void **)&entries, &whole);
	for (unsigned int i = 0; i < count; i++) {
		uint16_t flags = i + 1 < count ? SPLIT_DESC_NEXT : 0;

		if (i >= out_count) {
			flags |= SPLIT_DESC_WRITE;
			writable += segments[i].length;
		}
		write_desc(&entries[i], &segments[i], flags, (uint16_t)(i + 1));
	}
	write_desc(&queue->desc[head], &whole, SPLIT_DESC_INDIRECT, 0);
	queue->vq.counters.indirect++;
	return writable;
}

/* The buffer from head to last was filled in: the next kick shows it. */
static inline void lend(struct split_queue *queue, uint16_t head, uint16_t last, uint16_t count,
			enum slot_kind kind, uint32_t writable, void *token)
{
	struct virtqueue_slot *slot = &queue->slots[head];

	queue->free_head = queue->slots[last].next;
	slot->token = token;
	slot->writable = writable;
	slot->kind = (uint8_t)kind;
	queue->vq.free -= count;
	queue->avail->ring[queue->avail_next++ & queue->mask] = head;
	queue->vq.counters.added++;
}

/* Fills in a chain from head on; returns its last descriptor. */
static uint16_t fill_chain(struct split_queue *queue, uint16_t head,
			   const struct virtqueue_segment *segments, unsigned int out_count,
			   unsigned int count, uint32_t *writable)
{
	uint16_t place = head;

	for (unsigned int i = 0;; i++) {
		uint16_t next = queue->slots[place].next;
		uint16_t flags = i + 1 < count ? SPLIT_DESC_NEXT : 0;

		if (i >= out_count) {
			flags |= SPLIT_DESC_WRITE;
			*writable += segments[i].length;
		}
		write_desc(&queue->desc[place], &segments[i], flags, next);
		if (i + 1 == count)
			return place;
		place = next;
	}
}

/* What split_add() has no short way for. */
static __attribute__((noinline)) int add_any(struct virtqueue *vq,
					     const struct virtqueue_segment *segments,
					     unsigned int out_count, unsigned int in_count,
					     void *token)
{
	struct split_queue *queue = split_of(vq);
	unsigned int count = out_count + in_count;
	uint16_t head = queue->free_head, last = head;
	enum slot_kind kind = SLOT_CHAIN;
	uint32_t writable = 0;

	if (vq->broken)
		return -EIO;
	/* 2.7.5.3.1: also the entries of an indirect table are at most as many as the queue is
	 * long. */
	if (!count || count > vq->size || !token)
		return -EINVAL;
	if (tables_wanted(&queue->tables, vq, count)) {
		count = 1;
		kind = SLOT_TABLE;
	}
	if (count > vq->free)
		return -ENOSPC;
	if (kind == SLOT_TABLE)
		writable = fill_indirect(queue, head, segments, out_count, out_count + in_count);
	else
		last = fill_chain(queue, head, segments, out_count, count, &writable);
	queue->more[head].count = (uint16_t)count;
	queue->more[head].last = last;
	lend(queue, head, last, (uint16_t)count, kind, writable, token);
	return 0;
}

/* One segment is what most buffers are. */
static int split_add(struct virtqueue *vq, const struct virtqueue_segment *segments,
		     unsigned int out_count, unsigned int in_count, void *token)
{
	struct split_queue *queue = split_of(vq);
	uint16_t head = queue->free_head;

	/* The sum may wrap around, but not to 1 with both parts: then it is none of ours. */
	if (out_count + in_count != 1 || in_count > 1 || !token || !vq->free || vq->broken)
		return add_any(vq, segments, out_count, in_count, token);
	write_desc(&queue->desc[head], segments, in_count ? SPLIT_DESC_WRITE : 0, 0);
	lend(queue, head, head, 1, SLOT_ONE, in_count ? segments->length : 0, token);
	return 0;
}

/* All that the loop needs stands in registers: the compiler cannot know what the stores do not change. */
static unsigned int split_add_each(struct virtqueue *vq, const struct virtqueue_buffer *buffers,
				   unsigned int count)
{
	struct split_queue *queue = split_of(vq);
	struct virtqueue_slot *slots = queue->slots;
	struct split_desc *descs = queue->desc;
	le16 *ring = queue->avail->ring;
	uint32_t place = queue->avail_next, mask = queue->mask;
	const struct virtqueue_buffer *end;
	size_t head = queue->free_head;

	if (vq->broken)
		return 0;
	if (count > vq->free)
		count = vq->free;
	for (end = buffers + count; buffers != end; buffers++) {
		struct virtqueue_slot *slot = &slots[head];
		struct split_desc *desc = &descs[head];
		uint32_t length = buffers->segment.length;

		desc->address = buffers->segment.address;
		desc->length = length;
		desc->flags = SPLIT_DESC_WRITE; /* without NEXT `next` means nothing */
		slot->token = buffers->token;
		slot->writable = length;
		slot->kind = SLOT_ONE;
		ring[place++ & mask] = (uint16_t)head;
		head = slot->next;
	}
	queue->free_head = (uint16_t)head;
	queue->avail_next = (uint16_t)place;
	vq->free -= (uint16_t)count;
	vq->counters.added += count;
	return count;
}

static bool split_publish(struct virtqueue *vq)
{
	struct split_queue *queue = split_of(vq);
	uint16_t old = queue->published, new = queue->avail_next;
	bool notify;

	if (old == new || vq->broken)
		return false;
	virtqueue_barrier_write(queue->strong); /* 2.7.13.3.1: entries before the index */
	wire_write16(&queue->avail->idx, new);
	queue->published = new;
	memory_barrier(); /* 2.7.13.4.1: the index before the device's wish is read */
	if (queue->event_idx)
		notify = (uint16_t)(new - wire_read16(queue->avail_event) - 1) <
			 (uint16_t)(new - old);
	else
		notify = !(wire_read16(&queue->used->flags) & SPLIT_USED_NO_NOTIFY);
	if (!notify)
		vq->counters.kicks_avoided++;
	return notify;
}

static uint16_t split_next(const struct virtqueue *vq)
{
	return split_of_const(vq)->avail_next;
}

/* How many descriptors of the ring the lent buffer has. */
static inline uint16_t descriptors(const struct split_queue *queue, uint16_t head)
{
	return queue->slots[head].kind == SLOT_ONE ? 1 : queue->more[head].count;
}

/* Puts the descriptors and an indirect table back; nothing is lent under this id any more. */
static inline void release(struct split_queue *queue, uint16_t head)
{
	struct virtqueue_slot *slot = &queue->slots[head], *last = slot;
	uint16_t count = 1;

	if (slot->kind != SLOT_ONE) {
		const struct virtqueue_slot_more *more = &queue->more[head];

		count = more->count;
		last = &queue->slots[more->last];
		if (slot->kind == SLOT_TABLE)
			tables_give_back(&queue->tables, more->table);
	}
	slot->kind = SLOT_FREE;
	queue->vq.free += count;
	if (queue->in_order)
		return; /* they stay in the table's order */
	last->next = queue->free_head;
	queue->free_head = head;
}

static __attribute__((noinline)) bool look_at_used(struct split_queue *queue)
{
	uint16_t seen = wire_read16(&queue->used->idx);
	uint16_t fresh = (uint16_t)(seen - queue->used_next);
	uint16_t lent = (uint16_t)(queue->published - queue->used_next);

	if (!fresh)
		return false;
	if (fresh > lent) {
		log_error("%s: used index went from %u to %u, but %u buffers are lent",
			  queue->vq.name, queue->used_next, seen, lent);
		virtqueue_break(&queue->vq);
		return false;
	}
	queue->used_seen = seen;
	virtqueue_barrier_read(queue->strong); /* the index before the entries */
	return true;
}

/* The head of the buffer behind this one, with IN_ORDER. */
static inline uint16_t head_after(const struct split_queue *queue, uint16_t head)
{
	return (uint16_t)((head + descriptors(queue, head)) & queue->mask);
}

/* IN_ORDER: the used entry is for this buffer and all before it. False: it is none that is due. */
static bool begin_batch(struct split_queue *queue, uint16_t last, uint32_t length)
{
	uint16_t fresh = (uint16_t)(queue->used_seen - queue->used_next);
	uint16_t head = queue->oldest;

	for (uint16_t buffers = 1; buffers <= fresh && queue->slots[head].kind != SLOT_FREE;
	     buffers++) {
		if (head == last) {
			queue->batch = buffers;
			queue->batch_length = length;
			return true;
		}
		head = head_after(queue, head);
	}
	return false;
}

static __attribute__((noinline, cold)) void *not_lent(struct split_queue *queue, uint32_t id)
{
	log_error("%s: the device used buffer %u, which is not lent", queue->vq.name, id);
	virtqueue_break(&queue->vq);
	return NULL;
}

/* While no interrupt is wanted, the event stays behind us: EVENT_REFRESH. */
static inline void keep_event_behind(struct split_queue *queue, uint16_t before)
{
	if ((before ^ queue->used_next) & ~(EVENT_REFRESH - 1) && queue->event_idx &&
	    !queue->vq.armed)
		wire_write16(queue->used_event, (uint16_t)(queue->used_next - 1));
}

/* The buffer is ours again; what the device wrote was checked. */
static inline void *take_back(struct split_queue *queue, uint16_t head)
{
	void *token = queue->slots[head].token;

	release(queue, head);
	queue->used_next++;
	keep_event_behind(queue, (uint16_t)(queue->used_next - 1));
	queue->vq.counters.taken++;
	return token;
}

static void *take_in_order(struct split_queue *queue, const struct split_used_element *element,
			   uint32_t *length)
{
	uint16_t head = queue->oldest;

	if (!queue->batch) {
		uint32_t id = wire_read32(&element->id), written = wire_read32(&element->length);

		if (id >= queue->vq.size || queue->slots[id].kind == SLOT_FREE ||
		    !begin_batch(queue, (uint16_t)id, written))
			return not_lent(queue, id);
	}
	/* 2.7.9: buffers that are skipped were used completely. */
	*length = --queue->batch ? queue->slots[head].writable : queue->batch_length;
	queue->oldest = head_after(queue, head);
	if (!virtqueue_length_is_good(&queue->vq, length, queue->slots[head].writable))
		return NULL;
	return take_back(queue, head);
}

/* What split_take() has no short way for. */
static __attribute__((noinline)) void *take_any(struct split_queue *queue, uint32_t *length)
{
	const struct split_used_element *element =
		&queue->used->ring[queue->used_next & queue->mask];
	uint32_t id;

	if (queue->vq.broken || (queue->used_seen == queue->used_next && !look_at_used(queue)))
		return NULL;
	if (queue->in_order)
		return take_in_order(queue, element, length);
	id = wire_read32(&element->id);
	if (id >= queue->vq.size || queue->slots[id].kind == SLOT_FREE)
		return not_lent(queue, id);
	*length = wire_read32(&element->length);
	if (!virtqueue_length_is_good(&queue->vq, length, queue->slots[id].writable))
		return NULL;
	return take_back(queue, (uint16_t)id);
}

/*
 * An entry that was seen and that is good. All others go to take_any(), which reads them anew and checks
 * them by itself.
 */
static void *split_take(struct virtqueue *vq, uint32_t *length)
{
	struct split_queue *queue = split_of(vq);
	const struct split_used_element *element =
		&queue->used->ring[queue->used_next & queue->mask];
	uint32_t id, written;

	if (queue->used_seen == queue->used_next || queue->in_order || vq->broken)
		return take_any(queue, length);
	id = wire_read32(&element->id);
	written = wire_read32(&element->length);
	if (id >= vq->size || queue->slots[id].kind == SLOT_FREE ||
	    written > queue->slots[id].writable)
		return take_any(queue, length);
	*length = written;
	return take_back(queue, (uint16_t)id);
}

/* The same for buffers of one descriptor, as many as follow each other, at most `max`. */
static inline unsigned int take_run(struct split_queue *queue, struct virtqueue_used *used,
				    unsigned int max)
{
	unsigned int fresh = (uint16_t)(queue->used_seen - queue->used_next), taken;
	const struct split_used_element *ring = queue->used->ring;
	struct virtqueue_used *first = used, *end = used + (fresh < max ? fresh : max);
	uint32_t size = queue->vq.size, mask = queue->mask, place = queue->used_next;
	struct virtqueue_slot *slots = queue->slots;
	size_t free_head = queue->free_head;

	for (; used != end; used++, place++) {
		size_t id = wire_read32(&ring[place & mask].id);
		uint32_t length = wire_read32(&ring[place & mask].length);
		struct virtqueue_slot *slot;

		if (id >= size)
			break;
		slot = &slots[id];
		if (slot->kind != SLOT_ONE || length > slot->writable)
			break;
		used->token = slot->token;
		used->length = length;
		slot->kind = SLOT_FREE;
		slot->next = (uint16_t)free_head;
		free_head = id;
	}
	taken = (unsigned int)(used - first);
	place = queue->used_next;
	queue->used_next = (uint16_t)(place + taken);
	queue->free_head = (uint16_t)free_head;
	queue->vq.free += (uint16_t)taken;
	queue->vq.counters.taken += taken;
	keep_event_behind(queue, (uint16_t)place);
	return taken;
}

static unsigned int split_take_each(struct virtqueue *vq, struct virtqueue_used *used,
				    unsigned int max)
{
	struct split_queue *queue = split_of(vq);
	unsigned int taken = 0;

	while (taken < max && !vq->broken) {
		if (queue->used_seen == queue->used_next && !look_at_used(queue))
			break;
		if (!queue->in_order)
			taken += take_run(queue, used + taken, max - taken);
		if (taken == max || queue->used_seen == queue->used_next)
			continue;
		used[taken].token = take_any(queue, &used[taken].length);
		taken += used[taken].token != NULL;
	}
	return taken;
}

static bool split_has_used(const struct virtqueue *vq)
{
	const struct split_queue *queue = split_of_const(vq);

	return wire_read16(&queue->used->idx) != queue->used_next;
}

static void split_interrupts_off(struct virtqueue *vq)
{
	struct split_queue *queue = split_of(vq);

	/*
	 * 2.7.7.1: with EVENT_IDX the flags stay 0. The event that was asked for lies behind us
	 * after the interrupt; no new one is due before the index has gone round, and
	 * keep_event_behind() sees to that.
	 */
	if (!queue->event_idx)
		wire_write16(&queue->avail->flags, SPLIT_AVAIL_NO_INTERRUPT);
}

static bool split_interrupts_on(struct virtqueue *vq, unsigned int after)
{
	struct split_queue *queue = split_of(vq);

	if (queue->event_idx)
		wire_write16(queue->used_event, (uint16_t)(queue->used_next + after - 1));
	else
		wire_write16(&queue->avail->flags, 0);
	/* What was used before the device could see the wish makes no interrupt: look once more. */
	memory_barrier();
	return (uint16_t)(wire_read16(&queue->used->idx) - queue->used_next) >= after;
}

static void *split_detach(struct virtqueue *vq)
{
	struct split_queue *queue = split_of(vq);

	while (queue->detached < vq->size) {
		uint16_t head = queue->detached++;

		if (queue->slots[head].kind != SLOT_FREE) {
			release(queue, head);
			return queue->slots[head].token;
		}
	}
	return NULL;
}

static void split_rewind(struct virtqueue *vq)
{
	struct split_queue *queue = split_of(vq);

	memset(queue->desc, 0, queue->block_size);
	for (uint16_t i = 0; i < vq->size; i++) {
		queue->slots[i].next = (uint16_t)((i + 1) & queue->mask);
		queue->slots[i].kind = SLOT_FREE;
	}
	queue->free_head = queue->oldest = 0;
	queue->avail_next = queue->published = queue->used_next = queue->used_seen = 0;
	queue->batch = queue->detached = 0;
	vq->free = vq->size;
	/*
	 * No interrupts before somebody asks for them; 2.7.10.1: used.flags are 0, as is all the
	 * block.
	 */
	if (queue->event_idx)
		wire_write16(queue->used_event, UINT16_MAX);
	else
		wire_write16(&queue->avail->flags, SPLIT_AVAIL_NO_INTERRUPT);
}

static void split_destroy(struct virtqueue *vq)
{
	struct split_queue *queue = split_of(vq);

	if (queue->desc)
		dma_free(queue->desc, queue->block_size);
	tables_destroy(&queue->tables);
	free(queue->slots);
	free(queue->more);
	free(queue);
}

static void split_describe(const struct virtqueue *vq, struct facts *facts)
{
	const struct split_queue *queue = split_of_const(vq);

	fact_number(facts, "avail_idx", queue->published);
	fact_number(facts, "used_idx", queue->used_next);
	fact_number(facts, "lent", (uint16_t)(queue->avail_next - queue->used_next));
	fact_number(facts, "indirect_tables", queue->tables.count);
}

static const struct virtqueue_operations split_operations = {
	.format = "split",
	.add = split_add,
	.add_each = split_add_each,
	.publish = split_publish,
	.next = split_next,
	.take = split_take,
	.take_each = split_take_each,
	.has_used = split_has_used,
	.interrupts_off = split_interrupts_off,
	.interrupts_on = split_interrupts_on,
	.detach = split_detach,
	.rewind = split_rewind,
	.destroy = split_destroy,
	.describe = split_describe,
};

/*
 * Lays the three parts out: alignments 16, 2 and 4 are asked for (2.7); each gets its cache lines.
 * The legacy layout (2.7.2) has the available ring behind the table and one alignment for all.
 */
static bool allocate_parts(struct split_queue *queue, uint16_t size, uint32_t legacy_align)
{
	const struct dma_constraints constraints = {
		.align = legacy_align ? legacy_align : CACHE_LINE,
		.limit = legacy_align ? LEGACY_ADDRESS_MAX : 0,
	};
	size_t align = legacy_align ? legacy_align : CACHE_LINE;
	size_t avail_offset = size * sizeof(struct split_desc);
	size_t used_offset;
	char *block;

	if (!legacy_align)
		avail_offset = (avail_offset + align - 1) & ~(align - 1);
	used_offset = avail_offset + sizeof(struct split_avail) + (size + 1u) * sizeof(le16);
	used_offset = (used_offset + align - 1) & ~(align - 1);
	queue->block_size = used_offset + sizeof(struct split_used) +
			    size * sizeof(struct split_used_element) + sizeof(le16);
	block = dma_alloc(queue->block_size, &constraints);
	if (!block)
		return false;
	queue->desc = (struct split_desc *)block;
	queue->avail = (struct split_avail *)(block + avail_offset);
	queue->used = (struct split_used *)(block + used_offset);
	queue->used_event = &queue->avail->ring[size];
	queue->avail_event = (le16 *)&queue->used->ring[size];
	queue->vq.descriptor_area = dma_address(block);
	queue->vq.driver_area = queue->vq.descriptor_area + avail_offset;
	queue->vq.device_area = queue->vq.descriptor_area + used_offset;
	return true;
}

struct virtqueue *split_create(const struct virtqueue_parameters *parameters)
{
	uint16_t size = parameters->size;
	struct split_queue *queue;

	if (!size || (size & (size - 1)))
		return NULL;
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return NULL;
	queue->vq.operations = &split_operations;
	queue->vq.index = parameters->index;
	queue->vq.size = size;
	queue->mask = (uint16_t)(size - 1);
	queue->event_idx = parameters->event_idx;
	queue->in_order = parameters->in_order;
	queue->strong = parameters->order_platform;
	queue->slots = calloc(size, sizeof(*queue->slots));
	queue->more = calloc(size, sizeof(*queue->more));
	if (!queue->slots || !queue->more ||
	    !allocate_parts(queue, size, parameters->legacy_align) ||
	    !tables_create(&queue->tables, parameters)) {
		split_destroy(&queue->vq);
		return NULL;
	}
	split_rewind(&queue->vq);
	return &queue->vq;
}
