/* SPDX-License-Identifier: BSD-2-Clause */
/* Each kind of request to a block device (virtio 1.4, 5.2.6), without zones and ranges. */
#include "tests/conformance/case.h"
#include "tests/conformance/core/block.h"

#include <string.h>

#define BLOCK .devices = DEVICE(BLOCK)
#define SEED 0x52

/* -- Data */

static void write_and_read(struct conformance_target *t, unsigned int sectors)
{
	uint64_t sector;

	session_open(t);
	sector = block_scratch(t, sectors + 2);
	sectors_write(t, sector, sectors + 2, SEED);
	sectors_write(t, sector + 1, sectors, SEED + 1);
	sectors_expect(t, "what was written is read", sector + 1, sectors, SEED + 1);
	sectors_expect(t, "the sector before is as it was", sector, 1, SEED);
	sectors_expect(t, "the sector behind is as it was", sector + 1 + sectors, 1, SEED);
}

#define WRITE_AND_READ(sectors)                                                                    \
	CASE(block_write_##sectors, OBEY,                                                          \
	     "what a write of " #sectors                                                           \
	     " sectors brought is read, and its neighbours are as they were",                      \
	     "DEV-BLK-OP-13 DEV-BLK-OP-43", BLOCK, .writes = true, .transports = TRANSPORTS_ALL)   \
	{                                                                                          \
		write_and_read(t, sectors);                                                        \
	}
WRITE_AND_READ(1)
WRITE_AND_READ(8)
WRITE_AND_READ(30)

CASE(block_write_pieces, OBEY,
     "sectors that were written one by one are read together, and the other way round",
     "DEV-BLK-OP-13", BLOCK, .writes = true, .transports = TRANSPORTS_ALL)
{
	uint64_t sector;

	session_open(t);
	sector = block_scratch(t, 8);
	for (unsigned int i = 0; i < 8; i++)
		sectors_write(t, sector + i, 1, SEED);
	sectors_expect(t, "what was written is read", sector, 8, SEED);
	sectors_write(t, sector, 8, SEED + 1);
	for (unsigned int i = 8; i--;)
		sectors_expect(t, "what was written is read", sector + i, 1, SEED + 1);
}

CASE(block_write_flush, OBEY, "what was written before a flush is read after a reset",
     "DEV-BLK-OP-13", BLOCK, .features = FEATURE(F_BLOCK_FLUSH), .writes = true,
     .transports = TRANSPORTS_ALL)
{
	struct block_answer answer;
	uint64_t sector;

	session_begin(t, SESSION_WITH(FEATURE(F_BLOCK_FLUSH)));
	session_ready(t);
	sector = block_scratch(t, 4);
	sectors_write(t, sector, 4, SEED + 2);
	answer = block_do(t, 0, BLOCK_FLUSH, 0, NULL, 0, NULL, 0);
	block_expect_status(t, &answer, BLOCK_OK);
	session_open(t);
	sectors_expect(t, "what was flushed is read", sector, 4, SEED + 2);
}

CASE(block_write_through, OBEY, "without FLUSH what was written is read after a reset",
     "DEV-BLK-OP-13", BLOCK, .writes = true, .transports = TRANSPORTS_ALL)
{
	uint64_t sector;

	session_open(t);
	sector = block_scratch(t, 4);
	sectors_write(t, sector, 4, SEED + 3);
	session_open(t);
	sectors_expect(t, "what was written is read", sector, 4, SEED + 3);
}

CASE(block_flush, OBEY, "a flush is completed with OK", "DEV-BLK-OP-13", BLOCK,
     .features = FEATURE(F_BLOCK_FLUSH), .transports = TRANSPORTS_ALL)
{
	struct block_answer answer;

	session_begin(t, SESSION_WITH(FEATURE(F_BLOCK_FLUSH)));
	session_ready(t);
	answer = block_do(t, 0, BLOCK_FLUSH, 0, NULL, 0, NULL, 0);
	block_expect_status(t, &answer, BLOCK_OK);
	expect_equal(t, "used.len", answer.length, 1);
}

