/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model_block.h"

#include "tests/device/faults.h"
#include "tests/device/virtio_model_ring.h"

#include <stdlib.h>
#include <string.h>

#define T_IN 0
#define T_OUT 1
#define T_FLUSH 4
#define T_FLUSH_OUT 5
#define T_GET_ID 8
#define T_GET_LIFETIME 10
#define T_DISCARD 11
#define T_WRITE_ZEROES 13
#define T_SECURE_ERASE 14
#define S_OK 0
#define S_IOERR 1
#define S_UNSUPP 2
#define WRITEBACK 32
#define HEADER 16
#define RANGE 16
#define BATCH_MAX 256
#define LATE 100000

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

static bool beyond(const struct virtio_model_block *block, uint64_t sector, uint64_t sectors)
{
	if (fault(FAULT_BLOCK_BEYOND_WRAPS))
		return sector + sectors > block->sectors;
	return sector > block->sectors || sectors > block->sectors - sector;
}

static uint8_t transfer(struct virtio_model_block *block, const struct model_chain *chain,
			struct model_block_request *request)
{
	struct virtio_model *model = &block->model;
	bool in = request->type == T_IN;
	uint32_t bytes = in ? chain->in_bytes - 1 : chain->out_bytes - HEADER;
	uint32_t align = virtio_model_accepted(model, MODEL_BLOCK_BLK_SIZE) ? config32(model, 20)
									    : MODEL_BLOCK_SECTOR;
	uint64_t sector = request->sector;

	/* A configuration that lies binds nobody. */
	if (align < MODEL_BLOCK_SECTOR || align % MODEL_BLOCK_SECTOR)
		align = MODEL_BLOCK_SECTOR;
	check_segments(model, chain);
	if (!bytes || bytes % align || sector % (align / MODEL_BLOCK_SECTOR))
		virtio_model_violation(model, "%u bytes at sector %llu", bytes,
				       (unsigned long long)sector);
	if (!in && virtio_model_accepted(model, MODEL_BLOCK_RO))
		virtio_model_violation(model, "a write to a read-only device");
	if (!in && block->read_only && !fault(FAULT_BLOCK_RO_WRITES))
		return fault(FAULT_BLOCK_RO_SAYS_OK) ? S_OK : S_IOERR;
	if (bytes % MODEL_BLOCK_SECTOR && !fault(FAULT_BLOCK_PART_SECTOR))
		return S_IOERR;
	request->sectors = bytes / MODEL_BLOCK_SECTOR;
	if (beyond(block, sector, request->sectors))
		return fault(FAULT_BLOCK_BEYOND_SAYS_OK) ? S_OK : S_IOERR;
	if (sector > block->sectors)
		return S_OK;
	if (in && fault(FAULT_BLOCK_READS_NEXT) && sector)
		sector--;
	if (!in && fault(FAULT_BLOCK_WRITE_LOST))
		return S_OK;
	if (!in && fault(FAULT_BLOCK_WRITE_SHORT) && bytes > MODEL_BLOCK_SECTOR)
		bytes -= MODEL_BLOCK_SECTOR;
	copy(chain, in, in ? 0 : HEADER, block->disk + sector * MODEL_BLOCK_SECTOR, bytes);
	return S_OK;
}

/* One range of DISCARD, WRITE_ZEROES, SECURE_ERASE. */
static uint8_t clear_range(struct virtio_model_block *block, const uint8_t *range,
			   struct model_block_request *request, unsigned int limit)
{
	struct virtio_model *model = &block->model;
	uint32_t sectors;

	memcpy(&request->sector, range, 8);
	memcpy(&sectors, range + 8, 4);
	memcpy(&request->flags, range + 12, 4);
	request->sectors = sectors;
	if (request->flags > (request->type == T_WRITE_ZEROES)) {
		virtio_model_violation(model, "type %u with flags %x", request->type,
				       request->flags);
		if (!fault(request->flags == 1 ? FAULT_BLOCK_DISCARD_UNMAP
					       : FAULT_BLOCK_FLAGS_IGNORED))
			return S_UNSUPP;
	}
	if (!sectors || sectors > config32(model, limit)) {
		virtio_model_violation(model, "type %u for %u sectors", request->type, sectors);
		if (sectors && !fault(FAULT_BLOCK_RANGE_UNLIMITED))
			return S_IOERR;
	}
	if (beyond(block, request->sector, sectors))
		return fault(FAULT_BLOCK_BEYOND_SAYS_OK) ? S_OK : S_IOERR;
	if (request->sector > block->sectors)
		return S_OK;
	if (request->type == T_WRITE_ZEROES && fault(FAULT_BLOCK_ZEROES_NOTHING))
		return S_OK;
	if (request->type == T_WRITE_ZEROES && fault(FAULT_BLOCK_ZEROES_MORE) &&
	    !beyond(block, request->sector, sectors + 1ull))
		sectors++;
	memset(block->disk + request->sector * MODEL_BLOCK_SECTOR, 0,
	       (size_t)sectors * MODEL_BLOCK_SECTOR);
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
	uint32_t bytes = chain->out_bytes - HEADER;
	uint8_t range[RANGE], status = S_OK;

