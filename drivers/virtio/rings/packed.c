/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packed virtqueue (virtio 1.4, 2.8), driver's side.
 *
 * One ring of descriptors, which both sides write, and two words with what each side wants to be
 * told. A descriptor is the device's when its AVAIL bit equals our wrap counter and its USED bit does
 * not; it is ours again when both equal the wrap counter of the lap in which the device writes.
 *
 *	avail	where the next buffer goes; shown: the device sees all before it
 *	used	where the device writes next
 *
 * A buffer is known by its id. `slots`, private, has for each id what was lent under it. The ring's
 * memory is never read but for flags, id and length of used descriptors.
 *
 * What was added since the last kick is hidden behind the flags of its first descriptor, which are
 * written last: a device reads the ring in order.
 *
 * With IN_ORDER ids are given in turn, and one used descriptor may stand for all buffers up to its
 * own (2.8.9): these are a batch, which take() hands out one by one.
 */
#include "drivers/virtio/rings/packed_queue.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"

#include <stdlib.h>
#include <string.h>

#define LOG_AREA "virtio"
#define CACHE_LINE 64u

/* -- Showing */

/* Whether the device asked to be told of one of the `count` descriptors before queue->avail. */
static bool event_reached(const struct packed_queue *queue, uint32_t event, unsigned int count)
{
	int offset = (int)(event & PACKED_EVENT_OFFSET), behind;
	bool wrap = event & PACKED_EVENT_WRAP;

	if (offset >= queue->vq.size)
		return true; /* no such place: better a notification too many */
	if (wrap != queue->avail.wrap)
		offset -= queue->vq.size; /* in the lap before */
	behind = queue->avail.offset - 1 - offset;
	return behind >= 0 && (unsigned int)behind < count;
}

static bool packed_publish(struct virtqueue *vq)
{
	struct packed_queue *queue = packed_of(vq);
	unsigned int count = queue->hidden;
	uint32_t event, flags;
	bool notify;

	if (!count || vq->broken)
		return false;
	virtqueue_barrier_write(queue->strong); /* 2.8.21.1: the flags of the first come last */
	wire_write16(&queue->desc[queue->hidden_first.offset].flags, queue->hidden_flags);
	queue->hidden = 0;
	queue->lent += queue->hidden_buffers;
	queue->hidden_buffers = 0;
	memory_barrier(); /* 2.8.21.3.1: shown before the device's wish is read */
	event = wire_read32(queue->device_event);
	flags = event >> PACKED_EVENT_FLAGS_SHIFT & 3;
	if (flags == PACKED_EVENT_DESC && queue->event_idx)
		notify = event_reached(queue, event, count);
	else
		notify = flags != PACKED_EVENT_DISABLE;
	if (!notify)
		vq->counters.kicks_avoided++;
	return notify;
}

static uint16_t packed_next(const struct virtqueue *vq)
{
	const struct packed_queue *queue = packed_of_const(vq);

	return (uint16_t)(queue->avail.offset | (queue->avail.wrap ? PACKED_EVENT_WRAP : 0));
}

/* -- Taking back */

static inline bool is_used(const struct packed_queue *queue, struct place place)
{
	uint16_t flags = wire_read16(&queue->desc[place.offset].flags);

	return (flags & (PACKED_DESC_AVAIL | PACKED_DESC_USED)) ==
	       (place.wrap ? PACKED_DESC_AVAIL | PACKED_DESC_USED : 0);
}

/* How many descriptors of the ring the lent buffer has. */
static inline uint16_t descriptors(const struct packed_queue *queue, uint16_t id)
{
	return queue->slots[id].kind == SLOT_ONE ? 1 : queue->more[id].count;
}

/* The id, the descriptors and an indirect table are free again. */
static inline void release(struct packed_queue *queue, uint16_t id)
{
	struct virtqueue_slot *slot = &queue->slots[id];

	queue->vq.free += descriptors(queue, id);
	if (slot->kind == SLOT_TABLE)
		tables_give_back(&queue->tables, queue->more[id].table);
	slot->kind = SLOT_FREE;
	if (queue->in_order)
		return; /* they stay in turn */
	slot->next = queue->free_id;
	queue->free_id = id;
}

static inline uint16_t id_after(const struct packed_queue *queue, uint16_t id)
{
	return id + 1u < queue->vq.size ? (uint16_t)(id + 1) : 0;
}

