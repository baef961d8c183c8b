/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model_block.h"

#include "tests/device/virtio_model_ring.h"

#include <stdlib.h>
#include <string.h>

#define T_IN 0
#define T_OUT 1
#define T_FLUSH 4
#define T_GET_ID 8
#define T_GET_LIFETIME 10
#define T_DISCARD 11
#define T_WRITE_ZEROES 13
#define T_SECURE_ERASE 14
#define S_OK 0
#define S_IOERR 1
#define S_UNSUPP 2
#define HEADER 16
#define RANGE 16
#define BATCH_MAX 256

/* Copies to or from the out or in segments of a chain, from `offset` on. */
static void copy(const struct model_chain *chain, bool in, uint32_t offset, void *data,
		 uint32_t length)
{
	unsigned int first = in ? chain->out_count : 0;
	unsigned int end = in ? first + chain->in_count : chain->out_count;
	uint8_t *bytes = data;

	for (unsigned int i = first; i < end && length; i++) {
		const struct model_segment *segment = &chain->segments[i];
		uint32_t part;

		if (offset >= segment->length) {
			offset -= segment->length;
			continue;
		}
		part = segment->length - offset < length ? segment->length - offset : length;
		if (in)
			memcpy(segment->data + offset, bytes, part);
		else
			memcpy(bytes, segment->data + offset, part);
		bytes += part;
		length -= part;
		offset = 0;
	}
}

static uint32_t config32(const struct virtio_model *model, unsigned int offset)
{
	uint32_t value;

	memcpy(&value, model->config + offset, sizeof(value));
	return value;
}

/* 5.2.6.1: what a driver must keep to. */
static void check_segments(struct virtio_model *model, const struct model_chain *chain)
{
	unsigned int data = chain->out_count + chain->in_count - 2;

	if (data > 1 &&
	    data > (virtio_model_accepted(model, MODEL_BLOCK_SEG_MAX) ? config32(model, 12) : 1))
		virtio_model_violation(model, "a request of %u segments", data);
	if (!virtio_model_accepted(model, MODEL_BLOCK_SIZE_MAX))
		return;
	for (unsigned int i = 1; i + 1 < chain->out_count + chain->in_count; i++)
		if (chain->segments[i].length > config32(model, 8))
			virtio_model_violation(model, "a segment of %u bytes",
					       chain->segments[i].length);
}

static uint8_t transfer(struct virtio_model_block *block, const struct model_chain *chain,
			struct model_block_request *request)
{
	struct virtio_model *model = &block->model;
	bool in = request->type == T_IN;
	uint32_t bytes = in ? chain->in_bytes - 1 : chain->out_bytes - HEADER;
	uint32_t align = virtio_model_accepted(model, MODEL_BLOCK_BLK_SIZE) ? config32(model, 20)
									    : MODEL_BLOCK_SECTOR;
	uint8_t *place;

	check_segments(model, chain);
	if (!bytes || bytes % align || request->sector % (align / MODEL_BLOCK_SECTOR))
		virtio_model_violation(model, "%u bytes at sector %llu", bytes,
				       (unsigned long long)request->sector);
	if (!in && virtio_model_accepted(model, MODEL_BLOCK_RO))
		virtio_model_violation(model, "a write to a read-only device");
	request->sectors = bytes / MODEL_BLOCK_SECTOR;
	if (request->sector > block->sectors || request->sectors > block->sectors - request->sector)
		return S_IOERR;
	place = block->disk + request->sector * MODEL_BLOCK_SECTOR;
	copy(chain, in, in ? 0 : HEADER, place, bytes);
	return S_OK;
}

/* DISCARD, WRITE_ZEROES, SECURE_ERASE: the feature, and where its limits stand. */
static uint8_t clear(struct virtio_model_block *block, const struct model_chain *chain,
		     struct model_block_request *request)
{
	struct virtio_model *model = &block->model;
	unsigned int feature = request->type == T_DISCARD	 ? MODEL_BLOCK_DISCARD
			       : request->type == T_WRITE_ZEROES ? MODEL_BLOCK_WRITE_ZEROES
								 : MODEL_BLOCK_SECURE_ERASE;
	unsigned int limit = request->type == T_DISCARD	       ? 36
			     : request->type == T_WRITE_ZEROES ? 48
							       : 60;
	uint8_t range[RANGE];
	uint32_t sectors;

