/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's side of a split virtqueue (virtio 1.4, 2.7), written apart from the driver's. */
#include "tests/device/faults.h"
#include "tests/device/virtio_model_ring.h"

#include <string.h>

#define DESC_NEXT 1
#define DESC_WRITE 2
#define DESC_INDIRECT 4

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

/* Memory of the driver's that must be there; what is not is the driver's fault. */
static void *lent(struct virtio_model *model, uint64_t address, uint64_t length, const char *what)
{
	void *pointer = host_dma_pointer(address, length);

	if (!pointer)
		virtio_model_violation(model, "%s at 0x%llx, %llu bytes, is not DMA memory", what,
				       (unsigned long long)address, (unsigned long long)length);
	return pointer;
}

bool model_split_usable(const struct virtio_model *model, unsigned int queue)
{
	const struct model_queue *q = &model->queues[queue];

	return q->size && !(q->desc % 16 || q->driver % 2 || q->device % 4) &&
	       host_dma_pointer(q->desc, 16ull * q->size) &&
	       host_dma_pointer(q->driver, 6 + 2ull * q->size) &&
	       host_dma_pointer(q->device, 6 + 8ull * q->size);
}

static uint16_t *avail(struct virtio_model *model, unsigned int queue)
{
	struct model_queue *q = &model->queues[queue];
	uint16_t *ring = lent(model, q->driver, 6 + 2ull * q->size, "the available ring");

	if (!ring)
		host_abort("%s", model->violation);
	return ring;
}

static uint8_t *used(struct virtio_model *model, unsigned int queue)
{
	struct model_queue *q = &model->queues[queue];
	uint8_t *ring = lent(model, q->device, 6 + 8ull * q->size, "the used ring");

	if (!ring)
		host_abort("%s", model->violation);
	return ring;
}

uint16_t model_split_avail_flags(struct virtio_model *model, unsigned int queue)
{
	return avail(model, queue)[0];
}

uint16_t model_split_avail_idx(struct virtio_model *model, unsigned int queue)
{
	return avail(model, queue)[1];
}

uint16_t model_split_used_event(struct virtio_model *model, unsigned int queue)
{
	return avail(model, queue)[2 + model->queues[queue].size];
}

uint16_t *model_split_used_idx(struct virtio_model *model, unsigned int queue)
{
	return (uint16_t *)(void *)(used(model, queue) + 2);
}

static uint16_t *avail_event(struct virtio_model *model, unsigned int queue)
{
	return (uint16_t *)(void *)(used(model, queue) + 4 + 8u * model->queues[queue].size);
}

void model_split_want_kicks(struct virtio_model *model, unsigned int queue, bool want)
{
	struct model_queue *q = &model->queues[queue];

	q->no_notify = !want;
	if (virtio_model_accepted(model, MODEL_EVENT_IDX)) {
		/* Far behind: no index that the driver can reach passes it. */
		*avail_event(model, queue) =
			(uint16_t)(want ? q->avail_seen : q->avail_seen - 0x4000);
	} else {
		uint16_t flags = !want;

		memcpy(used(model, queue), &flags, sizeof(flags));
	}
}

bool model_ring_append(struct virtio_model *model, struct model_chain *chain, uint64_t address,
		       uint32_t length, bool writable)
{
	unsigned int count = chain->out_count + chain->in_count;
	struct model_segment *segment = &chain->segments[count];

	if (count == (fault(FAULT_CHAIN_SHORT) ? 3 : MODEL_SEGMENTS)) {
		virtio_model_broken(model, "a chain of more than %u descriptors", count);
		return false;
	}
	if (!length)
		virtio_model_violation(model, "a descriptor of length 0");
	segment->address = address;
	segment->length = length;
	segment->data = lent(model, address, length, "a buffer");
	if (!segment->data) {
		if (fault(FAULT_BAD_ADDRESS_COMPLETES))
			return true;
		virtio_model_needs_reset(model);
		return false;
	}
	if (writable) {
		chain->in_count++;
		chain->in_bytes += length;
		if (fault(FAULT_WRITES_BEYOND) && host_dma_pointer(address, length + 1ull))
			segment->data[length] ^= 0xff;
		return true;
	}
	if (fault(FAULT_READABLE_WRITTEN) && length)
		segment->data[length - 1] ^= 0x80;
	if (chain->in_count) {
		virtio_model_broken(model, "a readable descriptor behind a writable one");
		return false;
	}
	chain->out_count++;
	chain->out_bytes += length;
	return true;
}

void model_ring_chain(struct model_chain *chain)
{
	chain->out_count = chain->in_count = 0;
	chain->out_bytes = chain->in_bytes = 0;
	chain->indirect = false;
}