/*
 * IN_ORDER: the used descriptor is that of the last buffer of a batch, which stands in the place of
 * the first. False: not a buffer that is due.
 */
static bool begin_batch(struct packed_queue *queue, uint16_t last, uint32_t length)
{
	unsigned int passed = 0, buffers = 0;
	uint16_t id = queue->next_id;

	do {
		if (buffers == queue->lent || queue->slots[id].kind == SLOT_FREE)
			return false;
		passed += descriptors(queue, id);
		buffers++;
		queue->batch_length = length;
		if (id == last) {
			queue->batch = (uint16_t)buffers;
			advance(queue, &queue->used, passed);
			return true;
		}
		id = id_after(queue, id);
	} while (buffers < queue->vq.size);
	return false;
}

static __attribute__((noinline, cold)) void *not_lent(struct packed_queue *queue, uint16_t id)
{
	log_error("%s: the device used buffer %u, which is not lent", queue->vq.name, id);
	virtqueue_break(&queue->vq);
	return NULL;
}

/* The buffer is ours again; what the device wrote was checked. */
static inline void *take_back(struct packed_queue *queue, uint16_t id)
{
	void *token = queue->slots[id].token;

	release(queue, id);
	queue->lent--;
	queue->vq.counters.taken++;
	return token;
}

static void *take_in_order(struct packed_queue *queue, uint32_t *length)
{
	const struct packed_desc *desc = &queue->desc[queue->used.offset];
	uint16_t id;

	if (!queue->batch) {
		uint32_t written;

		if (!is_used(queue, queue->used))
			return NULL;
		virtqueue_barrier_read(queue->strong); /* the flags before the rest */
		id = wire_read16(&desc->id);
		written = wire_read32(&desc->length);
		if (id >= queue->vq.size || queue->slots[id].kind == SLOT_FREE || !queue->lent ||
		    !begin_batch(queue, id, written))
			return not_lent(queue, id);
	}
	id = queue->next_id;
	/* 2.8.9: buffers that are skipped were used completely. */
	*length = --queue->batch ? queue->slots[id].writable : queue->batch_length;
	queue->next_id = id_after(queue, id);
	if (!virtqueue_length_is_good(&queue->vq, length, queue->slots[id].writable))
		return NULL;
	return take_back(queue, id);
}

/* What packed_take() has no short way for. */
static __attribute__((noinline)) void *take_any(struct packed_queue *queue, uint32_t *length)
{
	const struct packed_desc *desc = &queue->desc[queue->used.offset];
	uint16_t id;

	if (queue->vq.broken)
		return NULL;
	if (queue->in_order)
		return take_in_order(queue, length);
	if (!is_used(queue, queue->used))
		return NULL;
	virtqueue_barrier_read(queue->strong); /* the flags before the rest */
	id = wire_read16(&desc->id);
	*length = wire_read32(&desc->length);
	if (id >= queue->vq.size || queue->slots[id].kind == SLOT_FREE || !queue->lent)
		return not_lent(queue, id);
	advance(queue, &queue->used, descriptors(queue, id));
	if (!virtqueue_length_is_good(&queue->vq, length, queue->slots[id].writable))
		return NULL;
	return take_back(queue, id);
}

/*
 * A descriptor that is used and good. All others go to take_any(), which reads them anew and checks
 * them by itself.
 */
static void *packed_take(struct virtqueue *vq, uint32_t *length)
{
	struct packed_queue *queue = packed_of(vq);
	const struct packed_desc *desc = &queue->desc[queue->used.offset];
	uint32_t written;
	uint16_t id;

	if (queue->plain && queue->lent && !vq->broken && is_used(queue, queue->used)) {
		virtqueue_barrier_read(false); /* the flags before the rest */
		id = wire_read16(&desc->id);
		written = wire_read32(&desc->length);
		if (id < vq->size && queue->slots[id].kind != SLOT_FREE &&
		    written <= queue->slots[id].writable) {
			*length = written;
			advance(queue, &queue->used, descriptors(queue, id));
			return take_back(queue, id);
		}
	}
	return take_any(queue, length);
}

