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
#include "kernel/console/log.h"
#include "kernel/memory/dma.h"
#include "kernel/x86/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "virtio"
#define CACHE_LINE 64u
#define INDIRECT_TABLES_MAX 64u
#define NO_TABLE UINT16_MAX
/* While no interrupt is wanted, used_event is kept behind us; so often it has to be moved along. */
#define EVENT_REFRESH 0x4000u

struct split_slot {
	void *token;	   /* of the buffer whose chain starts here; NULL: none does */
	uint32_t writable; /* bytes that the device may write */
	uint16_t next;	   /* in the chain, or in the free list */
	uint16_t last;	   /* of the chain */
	uint16_t count;	   /* descriptors of the chain */
	uint16_t table;	   /* indirect table in use, or NO_TABLE */
};

struct split_queue {
	struct virtqueue vq;

	struct split_desc *desc;
	struct split_avail *avail;
	struct split_used *used;
	le16 *used_event;  /* ours, behind avail.ring */
	le16 *avail_event; /* the device's, behind used.ring */

	struct split_slot *slots;
	uint16_t mask;
	uint16_t free_head;
	uint16_t avail_next, published;
	uint16_t used_next, used_seen;
	uint16_t detached; /* slots that virtqueue_detach() has looked at */
	bool event_idx;

	struct split_desc *tables; /* NULL: no indirect descriptors */
	uint64_t tables_address;
	uint16_t *free_tables; /* a stack */
	uint16_t free_table_count, table_count, table_length;

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

/*
 * An indirect table costs the device one more look-up and saves descriptors: worth it for long
 * chains, and when descriptors become scarce.
 */
static inline bool wants_indirect(const struct split_queue *queue, unsigned int count)
{
	return queue->free_table_count && count <= queue->table_length &&
	       (count > 4 || queue->vq.free < queue->vq.size / 2u);
}

static uint32_t fill_indirect(struct split_queue *queue, uint16_t head,
			      const struct virtqueue_segment *segments, unsigned int out_count,
			      unsigned int count)
{
	uint16_t table = queue->free_tables[--queue->free_table_count];
	size_t first = (size_t)table * queue->table_length;
	struct virtqueue_segment whole = {
		.address = queue->tables_address + first * sizeof(struct split_desc),
		.length = count * (uint32_t)sizeof(struct split_desc),
	};
	uint32_t writable = 0;

	for (unsigned int i = 0; i < count; i++) {
		uint16_t flags = i + 1 < count ? SPLIT_DESC_NEXT : 0;

		if (i >= out_count) {
			flags |= SPLIT_DESC_WRITE;
			writable += segments[i].length;
		}
		write_desc(&queue->tables[first + i], &segments[i], flags, (uint16_t)(i + 1));
	}
	write_desc(&queue->desc[head], &whole, SPLIT_DESC_INDIRECT, 0);
	queue->slots[head].table = table;
	queue->vq.counters.indirect++;
	return writable;
}

static int split_add(struct virtqueue *vq, const struct virtqueue_segment *segments,
		     unsigned int out_count, unsigned int in_count, void *token)
{
	struct split_queue *queue = split_of(vq);
	unsigned int count = out_count + in_count, used_descriptors = count;
	uint16_t head = queue->free_head, last = head;
	struct split_slot *slot = &queue->slots[head];
	uint32_t writable = 0;

	if (vq->broken)
		return -EIO;
	/* 2.7.5.3.1: also the entries of an indirect table are at most as many as the queue is
	 * long. */
	if (!count || count > vq->size || !token)
		return -EINVAL;
	if (count > 1 && wants_indirect(queue, count))
		used_descriptors = 1;
	if (used_descriptors > vq->free)
		return -ENOSPC;

	if (used_descriptors < count) {
		writable = fill_indirect(queue, head, segments, out_count, count);
	} else {
		uint16_t place = head;

		for (unsigned int i = 0; i < count; i++) {
			uint16_t next = queue->slots[place].next;
			uint16_t flags = i + 1 < count ? SPLIT_DESC_NEXT : 0;

			if (i >= out_count) {
				flags |= SPLIT_DESC_WRITE;
				writable += segments[i].length;
			}
			write_desc(&queue->desc[place], &segments[i], flags, next);
			last = place;
			place = next;
		}
	}

	slot->token = token;
	slot->writable = writable;
	slot->count = (uint16_t)used_descriptors;
	slot->last = last;
	queue->free_head = queue->slots[last].next;
	vq->free -= (uint16_t)used_descriptors;

	queue->avail->ring[queue->avail_next++ & queue->mask] = head;
	vq->counters.added++;
	return 0;
}

static bool split_publish(struct virtqueue *vq)
{
	struct split_queue *queue = split_of(vq);
	uint16_t old = queue->published, new = queue->avail_next;
	bool notify;

	if (old == new || vq->broken)
		return false;
	memory_barrier_write(); /* 2.7.13.3.1: entries before the index */
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

/* Puts the chain's descriptors and its indirect table back; the token is forgotten. */
static void release(struct split_queue *queue, uint16_t head)
{
	struct split_slot *slot = &queue->slots[head];

	slot->token = NULL;
	if (slot->table != NO_TABLE) {
		queue->free_tables[queue->free_table_count++] = slot->table;
		slot->table = NO_TABLE;
	}
	queue->slots[slot->last].next = queue->free_head;
	queue->free_head = head;
	queue->vq.free += slot->count;
}

static bool look_at_used(struct split_queue *queue)
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
	memory_barrier_read(); /* the index before the entries */
	return true;
}

static void *split_take(struct virtqueue *vq, uint32_t *length)
{
	struct split_queue *queue = split_of(vq);
	struct split_used_element *element;
	struct split_slot *slot;
	uint32_t id, written;
	void *token;

	if (vq->broken || (queue->used_seen == queue->used_next && !look_at_used(queue)))
		return NULL;
	element = &queue->used->ring[queue->used_next & queue->mask];
	id = wire_read32(&element->id);
	written = wire_read32(&element->length);
	if (id >= vq->size || !queue->slots[id].token) {
		log_error("%s: the device used buffer %u, which is not lent", vq->name, id);
		virtqueue_break(vq);
		return NULL;
	}
	slot = &queue->slots[id];
	token = slot->token;
	if (written > slot->writable) {
		if (slot->writable) {
			log_error("%s: the device wrote %u bytes to a buffer of %u", vq->name,
				  written, slot->writable);
			virtqueue_break(vq);
			return NULL;
		}
		/* Several back ends report what they have read here. It says nothing and harms
		 * nobody. */
		vq->counters.lengths_ignored++;
		written = 0;
	}
	queue->used_next++;
	release(queue, (uint16_t)id);
	if (queue->event_idx && !(queue->used_next & (EVENT_REFRESH - 1)) && !vq->armed)
		wire_write16(queue->used_event, (uint16_t)(queue->used_next - 1));
	vq->counters.taken++;
	*length = written;
	return token;
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
	 * after the interrupt; no new one is due before the index has gone round, and split_take()
	 * sees to that.
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
		void *token = queue->slots[head].token;

		if (token) {
			release(queue, head);
			return token;
		}
	}
	return NULL;
}