CASE(block_flush_out, OBEY, "FLUSH_OUT from a legacy driver is a flush", "DEV-BLK-OP-44", BLOCK,
     .features = FEATURE(F_BLOCK_FLUSH), .transports = TRANSPORTS_LEGACY)
{
	struct block_answer answer;

	session_begin(t, SESSION_WITH(FEATURE(F_BLOCK_FLUSH)));
	session_ready(t);
	answer = block_do(t, 0, BLOCK_FLUSH_OUT, 0, NULL, 0, NULL, 0);
	block_expect_status(t, &answer, BLOCK_OK);
}

/* A length that counts what was not written is a lie of used.len. */
static void expect_honest(struct conformance_target *t, const struct block_answer *answer,
			  const void *data, uint32_t bytes)
{
	size_t written = pattern_written(t, data, bytes);

	if (answer->length > bytes && !written)
		fail(t, "the first used.len bytes of the buffers were written",
		     "used.len is %u, and none of %u bytes of data was", answer->length, bytes);
}

CASE(block_read_length, OBEY, "used.len of a read counts the data and the status",
     "DEV-SPLIT-USED-02", BLOCK, .transports = TRANSPORTS_ALL)
{
	uint8_t *data;
	struct block_answer answer;

	session_open(t);
	data = lend(t, 8 * BLOCK_SECTOR, 0, LOAN_WRITE);
	answer = block_do(t, 0, BLOCK_IN, 0, NULL, 0, data, 8 * BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_OK);
	expect_equal(t, "used.len", answer.length, answer.room);
	expect_honest(t, &answer, data, 8 * BLOCK_SECTOR);
}

/* -- The end of the disk */

static uint64_t end_and(struct conformance_target *t, int64_t sectors)
{
	return block_capacity(t) + (uint64_t)sectors;
}

CASE(block_read_last, OBEY, "the last sector can be read", "-", BLOCK, .transports = TRANSPORTS_ALL)
{
	uint8_t *data;
	struct block_answer answer;

	session_open(t);
	data = lend(t, BLOCK_SECTOR, 0, LOAN_WRITE);
	answer = block_do(t, 0, BLOCK_IN, end_and(t, -1), NULL, 0, data, BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_OK);
}

#define BEYOND(name, words, place)                                                                 \
	CASE(block_read_beyond_##name, OBEY, "a read " words " fails with IOERR", "-", BLOCK,      \
	     .transports = TRANSPORTS_ALL)                                                         \
	{                                                                                          \
		uint8_t *data;                                                                     \
		struct block_answer answer;                                                        \
                                                                                                   \
		session_open(t);                                                                   \
		data = lend(t, 2 * BLOCK_SECTOR, 0, LOAN_WRITE);                                   \
		answer = block_do(t, 0, BLOCK_IN, place, NULL, 0, data, 2 * BLOCK_SECTOR);         \
		block_expect_status(t, &answer, BLOCK_IOERR);                                      \
		request_once(t, 0);                                                                \
	}                                                                                          \
	CASE(block_write_beyond_##name, OBEY, "a write " words " fails with IOERR", "-", BLOCK,    \
	     .transports = TRANSPORTS_ALL, .writes = true)                                         \
	{                                                                                          \
		static const uint8_t data[2 * BLOCK_SECTOR];                                       \
		struct block_answer answer;                                                        \
                                                                                                   \
		session_open(t);                                                                   \
		answer = block_do(t, 0, BLOCK_OUT, place, data, sizeof(data), NULL, 0);            \
		block_expect_status(t, &answer, BLOCK_IOERR);                                      \
		request_once(t, 0);                                                                \
	}
BEYOND(across, "across the end of the disk", end_and(t, -1))
BEYOND(end, "that begins at the end of the disk", end_and(t, 0))
BEYOND(far, "far behind the end of the disk", end_and(t, 1ll << 40))
BEYOND(wrapping, "whose last sector is beyond 2^64", UINT64_MAX)
BEYOND(wrapping_bytes, "whose offset in bytes is beyond 2^64", 1ull << 55)