	if (!virtio_model_accepted(model, feature)) {
		virtio_model_violation(model, "type %u without its feature", request->type);
		return S_UNSUPP;
	}
	if (chain->out_bytes != HEADER + RANGE) {
		virtio_model_violation(model, "a range of %u bytes", chain->out_bytes - HEADER);
		return S_UNSUPP;
	}
	copy(chain, false, HEADER, range, RANGE);
	memcpy(&request->sector, range, 8);
	memcpy(&sectors, range + 8, 4);
	memcpy(&request->flags, range + 12, 4);
	request->sectors = sectors;
	if (request->flags > (request->type == T_WRITE_ZEROES))
		virtio_model_violation(model, "type %u with flags %x", request->type,
				       request->flags);
	if (!sectors || sectors > config32(model, limit))
		virtio_model_violation(model, "type %u for %u sectors", request->type, sectors);
	if (request->sector > block->sectors || sectors > block->sectors - request->sector)
		return S_IOERR;
	memset(block->disk + request->sector * MODEL_BLOCK_SECTOR, 0,
	       (size_t)sectors * MODEL_BLOCK_SECTOR);
	return S_OK;
}

static uint8_t answer(struct virtio_model_block *block, const struct model_chain *chain,
		      struct model_block_request *request)
{
	struct virtio_model *model = &block->model;
	static const uint8_t lifetime[6] = {1, 0, 3, 0, 7, 0};
	char serial[20] = "";

	switch (request->type) {
	case T_IN:
	case T_OUT:
		return transfer(block, chain, request);
	case T_FLUSH:
		if (!virtio_model_accepted(model, MODEL_BLOCK_FLUSH) || request->sector ||
		    chain->out_bytes != HEADER || chain->in_bytes != 1)
			virtio_model_violation(model, "a wrong flush");
		return S_OK;
	case T_GET_ID:
		if (chain->in_bytes != 21)
			virtio_model_violation(model, "GET_ID with %u bytes", chain->in_bytes);
		if (!block->serial)
			return S_UNSUPP;
		strncpy(serial, block->serial, sizeof(serial) - 1);
		copy(chain, true, 0, serial, sizeof(serial));
		return S_OK;
	case T_GET_LIFETIME:
		if (!virtio_model_accepted(model, MODEL_BLOCK_LIFETIME) || chain->in_bytes != 7)
			virtio_model_violation(model, "a wrong GET_LIFETIME");
		copy(chain, true, 0, (void *)(uintptr_t)lifetime, sizeof(lifetime));
		return S_OK;
	case T_DISCARD:
	case T_WRITE_ZEROES:
	case T_SECURE_ERASE:
		return clear(block, chain, request);
	default:
		virtio_model_violation(model, "a request of type %u", request->type);
		return S_UNSUPP;
	}
}

/* Does one request; returns the length that the used entry says. */
static uint32_t do_request(struct virtio_model_block *block, unsigned int queue,
			   const struct model_chain *chain)
{
	struct model_block_request *request =
		&block->done[block->done_count++ % MODEL_BLOCK_REQUESTS];
	uint8_t header[HEADER], status;
	uint32_t reserved;

	memset(request, 0, sizeof(*request));
	if (chain->out_bytes < HEADER || !chain->in_bytes) {
		virtio_model_violation(&block->model, "a request of %u and %u bytes",
				       chain->out_bytes, chain->in_bytes);
		return 0;
	}
	copy(chain, false, 0, header, HEADER);
	memcpy(&request->type, header, 4);
	memcpy(&reserved, header + 4, 4);
	memcpy(&request->sector, header + 8, 8);
	request->descriptors = chain->out_count + chain->in_count;
	request->indirect = chain->indirect;
	request->queue = queue;
	if (reserved)
		virtio_model_violation(&block->model, "reserved is %u", reserved);
	status = block->fail_status && request->type == block->fail_type
			 ? block->fail_status
			 : answer(block, chain, request);
	if (block->lie_status)
		status = block->status;
	if (status != 0xff)
		copy(chain, true, chain->in_bytes - 1, &status, 1);
	return block->lie_length ? block->length : chain->in_bytes;
}

