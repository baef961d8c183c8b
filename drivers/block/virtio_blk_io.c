/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk: requests to the device and back (virtio 1.4, 5.2.6).
 *
 *	header | data to be read or a range	the device reads
 *	data to be written | status		the device writes
 *
 * Header, range and status lie in a slot, data where the caller has it. The status is 0xff before,
 * which no device writes, so that a request that comes back untouched is noticed.
 *
 * Everything here is called under the queue's lock.
 */
#include "drivers/block/virtio_blk.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"

#include <errno.h>
#include <stdlib.h>

#define LOG_AREA "block"

int virtio_blk_queue_create(struct virtio_blk_queue *queue, struct virtqueue *vq)
{
	const struct dma_constraints constraints = {.align = sizeof(struct virtio_blk_memory)};

	queue->slot_count = vq->size;
	queue->segments_max = queue->blk->block.limits.segments_max + 2;
	queue->slots = calloc(queue->slot_count, sizeof(*queue->slots));
	queue->segments = calloc(queue->segments_max, sizeof(*queue->segments));
	queue->memory = dma_alloc(queue->slot_count * sizeof(*queue->memory), &constraints);
	if (!queue->slots || !queue->segments || !queue->memory)
		return -ENOMEM;
	queue->memory_address = dma_address(queue->memory);
	queue->free = NULL;
	for (unsigned int i = queue->slot_count; i-- > 0;) {
		queue->slots[i].next = queue->free;
		queue->free = &queue->slots[i];
	}
	queue->vq = vq;
	return 0;
}

void virtio_blk_queue_destroy(struct virtio_blk_queue *queue)
{
	if (queue->memory)
		dma_free(queue->memory, queue->slot_count * sizeof(*queue->memory));
	free(queue->segments);
	free(queue->slots);
	queue->memory = NULL;
	queue->segments = NULL;
	queue->slots = queue->free = NULL;
	queue->vq = NULL;
}

/* -- To the device */

static const uint32_t types[BLOCK_OPERATIONS] = {
	[BLOCK_READ] = VIRTIO_BLK_T_IN,
	[BLOCK_WRITE] = VIRTIO_BLK_T_OUT,
	[BLOCK_FLUSH] = VIRTIO_BLK_T_FLUSH,
	[BLOCK_DISCARD] = VIRTIO_BLK_T_DISCARD,
	[BLOCK_WRITE_ZEROES] = VIRTIO_BLK_T_WRITE_ZEROES,
	[BLOCK_SECURE_ERASE] = VIRTIO_BLK_T_SECURE_ERASE,
	[BLOCK_IDENTIFY] = VIRTIO_BLK_T_GET_ID,
	[BLOCK_LIFETIME] = VIRTIO_BLK_T_GET_LIFETIME,
};

static bool has_range(enum block_operation operation)
{
	return operation == BLOCK_DISCARD || operation == BLOCK_WRITE_ZEROES ||
	       operation == BLOCK_SECURE_ERASE;
}

/* Appends the caller's memory, cut where the device wants it; false: more pieces than it takes. */
static bool add_data(struct virtio_blk_queue *queue, const struct block_request *request,
		     unsigned int *count, uint32_t *bytes)
{
	uint32_t most = queue->blk->block.limits.segment_max;

	*bytes = 0;
	for (unsigned int i = 0; i < request->segment_count; i++) {
		uint64_t address = dma_address(request->segments[i].data);
		uint32_t left = request->segments[i].length;

		*bytes += left;
		while (left) {
			uint32_t length = left < most ? left : most;

			/* The last place is the status's. */
			if (*count + 1 >= queue->segments_max)
				return false;
			queue->segments[(*count)++] =
				(struct virtqueue_segment){.address = address, .length = length};
			address += length;
			left -= length;
		}
	}
	return true;
}

