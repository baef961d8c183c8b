/* SPDX-License-Identifier: BSD-2-Clause */
/* Split or packed: which of the two model rings a queue is. */
#include "tests/device/virtio_model_ring.h"

#include "tests/device/faults.h"

/* Buffers in one turn: a driver may give each back in its interrupt, and the device would go on for ever. */
#define TURN_MAX 4096u

static bool packed(const struct virtio_model *model)
{
	return virtio_model_accepted(model, MODEL_RING_PACKED);
}

bool model_ring_pop(struct virtio_model *model, unsigned int queue, struct model_chain *chain)
{
	if (model->taken == TURN_MAX)
		return false;
	model->taken++;
	return packed(model) ? model_packed_pop(model, queue, chain)
			     : model_split_pop(model, queue, chain);
}

void model_ring_unpop(struct virtio_model *model, unsigned int queue,
		      const struct model_chain *chain)
{
	if (packed(model))
		model_packed_unpop(model, queue, chain);
	else
		model_split_unpop(model, queue, chain);
}

static uint32_t said_length(uint32_t length)
{
	if (fault(FAULT_USED_LENGTH_ZERO))
		return 0;
	if (fault(FAULT_USED_LENGTH_LONG))
		return length + 1;
	return fault(FAULT_USED_LENGTH_SHORT) && length > 1 ? length - 1 : length;
}

void model_ring_fill(struct virtio_model *model, unsigned int queue, unsigned int ahead,
		     uint32_t id, uint32_t length)
{
	length = said_length(length);
	if (fault(FAULT_USED_ID_WRONG))
		id ^= 1;
	if (packed(model))
		model_packed_fill(model, queue, ahead, id, length);
	else
		model_split_fill(model, queue, ahead, id, length);
}

void model_ring_send(struct virtio_model *model, unsigned int queue)
{
	struct model_queue *q = &model->queues[queue];

	q->interrupts++;
	if (fault(FAULT_INTERRUPT_NEVER) ||
	    (fault(FAULT_INTERRUPT_EVERY_OTHER) && q->interrupts % 2 == 0))
		return;
	model->interrupt(model, (int)queue);
	if (fault(FAULT_INTERRUPT_TWICE))
		model->interrupt(model, (int)queue);
}

void model_ring_show(struct virtio_model *model, unsigned int queue, unsigned int count)
{
	if (packed(model))
		model_packed_show(model, queue, count);
	else
		model_split_show(model, queue, count);
}

void model_ring_interrupt(struct virtio_model *model, unsigned int queue)
{
	if (packed(model))
		model_packed_interrupt(model, queue);
	else
		model_split_interrupt(model, queue);
}

void model_ring_push(struct virtio_model *model, unsigned int queue, uint32_t id, uint32_t length)
{
	model_ring_fill(model, queue, 0, id, length);
	model_ring_show(model, queue, 1);
	model_ring_interrupt(model, queue);
}

void model_ring_want_kicks(struct virtio_model *model, unsigned int queue, bool want)
{
	if (packed(model))
		model_packed_want_kicks(model, queue, want);
	else
		model_split_want_kicks(model, queue, want);
}

bool model_ring_waits(struct virtio_model *model, unsigned int queue)
{
	return packed(model) ? model_packed_waits(model, queue) : model_split_waits(model, queue);
}

uint16_t model_ring_next(struct virtio_model *model, unsigned int queue)
{
	if (!(packed(model) ? model_packed_usable(model, queue) : model_split_usable(model, queue)))
		return 0;
	return packed(model) ? model_packed_next(model, queue)
			     : model_split_avail_idx(model, queue);
}