static void serve(struct virtio_model_block *block, unsigned int queue)
{
	struct virtio_model *model = &block->model;
	struct {
		uint32_t id, length;
	} batch[BATCH_MAX];
	struct model_chain chain;
	unsigned int count = 0, most = block->at_most ? block->at_most : BATCH_MAX;

	while (count < most && model_ring_pop(model, queue, &chain)) {
		batch[count].length = do_request(block, queue, &chain);
		batch[count++].id = block->lie_id ? block->id : chain.head;
	}
	if (!count)
		return;
	for (unsigned int i = 0; i < count; i++) {
		unsigned int from = block->reverse ? count - 1 - i : i;

		model_ring_fill(model, queue, i, batch[from].id, batch[from].length);
	}
	model_ring_show(model, queue, count);
	if (!block->quiet)
		model_ring_interrupt(model, queue);
}

static void process(struct virtio_model *model)
{
	struct virtio_model_block *block = model->device;

	for (unsigned int i = 0; i < model->queue_count && !block->hold; i++)
		if (model->queues[i].kicked) {
			if (!block->at_most)
				model->queues[i].kicked = false;
			serve(block, i);
		}
}

void virtio_model_block_set(struct virtio_model_block *block, unsigned int offset, uint64_t value,
			    unsigned int width)
{
	memcpy(block->model.config + offset, &value, width);
}

void virtio_model_block_init(struct virtio_model_block *block, uint64_t sectors,
			     unsigned int queues, uint16_t queue_size)
{
	struct virtio_model *model = &block->model;

	memset(block, 0, sizeof(*block));
	virtio_model_init(model, 2, queues, queue_size);
	block->disk = calloc(sectors, MODEL_BLOCK_SECTOR);
	if (!block->disk)
		host_abort("no memory for a disk");
	block->sectors = sectors;
	model->device = block;
	model->process = process;
	model->config_length = 96;
	virtio_model_block_set(block, 0, sectors, 8);
	virtio_model_block_set(block, 12, 16, 4);
	virtio_model_block_set(block, 16, 100, 2);
	virtio_model_block_set(block, 18, 16, 1);
	virtio_model_block_set(block, 19, 63, 1);
	virtio_model_block_set(block, 20, MODEL_BLOCK_SECTOR, 4);
	virtio_model_block_set(block, 32, 1, 1);
	virtio_model_block_set(block, 34, queues, 2);
	for (unsigned int i = 36; i <= 60; i += 12) {
		virtio_model_block_set(block, i, 64, 4);
		virtio_model_block_set(block, i + 4, 1, 4);
	}
	virtio_model_block_set(block, 56, 1, 1);
	virtio_model_offer(model, MODEL_BLOCK_SEG_MAX, true);
	virtio_model_offer(model, MODEL_BLOCK_GEOMETRY, true);
	virtio_model_offer(model, MODEL_BLOCK_BLK_SIZE, true);
	virtio_model_offer(model, MODEL_BLOCK_FLUSH, true);
	if (queues > 1)
		virtio_model_offer(model, MODEL_BLOCK_MQ, true);
}

void virtio_model_block_free(struct virtio_model_block *block)
{
	free(block->disk);
	block->disk = NULL;
}

void virtio_model_block_resize(struct virtio_model_block *block, uint64_t sectors)
{
	uint8_t *disk = realloc(block->disk, sectors * MODEL_BLOCK_SECTOR);

	if (!disk)
		host_abort("no memory for a disk");
	if (sectors > block->sectors)
		memset(disk + block->sectors * MODEL_BLOCK_SECTOR, 0,
		       (sectors - block->sectors) * MODEL_BLOCK_SECTOR);
	block->disk = disk;
	block->sectors = sectors;
	virtio_model_configure(&block->model, 0, &sectors, sizeof(sectors));
}

const struct model_block_request *virtio_model_block_last(const struct virtio_model_block *block)
{
	return &block->done[(block->done_count - 1) % MODEL_BLOCK_REQUESTS];
}
