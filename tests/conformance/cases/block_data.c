/* SPDX-License-Identifier: BSD-2-Clause */
/* What a disk does with data: what was written is there, once, at its place, and nowhere else (virtio 1.4, 5.2.6). */
#include "tests/conformance/case.h"

#include <string.h>

#define SECTOR 512u
#define BLOCK .devices = DEVICE(BLOCK), .transports = TRANSPORTS_ALL

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { STATUS_OK = 0, STATUS_IOERR = 1, STATUS_UNSUPP = 2, STATUS_UNWRITTEN = 0xff };
enum { F_BLOCK_RO = 5, F_BLOCK_FLUSH = 9, F_BLOCK_DISCARD = 13, F_BLOCK_WRITE_ZEROES = 14 };

/* A table entry of discard and write zeroes. */
struct range {
	uint64_t sector;
	uint32_t sectors, flags;
};

/* Runs one request: `out` bytes of data for the device, or `in` bytes from it. Returns the status byte. */
static uint8_t run(struct conformance_target *t, uint32_t type, uint64_t sector, const void *data,
		   uint32_t out, void *area, uint32_t in)
{
	struct {
		uint32_t type, reserved;
		uint64_t sector;
	} header = {type, 0, sector};
	uint8_t *status = lend(t, 1, 0, LOAN_WRITE);
	struct segment segments[4];
	unsigned int count = 0;
	struct ring *ring = session_ring(t, request_queue(t));
	struct used used;
	uint16_t id;

	*status = STATUS_UNWRITTEN;
	segments[count++] = (struct segment){.data = lend_copy(t, &header, sizeof(header)),
					     .length = sizeof(header)};
	if (out)
		segments[count++] =
			(struct segment){.data = lend_copy(t, data, out), .length = out};
	if (in)
		segments[count++] = (struct segment){.data = area, .length = in};
	segments[count++] = (struct segment){.data = status, .length = 1};
	id = ring_add(t, ring, segments, out ? 2 : 1, in ? 2 : 1);
	ring_kick(t, ring);
	used = ring_wait(t, ring);
	expect_equal(t, "used.id", used.id, id);
	return *status;
}

static void run_well(struct conformance_target *t, uint32_t type, uint64_t sector, const void *data,
		     uint32_t out, void *area, uint32_t in)
{
	expect_equal(t, "the status byte", run(t, type, sector, data, out, area, in), STATUS_OK);
}

static uint64_t capacity(struct conformance_target *t)
{
	return target_read(t, SPACE_DEVICE, 0, 4) | target_read(t, SPACE_DEVICE, 4, 4) << 32;
}

/* Content that says which sector it was made for, and when. */
static void fill(uint8_t *data, uint64_t sector, unsigned int sectors, unsigned int turn)
{
	for (unsigned int i = 0; i < sectors * SECTOR; i++)
		data[i] = (uint8_t)((sector + i / SECTOR) * 37 + turn * 101 + i % SECTOR * 7 + 1);
}

static void expect_content(struct conformance_target *t, uint64_t sector, unsigned int sectors,
			   const uint8_t *data)
{
	uint8_t *area = lend(t, (size_t)sectors * SECTOR, 0, LOAN_WRITE);

	run_well(t, T_IN, sector, NULL, 0, area, sectors * SECTOR);
	for (unsigned int i = 0; i < sectors * SECTOR; i++)
		if (area[i] != data[i])
			fail(t, "what was written last",
			     "byte %u of sector %llu is %#x, was written as %#x", i % SECTOR,
			     (unsigned long long)sector + i / SECTOR, area[i], data[i]);
}

#define PLACE 8u
#define SECTORS 8u

/* With those features of a disk that give it more requests. */
static void open_all(struct conformance_target *t)
{
	session_begin(t, SESSION_ONLY(FEATURE(F_RING_PACKED) | FEATURE(F_BLOCK_FLUSH) |
				      FEATURE(F_BLOCK_DISCARD) | FEATURE(F_BLOCK_WRITE_ZEROES)));
	session_ready(t);
}

/* The device, open, and content for its first sectors. */
static void open_disk(struct conformance_target *t, uint8_t data[SECTORS * SECTOR], bool writes)
{
	if (writes && features_offered(t) & FEATURE(F_BLOCK_RO))
		skip(t, "the disk is read-only");
	open_all(t);
	if (capacity(t) < PLACE + SECTORS)
		skip(t, "the disk has %llu sectors", (unsigned long long)capacity(t));
	fill(data, PLACE, SECTORS, 0);
}

CASE(block_write_each, OBEY,
     "sectors that were written one by one are read back, together and alone", "-", BLOCK,
     .writes = true)
{
	uint8_t data[SECTORS * SECTOR];

	open_disk(t, data, true);
	for (unsigned int i = 0; i < SECTORS; i++)
		run_well(t, T_OUT, PLACE + i, data + i * SECTOR, SECTOR, NULL, 0);
	expect_content(t, PLACE, SECTORS, data);
	for (unsigned int i = SECTORS; i-- > 0;)
		expect_content(t, PLACE + i, 1, data + i * SECTOR);
}

CASE(block_write_together, OBEY, "sectors that were written together are read back one by one", "-",
     BLOCK, .writes = true)
{
	uint8_t data[SECTORS * SECTOR];

	open_disk(t, data, true);
	run_well(t, T_OUT, PLACE, data, sizeof(data), NULL, 0);
	for (unsigned int i = 0; i < SECTORS; i++)
		expect_content(t, PLACE + i, 1, data + i * SECTOR);
}

