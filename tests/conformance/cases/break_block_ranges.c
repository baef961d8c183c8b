/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ranges that a block device cannot want to discard, erase or fill with zeroes, and its configuration (virtio
 * 1.4, 5.2.4, 5.2.6). block_ranges.c has those that are only at a wrong place.
 */
#include "tests/conformance/case.h"
#include "tests/conformance/core/block.h"
#include "tests/conformance/core/misuse.h"

#include <string.h>

#define SEED 0x44
#define SCRATCH 8u
#define RANGE_BYTES 16u
#define BYTES_MOST 4096u
#define STATUS_NONE 0xffu
#define MAX_SEGMENTS 4u /* behind max_..._sectors */

struct range {
	uint64_t sector;
	uint32_t sectors, flags;
};
_Static_assert(sizeof(struct range) == RANGE_BYTES, "5.2.6");

struct header {
	uint32_t type, reserved;
	uint64_t sector;
};

/* A kind of request on ranges, and where its limits stand. */
struct kind {
	uint32_t type, feature, limit;
};
static const struct kind discard = {BLOCK_DISCARD, F_BLOCK_DISCARD, BLOCK_MAX_DISCARD_SECTORS},
			 zeroes = {BLOCK_WRITE_ZEROES, F_BLOCK_WRITE_ZEROES,
				   BLOCK_MAX_WRITE_ZEROES_SECTORS},
			 erase = {BLOCK_SECURE_ERASE, F_BLOCK_SECURE_ERASE,
				  BLOCK_MAX_SECURE_ERASE_SECTORS};

/* Sectors that are known. */
static uint64_t prepare(struct conformance_target *t, const struct kind *kind)
{
	uint64_t sector;

	session_begin(t, SESSION_WITH(FEATURE(kind->feature)));
	session_ready(t);
	sector = block_scratch(t, SCRATCH);
	sectors_write(t, sector, SCRATCH, SEED);
	return sector;
}

/* What the status byte may be. */
enum verdict {
	FAILS,	  /* IOERR or UNSUPP: the request is whole */
	NEVER_OK, /* the same, or the device gives up */
	SURVIVED  /* any that there is */
};

/* So many bytes of ranges. */
static void run_ranges(struct conformance_target *t, const struct kind *kind, const void *ranges,
		       uint32_t bytes, enum verdict verdict)
{
	const struct header header = {.type = kind->type};
	struct misuse misuse = {0};
	volatile uint8_t *status;
	struct used used;

	misuse_out(t, &misuse, &header, sizeof(header));
	if (bytes)
		misuse_out(t, &misuse, ranges, bytes);
	status = misuse_in(t, &misuse, 1);
	*status = STATUS_NONE;
	if (verdict == FAILS)
		misuse_complete(t, session_ring(t, 0), &misuse);
	else if (verdict == SURVIVED ? !misuse_run_slow(t, session_ring(t, 0), &misuse, &used)
				     : !misuse_run(t, session_ring(t, 0), &misuse, &used))
		return;
	target_barrier(t);
	expect_range(t, "the status byte", *status, verdict == SURVIVED ? BLOCK_OK : BLOCK_IOERR,
		     BLOCK_UNSUPP);
}

static void expect_kept(struct conformance_target *t, uint64_t sector)
{
	session_open(t);
	sectors_expect(t, "the disk is as it was", sector, SCRATCH, SEED);
}

/* A good range or two, and not all bytes of them or some more. */
static void run_bytes(struct conformance_target *t, const struct kind *kind, uint32_t bytes)
{
	uint64_t sector = prepare(t, kind);
	struct range ranges[3] = {{.sector = sector + 1, .sectors = 1},
				  {.sector = sector + 3, .sectors = 1},
				  {.sector = sector + 5, .sectors = 1}};

	run_ranges(t, kind, ranges, bytes, NEVER_OK);
	expect_kept(t, sector);
}

/* One range more than max_..._seg. */
static void run_many(struct conformance_target *t, const struct kind *kind)
{
	static struct range ranges[BYTES_MOST / RANGE_BYTES];
	uint64_t sector = prepare(t, kind);
	uint64_t most = config_read(t, kind->limit + MAX_SEGMENTS, 4);

	if (most >= BYTES_MOST / RANGE_BYTES)
		skip(t, "the device takes %llu ranges", (unsigned long long)most);
	for (unsigned int i = 0; i <= most; i++)
		ranges[i] = (struct range){.sector = sector, .sectors = 1};
	run_ranges(t, kind, ranges, (uint32_t)(most + 1) * RANGE_BYTES, FAILS);
}