bool model_ring_popped(struct virtio_model *model, unsigned int queue, struct model_chain *chain,
		       bool good)
{
	struct model_segment *in = &chain->segments[chain->out_count], first;
	uint8_t *table = good ? NULL : host_dma_pointer(model->queues[queue].desc, 1);

	if (table && fault(FAULT_BROKEN_WRITES))
		*table ^= 0xff;
	if (good && chain->in_count > 2 && fault(FAULT_SEGMENTS_SWAPPED)) {
		first = in[0];
		in[0] = in[1];
		in[1] = first;
	}
	return good;
}

/* 2.7.9: with IN_ORDER descriptors are used in the table's order. */
static void check_order(struct virtio_model *model, struct model_queue *q, unsigned int index)
{
	if (!virtio_model_accepted(model, MODEL_IN_ORDER))
		return;
	if (index != q->expected_head)
		virtio_model_violation(model, "descriptor %u is used, %u was due", index,
				       q->expected_head);
	q->expected_head = (uint16_t)((index + 1) % q->size);
}

struct table {
	const struct descriptor *descriptors;
	unsigned int entries;
	unsigned int depth; /* tables above it */
};

/* Walks a chain from `index`. */
static bool walk(struct virtio_model *model, struct model_queue *q, struct table table,
		 unsigned int index, struct model_chain *chain)
{
	for (unsigned int steps = 0;; steps++) {
		struct descriptor descriptor;

		if (index >= table.entries || steps >= q->size || steps >= table.entries) {
			if (fault(FAULT_BAD_CHAIN_COMPLETES))
				return true;
			virtio_model_broken(model, "a chain leaves its table or is too long");
			return false;
		}
		if (!table.depth)
			check_order(model, q, index);
		memcpy(&descriptor, (const uint8_t *)table.descriptors + 16ull * index,
		       sizeof(descriptor));
		chain->tail = (uint16_t)index;
		if (descriptor.flags & DESC_INDIRECT) {
			struct table inner = {.entries = descriptor.length / 16,
					      .depth = table.depth + 1};
			bool bad = table.depth || descriptor.flags & DESC_NEXT ||
				   !descriptor.length ||
				   !virtio_model_accepted(model, MODEL_INDIRECT) ||
				   descriptor.length % 16 ||
				   (descriptor.flags & DESC_WRITE &&
				    fault(FAULT_INDIRECT_WRITE_REFUSED)) ||
				   (steps && fault(FAULT_INDIRECT_LATER_REFUSED)) ||
				   descriptor.address % 2;

			inner.descriptors =
				lent(model, descriptor.address, descriptor.length, "a table");
			if (bad || !inner.descriptors) {
				virtio_model_broken(model, "a wrong indirect descriptor");
				return false;
			}
			chain->indirect = true;
			return walk(model, q, inner, 0, chain);
		}
		if (!model_ring_append(model, chain, descriptor.address, descriptor.length,
				       descriptor.flags & DESC_WRITE))
			return false;
		if (!(descriptor.flags & DESC_NEXT))
			return true;
		index = descriptor.next;
	}
}

bool model_split_waits(struct virtio_model *model, unsigned int queue)
{
	return !model->queues[queue].blind && model_split_usable(model, queue) &&
	       avail(model, queue)[1] != model->queues[queue].avail_seen;
}

bool model_split_pop(struct virtio_model *model, unsigned int queue, struct model_chain *chain)
{
	struct model_queue *q = &model->queues[queue];
	struct table table = {.entries = q->size};
	uint16_t waiting, head;
	bool good;

	if (!q->enabled || q->blind || model->stuck)
		return false;
	if (!model_split_usable(model, queue)) {
		virtio_model_broken(model, "queue %u is not aligned or not in DMA memory", queue);
		return false;
	}
	waiting = (uint16_t)(avail(model, queue)[1] - q->avail_seen);
	if (!waiting || (fault(FAULT_SPLIT_STOPS_AT_WRAP) && q->avail_seen == 0xffff))
		return false;
	if (waiting > q->size && !fault(FAULT_JUMP_TOLERATED)) {
		virtio_model_broken(model, "queue %u: the available index jumped by %u", queue,
				    waiting);
		return false;
	}
	if (avail(model, queue)[0] > !virtio_model_accepted(model, MODEL_EVENT_IDX))
		virtio_model_violation(model, "queue %u: avail.flags are %u", queue,
				       avail(model, queue)[0]);
	table.descriptors = lent(model, q->desc, 16ull * q->size, "the descriptor table");
	model_ring_chain(chain);
	head = avail(model, queue)[2 + q->avail_seen % q->size];
	if (fault(FAULT_AVAIL_WRITTEN))
		avail(model, queue)[2 + q->avail_seen % q->size] ^= 0x8000;
	if (head >= q->size && fault(FAULT_HEAD_BEYOND_COMPLETES))
		head %= q->size;
	chain->head = head;
	q->avail_seen++;
	if (!q->no_notify && virtio_model_accepted(model, MODEL_EVENT_IDX))
		*avail_event(model, queue) =
			fault(FAULT_AVAIL_EVENT_STUCK) ? (uint16_t)0 : q->avail_seen;
	good = walk(model, q, table, head, chain);
	if (good && fault(FAULT_DESCRIPTOR_WRITTEN))
		((struct descriptor *)(uintptr_t)table.descriptors)[head % q->size].next ^= 1;
	if (good && fault(FAULT_USED_ID_TAIL))
		chain->head = chain->indirect ? chain->head : chain->tail;
	return model_ring_popped(model, queue, chain, good);
}