CASE(block_write_again, OBEY,
     "of two writes of a sector the one that was made after the other's end counts", "-", BLOCK,
     .writes = true)
{
	uint8_t data[SECTORS * SECTOR];

	open_disk(t, data, true);
	run_well(t, T_OUT, PLACE, data, sizeof(data), NULL, 0);
	fill(data + SECTOR, PLACE + 1, 1, 1);
	run_well(t, T_OUT, PLACE + 1, data + SECTOR, SECTOR, NULL, 0);
	expect_content(t, PLACE, SECTORS, data);
}

CASE(block_flush, OBEY, "a flush ends well, and what was written before it is there",
     "DEV-BLK-OP-13", BLOCK, .features = FEATURE(F_BLOCK_FLUSH), .writes = true)
{
	uint8_t data[SECTORS * SECTOR];

	open_disk(t, data, true);
	run_well(t, T_OUT, PLACE, data, sizeof(data), NULL, 0);
	run_well(t, T_FLUSH, 0, NULL, 0, NULL, 0);
	expect_content(t, PLACE, SECTORS, data);
}

CASE(block_identify, OBEY, "the serial number is text, padded with zeroes to 20 bytes", "-", BLOCK)
{
	uint8_t *area = lend(t, 20, 0, LOAN_WRITE);
	unsigned int length = 0;

	open_all(t);
	run_well(t, T_GET_ID, 0, NULL, 0, area, 20);
	while (length < 20 && area[length]) {
		expect_range(t, "a character of the serial number", area[length], ' ', '~');
		length++;
	}
	for (; length < 20; length++)
		expect_equal(t, "a byte after the serial number", area[length], 0);
}

CASE(block_unknown_type, BREAK, "a request of an unknown type ends with UNSUPP", "-", BLOCK)
{
	uint8_t *area = lend(t, SECTOR, 0, LOAN_WRITE);

	open_all(t);
	expect_equal(t, "the status byte", run(t, 0x5249, 0, NULL, 0, area, SECTOR), STATUS_UNSUPP);
	prove_alive(t);
}

CASE(block_read_beyond, BREAK, "a read beyond the end of the disk ends with IOERR", "-", BLOCK)
{
	uint8_t *area = lend(t, 2 * (size_t)SECTOR, 0, LOAN_WRITE);
	uint64_t sectors;

	open_all(t);
	sectors = capacity(t);
	expect_equal(t, "the status byte, first sector after the end",
		     run(t, T_IN, sectors, NULL, 0, area, SECTOR), STATUS_IOERR);
	expect_equal(t, "the status byte, last sector and the one after",
		     run(t, T_IN, sectors - 1, NULL, 0, area, 2 * SECTOR), STATUS_IOERR);
	expect_equal(t, "the status byte, last sector that there can be",
		     run(t, T_IN, UINT64_MAX, NULL, 0, area, SECTOR), STATUS_IOERR);
	prove_alive(t);
}

CASE(block_zeroes, OBEY, "after write zeroes the range reads as zeroes, and nothing beside it",
     "DEV-BLK-OP-09", BLOCK, .features = FEATURE(F_BLOCK_WRITE_ZEROES), .writes = true)
{
	uint8_t data[SECTORS * SECTOR];
	struct range range = {PLACE + 2, 3, 0};

	open_disk(t, data, true);
	run_well(t, T_OUT, PLACE, data, sizeof(data), NULL, 0);
	run_well(t, T_WRITE_ZEROES, 0, &range, sizeof(range), NULL, 0);
	memset(data + 2 * SECTOR, 0, (size_t)range.sectors * SECTOR);
	expect_content(t, PLACE, SECTORS, data);
}

CASE(block_zeroes_flags, BREAK,
     "write zeroes with an unknown flag ends with UNSUPP, and zeroes nothing", "DEV-BLK-OP-05",
     BLOCK, .features = FEATURE(F_BLOCK_WRITE_ZEROES), .writes = true)
{
	uint8_t data[SECTORS * SECTOR];

	open_disk(t, data, true);
	run_well(t, T_OUT, PLACE, data, sizeof(data), NULL, 0);
	for (unsigned int bit = 1; bit < 32; bit++) {
		struct range range = {PLACE, SECTORS, 1u << bit};

		expect_equal(t, "the status byte",
			     run(t, T_WRITE_ZEROES, 0, &range, sizeof(range), NULL, 0),
			     STATUS_UNSUPP);
	}
	expect_content(t, PLACE, SECTORS, data);
	prove_alive(t);
}

CASE(block_discard_flags, BREAK, "discard with the unmap flag, or an unknown one, ends with UNSUPP",
     "DEV-BLK-OP-05 DEV-BLK-OP-06", BLOCK, .features = FEATURE(F_BLOCK_DISCARD), .writes = true)
{
	uint8_t data[SECTORS * SECTOR];

	open_disk(t, data, true);
	for (unsigned int bit = 0; bit < 32; bit++) {
		struct range range = {PLACE, SECTORS, 1u << bit};

		expect_equal(t, "the status byte",
			     run(t, T_DISCARD, 0, &range, sizeof(range), NULL, 0), STATUS_UNSUPP);
	}
	prove_alive(t);
}

CASE(block_read_only, BREAK, "a disk that offers RO ends writes with IOERR, and does not change",
     "DEV-BLK-OP-03 DEV-BLK-OP-04", BLOCK, .features = FEATURE(F_BLOCK_RO), .writes = true)
{
	uint8_t data[SECTORS * SECTOR];
	uint8_t *before = lend(t, sizeof(data), 0, LOAN_WRITE);

	open_disk(t, data, false);
	run_well(t, T_IN, PLACE, NULL, 0, before, sizeof(data));
	expect_equal(t, "the status byte", run(t, T_OUT, PLACE, data, sizeof(data), NULL, 0),
		     STATUS_IOERR);
	expect_content(t, PLACE, SECTORS, before);
	prove_alive(t);
}
