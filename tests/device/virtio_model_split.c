/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's side of a split virtqueue (virtio 1.4, 2.7), written apart from the driver's. */
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

	if (count == MODEL_SEGMENTS)
		host_abort("a chain of more than %u descriptors", MODEL_SEGMENTS);
	if (!length)
		virtio_model_violation(model, "a descriptor of length 0");
	segment->address = address;
	segment->length = length;
	segment->data = lent(model, address, length, "a buffer");
	if (writable) {
		chain->in_count++;
		chain->in_bytes += length;
	} else {
		if (chain->in_count)
			virtio_model_violation(model,
					       "a readable descriptor behind a writable one");
		chain->out_count++;
		chain->out_bytes += length;
	}
	return segment->data != NULL;
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

/* Walks `count` descriptors from `index`; the limit is the queue's size also for indirect tables.
 */
static bool walk(struct virtio_model *model, struct model_queue *q, const struct descriptor *table,
		 unsigned int entries, unsigned int index, unsigned int limit, bool indirect,
		 struct model_chain *chain)
{
	for (unsigned int steps = 0;; steps++) {
		struct descriptor descriptor;

		if (index >= entries || steps >= limit) {
			virtio_model_violation(model, "a chain leaves its table or is too long");
			return false;
		}
		if (!indirect)
			check_order(model, q, index);
		descriptor = table[index];
		if (descriptor.flags & DESC_INDIRECT) {
			const struct descriptor *inner;

			if (indirect || descriptor.flags & DESC_NEXT || descriptor.length % 16 ||
			    !virtio_model_accepted(model, MODEL_INDIRECT)) {
				virtio_model_violation(model, "a wrong indirect descriptor");
				return false;
			}
			inner = lent(model, descriptor.address, descriptor.length, "a table");
			chain->indirect = true;
			return inner &&
			       walk(model, q, inner, descriptor.length / 16, 0, limit, true, chain);
		}
		if (!model_ring_append(model, chain, descriptor.address, descriptor.length,
				       descriptor.flags & DESC_WRITE))
			return false;
		if (!(descriptor.flags & DESC_NEXT))
			return true;
		index = descriptor.next;
	}
}

bool model_split_pop(struct virtio_model *model, unsigned int queue, struct model_chain *chain)
{
	struct model_queue *q = &model->queues[queue];
	const struct descriptor *table;
	uint16_t waiting;

	if (!q->enabled)
		return false;
	waiting = (uint16_t)(avail(model, queue)[1] - q->avail_seen);
	if (!waiting)
		return false;
	if (waiting > q->size)
		virtio_model_violation(model, "queue %u: the available index jumped by %u", queue,
				       waiting);
	if (q->desc % 16 || q->driver % 2 || q->device % 4)
		virtio_model_violation(model, "queue %u: a part is not aligned", queue);
	if (avail(model, queue)[0] > !virtio_model_accepted(model, MODEL_EVENT_IDX))
		virtio_model_violation(model, "queue %u: avail.flags are %u", queue,
				       avail(model, queue)[0]);
	table = lent(model, q->desc, 16ull * q->size, "the descriptor table");
	memset(chain, 0, sizeof(*chain));
	chain->head = avail(model, queue)[2 + q->avail_seen % q->size];
	q->avail_seen++;
	if (!q->no_notify && virtio_model_accepted(model, MODEL_EVENT_IDX))
		*avail_event(model, queue) = q->avail_seen;
	return table && walk(model, q, table, q->size, chain->head, q->size, false, chain);
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

	q->used_idx += (uint16_t)count;
	*model_split_used_idx(model, queue) = q->used_idx;
}

void model_split_interrupt(struct virtio_model *model, unsigned int queue)
{
	struct model_queue *q = &model->queues[queue];
	uint16_t old = q->used_told, new = q->used_idx;
	bool due;

	if (old == new)
		return;
	q->used_told = new;
	/* "Crosses" in words: the event lies in [old, new). */
	if (virtio_model_accepted(model, MODEL_EVENT_IDX)) {
		uint16_t event = model_split_used_event(model, queue);

		due = false;
		for (uint16_t index = old; index != new && !due; index++)
			due = index == event;
	} else {
		due = !(avail(model, queue)[0] & 1);
	}
	if (!due)
		return;
	q->interrupts++;
	model->interrupt(model, (int)queue);
}

void model_split_push(struct virtio_model *model, unsigned int queue, uint32_t id, uint32_t length)
{
	model_split_fill(model, queue, 0, id, length);
	model_split_show(model, queue, 1);
	model_split_interrupt(model, queue);
}
