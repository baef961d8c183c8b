/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk (virtio 1.4, 5.2): what its files share.
 *
 *	virtio_blk.c	finding, configuring, resetting; write cache; description
 *	virtio_blk_io.c	requests to the device and back
 *
 * Life of a device:
 *
 *	probe -> running -> (breaks, or does not answer) -> broken -> the core resets it, stop():
 *	            ^                                       what runs ends with -EIO
 *	            '------------------ start(): what waited goes on <- stopped
 */
#ifndef DRIVERS_BLOCK_VIRTIO_BLK_H
#define DRIVERS_BLOCK_VIRTIO_BLK_H

#include "drivers/block/block.h"
#include "drivers/virtio/virtio.h"
#include "drivers/virtio/wire.h"

/* Feature bits (5.2.3), those that this driver implements. */
#define VIRTIO_BLK_F_SIZE_MAX 1
#define VIRTIO_BLK_F_SEG_MAX 2
#define VIRTIO_BLK_F_GEOMETRY 4
#define VIRTIO_BLK_F_RO 5
#define VIRTIO_BLK_F_BLK_SIZE 6
#define VIRTIO_BLK_F_FLUSH 9
#define VIRTIO_BLK_F_TOPOLOGY 10
#define VIRTIO_BLK_F_CONFIG_WCE 11
#define VIRTIO_BLK_F_MQ 12
#define VIRTIO_BLK_F_DISCARD 13
#define VIRTIO_BLK_F_WRITE_ZEROES 14
#define VIRTIO_BLK_F_LIFETIME 15
#define VIRTIO_BLK_F_SECURE_ERASE 16

/* Configuration (5.2.4): offsets. */
#define VIRTIO_BLK_CONFIG_CAPACITY 0
#define VIRTIO_BLK_CONFIG_SIZE_MAX 8
#define VIRTIO_BLK_CONFIG_SEG_MAX 12
#define VIRTIO_BLK_CONFIG_CYLINDERS 16
#define VIRTIO_BLK_CONFIG_HEADS 18
#define VIRTIO_BLK_CONFIG_SECTORS 19
#define VIRTIO_BLK_CONFIG_BLK_SIZE 20
#define VIRTIO_BLK_CONFIG_PHYSICAL_BLOCK_EXP 24
#define VIRTIO_BLK_CONFIG_ALIGNMENT_OFFSET 25
#define VIRTIO_BLK_CONFIG_MIN_IO_SIZE 26
#define VIRTIO_BLK_CONFIG_OPT_IO_SIZE 28
#define VIRTIO_BLK_CONFIG_WRITEBACK 32
#define VIRTIO_BLK_CONFIG_NUM_QUEUES 34
#define VIRTIO_BLK_CONFIG_MAX_DISCARD_SECTORS 36
#define VIRTIO_BLK_CONFIG_MAX_DISCARD_SEG 40
#define VIRTIO_BLK_CONFIG_DISCARD_SECTOR_ALIGNMENT 44
#define VIRTIO_BLK_CONFIG_MAX_WRITE_ZEROES_SECTORS 48
#define VIRTIO_BLK_CONFIG_MAX_WRITE_ZEROES_SEG 52
#define VIRTIO_BLK_CONFIG_WRITE_ZEROES_MAY_UNMAP 56
#define VIRTIO_BLK_CONFIG_MAX_SECURE_ERASE_SECTORS 60
#define VIRTIO_BLK_CONFIG_MAX_SECURE_ERASE_SEG 64
#define VIRTIO_BLK_CONFIG_SECURE_ERASE_SECTOR_ALIGNMENT 68

/* Request types and status (5.2.6). */
#define VIRTIO_BLK_T_IN 0u
#define VIRTIO_BLK_T_OUT 1u
#define VIRTIO_BLK_T_FLUSH 4u
#define VIRTIO_BLK_T_GET_ID 8u
#define VIRTIO_BLK_T_GET_LIFETIME 10u
#define VIRTIO_BLK_T_DISCARD 11u
#define VIRTIO_BLK_T_WRITE_ZEROES 13u
#define VIRTIO_BLK_T_SECURE_ERASE 14u

#define VIRTIO_BLK_S_OK 0u
#define VIRTIO_BLK_S_IOERR 1u
#define VIRTIO_BLK_S_UNSUPP 2u
#define VIRTIO_BLK_STATUS_NONE 0xffu /* what stands there before the device writes */

#define VIRTIO_BLK_RANGE_UNMAP 1u

struct virtio_blk_header {
	le32 type;
	le32 reserved;
	le64 sector;
};

_Static_assert(sizeof(struct virtio_blk_header) == 16, "virtio 1.4, 5.2.6");
_Static_assert(offsetof(struct virtio_blk_header, sector) == 8, "virtio 1.4, 5.2.6");

struct virtio_blk_range {
	le64 sector;
	le32 num_sectors;
	le32 flags;
};

_Static_assert(sizeof(struct virtio_blk_range) == 16, "virtio 1.4, 5.2.6");
_Static_assert(offsetof(struct virtio_blk_range, flags) == 12, "virtio 1.4, 5.2.6");

/* What a request has in DMA memory beside its data: a cache line of its own. */
struct virtio_blk_memory {
	struct virtio_blk_header header;
	struct virtio_blk_range range;
	uint8_t status;
	uint8_t padding[31];
};

_Static_assert(sizeof(struct virtio_blk_memory) == 64, "a cache line");

/* The driver's side of a request that the device has. */
struct virtio_blk_slot {
	struct virtio_blk_slot *next; /* free */
	struct block_request *request;
	uint32_t data; /* bytes that the device is to write, without the status */
};

/* A pool of slots, as many as the queue has descriptors, so that nothing is allocated later. */
struct virtio_blk_queue {
	struct virtio_blk *blk;
	struct block_queue *block;
	struct virtqueue *vq; /* NULL: stopped */
	struct virtio_blk_slot *slots, *free;
	struct virtio_blk_memory *memory;
	uint64_t memory_address;
	unsigned int slot_count;
	struct virtqueue_segment *segments; /* room to describe one request */
	unsigned int segments_max;
};

struct virtio_blk {
	struct block_device block;
	struct virtio_device *virtio;
	struct virtio_blk_queue *queues; /* as many as block.queue_count */
	bool cache_set, cache_on;	 /* what the user chose outlives a reset */
	/* What queues counted that are gone. */
	uint64_t kicks, interrupts;
	/* Lies: requests whose answer was not right. The first of a kind is logged. */
	uint64_t status_missing, status_unknown, lengths_short, lengths_wrong;
	struct log_limit cuts_said;
};

/* -- virtio_blk_io.c */
/* The pool for a queue. 0 or -ENOMEM; then, too, virtio_blk_queue_destroy() is to be called. */
int virtio_blk_queue_create(struct virtio_blk_queue *queue, struct virtqueue *vq);
void virtio_blk_queue_destroy(struct virtio_blk_queue *queue);
int virtio_blk_start(struct block_queue *block, struct block_request *request);
void virtio_blk_kick(struct block_queue *block);
unsigned int virtio_blk_reap(struct block_queue *block);
/* After the device's or the queue's reset: all that it had ends. */
void virtio_blk_abort(struct virtio_blk_queue *queue);

#endif