int virtio_blk_start(struct block_queue *block, struct block_request *request)
{
	struct virtio_blk_queue *queue = block->driver_data;
	struct virtio_blk_slot *slot = queue->free;
	struct virtio_blk_memory *memory;
	unsigned int out = 1, count = 1;
	uint32_t bytes = 0;
	uint64_t address;
	int error;

	if (!slot || !queue->vq || queue->vq->broken)
		return -EBUSY;
	memory = &queue->memory[slot - queue->slots];
	address = queue->memory_address + (uint64_t)(slot - queue->slots) * sizeof(*memory);
	/* 5.2.6.1: the sector is 0 where it means nothing. */
	memory->header = (struct virtio_blk_header){.type = types[request->operation]};
	if (request->operation == BLOCK_READ || request->operation == BLOCK_WRITE)
		memory->header.sector = request->place;
	memory->status = VIRTIO_BLK_STATUS_NONE;
	queue->segments[0].address = address;
	queue->segments[0].length = sizeof(memory->header);

	if (has_range(request->operation)) {
		/* 5.2.6.1: unmap only with WRITE_ZEROES */
		memory->range = (struct virtio_blk_range){
			.sector = request->place,
			.num_sectors = (uint32_t)request->sectors,
			.flags = request->operation == BLOCK_WRITE_ZEROES && request->unmap &&
						 queue->blk->block.limits.zeroes_unmap
					 ? VIRTIO_BLK_RANGE_UNMAP
					 : 0,
		};
		queue->segments[count].address =
			address + offsetof(struct virtio_blk_memory, range);
		queue->segments[count++].length = sizeof(memory->range);
	} else if (request->operation != BLOCK_FLUSH) {
		if (!add_data(queue, request, &count, &bytes))
			return -EINVAL;
	}
	if (has_range(request->operation) || request->operation == BLOCK_WRITE)
		out = count;
	queue->segments[count].address = address + offsetof(struct virtio_blk_memory, status);
	queue->segments[count++].length = sizeof(memory->status);

	error = virtqueue_add(queue->vq, queue->segments, out, count - out, slot);
	if (error == -ENOSPC || error == -EIO)
		return -EBUSY; /* full; or broken, and then it is about to be reset */
	if (error)
		return error;
	queue->free = slot->next;
	slot->request = request;
	slot->data = out == 1 ? bytes : 0;
	return 0;
}

void virtio_blk_kick(struct block_queue *block)
{
	struct virtio_blk_queue *queue = block->driver_data;

	virtqueue_kick(queue->vq);
}

/* -- And back */

static void complain(struct virtio_blk_queue *queue, uint64_t *counter, const char *what,
		     unsigned int value)
{
	if (!(*counter)++)
		log_warning("%s: %s %u (said once, counted on)", queue->vq->name, what, value);
}

/* What the device says about the request, checked. */
static int result(struct virtio_blk_queue *queue, const struct virtio_blk_slot *slot,
		  uint32_t written)
{
	struct virtio_blk *blk = queue->blk;
	uint8_t status = *(volatile uint8_t *)&queue->memory[slot - queue->slots].status;

	switch (status) {
	case VIRTIO_BLK_S_OK:
		break;
	case VIRTIO_BLK_S_IOERR:
		return -EIO;
	case VIRTIO_BLK_S_UNSUPP:
		return -EOPNOTSUPP;
	case VIRTIO_BLK_STATUS_NONE:
		complain(queue, &blk->status_missing, "the device gave back a request with status",
			 status);
		return -EIO;
	default:
		complain(queue, &blk->status_unknown, "the device gave an unknown status", status);
		return -EIO;
	}
	/*
	 * 2.7.8.2: what lies behind the length that the device says is not to be relied on. Many
	 * forget to count the status byte, which we have seen written; the data must be all there.
	 * Before version 1 lengths meant nothing (2.7.8.3).
	 */
	if (written == slot->data + 1 || !virtio_has(blk->virtio, VIRTIO_F_VERSION_1))
		return 0;
	if (written < slot->data) {
		complain(queue, &blk->lengths_short,
			 "the device says of a read that is not all there: length", written);
		return -EIO;
	}
	complain(queue, &blk->lengths_wrong, "the device says a wrong length:", written);
	return 0;
}

static void release(struct virtio_blk_queue *queue, struct virtio_blk_slot *slot, int error)
{
	struct block_request *request = slot->request;

	slot->request = NULL;
	slot->next = queue->free;
	queue->free = slot;
	block_finish(request, error);
}

unsigned int virtio_blk_reap(struct block_queue *block)
{
	struct virtio_blk_queue *queue = block->driver_data;
	struct virtio_blk_slot *slot;
	unsigned int count = 0;
	uint32_t written;

	/* Of a broken queue nothing comes, and its indices may say anything. */
	do {
		while ((slot = virtqueue_take(queue->vq, &written))) {
			release(queue, slot, result(queue, slot, written));
			count++;
		}
	} while (!queue->vq->broken && virtqueue_interrupts_on(queue->vq, 1));
	return count;
}

void virtio_blk_abort(struct virtio_blk_queue *queue)
{
	uint64_t flags = block_lock(queue->block);
	struct virtio_blk_slot *slot;

	while (queue->vq && (slot = virtqueue_detach(queue->vq)))
		release(queue, slot, slot->request->expired ? -ETIMEDOUT : -EIO);
	block_unlock(queue->block, flags);
}
