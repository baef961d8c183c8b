/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many equal requests with a number of them in flight: what tests and measurements of a disk are
 * made of. The memory is allocated before, nothing while it runs.
 */
#ifndef DRIVERS_BLOCK_STREAM_H
#define DRIVERS_BLOCK_STREAM_H

#include "drivers/block/block.h"

#define STREAM_DEPTH_MAX 256u

struct stream {
	struct block_device *device;
	enum block_operation operation; /* BLOCK_READ or BLOCK_WRITE */
	uint32_t length;		/* bytes of a request */
	uint64_t first, step;		/* number i goes to sector first + i * step */
	uint64_t count;
	unsigned int depth;
	bool batched; /* `depth` at once with one kick, and no more before all of them are done */
	/* Before a request is added, and after it succeeded (false: that is an error); may be NULL. */
	void (*fill)(void *context, uint64_t sector, void *data, uint32_t length);
	bool (*verify)(void *context, uint64_t sector, const void *data, uint32_t length);
	/* Where number i goes instead; may be NULL. */
	uint64_t (*place)(void *context, uint64_t number);
	/* How long one that succeeded took, from before it was added to its done(); may be NULL. */
	void (*timed)(void *context, uint64_t nanoseconds);
	void *context;

	int error;	   /* the first */
	uint64_t error_at; /* its sector */
	uint64_t done;	   /* requests that succeeded */
	uint64_t nanoseconds;
};

/* Does them all, or stops adding at the first error. Its error. Thread context. */
int stream_run(struct stream *stream);

#endif
