/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whoever uses a disk, as the tests of the block driver play it: one device on the PCI model, memory
 * with a pattern, requests that are counted in and out, and threads of the drivers that run by a timer
 * whenever the test sleeps.
 *
 *	disk_prepare("block.timeout=5");	the model is there and may be changed
 *	disk_boot();				the driver has it, and it was looked at
 *	...
 *	disk_end();
 */
#ifndef TESTS_DEVICE_BLOCK_STACK_H
#define TESTS_DEVICE_BLOCK_STACK_H

#include "drivers/block/virtio_blk.h"
#include "tests/device/virtio_model_block.h"
#include "tests/device/virtio_model_pci.h"

#define DISK_SECTORS 2048u
#define DISK_QUEUES 4u
#define DISK_RING 64u
#define DISK_MEMORY (256u << 10)
#define DISK_REQUESTS 256u

struct disk_request {
	struct block_request request;
	struct block_segment segment;
	unsigned int done; /* how often */
};

struct block_stack {
	struct virtio_model_block model;
	struct virtio_model_pci pci;
	unsigned int vectors; /* of MSI-X; 0: it has none */
	bool legacy;	      /* only the legacy interface */
	struct block_device *disk;
	uint8_t *memory; /* DMA memory with a pattern */
	struct disk_request requests[DISK_REQUESTS];
	unsigned int added, done;
	size_t blocks; /* of DMA memory, after the boot */
};

extern struct block_stack disk;

/* One queue; disk_prepare_queues() for more. */
void disk_prepare(const char *command_line);
void disk_prepare_queues(const char *command_line, unsigned int queues, uint16_t ring);
void disk_boot(void);
/* Only puts it on the bus. */
void disk_plug(void);
/* Ends the program when the model saw a rule broken, or when something is still in flight or leaked. */
void disk_end(void);

/* Adds request `index` of one segment: `sectors` at the memory's byte `offset`. */
void disk_add(unsigned int index, enum block_operation operation, uint64_t sector, uint32_t sectors,
	      uint32_t offset);
/* Sleeps until all that were added are done; a request that is done twice ends the program. */
void disk_drain(void);

#endif