	if (!virtio_model_accepted(model, feature)) {
		virtio_model_violation(model, "type %u without its feature", request->type);
		return S_UNSUPP;
	}
	if (bytes != RANGE)
		virtio_model_violation(model, "a range of %u bytes", bytes);
	if (!bytes || bytes % RANGE)
		return S_UNSUPP;
	if (bytes / RANGE > config32(model, limit + 4))
		return S_IOERR;
	if (block->read_only)
		return S_IOERR;
	for (uint32_t at = 0; at < bytes && status == S_OK; at += RANGE) {
		copy(chain, false, HEADER + at, range, RANGE);
		status = clear_range(block, range, request, limit);
	}
	return status;
}

static uint8_t identify(struct virtio_model_block *block, const struct model_chain *chain)
{
	char serial[20] = "";
	uint32_t room = chain->in_bytes - 1;

	if (chain->in_bytes != 21)
		virtio_model_violation(&block->model, "GET_ID with %u bytes", chain->in_bytes);
	if (!block->serial)
		return S_UNSUPP;
	if (fault(FAULT_BLOCK_ID_NOT_PADDED))
		memset(serial, ' ', sizeof(serial));
	strncpy(serial, block->serial, sizeof(serial) - 1);
	if (fault(FAULT_BLOCK_ID_NOT_PADDED))
		serial[strlen(block->serial)] = ' ';
	copy(chain, true, 0, serial, room < sizeof(serial) ? room : sizeof(serial));
	return S_OK;
}

static uint8_t lifetime(struct virtio_model_block *block, const struct model_chain *chain)
{
	struct virtio_model *model = &block->model;
	uint8_t fields[6] = {1, 0, 3, 0, 7, 0};
	uint32_t room = chain->in_bytes - 1;

	if (!virtio_model_accepted(model, MODEL_BLOCK_LIFETIME) || chain->in_bytes != 7)
		virtio_model_violation(model, "a wrong GET_LIFETIME");
	if (!virtio_model_accepted(model, MODEL_BLOCK_LIFETIME))
		return S_UNSUPP;
	if (fault(FAULT_BLOCK_LIFETIME_RESERVED))
		fields[0] = 9;
	copy(chain, true, 0, fields, room < sizeof(fields) ? room : sizeof(fields));
	return S_OK;
}

static uint8_t answer(struct virtio_model_block *block, const struct model_chain *chain,
		      struct model_block_request *request)
{
	struct virtio_model *model = &block->model;

	switch (request->type) {
	case T_IN:
	case T_OUT:
		return transfer(block, chain, request);
	case T_FLUSH:
		if (!virtio_model_accepted(model, MODEL_BLOCK_FLUSH) || request->sector ||
		    chain->out_bytes != HEADER || chain->in_bytes != 1)
			virtio_model_violation(model, "a wrong flush");
		return fault(FAULT_BLOCK_FLUSH_FAILS) ? S_UNSUPP : S_OK;
	case T_FLUSH_OUT:
		/* 5.2.6.3 */
		return model->legacy && !fault(FAULT_BLOCK_FLUSH_OUT) ? S_OK : S_UNSUPP;
	case T_GET_ID:
		return identify(block, chain);
	case T_GET_LIFETIME:
		return lifetime(block, chain);
	case T_DISCARD:
	case T_WRITE_ZEROES:
	case T_SECURE_ERASE:
		return clear(block, chain, request);
	default:
		virtio_model_violation(model, "a request of type %u", request->type);
		return fault(FAULT_BLOCK_UNKNOWN_SAYS_OK) ? S_OK : S_UNSUPP;
	}
}

static void blank(const struct model_chain *chain)
{
	for (unsigned int i = chain->out_count; i < chain->out_count + chain->in_count; i++)
		if (chain->segments[i].data && chain->segments[i].length)
			memset(chain->segments[i].data, 0, chain->segments[i].length);
}

static void write_status(const struct model_chain *chain, uint8_t status)
{
	if (fault(FAULT_BLOCK_STATUS_MISSING))
		return;
	copy(chain, true, fault(FAULT_BLOCK_STATUS_FIRST) ? 0 : chain->in_bytes - 1, &status, 1);
}