/* The same for buffers of one descriptor, as many as follow each other up to the ring's end. */
static inline unsigned int take_run(struct packed_queue *queue, struct virtqueue_used *used,
				    unsigned int max)
{
	const uint32_t mask = PACKED_DESC_AVAIL | PACKED_DESC_USED;
	const struct packed_desc *desc = &queue->desc[queue->used.offset];
	uint32_t used_flags = queue->used.wrap ? mask : 0, size = queue->vq.size;
	uint32_t run = size - queue->used.offset;
	struct virtqueue_slot *slots = queue->slots;
	struct virtqueue_used *first = used, *end;
	size_t free_id = queue->free_id;
	unsigned int taken;

	if (run > max)
		run = max;
	if (run > queue->lent)
		run = queue->lent;
	for (end = used + run; used != end; used++, desc++) {
		struct virtqueue_slot *slot;
		uint32_t length;
		size_t id;

		if ((wire_read16(&desc->flags) ^ used_flags) & mask)
			break;
		virtqueue_barrier_read(false); /* the flags before the rest */
		id = wire_read16(&desc->id);
		length = wire_read32(&desc->length);
		if (id >= size)
			break;
		slot = &slots[id];
		if (slot->kind != SLOT_ONE || length > slot->writable)
			break;
		used->token = slot->token;
		used->length = length;
		slot->kind = SLOT_FREE;
		slot->next = (uint16_t)free_id;
		free_id = id;
	}
	taken = (unsigned int)(used - first);
	queue->free_id = (uint16_t)free_id;
	advance(queue, &queue->used, taken);
	queue->lent -= (uint16_t)taken;
	queue->vq.free += (uint16_t)taken;
	queue->vq.counters.taken += taken;
	return taken;
}

static unsigned int packed_take_each(struct virtqueue *vq, struct virtqueue_used *used,
				     unsigned int max)
{
	struct packed_queue *queue = packed_of(vq);
	unsigned int taken = 0;

	while (taken < max && !vq->broken) {
		if (queue->plain)
			taken += take_run(queue, used + taken, max - taken);
		if (taken == max)
			break;
		used[taken].token = take_any(queue, &used[taken].length);
		if (!used[taken].token)
			break;
		taken++;
	}
	return taken;
}

static bool packed_has_used(const struct virtqueue *vq)
{
	const struct packed_queue *queue = packed_of_const(vq);

	return queue->batch || is_used(queue, queue->used);
}

/* -- Interrupts */

static void packed_interrupts_off(struct virtqueue *vq)
{
	wire_write32(packed_of(vq)->driver_event, PACKED_EVENT_DISABLE << PACKED_EVENT_FLAGS_SHIFT);
}

/*
 * An event is a place in the ring, not a number of buffers: each takes one descriptor at least, so
 * that the interrupt comes with the buffer that was asked for or before it.
 */
static bool packed_interrupts_on(struct virtqueue *vq, unsigned int after)
{
	struct packed_queue *queue = packed_of(vq);
	struct place event = queue->used, place = queue->used;
	unsigned int passed = 0;

	if (after <= queue->batch)
		return true;
	after -= queue->batch;
	if (after > vq->size)
		after = vq->size;
	if (queue->event_idx) {
		advance(queue, &event, after - 1);
		wire_write32(queue->driver_event, PACKED_EVENT_DESC << PACKED_EVENT_FLAGS_SHIFT |
							  (event.wrap ? PACKED_EVENT_WRAP : 0) |
							  event.offset);
	} else {
		wire_write32(queue->driver_event, PACKED_EVENT_ENABLE << PACKED_EVENT_FLAGS_SHIFT);
	}
	/* What was used before the device could see the wish makes no interrupt: look once more. */
	memory_barrier();
	while (passed < after) {
		uint16_t id;
		unsigned int count = 1;

		if (!is_used(queue, place))
			return false;
		id = wire_read16(&queue->desc[place.offset].id);
		if (id < vq->size && queue->slots[id].kind != SLOT_FREE)
			count = descriptors(queue, id);
		/* One entry for a batch says nothing about how long it is; take() finds out. */
		if (queue->in_order || count > vq->size - passed)
			return true;
		passed += count;
		advance(queue, &place, count);
	}
	return true;
}

/* -- Life */

