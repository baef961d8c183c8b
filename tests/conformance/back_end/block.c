/* SPDX-License-Identifier: BSD-2-Clause */
/* The disk: where its sectors are, and what its configuration space says. */
#include "tests/conformance/back_end/block.h"

#include "tests/conformance/back_end/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { /* feature bits (5.2.3) */
       F_SEG_MAX = 2,
       F_RO = 5,
       F_BLK_SIZE = 6,
       F_FLUSH = 9,
       F_TOPOLOGY = 10,
       F_CONFIG_WCE = 11,
       F_MQ = 12,
       F_DISCARD = 13,
       F_WRITE_ZEROES = 14
};

#define SEGMENTS_MAX 126 /* of a queue of 128, which is what QEMU makes */
#define WRITE_BACK_OFFSET 32

static uint64_t features(const struct device *device)
{
	const struct block *block = (const struct block *)device;

	return (block->read_only ? 1u << F_RO : 1u << F_DISCARD | 1u << F_WRITE_ZEROES) |
	       1u << F_SEG_MAX | 1u << F_BLK_SIZE | 1u << F_FLUSH | 1u << F_TOPOLOGY |
	       1u << F_CONFIG_WCE | 1u << F_MQ;
}

static void put(uint8_t *place, uint64_t value, unsigned int width)
{
	while (width--) {
		*place++ = (uint8_t)value;
		value >>= 8;
	}
}

static void read_configuration(const struct device *device, uint8_t *data, uint32_t offset,
			       uint32_t size)
{
	const struct block *block = (const struct block *)device;
	static uint64_t reads;
	uint8_t all[BLOCK_CONFIGURATION] = {0};

	put(all, block->sectors, 8);
	put(all + 12, SEGMENTS_MAX, 4);
	put(all + 20, BLOCK_SECTOR, 4);
	put(all + 26, 1, 2); /* min_io_size */
	put(all + 28, 1, 4); /* opt_io_size */
	put(all + WRITE_BACK_OFFSET, block->write_back, 1);
	put(all + 34, block->device.queues, 2);
	put(all + 36, BLOCK_DISCARD_MAX, 4);
	put(all + 40, BLOCK_RANGES_MAX, 4);
	put(all + 44, 1, 4); /* discard_sector_alignment */
	put(all + 48, BLOCK_DISCARD_MAX, 4);
	put(all + 52, BLOCK_RANGES_MAX, 4);
	put(all + 56, 1, 1); /* write_zeroes_may_unmap */
	if (fault_is(FAULT_CONFIG_MOVING))
		put(all, block->sectors + reads++, 8);
	if (fault_is(FAULT_CONFIG_ONES) || fault_is(FAULT_CONFIG_ZEROES))
		memset(all, fault_is(FAULT_CONFIG_ONES) ? 0xff : 0, sizeof(all));
	for (uint32_t i = 0; i < size; i++)
		data[i] = (uint64_t)offset + i < sizeof(all) ? all[offset + i] : 0;
}

static int write_configuration(struct device *device, const uint8_t *data, uint32_t offset,
			       uint32_t size)
{
	struct block *block = (struct block *)device;

	if (offset != WRITE_BACK_OFFSET || size != 1 || data[0] > 1)
		return -EINVAL;
	block->write_back = data[0];
	return 0;
}

static bool waits(const struct device *device, unsigned int queue)
{
	(void)device;
	(void)queue;
	return false;
}

static const struct device_operations operations = {
	.features = features,
	.read_configuration = read_configuration,
	.write_configuration = write_configuration,
	.waits = waits,
	.execute = block_execute,
};

int block_open(struct block *block, const char *image, uint64_t size, bool read_only,
	       unsigned int queues)
{
	int error = 0;

	block->device = (struct device){&operations, queues};
	if (image)
		block->file = open(image, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	else
		block->file = memfd_create("disk", MFD_CLOEXEC);
	if (block->file < 0 || (!image && ftruncate(block->file, (off_t)size))) {
		error = -errno;
		fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name,
			image ? image : "memory", strerror(errno));
		block_close(block);
		return error;
	}
	block->read_only = read_only;
	block->write_back = true;
	(void)block_look(block);
	return 0;
}

void block_close(struct block *block)
{
	if (block->file >= 0)
		close(block->file);
	block->file = -1;
	free(block->replay);
	block->replay = NULL;
}

bool block_look(struct block *block)
{
	struct stat status;
	uint64_t before = block->sectors;

	if (fstat(block->file, &status) == 0 && status.st_size >= 0)
		block->sectors = (uint64_t)status.st_size / BLOCK_SECTOR;
	return block->sectors != before;
}
