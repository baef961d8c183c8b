/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests that a block device cannot want: their header, their length, their status byte (virtio 1.4, 5.2.6). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/block.h"
#include "tests/conformance/core/misuse.h"

#include <string.h>

#define NEEDS(where) .devices = DEVICE(BLOCK), .transports = (where)
#define HEADER 16u
#define STATUS_NONE 0xffu
#define SEED 0x33
#define SCRATCH 4u
#define SERIAL 20u

/* What a device may answer. */
enum verdict {
	FAILS,	  /* IOERR or UNSUPP, nothing else: the request is whole */
	NEVER_OK, /* the same, or it gives up */
	SURVIVED  /* the specification does not say */
};

/* Bytes of each part. What is not said is as it should be. */
struct shape {
	uint32_t type;
	uint32_t missing, more; /* of the header */
	unsigned int pieces;	/* of the header; 0: 1 */
	uint32_t out, in;	/* data; zeroes */
	unsigned int in_pieces; /* of the data; 0: 1 */
	bool no_status, readable_status;
	uint64_t sector; /* of reads; writes go to the scratch */
};

static void add_header(struct conformance_target *t, struct misuse *misuse,
		       const struct shape *shape, uint64_t sector)
{
	uint8_t bytes[HEADER + 512] = {0};
	uint32_t left = HEADER - shape->missing + shape->more, at = 0;
	unsigned int pieces = shape->pieces ? shape->pieces : 1;

	memcpy(bytes, &shape->type, sizeof(shape->type));
	memcpy(bytes + 8, &sector, sizeof(sector));
	for (unsigned int i = 0; left && i < pieces; i++) {
		uint32_t length = left / (pieces - i);

		misuse_out(t, misuse, bytes + at, length);
		at += length;
		left -= length;
	}
}

/*
 * Shows it, and judges the status byte; NULL: it has none that may be written. With one, what is not said to be wrong may
 * get as far as the disk.
 */
static void run_and_judge(struct conformance_target *t, const struct misuse *misuse,
			  const volatile uint8_t *status, enum verdict verdict)
{
	struct ring *ring = session_ring(t, 0);
	struct used used;

	if (verdict == FAILS)
		used = misuse_complete(t, ring, misuse);
	else if (status && verdict == SURVIVED ? !misuse_run_slow(t, ring, misuse, &used)
					       : !misuse_run(t, ring, misuse, &used))
		return;
	target_barrier(t);
	if (!status)
		return;
	if (verdict != SURVIVED && *status == BLOCK_OK)
		fail(t, "the request does not end well", "the status byte is OK");
	/* Where used.len says that it was written it must have been. */
	if (verdict == FAILS || used.length == misuse->writable)
		expect_range(t, "the status byte", *status, BLOCK_OK, BLOCK_UNSUPP);
}

static void offer(struct conformance_target *t, const struct shape *shape, uint64_t sector,
		  enum verdict verdict)
{
	unsigned int pieces = shape->in_pieces ? shape->in_pieces : 1;
	struct misuse misuse = {0};
	uint8_t *status = NULL;

	add_header(t, &misuse, shape, sector);
	if (shape->out)
		misuse_out_padded(t, &misuse, NULL, 0, shape->out);
	if (shape->readable_status)
		misuse_out(t, &misuse, "\xff", 1);
	for (unsigned int i = 0; shape->in && i < pieces; i++)
		misuse_in(t, &misuse, shape->in / pieces);
	if (!shape->no_status && !shape->readable_status) {
		status = misuse_in(t, &misuse, 1);
		*status = STATUS_NONE;
	}
	run_and_judge(t, &misuse, status, verdict);
}

static void run_shape(struct conformance_target *t, const struct shape *shape, enum verdict verdict)
{
	session_open(t);
	offer(t, shape, shape->sector, verdict);
}

/* The same on sectors that are known, which must be the same afterwards. */
static void run_keeping(struct conformance_target *t, const struct shape *shape,
			enum verdict verdict)
{
	uint64_t sector;

	session_open(t);
	sector = block_scratch(t, SCRATCH);
	sectors_write(t, sector, SCRATCH, SEED);
	offer(t, shape, sector + 1, verdict);
	session_open(t);
	sectors_expect(t, "the disk is as it was", sector, SCRATCH, SEED);
}

