/* SPDX-License-Identifier: BSD-2-Clause */
/* Loans out of the arena, and the look at every byte afterwards: see memory.h. */
#include "tests/conformance/core/memory.h"

#include "tests/conformance/core/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GUARD 64u
#define WORD sizeof(uint64_t)
/* This much beyond what a case used is looked at after it; the rest of the arena when the target is done. */
#define SLACK (16u << 10)

static uint64_t pattern_word(size_t index)
{
	return (index + 1) * 0x9e3779b97f4a7c15u ^ 0x52490000u;
}

static size_t offset_of(const struct conformance_target *t, const void *pointer)
{
	return (size_t)((const uint8_t *)pointer - t->arena);
}

uint8_t pattern_byte(struct conformance_target *t, const void *pointer)
{
	size_t offset = offset_of(t, pointer);

	return (uint8_t)(pattern_word(offset / WORD) >> offset % WORD * 8);
}

size_t pattern_written(struct conformance_target *t, const void *area, size_t size)
{
	const volatile uint8_t *bytes = area;

	target_barrier(t);
	while (size && bytes[size - 1] == pattern_byte(t, (const uint8_t *)area + size - 1))
		size--;
	return size;
}

static void fill(struct conformance_target *t, size_t from, size_t to)
{
	uint64_t *words = (uint64_t *)(void *)t->arena;

	for (size_t i = from / WORD; i < to / WORD; i++)
		words[i] = pattern_word(i);
}

static struct loan_record *new_loan(struct conformance_target *t, size_t offset, size_t size,
				    enum loan loan)
{
	struct conformance_run *run = t->run;
	struct loan_record *record;

	if (run->loan_count == RUN_LOANS || offset + size + GUARD > t->arena_size)
		fail(t, "(the suite itself) the case's memory fits into the arena",
		     "%zu bytes at %zu, loan %u", size, offset, run->loan_count);
	record = &run->loans[run->loan_count++];
	*record = (struct loan_record){.offset = (uint32_t)offset,
				       .size = (uint32_t)size,
				       .writable = loan == LOAN_WRITE ? (uint32_t)size : 0};
	run->arena_used = offset + size;
	if (run->arena_used + SLACK > run->arena_filled) {
		size_t end = (run->arena_used + SLACK + WORD - 1) & ~(WORD - 1);

		if (end > t->arena_size)
			end = t->arena_size;
		fill(t, run->arena_filled, end);
		run->arena_filled = end;
	}
	return record;
}

static size_t next_offset(const struct conformance_target *t, size_t alignment)
{
	if (!alignment)
		alignment = 16;
	return (t->run->arena_used + GUARD + alignment - 1) & ~(alignment - 1);
}

void *lend(struct conformance_target *t, size_t size, size_t alignment, enum loan loan)
{
	return t->arena + new_loan(t, next_offset(t, alignment), size, loan)->offset;
}

void lend_pair(struct conformance_target *t, size_t read_size, size_t write_size, size_t alignment,
	       void **read_area, void **write_area)
{
	struct loan_record *record = new_loan(t, next_offset(t, alignment), read_size, LOAN_READ);
	size_t offset = record->offset;

	*read_area = t->arena + offset;
	*write_area = t->arena + new_loan(t, offset + read_size, write_size, LOAN_WRITE)->offset;
}

void *lend_padded(struct conformance_target *t, const void *data, size_t given, size_t size)
{
	uint8_t *area = lend(t, size, 0, LOAN_READ);

	if (given > size)
		given = size;
	if (given)
		memcpy(area, data, given);
	memset(area + given, 0, size - given);
	seal(t, area);
	return area;
}

void *lend_copy(struct conformance_target *t, const void *data, size_t size)
{
	return lend_padded(t, data, size, size);
}

/* The loan that has this byte. */
static struct loan_record *find(struct conformance_target *t, const void *pointer)
{
	size_t offset = offset_of(t, pointer);