void model_split_unpop(struct virtio_model *model, unsigned int queue,
		       const struct model_chain *chain)
{
	struct model_queue *q = &model->queues[queue];

	q->avail_seen--;
	q->expected_head = chain->head;
}

static void write_used(struct virtio_model *model, unsigned int queue, unsigned int ahead,
		       uint32_t id, uint32_t length)
{
	struct model_queue *q = &model->queues[queue];
	uint8_t *place = used(model, queue) + 4 + 8u * ((q->used_idx + ahead) % q->size);

	memcpy(place, &id, 4);
	memcpy(place + 4, &length, 4);
}

static bool in_batches(const struct virtio_model *model)
{
	return model->batches && virtio_model_accepted(model, MODEL_IN_ORDER);
}

/* 2.7.9: of a batch only the last is written, where the first would be. */
void model_split_fill(struct virtio_model *model, unsigned int queue, unsigned int ahead,
		      uint32_t id, uint32_t length)
{
	write_used(model, queue, in_batches(model) ? 0 : ahead, id, length);
}

void model_split_show(struct virtio_model *model, unsigned int queue, unsigned int count)
{
	struct model_queue *q = &model->queues[queue];
	uint8_t *last = used(model, queue) + 4 + 8u * ((q->used_idx + count - 1u) % q->size);

	if (fault(FAULT_USED_TWICE)) {
		memcpy(used(model, queue) + 4 + 8u * ((q->used_idx + count) % q->size), last, 8);
		count++;
	}
	if (fault(FAULT_USED_INDEX_JUMPS))
		count++;
	q->used_idx += (uint16_t)count;
	*model_split_used_idx(model, queue) = q->used_idx;
	if (fault(FAULT_USED_FLAGS_JUNK) ||
	    (fault(FAULT_USED_FLAGS_WITH_EVENT) && virtio_model_accepted(model, MODEL_EVENT_IDX))) {
		const uint16_t junk = fault(FAULT_USED_FLAGS_JUNK) ? 6 : 1;

		memcpy(used(model, queue), &junk, sizeof(junk));
	}
}

/* "Crosses" in words: the event lies in [old, new). */
static bool event_due(struct virtio_model *model, unsigned int queue, uint16_t old, uint16_t new)
{
	uint16_t event = model_split_used_event(model, queue);
	bool due = false;

	if (fault(FAULT_EVENT_EARLY))
		event--;
	if (fault(FAULT_EVENT_LATE))
		event++;
	if (fault(FAULT_EVENT_IGNORED) || fault(FAULT_INTERRUPTS_NOT_SUPPRESSED))
		return true;
	if (fault(FAULT_EVENT_FLAG_HONOURED) && avail(model, queue)[0] & 1)
		return false;
	if (fault(FAULT_EVENT_WRAP_LOST) && new < old)
		return false;
	if (fault(FAULT_EVENT_ONLY_LAST))
		return event == (uint16_t)(new - 1);
	for (uint16_t index = old; index != new && !due; index++)
		due = index == event;
	return due;
}

void model_split_interrupt(struct virtio_model *model, unsigned int queue)
{
	struct model_queue *q = &model->queues[queue];
	uint16_t old = q->used_told, new = q->used_idx;
	bool due;

	if (old == new)
		return;
	q->used_told = new;
	if (virtio_model_accepted(model, MODEL_EVENT_IDX))
		due = event_due(model, queue, old, new);
	else if (fault(FAULT_FLAGS_USED_EVENT))
		due = model_split_used_event(model, queue) == (uint16_t)(new - 1);
	else
		due = !(avail(model, queue)[0] & 1) || fault(FAULT_INTERRUPTS_NOT_SUPPRESSED);
	/* 6.3 */
	if (virtio_model_accepted(model, MODEL_NOTIFY_ON_EMPTY) &&
	    avail(model, queue)[1] == q->avail_seen && !fault(FAULT_LEGACY_NOTIFY_ON_EMPTY))
		due = true;
	if (due)
		model_ring_send(model, queue);
}

void model_split_push(struct virtio_model *model, unsigned int queue, uint32_t id, uint32_t length)
{
	model_split_fill(model, queue, 0, id, length);
	model_split_show(model, queue, 1);
	model_split_interrupt(model, queue);
}