/* One sector more than max_..._sectors; `sector` is the first. */
static void run_long(struct conformance_target *t, const struct kind *kind)
{
	struct range range = {.sector = prepare(t, kind)};
	uint64_t most = config_read(t, kind->limit, 4);

	if (most == UINT32_MAX)
		skip(t, "the device takes ranges of any length");
	range.sectors = (uint32_t)(most + 1);
	run_ranges(t, kind, &range, sizeof(range), FAILS);
	expect_kept(t, range.sector);
}

static void run_longest(struct conformance_target *t, const struct kind *kind)
{
	struct range range = {.sector = prepare(t, kind), .sectors = UINT32_MAX};

	run_ranges(t, kind, &range, sizeof(range), FAILS);
	expect_kept(t, range.sector);
}

/* The ranges where the device may write: there are none to read. */
static void run_writable(struct conformance_target *t, const struct kind *kind)
{
	uint64_t sector = prepare(t, kind);
	struct range range = {.sector = sector, .sectors = 1};
	const struct header header = {.type = kind->type};
	struct misuse misuse = {0};
	volatile uint8_t *status;
	struct used used;

	misuse_out(t, &misuse, &header, sizeof(header));
	memcpy(misuse_in(t, &misuse, sizeof(range)), &range, sizeof(range));
	status = misuse_in(t, &misuse, 1);
	*status = STATUS_NONE;
	misuse_run(t, session_ring(t, 0), &misuse, &used);
	target_barrier(t);
	if (*status == BLOCK_OK)
		fail(t, "the request does not end well", "the status byte is OK");
	expect_kept(t, sector);
}

#define NEEDS(feature_)                                                                            \
	.devices = DEVICE(BLOCK), .transports = TRANSPORTS_ALL, .writes = true,                    \
	.features = FEATURE(feature_)
#define BYTES(name, what, feature, bytes)                                                          \
	CASE(break_block_##name##_##bytes, BREAK,                                                  \
	     what " with " #bytes " bytes of ranges does not end well, and changes nothing",       \
	     "DRV-BLK-OP-07", NEEDS(feature))                                                      \
	{                                                                                          \
		run_bytes(t, &name, bytes);                                                        \
	}
#define KIND(name, what, feature, segments)                                                        \
	BYTES(name, what, feature, 0)                                                              \
	BYTES(name, what, feature, 1)                                                              \
	BYTES(name, what, feature, 15)                                                             \
	BYTES(name, what, feature, 17)                                                             \
	BYTES(name, what, feature, 31)                                                             \
	BYTES(name, what, feature, 33)                                                             \
	CASE(break_block_##name##_many, BREAK, what " with a range too many fails", segments,      \
	     NEEDS(feature))                                                                       \
	{                                                                                          \
		run_many(t, &name);                                                                \
	}                                                                                          \
	CASE(break_block_##name##_long, BREAK,                                                     \
	     what " of a sector too many fails, and changes nothing", "-", NEEDS(feature))         \
	{                                                                                          \
		run_long(t, &name);                                                                \
	}                                                                                          \
	CASE(break_block_##name##_longest, BREAK,                                                  \
	     what " of 4294967295 sectors fails, and changes nothing", "-", NEEDS(feature))        \
	{                                                                                          \
		run_longest(t, &name);                                                             \
	}                                                                                          \
	CASE(break_block_##name##_writable, BREAK,                                                 \
	     what " does not take its ranges from where it may write", "DEV-SPLIT-DESC-02",        \
	     NEEDS(feature))                                                                       \
	{                                                                                          \
		run_writable(t, &name);                                                            \
	}
KIND(discard, "a discard", F_BLOCK_DISCARD, "DRV-BLK-OP-09")
KIND(zeroes, "a write of zeroes", F_BLOCK_WRITE_ZEROES, "DRV-BLK-OP-11")
KIND(erase, "a secure erase", F_BLOCK_SECURE_ERASE, "DRV-BLK-OP-10")

/* -- On a disk that is read-only */

