/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to a block device: see block.h. */
#include "tests/conformance/core/block.h"

#include "tests/conformance/core/memory.h"
#include "tests/conformance/core/registers.h"
#include "tests/conformance/core/run.h"
#include "tests/conformance/core/session.h"
#include "tests/conformance/core/verdict.h"

#include <string.h>

/* Behind what request_make() and other cases read. */
#define SCRATCH 64u
#define NO_STATUS 0xffu

struct header {
	uint32_t type, reserved;
	uint64_t sector;
};

struct range {
	uint64_t sector;
	uint32_t sectors, flags;
};

uint64_t block_capacity(struct conformance_target *t)
{
	return config_read(t, BLOCK_CAPACITY, 4) | config_read(t, BLOCK_CAPACITY + 4, 4) << 32;
}

struct block_answer block_do_segments(struct conformance_target *t, unsigned int queue,
				      uint32_t type, uint64_t sector, struct segment *segments,
				      unsigned int count, bool in)
{
	struct header header = {.type = type, .sector = sector};
	struct segment *all = run_allocate(t, (count + 2) * sizeof(*all));
	struct ring *ring = session_ring(t, queue);
	struct block_answer answer = {.room = 1};
	volatile uint8_t *status = lend(t, 1, 0, LOAN_WRITE);
	struct used used;
	uint16_t id;

	*status = NO_STATUS;
	all[0] = (struct segment){.data = lend_copy(t, &header, sizeof(header)),
				  .length = sizeof(header)};
	memcpy(all + 1, segments, count * sizeof(*all));
	all[count + 1] = (struct segment){.data = (const void *)(uintptr_t)status, .length = 1};
	for (unsigned int i = 0; in && i < count; i++)
		answer.room += segments[i].length;
	id = ring_add(t, ring, all, in ? 1 : count + 1, in ? count + 1 : 1);
	ring_kick(t, ring);
	used = ring_wait(t, ring);
	expect_equal(t, "used.id", used.id, id);
	target_barrier(t);
	answer.length = used.length;
	answer.status = *status;
	return answer;
}

struct block_answer block_do(struct conformance_target *t, unsigned int queue, uint32_t type,
			     uint64_t sector, const void *out, uint32_t out_bytes, void *in,
			     uint32_t in_bytes)
{
	struct segment segment = {0};

	if (out_bytes)
		segment =
			(struct segment){.data = lend_copy(t, out, out_bytes), .length = out_bytes};
	else if (in_bytes)
		segment = (struct segment){.data = in, .length = in_bytes};
	return block_do_segments(t, queue, type, sector, &segment, segment.length != 0,
				 in_bytes != 0);
}

struct block_answer block_range(struct conformance_target *t, uint32_t type, uint64_t sector,
				uint32_t sectors, uint32_t flags)
{
	struct range range = {.sector = sector, .sectors = sectors, .flags = flags};

	return block_do(t, 0, type, 0, &range, sizeof(range), NULL, 0);
}

uint64_t block_scratch(struct conformance_target *t, unsigned int sectors)
{
	uint64_t capacity = block_capacity(t);

	if (features_offered(t) >> F_BLOCK_RO & 1)
		skip(t, "the disk is read-only");
	if (capacity < SCRATCH + sectors)
		skip(t, "the disk has only %llu sectors", (unsigned long long)capacity);
	return SCRATCH;
}

/* No two sectors are alike, and no two bytes next to each other. */
static uint8_t data_byte(uint8_t seed, uint64_t sector, unsigned int at)
{
	return (uint8_t)(seed + sector * 37 + at * 5 + (at >> 8));
}

void sectors_write(struct conformance_target *t, uint64_t sector, unsigned int sectors,
		   uint8_t seed)
{
	uint8_t *data = run_allocate(t, (size_t)sectors * BLOCK_SECTOR);
	struct block_answer answer;

	for (unsigned int i = 0; i < sectors * BLOCK_SECTOR; i++)
		data[i] = data_byte(seed, sector + i / BLOCK_SECTOR, i % BLOCK_SECTOR);
	answer = block_do(t, 0, BLOCK_OUT, sector, data, sectors * BLOCK_SECTOR, NULL, 0);
	block_expect_status(t, &answer, BLOCK_OK);
}

static const uint8_t *read_sectors(struct conformance_target *t, uint64_t sector,
				   unsigned int sectors)
{
	uint8_t *data = lend(t, (size_t)sectors * BLOCK_SECTOR, 0, LOAN_WRITE);
	struct block_answer answer =
		block_do(t, 0, BLOCK_IN, sector, NULL, 0, data, sectors * BLOCK_SECTOR);

	block_expect_status(t, &answer, BLOCK_OK);
	return data;
}

void sectors_expect(struct conformance_target *t, const char *what, uint64_t sector,
		    unsigned int sectors, uint8_t seed)
{
	const uint8_t *data = read_sectors(t, sector, sectors);

	for (unsigned int i = 0; i < sectors * BLOCK_SECTOR; i++) {
		uint64_t place = sector + i / BLOCK_SECTOR;
		uint8_t right = data_byte(seed, place, i % BLOCK_SECTOR);

		if (data[i] != right)
			fail(t, what, "byte %u of sector %llu is 0x%02x, not 0x%02x",
			     i % BLOCK_SECTOR, (unsigned long long)place, data[i], right);
	}
}

void sectors_expect_zeroes(struct conformance_target *t, const char *what, uint64_t sector,
			   unsigned int sectors)
{
	const uint8_t *data = read_sectors(t, sector, sectors);

	for (unsigned int i = 0; i < sectors * BLOCK_SECTOR; i++)
		if (data[i])
			fail(t, what, "byte %u of sector %llu is 0x%02x", i % BLOCK_SECTOR,
			     (unsigned long long)sector + i / BLOCK_SECTOR, data[i]);
}

void block_expect_status(struct conformance_target *t, const struct block_answer *answer,
			 uint8_t status)
{
	expect_equal(t, "the request's status byte", answer->status, status);
}