static void split_destroy(struct virtqueue *vq)
{
	struct split_queue *queue = split_of(vq);

	if (queue->desc)
		dma_free(queue->desc, queue->block_size);
	if (queue->tables)
		dma_free(queue->tables, (size_t)queue->table_count * queue->table_length *
						sizeof(struct split_desc));
	free(queue->free_tables);
	free(queue->slots);
	free(queue);
}

static void split_describe(const struct virtqueue *vq, struct facts *facts)
{
	const struct split_queue *queue = split_of_const(vq);

	fact_number(facts, "avail_idx", queue->published);
	fact_number(facts, "used_idx", queue->used_next);
	fact_number(facts, "lent", (uint16_t)(queue->avail_next - queue->used_next));
	fact_number(facts, "indirect_tables", queue->table_count);
}

static const struct virtqueue_operations split_operations = {
	.format = "split",
	.add = split_add,
	.publish = split_publish,
	.take = split_take,
	.has_used = split_has_used,
	.interrupts_off = split_interrupts_off,
	.interrupts_on = split_interrupts_on,
	.detach = split_detach,
	.destroy = split_destroy,
	.describe = split_describe,
};

/* Lays the three parts out: alignments 16, 2 and 4 are asked for (2.7); each gets its cache lines.
 */
static bool allocate_parts(struct split_queue *queue, uint16_t size)
{
	const struct dma_constraints constraints = {.align = CACHE_LINE};
	size_t avail_offset = size * sizeof(struct split_desc);
	size_t used_offset;
	char *block;

	avail_offset = (avail_offset + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	used_offset = avail_offset + sizeof(struct split_avail) + (size + 1u) * sizeof(le16);
	used_offset = (used_offset + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
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

static bool allocate_tables(struct split_queue *queue,
			    const struct virtqueue_parameters *parameters)
{
	unsigned int length = parameters->segments_max;

	if (!parameters->indirect || length < 2)
		return true;
	queue->table_length = (uint16_t)(length < parameters->size ? length : parameters->size);
	queue->table_count =
		parameters->size < INDIRECT_TABLES_MAX ? parameters->size : INDIRECT_TABLES_MAX;
	queue->tables = dma_alloc(
		(size_t)queue->table_count * queue->table_length * sizeof(struct split_desc), NULL);
	queue->free_tables = calloc(queue->table_count, sizeof(*queue->free_tables));
	if (!queue->tables || !queue->free_tables)
		return false;
	queue->tables_address = dma_address(queue->tables);
	for (uint16_t i = 0; i < queue->table_count; i++)
		queue->free_tables[queue->free_table_count++] = i;
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
	queue->vq.size = queue->vq.free = size;
	queue->mask = (uint16_t)(size - 1);
	queue->event_idx = parameters->event_idx;
	queue->slots = calloc(size, sizeof(*queue->slots));
	if (!queue->slots || !allocate_parts(queue, size) || !allocate_tables(queue, parameters)) {
		split_destroy(&queue->vq);
		return NULL;
	}
	for (uint16_t i = 0; i < size; i++) {
		queue->slots[i].next = (uint16_t)(i + 1);
		queue->slots[i].table = NO_TABLE;
	}
	/* No interrupts before somebody asks for them; 2.7.10.1: used.flags are 0, as is all the
	 * block. */
	if (queue->event_idx)
		wire_write16(queue->used_event, UINT16_MAX);
	else
		wire_write16(&queue->avail->flags, SPLIT_AVAIL_NO_INTERRUPT);
	return &queue->vq;
}