#define SHAPE(name, claim, clauses, where, verdict, ...)                                           \
	CASE(break_block_##name, BREAK, claim, clauses, NEEDS(where))                              \
	{                                                                                          \
		static const struct shape shape = {__VA_ARGS__};                                   \
                                                                                                   \
		run_shape(t, &shape, verdict);                                                     \
	}
#define KEEPING(name, claim, clauses, verdict, ...)                                                \
	CASE(break_block_##name, BREAK, claim, clauses, NEEDS(TRANSPORTS_ALL), .writes = true)     \
	{                                                                                          \
		static const struct shape shape = {__VA_ARGS__};                                   \
                                                                                                   \
		run_keeping(t, &shape, verdict);                                                   \
	}

/* -- The header */

#define SHORT(bytes)                                                                               \
	SHAPE(header_##bytes, "a read with a header of " #bytes " bytes does not end well", "-",   \
	      TRANSPORTS_ALL, NEVER_OK, .missing = HEADER - (bytes), .in = 512)
SHORT(0)
SHORT(1)
SHORT(4)
SHORT(8)
SHORT(15)
SHAPE(header_15_no_data, "15 bytes of a header and a status byte do not end well", "-",
      TRANSPORTS_ALL, NEVER_OK, .missing = 1)
SHAPE(header_1_flush, "the first four bytes of a flush do not end well", "-", TRANSPORTS_ALL,
      NEVER_OK, .type = BLOCK_FLUSH, .missing = 12)
SHAPE(header_17, "a read with a byte behind its header is answered, or survived", "-",
      TRANSPORTS_ALL, SURVIVED, .more = 1, .in = 512)
SHAPE(header_528, "a read with readable data is answered, or survived", "-", TRANSPORTS_ALL,
      SURVIVED, .more = 512, .in = 512)
SHAPE(header_pieces, "a request of an unknown type in 16 pieces fails", "DEV-SPLIT-FRAME-01",
      TRANSPORTS_ALL, FAILS, .type = 0x52494e47, .pieces = HEADER, .in = 512)
SHAPE(header_odd_pieces, "a request of an unknown type in 5 pieces fails", "DEV-SPLIT-FRAME-01",
      TRANSPORTS_ALL, FAILS, .type = 0x52494e47, .pieces = 5, .in = 512)

/* -- The status byte */

SHAPE(no_status_flush, "a flush without a status byte is survived", "-", TRANSPORTS_ALL, SURVIVED,
      .type = BLOCK_FLUSH, .no_status = true)
SHAPE(no_status_read, "a read without anything writable is survived", "-", TRANSPORTS_ALL, SURVIVED,
      .no_status = true)
SHAPE(no_status_write, "a write without a status byte is survived", "-", TRANSPORTS_ALL, SURVIVED,
      .type = BLOCK_OUT, .out = 511, .no_status = true)
SHAPE(readable_status, "a status byte that may only be read is not written", "DEV-SPLIT-DESC-01",
      TRANSPORTS_ALL, SURVIVED, .readable_status = true)
SHAPE(readable_status_flush, "a flush's status byte that may only be read is not written",
      "DEV-SPLIT-DESC-01", TRANSPORTS_ALL, SURVIVED, .type = BLOCK_FLUSH, .readable_status = true)
SHAPE(readable_status_id, "an identification's status byte that may only be read is not written",
      "DEV-SPLIT-DESC-01", TRANSPORTS_ALL, SURVIVED, .type = BLOCK_GET_ID, .readable_status = true)

/* -- The length of the data */

#define LENGTH(bytes)                                                                              \
	SHAPE(read_##bytes, "a read of " #bytes " bytes fails", "DRV-BLK-OP-06", TRANSPORTS_ALL,   \
	      FAILS, .in = (bytes))                                                                \
	KEEPING(write_##bytes, "a write of " #bytes " bytes fails, and changes nothing",           \
		"DRV-BLK-OP-06", FAILS, .type = BLOCK_OUT, .out = (bytes))
LENGTH(1)
LENGTH(8)
LENGTH(511)
LENGTH(513)
LENGTH(1000)
SHAPE(read_513_pieces, "a read of 513 bytes in 27 pieces fails", "DRV-BLK-OP-06", TRANSPORTS_ALL,
      FAILS, .in = 513, .in_pieces = 27)
SHAPE(read_0, "a read without data is answered, or survived", "-", TRANSPORTS_ALL, SURVIVED,
      .in = 0)
KEEPING(write_0, "a write without data changes nothing", "-", SURVIVED, .type = BLOCK_OUT)
SHAPE(read_0_behind, "a read of nothing at the sector 2^64 - 1 is answered, or survived",
      "DRV-BLK-OP-02", TRANSPORTS_ALL, SURVIVED, .sector = UINT64_MAX)
SHAPE(read_1_behind, "a read of a byte at the sector 2^64 - 1 fails", "DRV-BLK-OP-02",
      TRANSPORTS_ALL, FAILS, .in = 1, .sector = UINT64_MAX)

/* -- The direction of the data */

SHAPE(read_readable, "a read does not write its readable data", "DEV-SPLIT-DESC-01", TRANSPORTS_ALL,
      SURVIVED, .out = 512)
SHAPE(read_both, "a read does not write the readable one of its data", "DEV-SPLIT-DESC-01",
      TRANSPORTS_ALL, SURVIVED, .out = 512, .in = 512)
SHAPE(id_readable, "an identification does not write its readable data", "DEV-SPLIT-DESC-01",
      TRANSPORTS_ALL, SURVIVED, .type = BLOCK_GET_ID, .out = SERIAL)
KEEPING(write_writable, "a write does not take its data from where it may write",
	"DEV-SPLIT-DESC-02", SURVIVED, .type = BLOCK_OUT, .in = 512)
SHAPE(flush_readable, "a flush with readable data is answered, or survived", "DRV-BLK-OP-05",
      TRANSPORTS_ALL, SURVIVED, .type = BLOCK_FLUSH, .out = 512)
SHAPE(flush_writable, "a flush with writable data is answered, or survived", "DRV-BLK-OP-05",
      TRANSPORTS_ALL, SURVIVED, .type = BLOCK_FLUSH, .in = 512)
SHAPE(flush_sector, "a flush of the sector 2^64 - 1 is answered, or survived", "DRV-BLK-OP-04",
      TRANSPORTS_ALL, SURVIVED, .type = BLOCK_FLUSH, .sector = UINT64_MAX)

/* -- GET_ID */

#define IDENTIFY(bytes)                                                                            \
	SHAPE(id_##bytes, "an identification into " #bytes " bytes writes no further",             \
	      "DRV-BLK-OP-08", TRANSPORTS_ALL, SURVIVED, .type = BLOCK_GET_ID, .in = (bytes))
IDENTIFY(0)
IDENTIFY(1)
IDENTIFY(4)
IDENTIFY(19)
IDENTIFY(21)
IDENTIFY(4096)
SHAPE(id_pieces, "an identification into 20 pieces writes no further", "DEV-SPLIT-FRAME-01",
      TRANSPORTS_ALL, SURVIVED, .type = BLOCK_GET_ID, .in = SERIAL, .in_pieces = SERIAL)

#define LIFETIME(bytes)                                                                            \
	SHAPE(lifetime_##bytes, "GET_LIFETIME into " #bytes " bytes fails", "-",                   \
	      TRANSPORTS_MODERN, FAILS, .type = BLOCK_GET_LIFETIME, .in = (bytes))
LIFETIME(1)
LIFETIME(6)

/* -- Types that are not there */

#define TYPE(name, number, where)                                                                  \
	SHAPE(type_##name, "a request of type " #number ", with room for data, fails", "-", where, \
	      FAILS, .type = (number), .in = 512)                                                  \
	SHAPE(type_##name##_bare, "a request of type " #number " without data fails", "-", where,  \
	      FAILS, .type = (number))
TYPE(2, 2, TRANSPORTS_ALL)
TYPE(3, 3, TRANSPORTS_ALL)
TYPE(5, 5, TRANSPORTS_MODERN)
TYPE(9, 9, TRANSPORTS_MODERN)
TYPE(17, 17, TRANSPORTS_ALL)
TYPE(100, 100, TRANSPORTS_ALL)
TYPE(bit_31, 0x80000000u, TRANSPORTS_MODERN)
TYPE(max_signed, 0x7fffffffu, TRANSPORTS_ALL)
TYPE(max, 0xffffffffu, TRANSPORTS_ALL)

#define TYPE_OUT(name, number)                                                                     \
	KEEPING(type_##name##_out,                                                                 \
		"a request of type " #number " with data to write fails, and changes nothing",     \
		"-", FAILS, .type = (number), .out = 512)
TYPE_OUT(2, 2)
TYPE_OUT(3, 3)
TYPE_OUT(7, 7)
TYPE_OUT(17, 17)
TYPE_OUT(257, 257)
TYPE_OUT(max_signed, 0x7fffffffu)

/* A SCSI command of old has three writable parts before the status; a device may look for them (5.2.6.4). */
#define SCSI(bytes)                                                                                \
	SHAPE(scsi_##bytes,                                                                        \
	      "a SCSI command with " #bytes " bytes for its results fails, and "                   \
	      "nothing is written behind them",                                                    \
	      "-", TRANSPORTS_ALL, FAILS, .type = 2, .out = 16, .in = 2 * (bytes), .in_pieces = 2)
SCSI(1)
SCSI(2)
SCSI(3)
SCSI(16)