CASE(block_failed_length, OBEY, "used.len of a read that failed counts only what was written",
     "DEV-SPLIT-USED-02", BLOCK, .transports = TRANSPORTS_ALL)
{
	uint8_t *data;
	struct block_answer answer;

	session_open(t);
	data = lend(t, BLOCK_SECTOR, 0, LOAN_WRITE);
	answer = block_do(t, 0, BLOCK_IN, end_and(t, 0), NULL, 0, data, BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_IOERR);
	expect_honest(t, &answer, data, BLOCK_SECTOR);
}

/* -- A disk that cannot be written */

CASE(block_read_only_status, OBEY, "a write to a read-only disk fails with IOERR", "DEV-BLK-OP-03",
     BLOCK, .features = FEATURE(F_BLOCK_RO), .writes = true, .transports = TRANSPORTS_ALL)
{
	static const uint8_t data[BLOCK_SECTOR];
	struct block_answer answer;

	session_begin(t, SESSION_WITH(FEATURE(F_BLOCK_RO)));
	session_ready(t);
	answer = block_do(t, 0, BLOCK_OUT, 0, data, sizeof(data), NULL, 0);
	block_expect_status(t, &answer, BLOCK_IOERR);
}

CASE(block_read_only_unaccepted, OBEY,
     "a write to a read-only disk fails with IOERR when the driver did not accept RO",
     "DEV-BLK-OP-03", BLOCK, .features = FEATURE(F_BLOCK_RO), .writes = true,
     .transports = TRANSPORTS_ALL)
{
	static const uint8_t data[BLOCK_SECTOR];
	struct block_answer answer;

	session_open(t);
	answer = block_do(t, 0, BLOCK_OUT, 0, data, sizeof(data), NULL, 0);
	block_expect_status(t, &answer, BLOCK_IOERR);
}

CASE(block_read_only_data, OBEY, "a write to a read-only disk changes nothing", "DEV-BLK-OP-04",
     BLOCK, .features = FEATURE(F_BLOCK_RO), .writes = true, .transports = TRANSPORTS_ALL)
{
	uint8_t *before, *after, *other = lend(t, BLOCK_SECTOR, 0, LOAN_READ);
	struct block_answer answer;

	session_open(t);
	before = lend(t, BLOCK_SECTOR, 0, LOAN_WRITE);
	after = lend(t, BLOCK_SECTOR, 0, LOAN_WRITE);
	answer = block_do(t, 0, BLOCK_IN, 3, NULL, 0, before, BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_OK);
	for (unsigned int i = 0; i < BLOCK_SECTOR; i++)
		other[i] = (uint8_t)~before[i];
	block_do(t, 0, BLOCK_OUT, 3, other, BLOCK_SECTOR, NULL, 0);
	answer = block_do(t, 0, BLOCK_IN, 3, NULL, 0, after, BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_OK);
	for (unsigned int i = 0; i < BLOCK_SECTOR; i++)
		if (before[i] != after[i])
			fail(t, "the sector is as it was", "byte %u is 0x%02x, and was 0x%02x", i,
			     after[i], before[i]);
}

/* -- Identity and lifetime */

static const uint8_t *identify(struct conformance_target *t, struct block_answer *answer)
{
	uint8_t *id;

	session_open(t);
	id = lend(t, BLOCK_ID_BYTES, 0, LOAN_WRITE);
	*answer = block_do(t, 0, BLOCK_GET_ID, 0, NULL, 0, id, BLOCK_ID_BYTES);
	if (answer->status == BLOCK_UNSUPP)
		skip(t, "GET_ID is not supported");
	block_expect_status(t, answer, BLOCK_OK);
	return id;
}

CASE(block_id_padded, OBEY, "the device id has 20 bytes, padded with NUL", "-", BLOCK,
     .transports = TRANSPORTS_ALL)
{
	struct block_answer answer;
	const uint8_t *id = identify(t, &answer);
	unsigned int length = 0;

	while (length < BLOCK_ID_BYTES && id[length]) {
		expect_range(t, "a character of the id", id[length], ' ', '~');
		length++;
	}
	for (unsigned int i = length; i < BLOCK_ID_BYTES; i++)
		if (id[i])
			fail(t, "what follows the id is NUL", "byte %u is 0x%02x", i, id[i]);
}

