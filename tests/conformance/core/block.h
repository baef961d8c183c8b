/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests to a block device (virtio 1.4, 5.2.6) and data on it that can be known again, for cases that are
 * about what it does. Those that write name .writes in their needs.
 */
#ifndef TESTS_CONFORMANCE_CORE_BLOCK_H
#define TESTS_CONFORMANCE_CORE_BLOCK_H

#include "tests/conformance/core/ring.h"
#include "tests/conformance/target.h"

enum {
	BLOCK_IN = 0,
	BLOCK_OUT = 1,
	BLOCK_FLUSH = 4,
	BLOCK_FLUSH_OUT = 5, /* legacy */
	BLOCK_GET_ID = 8,
	BLOCK_GET_LIFETIME = 10,
	BLOCK_DISCARD = 11,
	BLOCK_WRITE_ZEROES = 13,
	BLOCK_SECURE_ERASE = 14
};

enum { BLOCK_OK = 0, BLOCK_IOERR = 1, BLOCK_UNSUPP = 2 };

/* Feature bits (5.2.3). */
enum {
	F_BLOCK_SEG_MAX = 2,
	F_BLOCK_RO = 5,
	F_BLOCK_FLUSH = 9,
	F_BLOCK_CONFIG_WCE = 11,
	F_BLOCK_MQ = 12,
	F_BLOCK_DISCARD = 13,
	F_BLOCK_WRITE_ZEROES = 14,
	F_BLOCK_LIFETIME = 15,
	F_BLOCK_SECURE_ERASE = 16,
	F_BLOCK_ZONED = 17
};

/* Where fields of the configuration lie (5.2.4). */
enum {
	BLOCK_CAPACITY = 0,
	BLOCK_SEG_MAX = 12,
	BLOCK_WRITEBACK = 32,
	BLOCK_UNUSED0 = 33,
	BLOCK_NUM_QUEUES = 34,
	BLOCK_MAX_DISCARD_SECTORS = 36,
	BLOCK_MAX_WRITE_ZEROES_SECTORS = 48,
	BLOCK_UNUSED1 = 57,
	BLOCK_MAX_SECURE_ERASE_SECTORS = 60
};

#define BLOCK_SECTOR 512u
#define BLOCK_ID_BYTES 20u

struct block_answer {
	uint32_t length; /* used.len */
	uint8_t status;
	uint32_t room; /* bytes that the device could write, the status included */
};

/* Sectors of 512 bytes. */
uint64_t block_capacity(struct conformance_target *t);
/* The request queue `queue`, that is set up, does this: header, `out` (copied), `in` (lent for writing), status. */
struct block_answer block_do(struct conformance_target *t, unsigned int queue, uint32_t type,
			     uint64_t sector, const void *out, uint32_t out_bytes, void *in,
			     uint32_t in_bytes);
/* The same with data that is in pieces, `segments`, of which the device writes all or none. */
struct block_answer block_do_segments(struct conformance_target *t, unsigned int queue,
				      uint32_t type, uint64_t sector, struct segment *segments,
				      unsigned int count, bool in);
/* DISCARD, WRITE_ZEROES or SECURE_ERASE of one range. */
struct block_answer block_range(struct conformance_target *t, uint32_t type, uint64_t sector,
				uint32_t sectors, uint32_t flags);

/*
 * Sectors that cases may write, out of the way of those that others read; the case is skipped when the disk is
 * read-only or has no room for so many.
 */
uint64_t block_scratch(struct conformance_target *t, unsigned int sectors);
/* Writes what `seed` says to sectors. At most BLOCK_DATA_MOST. Fails the case when that is refused. */
#define BLOCK_DATA_MOST 32u
void sectors_write(struct conformance_target *t, uint64_t sector, unsigned int sectors,
		   uint8_t seed);
/* Reads them, and fails the case when they are not as `seed` says; `what` is the claim. */
void sectors_expect(struct conformance_target *t, const char *what, uint64_t sector,
		    unsigned int sectors, uint8_t seed);
/* The same: all zeroes. */
void sectors_expect_zeroes(struct conformance_target *t, const char *what, uint64_t sector,
			   unsigned int sectors);
/* Fails the case when the status is another. */
void block_expect_status(struct conformance_target *t, const struct block_answer *answer,
			 uint8_t status);

#endif
