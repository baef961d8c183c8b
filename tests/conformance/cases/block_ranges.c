/* SPDX-License-Identifier: BSD-2-Clause */
/* DISCARD, WRITE_ZEROES and SECURE_ERASE: requests on ranges of sectors (virtio 1.4, 5.2.6). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/block.h"

#define SEED 0x73
#define SECTORS 16u
#define UNMAP 1u

/* The type's own place in the middle of sectors that are known. */
static uint64_t prepare(struct conformance_target *t, unsigned int feature)
{
	uint64_t sector;

	session_begin(t, SESSION_WITH(FEATURE(feature) | FEATURE(F_BLOCK_FLUSH)));
	session_ready(t);
	sector = block_scratch(t, SECTORS + 2);
	sectors_write(t, sector, SECTORS + 2, SEED);
	return sector + 1;
}

static void expect_kept(struct conformance_target *t, uint64_t sector)
{
	sectors_expect(t, "a request that failed changed nothing", sector - 1, SECTORS + 2, SEED);
}

static void succeed(struct conformance_target *t, uint32_t type, uint64_t sector, uint32_t flags)
{
	struct block_answer answer = block_range(t, type, sector, SECTORS, flags);

	block_expect_status(t, &answer, BLOCK_OK);
	expect_equal(t, "used.len", answer.length, 1);
	sectors_expect(t, "the sector before the range is as it was", sector - 1, 1, SEED);
	sectors_expect(t, "the sector behind the range is as it was", sector + SECTORS, 1, SEED);
}

/* One that must fail, and change nothing. */
static void refuse(struct conformance_target *t, unsigned int feature, uint32_t type,
		   uint32_t flags)
{
	uint64_t sector = prepare(t, feature);
	struct block_answer answer = block_range(t, type, sector, SECTORS, flags);

	block_expect_status(t, &answer, BLOCK_UNSUPP);
	expect_kept(t, sector);
}

static void beyond(struct conformance_target *t, unsigned int feature, uint32_t type,
		   uint64_t sector, uint32_t sectors)
{
	struct block_answer answer;

	prepare(t, feature);
	if (sector <= SECTORS)
		sector = block_capacity(t) - sector;
	answer = block_range(t, type, sector, sectors, 0);
	block_expect_status(t, &answer, BLOCK_IOERR);
	request_once(t, 0);
}

#define NEEDS(feature)                                                                             \
	.devices = DEVICE(BLOCK), .transports = TRANSPORTS_ALL, .features = FEATURE(feature),      \
	.writes = true

#define RANGE(name, words, type, feature)                                                          \
	CASE(block_##name, OBEY, words " is completed with OK, and only its range is touched",     \
	     "-", NEEDS(feature))                                                                  \
	{                                                                                          \
		succeed(t, type, prepare(t, feature), 0);                                          \
	}                                                                                          \
	CASE(block_##name##_flag_1, OBEY, words " with flag bit 1 fails with UNSUPP",              \
	     "DEV-BLK-OP-05", NEEDS(feature))                                                      \
	{                                                                                          \
		refuse(t, feature, type, 1u << 1);                                                 \
	}                                                                                          \
	CASE(block_##name##_flag_7, OBEY, words " with flag bit 7 fails with UNSUPP",              \
	     "DEV-BLK-OP-05", NEEDS(feature))                                                      \
	{                                                                                          \
		refuse(t, feature, type, 1u << 7);                                                 \
	}                                                                                          \
	CASE(block_##name##_flag_31, OBEY, words " with flag bit 31 fails with UNSUPP",            \
	     "DEV-BLK-OP-05", NEEDS(feature))                                                      \
	{                                                                                          \
		refuse(t, feature, type, 1u << 31);                                                \
	}                                                                                          \
	CASE(block_##name##_beyond_across, OBEY,                                                   \
	     words " across the end of the disk fails with IOERR", "-", NEEDS(feature))            \
	{                                                                                          \
		beyond(t, feature, type, SECTORS / 2, SECTORS);                                    \
	}                                                                                          \
	CASE(block_##name##_beyond_end, OBEY, words " at the end of the disk fails with IOERR",    \
	     "-", NEEDS(feature))                                                                  \
	{                                                                                          \
		beyond(t, feature, type, 0, 1);                                                    \
	}                                                                                          \
	CASE(block_##name##_beyond_wrapping, OBEY,                                                 \
	     words " whose last sector is beyond 2^64 fails with IOERR", "-", NEEDS(feature))      \
	{                                                                                          \
		beyond(t, feature, type, UINT64_MAX, 2);                                           \
	}