/* Does one request; returns the length that the used entry says, or -1: it is none. */
static int64_t do_request(struct virtio_model_block *block, unsigned int queue,
			  const struct model_chain *chain)
{
	struct model_block_request *request =
		&block->done[block->done_count++ % MODEL_BLOCK_REQUESTS];
	uint8_t header[HEADER], status;
	uint32_t reserved;

	memset(request, 0, sizeof(*request));
	if (chain->out_bytes < HEADER || !chain->in_bytes) {
		if (fault(FAULT_BLOCK_SHORT_COMPLETES))
			return chain->in_bytes;
		virtio_model_broken(&block->model, "a request of %u and %u bytes", chain->out_bytes,
				    chain->in_bytes);
		return -1;
	}
	if (fault(FAULT_FRAMING) && chain->segments[0].length != HEADER) {
		status = S_IOERR;
		copy(chain, true, chain->in_bytes - 1, &status, 1);
		return chain->in_bytes;
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
	/* used.len is all of it: so all of it is written. */
	if (status != S_OK && !block->lie_status)
		blank(chain);
	if (block->lie_status)
		status = block->status;
	if (status != 0xff)
		write_status(chain, status);
	if (fault(FAULT_BLOCK_LENGTH_NO_STATUS))
		return chain->in_bytes - 1;
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
		int64_t length = do_request(block, queue, &chain);

		if (length < 0)
			break;
		batch[count].length = (uint32_t)length;
		batch[count++].id = block->lie_id ? block->id : chain.head;
	}
	/* Reversed at once would be a batch (2.7.9); the first one takes its time. */
	if (count > 1 && !block->late.polls && virtio_model_accepted(model, MODEL_IN_ORDER) &&
	    fault(FAULT_OUT_OF_ORDER)) {
		block->late.polls = LATE;
		block->late.queue = queue;
		block->late.id = batch[0].id;
		block->late.length = batch[0].length;
		memmove(batch, batch + 1, --count * sizeof(batch[0]));
	}
	if (!count)
		return;
	for (unsigned int i = 0; i < count; i++) {
		unsigned int from = block->reverse || fault(FAULT_OUT_OF_ORDER) ? count - 1 - i : i;

		model_ring_fill(model, queue, i, batch[from].id, batch[from].length);
	}
	model_ring_show(model, queue, count);
	if (!block->quiet)
		model_ring_interrupt(model, queue);
}

/* 5.2.5.2: what the cache is before the driver says something of it. */
static void on_reset(struct virtio_model *model)
{
	struct virtio_model_block *block = model->device;

	if (block)
		block->late.polls = 0;
	model->config[WRITEBACK] = 1;
	/* 3.1.2: legacy drivers may write before they negotiate. */
	model->config_writable[WRITEBACK] =
		model->legacy && model->offered[0] & MODEL_FEATURE(MODEL_BLOCK_CONFIG_WCE);
}

static void on_features(struct virtio_model *model)
{
	model->config[WRITEBACK] = virtio_model_accepted(model, MODEL_BLOCK_FLUSH) ||
				   fault(FAULT_BLOCK_WRITEBACK_FIRST);
	model->config_writable[WRITEBACK] = virtio_model_accepted(model, MODEL_BLOCK_CONFIG_WCE);
}

/* Legacy drivers have no FEATURES_OK. */
static void on_ready(struct virtio_model *model)
{
	if (!model->legacy)
		return;
	if (!virtio_model_accepted(model, MODEL_BLOCK_CONFIG_WCE) ||
	    fault(FAULT_BLOCK_STATUS_SETS_CACHE))
		model->config[WRITEBACK] = virtio_model_accepted(model, MODEL_BLOCK_FLUSH);
	model->config_writable[WRITEBACK] = virtio_model_accepted(model, MODEL_BLOCK_CONFIG_WCE);
}

static void on_config(struct virtio_model *model, uint32_t offset, unsigned int width)
{
	(void)offset;
	(void)width;
	model->config[WRITEBACK] &= 1;
	if (fault(FAULT_BLOCK_WRITEBACK_IGNORED))
		model->config[WRITEBACK] = 1;
}

static void process(struct virtio_model *model)
{
	struct virtio_model_block *block = model->device;

	if (block->late.polls && !--block->late.polls && model->queues[block->late.queue].enabled)
		model_ring_push(model, block->late.queue, block->late.id, block->late.length);
	for (unsigned int i = 0; i < model->queue_count && !block->hold; i++)
		if (model->queues[i].kicked) {
			if (!block->at_most)
				model->queues[i].kicked = false;
			do
				serve(block, i);
			while (!block->at_most && !model->stuck && model->queues[i].enabled &&
			       model_ring_waits(model, i));
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
	model->on_reset = on_reset;
	model->on_features = on_features;
	model->on_ready = on_ready;
	model->on_config = on_config;
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