static void *packed_detach(struct virtqueue *vq)
{
	struct packed_queue *queue = packed_of(vq);

	while (queue->detached < vq->size) {
		uint16_t id = queue->detached++;

		if (queue->slots[id].kind != SLOT_FREE) {
			release(queue, id);
			return queue->slots[id].token;
		}
	}
	return NULL;
}

static void packed_rewind(struct virtqueue *vq)
{
	struct packed_queue *queue = packed_of(vq);

	memset(queue->desc, 0, queue->block_size);
	for (uint16_t i = 0; i < vq->size; i++) {
		queue->slots[i].next = id_after(queue, i);
		queue->slots[i].kind = SLOT_FREE;
	}
	queue->free_id = queue->next_id = 0;
	queue->avail = queue->used = (struct place){0, true}; /* 2.8.1 */
	queue->hidden = queue->hidden_buffers = queue->lent = queue->detached = queue->batch = 0;
	vq->free = vq->size;
	wire_write32(queue->driver_event, PACKED_EVENT_DISABLE << PACKED_EVENT_FLAGS_SHIFT);
}

static void packed_destroy(struct virtqueue *vq)
{
	struct packed_queue *queue = packed_of(vq);

	if (queue->desc)
		dma_free(queue->desc, queue->block_size);
	tables_destroy(&queue->tables);
	free(queue->slots);
	free(queue->more);
	free(queue);
}

static void packed_describe(const struct virtqueue *vq, struct facts *facts)
{
	const struct packed_queue *queue = packed_of_const(vq);

	fact_number(facts, "avail_offset", queue->avail.offset);
	fact_number(facts, "avail_wrap", queue->avail.wrap);
	fact_number(facts, "used_offset", queue->used.offset);
	fact_number(facts, "used_wrap", queue->used.wrap);
	fact_number(facts, "lent", (uint64_t)queue->lent + queue->hidden_buffers);
	fact_number(facts, "indirect_tables", queue->tables.count);
}

static const struct virtqueue_operations packed_operations = {
	.format = "packed",
	.add = packed_ring_add,
	.add_each = packed_ring_add_each,
	.publish = packed_publish,
	.next = packed_next,
	.take = packed_take,
	.take_each = packed_take_each,
	.has_used = packed_has_used,
	.interrupts_off = packed_interrupts_off,
	.interrupts_on = packed_interrupts_on,
	.detach = packed_detach,
	.rewind = packed_rewind,
	.destroy = packed_destroy,
	.describe = packed_describe,
};

/* The ring wants alignment 16 and the words 4 (2.8.10.1); each word gets its own cache line. */
static bool allocate_parts(struct packed_queue *queue, uint16_t size)
{
	const struct dma_constraints constraints = {.align = CACHE_LINE};
	size_t driver_offset = size * sizeof(struct packed_desc);
	size_t device_offset;
	char *block;

	driver_offset = (driver_offset + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	device_offset = driver_offset + CACHE_LINE;
	queue->block_size = device_offset + CACHE_LINE;
	block = dma_alloc(queue->block_size, &constraints);
	if (!block)
		return false;
	queue->desc = (struct packed_desc *)block;
	queue->driver_event = (le32 *)(block + driver_offset);
	queue->device_event = (le32 *)(block + device_offset);
	queue->vq.descriptor_area = dma_address(block);
	queue->vq.driver_area = queue->vq.descriptor_area + driver_offset;
	queue->vq.device_area = queue->vq.descriptor_area + device_offset;
	return true;
}

struct virtqueue *packed_create(const struct virtqueue_parameters *parameters)
{
	uint16_t size = parameters->size;
	struct packed_queue *queue;

	if (!size || size > VIRTQUEUE_SIZE_MAX)
		return NULL;
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return NULL;
	queue->vq.operations = &packed_operations;
	queue->vq.index = parameters->index;
	queue->vq.size = size;
	queue->event_idx = parameters->event_idx;
	queue->in_order = parameters->in_order;
	queue->strong = parameters->order_platform;
	queue->plain = !queue->in_order && !queue->strong;
	queue->slots = calloc(size, sizeof(*queue->slots));
	queue->more = calloc(size, sizeof(*queue->more));
	if (!queue->slots || !queue->more || !allocate_parts(queue, size) ||
	    !tables_create(&queue->tables, parameters)) {
		packed_destroy(&queue->vq);
		return NULL;
	}
	packed_rewind(&queue->vq);
	return &queue->vq;
}