RANGE(discard, "a discard", BLOCK_DISCARD, F_BLOCK_DISCARD)
RANGE(write_zeroes, "a write of zeroes", BLOCK_WRITE_ZEROES, F_BLOCK_WRITE_ZEROES)
RANGE(secure_erase, "a secure erase", BLOCK_SECURE_ERASE, F_BLOCK_SECURE_ERASE)

CASE(block_discard_unmap, OBEY, "a discard with the flag unmap fails with UNSUPP", "DEV-BLK-OP-06",
     NEEDS(F_BLOCK_DISCARD))
{
	refuse(t, F_BLOCK_DISCARD, BLOCK_DISCARD, UNMAP);
}

CASE(block_discard_read, OBEY, "a discarded range can be read and written again", "-",
     NEEDS(F_BLOCK_DISCARD))
{
	uint64_t sector = prepare(t, F_BLOCK_DISCARD);
	uint8_t *data = lend(t, SECTORS * BLOCK_SECTOR, 0, LOAN_WRITE);
	struct block_answer answer;

	succeed(t, BLOCK_DISCARD, sector, 0);
	answer = block_do(t, 0, BLOCK_IN, sector, NULL, 0, data, SECTORS * BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_OK);
	sectors_write(t, sector, SECTORS, SEED + 1);
	sectors_expect(t, "what was written is read", sector, SECTORS, SEED + 1);
}

#define ZEROES(name, words, flags)                                                                 \
	CASE(block_zeroes_##name, OBEY, "after a write of zeroes " words " the range reads as 0",  \
	     "DEV-BLK-OP-09", NEEDS(F_BLOCK_WRITE_ZEROES))                                         \
	{                                                                                          \
		uint64_t sector = prepare(t, F_BLOCK_WRITE_ZEROES);                                \
                                                                                                   \
		succeed(t, BLOCK_WRITE_ZEROES, sector, flags);                                     \
		sectors_expect_zeroes(t, "the range reads as 0", sector, SECTORS);                 \
	}
ZEROES(kept, "without unmap", 0)
ZEROES(unmapped, "with unmap", UNMAP)

CASE(block_zeroes_segments, OBEY, "a write of zeroes to several ranges reaches each of them",
     "DEV-BLK-OP-09", NEEDS(F_BLOCK_WRITE_ZEROES))
{
	uint64_t sector = prepare(t, F_BLOCK_WRITE_ZEROES);
	struct {
		uint64_t sector;
		uint32_t sectors, flags;
	} ranges[2] = {{.sector = sector, .sectors = 2}, {.sector = sector + 8, .sectors = 3}};
	struct block_answer answer;

	if (config_read(t, BLOCK_MAX_WRITE_ZEROES_SECTORS + 4, 4) < 2)
		skip(t, "max_write_zeroes_seg is 1");
	answer = block_do(t, 0, BLOCK_WRITE_ZEROES, 0, ranges, sizeof(ranges), NULL, 0);
	block_expect_status(t, &answer, BLOCK_OK);
	sectors_expect_zeroes(t, "the first range reads as 0", sector, 2);
	sectors_expect(t, "what is between is as it was", sector + 2, 6, SEED);
	sectors_expect_zeroes(t, "the second range reads as 0", sector + 8, 3);
	sectors_expect(t, "what is behind is as it was", sector + 11, 1, SEED);
}
