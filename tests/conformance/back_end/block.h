/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device behind the rings (virtio 1.4, 5.2): a file or memory of whole sectors, its configuration
 * space, and one request at a time.
 */
#ifndef TESTS_CONFORMANCE_BACK_END_BLOCK_H
#define TESTS_CONFORMANCE_BACK_END_BLOCK_H

#include "tests/conformance/back_end/device.h"

#include <stdbool.h>
#include <stdint.h>

#define BLOCK_SECTOR 512u
#define BLOCK_SERIAL 20
#define BLOCK_DISCARD_MAX 8192u /* sectors of a range of discard and write zeroes */
#define BLOCK_RANGES_MAX 16u	/* of a request */
#define BLOCK_CONFIGURATION 60	/* bytes, to the end of what WRITE_ZEROES has */

struct block {
	struct device device;
	int file; /* image, or anonymous memory */
	bool read_only;
	uint64_t sectors;
	char serial[BLOCK_SERIAL + 1];
	bool write_back;

	/* FAULT_WRITE_REPLAYED: what was written last. */
	uint8_t *replay;
	size_t replay_size;
	uint64_t replay_sector;
};

/*
 * `image` is a file's path, or NULL for `size` bytes of memory. 0, or -errno with a line on standard error.
 */
int block_open(struct block *block, const char *image, uint64_t size, bool read_only,
	       unsigned int queues);
void block_close(struct block *block);
/* Looks how long the image is now. True: the capacity has changed. */
bool block_look(struct block *block);

/* A request, to its status byte (block_request.c); as in struct device_operations. */
int64_t block_execute(struct device *device, struct back_end *back_end, const struct chain *chain);

#endif
