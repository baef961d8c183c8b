/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A block device on the virtio model: a disk in memory. It checks every request against the
 * specification, and lies when told.
 */
#ifndef TESTS_DEVICE_VIRTIO_MODEL_BLOCK_H
#define TESTS_DEVICE_VIRTIO_MODEL_BLOCK_H

#include "tests/device/virtio_model.h"

#define MODEL_BLOCK_SECTOR 512u
#define MODEL_BLOCK_REQUESTS 1024

#define MODEL_BLOCK_SIZE_MAX 1
#define MODEL_BLOCK_SEG_MAX 2
#define MODEL_BLOCK_GEOMETRY 4
#define MODEL_BLOCK_RO 5
#define MODEL_BLOCK_BLK_SIZE 6
#define MODEL_BLOCK_FLUSH 9
#define MODEL_BLOCK_TOPOLOGY 10
#define MODEL_BLOCK_CONFIG_WCE 11
#define MODEL_BLOCK_MQ 12
#define MODEL_BLOCK_DISCARD 13
#define MODEL_BLOCK_WRITE_ZEROES 14
#define MODEL_BLOCK_LIFETIME 15
#define MODEL_BLOCK_SECURE_ERASE 16

/* A request that was done, as the device saw it. */
struct model_block_request {
	uint32_t type, flags;
	uint64_t sector, sectors;
	unsigned int descriptors, queue;
	bool indirect;
};

struct virtio_model_block {
	struct virtio_model model;
	bool read_only; /* writes are refused */
	uint8_t *disk;
	uint64_t sectors;
	const char *serial;

	bool hold;	      /* nothing is done */
	unsigned int at_most; /* so many are done at one poll; 0: all */
	bool reverse;	      /* what is done at one poll comes back last first */
	bool quiet;	      /* no interrupts are sent */
	uint32_t fail_type;   /* this type ends with... */
	uint8_t fail_status;  /* ... this, if not 0 */
	bool lie_status;      /* the status is `status`; 0xff: not written */
	uint8_t status;
	bool lie_length;
	uint32_t length;
	bool lie_id;
	uint32_t id;

	/* A fault's: a request that is completed so many polls later. */
	struct {
		unsigned int polls, queue;
		uint32_t id, length;
	} late;

	struct model_block_request done[MODEL_BLOCK_REQUESTS];
	unsigned int done_count;
};

/*
 * A disk of zeroes with features FLUSH, SEG_MAX (16), BLK_SIZE (512), GEOMETRY; the rest is the test's, before
 * it boots. Freed by virtio_model_block_free().
 */
void virtio_model_block_init(struct virtio_model_block *block, uint64_t sectors,
			     unsigned int queues, uint16_t queue_size);
void virtio_model_block_free(struct virtio_model_block *block);
/* Writes a field of the configuration, before the driver is there. */
void virtio_model_block_set(struct virtio_model_block *block, unsigned int offset, uint64_t value,
			    unsigned int width);
/* Another size, and the driver is told. */
void virtio_model_block_resize(struct virtio_model_block *block, uint64_t sectors);
/* The last request that was done. */
const struct model_block_request *virtio_model_block_last(const struct virtio_model_block *block);

#endif