static void run_read_only(struct conformance_target *t, const struct kind *kind)
{
	struct range range = {.sectors = SCRATCH};
	uint8_t *before = lend(t, SCRATCH * BLOCK_SECTOR, 0, LOAN_WRITE),
		*after = lend(t, SCRATCH * BLOCK_SECTOR, 0, LOAN_WRITE);
	struct block_answer answer;

	session_begin(t, SESSION_WITH(FEATURE(kind->feature)));
	session_ready(t);
	answer = block_do(t, 0, BLOCK_IN, 0, NULL, 0, before, SCRATCH * BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_OK);
	/* A discard may be nothing at all. */
	run_ranges(t, kind, &range, sizeof(range), kind->type == BLOCK_DISCARD ? SURVIVED : FAILS);
	session_open(t);
	answer = block_do(t, 0, BLOCK_IN, 0, NULL, 0, after, SCRATCH * BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_OK);
	expect(t, !memcmp(before, after, SCRATCH * BLOCK_SECTOR), "the disk is as it was");
}

#define READ_ONLY(name, what, feature)                                                             \
	CASE(break_block_read_only_##name, BREAK, what " on a read-only disk changes nothing",     \
	     "DEV-BLK-OP-04", NEEDS(feature) | FEATURE(F_BLOCK_RO))                                \
	{                                                                                          \
		run_read_only(t, &name);                                                           \
	}
READ_ONLY(discard, "a discard", F_BLOCK_DISCARD)
READ_ONLY(zeroes, "a write of zeroes", F_BLOCK_WRITE_ZEROES)
READ_ONLY(erase, "a secure erase", F_BLOCK_SECURE_ERASE)

/* -- Configuration */

#define CONFIG(name, offset, width)                                                                \
	CASE(break_block_config_##name, BREAK,                                                     \
	     "the field " #name " of the configuration cannot be written", "-",                    \
	     .devices = DEVICE(BLOCK))                                                             \
	{                                                                                          \
		session_open(t);                                                                   \
		misuse_config(t, offset, width);                                                   \
	}
CONFIG(capacity, 0, 4)
CONFIG(capacity_high, 4, 4)
CONFIG(size_max, 8, 4)
CONFIG(seg_max, 12, 4)
CONFIG(cylinders, 16, 2)
CONFIG(heads, 18, 1)
CONFIG(sectors, 19, 1)
CONFIG(blk_size, 20, 4)
CONFIG(physical_block_exp, 24, 1)
CONFIG(alignment_offset, 25, 1)
CONFIG(min_io_size, 26, 2)
CONFIG(opt_io_size, 28, 4)
CONFIG(num_queues, 34, 2)
CONFIG(max_discard_sectors, 36, 4)
CONFIG(max_discard_seg, 40, 4)
CONFIG(discard_sector_alignment, 44, 4)
CONFIG(max_write_zeroes_sectors, 48, 4)
CONFIG(max_write_zeroes_seg, 52, 4)
CONFIG(write_zeroes_may_unmap, 56, 1)

#define WRITEBACK(value)                                                                           \
	CASE(break_block_writeback_##value, BREAK,                                                 \
	     "writeback is 0 or 1 after " #value " was written", "DRV-BLK-OP-12",                  \
	     .devices = DEVICE(BLOCK), .features = FEATURE(F_BLOCK_CONFIG_WCE))                    \
	{                                                                                          \
		session_begin(t,                                                                   \
			      SESSION_WITH(FEATURE(F_BLOCK_CONFIG_WCE) | FEATURE(F_BLOCK_FLUSH))); \
		session_ready(t);                                                                  \
		config_write(t, BLOCK_WRITEBACK, 1, value);                                        \
		expect_range(t, "writeback", config_read(t, BLOCK_WRITEBACK, 1), 0, 1);            \
	}
WRITEBACK(2)
WRITEBACK(128)
WRITEBACK(255)

CASE(break_block_writeback_not_negotiated, BREAK, "without CONFIG_WCE writeback cannot be written",
     "-", .devices = DEVICE(BLOCK), .features = FEATURE(F_BLOCK_CONFIG_WCE))
{
	uint64_t before;

	session_begin(t, SESSION_WITH(FEATURE(F_BLOCK_FLUSH)));
	session_ready(t);
	before = config_read(t, BLOCK_WRITEBACK, 1);
	config_write(t, BLOCK_WRITEBACK, 1, !before);
	expect_equal(t, "writeback, after it was written", config_read(t, BLOCK_WRITEBACK, 1),
		     before);
}