	for (unsigned int i = t->run->loan_count; i--;) {
		struct loan_record *record = &t->run->loans[i];

		if (offset >= record->offset && offset - record->offset < record->size)
			return record;
	}
	fail(t, "(the suite itself) the address was lent", "offset %zu", offset);
}

void seal(struct conformance_target *t, const void *area)
{
	struct loan_record *record = find(t, area);

	memcpy(t->run->shadow + record->offset, t->arena + record->offset, record->size);
	record->sealed = true;
}

void lend_only(struct conformance_target *t, void *area, size_t length)
{
	struct loan_record *record = find(t, area);

	if (length < record->writable)
		record->writable = (uint32_t)length;
}

void sealed_write(struct conformance_target *t, void *place, uint64_t value, unsigned int width)
{
	memcpy(t->run->shadow + offset_of(t, place), &value, width);
	switch (width) {
	case 2:
		*(volatile uint16_t *)place = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)place = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)place = value;
	}
}

uint64_t lent_address(struct conformance_target *t, const void *pointer)
{
	return t->operations->address(t, pointer);
}

void *run_allocate(struct conformance_target *t, size_t size)
{
	struct conformance_run *run = t->run;
	void *memory = run->heap + run->heap_used;

	size = (size + 15) & ~(size_t)15;
	if (size > RUN_HEAP - run->heap_used)
		fail(t, "(the suite itself) the case's rings fit into its memory", "%zu bytes more",
		     size);
	run->heap_used += size;
	memset(memory, 0, size);
	return memory;
}

void memory_begin(struct conformance_target *t)
{
	struct conformance_run *run = t->run;

	run->loan_count = 0;
	run->heap_used = 0;
	run->arena_used = 0;
	fill(t, 0, run->arena_filled);
	if (!run->arena_filled)
		fill(t, 0, run->arena_filled = SLACK);
}

/* The first byte in [from, to) that is not the pattern's, or `to`. */
static size_t first_foreign(const struct conformance_target *t, size_t from, size_t to)
{
	while (from < to) {
		const volatile uint8_t *byte = t->arena + from;

		if (from % WORD == 0 && to - from >= WORD &&
		    *(const volatile uint64_t *)(const volatile void *)byte ==
			    pattern_word(from / WORD)) {
			from += WORD;
			continue;
		}
		if (*byte != (uint8_t)(pattern_word(from / WORD) >> from % WORD * 8))
			return from;
		from++;
	}
	return to;
}

bool memory_check(struct conformance_target *t, char *text, size_t size)
{
	struct conformance_run *run = t->run;
	size_t place = 0, end;

	target_barrier(t);
	for (unsigned int i = 0; i <= run->loan_count; i++) {
		const struct loan_record *record = &run->loans[i];

		end = i < run->loan_count ? record->offset : run->arena_filled;
		place = first_foreign(t, place, end);
		if (place != end) {
			sniprintf(text, size,
				  "byte %zu of the arena, lent to nobody, became 0x%02x", place,
				  t->arena[place]);
			return true;
		}
		if (i == run->loan_count)
			break;
		place = record->offset + record->writable;
		end = (size_t)record->offset + record->size;
		if (record->sealed) {
			for (; place < end; place++)
				if (t->arena[place] != run->shadow[place])
					break;
			if (place != end) {
				sniprintf(text, size,
					  "byte %zu of %" PRIu32
					  " that were lent for reading became 0x%02x",
					  place - record->offset, record->size, t->arena[place]);
				return true;
			}
		} else if (record->writable && place != end) {
			place = first_foreign(t, place, end);
			if (place != end) {
				sniprintf(text, size,
					  "byte %zu behind the %" PRIu32
					  " that it may write became 0x%02x",
					  place - record->offset - record->writable,
					  record->writable, t->arena[place]);
				return true;
			}
		}
		place = end;
	}
	return false;
}