CASE(block_id_length, OBEY, "used.len of GET_ID counts only what was written", "DEV-SPLIT-USED-02",
     BLOCK, .transports = TRANSPORTS_ALL)
{
	struct block_answer answer;
	const uint8_t *id = identify(t, &answer);
	size_t written = pattern_written(t, id, BLOCK_ID_BYTES);

	/* A byte of the pattern may have been written by chance, several at the end not. */
	if (answer.length > BLOCK_ID_BYTES && written + 3 < BLOCK_ID_BYTES)
		fail(t, "the first used.len bytes of the buffers were written",
		     "used.len is %u, and %zu of 20 bytes of the id were", answer.length, written);
}

CASE(block_id_same, OBEY, "the device id is the same each time", "-", BLOCK,
     .transports = TRANSPORTS_ALL)
{
	struct block_answer answer;
	const uint8_t *first = identify(t, &answer), *second = identify(t, &answer);
	size_t length = strnlen((const char *)first, BLOCK_ID_BYTES);

	expect(t,
	       strnlen((const char *)second, BLOCK_ID_BYTES) == length &&
		       !memcmp(first, second, length),
	       "the id is what it was");
}

static uint16_t little(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

CASE(block_lifetime, OBEY, "GET_LIFETIME answers without reserved values",
     "DEV-BLK-OP-16 DEV-BLK-OP-17", BLOCK, .features = FEATURE(F_BLOCK_LIFETIME))
{
	struct block_answer answer;
	uint8_t *fields;

	session_begin(t, SESSION_WITH(FEATURE(F_BLOCK_LIFETIME)));
	session_ready(t);
	fields = lend(t, 6, 0, LOAN_WRITE);
	answer = block_do(t, 0, BLOCK_GET_LIFETIME, 0, NULL, 0, fields, 6);
	block_expect_status(t, &answer, BLOCK_OK);
	expect_range(t, "pre_eol_info", little(fields), 0, 3);
	expect_range(t, "device_lifetime_est_typ_a", little(fields + 2), 0, 11);
	expect_range(t, "device_lifetime_est_typ_b", little(fields + 4), 0, 11);
}

/* -- What is not there */

static void unsupported(struct conformance_target *t, uint32_t type, bool in)
{
	static const uint8_t data[BLOCK_SECTOR];
	struct block_answer answer;
	uint8_t *area = NULL;

	session_open(t);
	if (in)
		area = lend(t, BLOCK_SECTOR, 0, LOAN_WRITE);
	answer = block_do(t, 0, type, 0, data, in ? 0 : BLOCK_SECTOR, area, in ? BLOCK_SECTOR : 0);
	block_expect_status(t, &answer, BLOCK_UNSUPP);
	request_once(t, 0);
}

#define UNKNOWN(name, type, in)                                                                    \
	CASE(block_unknown_##name, OBEY, "a request of unknown type " #type " fails with UNSUPP",  \
	     "-", BLOCK, .writes = !(in))                                                          \
	{                                                                                          \
		unsupported(t, type, in);                                                          \
	}
UNKNOWN(6, 6, true)
UNKNOWN(7, 7, false)
UNKNOWN(9, 9, false)
UNKNOWN(12, 12, true)
UNKNOWN(28, 28, true)
UNKNOWN(41, 41, false)
UNKNOWN(256, 256, true)
UNKNOWN(65536, 65536, true)

#define ZONE(name, type, in)                                                                       \
	CASE(block_zone_##name, OBEY,                                                              \
	     "a zone request of type " #type " fails with UNSUPP without ZONED", "DEV-BLK-OP-18",  \
	     BLOCK, .writes = true)                                                                \
	{                                                                                          \
		unsupported(t, type, in);                                                          \
	}
ZONE(append, 15, false)
ZONE(report, 16, true)
ZONE(open, 18, false)
ZONE(close, 20, false)
ZONE(finish, 22, false)
ZONE(reset, 24, false)
ZONE(reset_all, 26, false)
