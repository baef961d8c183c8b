/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware's memory map, real and imagined ones. */
#include "kernel/memory/memory_map.h"
#include "boot/loaders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define K 1024ULL
#define M (1024 * K)
#define G (1024 * M)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct memory_map map;

static void make(const struct boot_memory *entries, size_t count)
{
	memory_map_usable(&map, entries, count, 0x1000, 1ULL << 40);
}

static void expect(const struct memory_range *ranges, unsigned int count)
{
	assert_int_equal(map.count, count);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(map.ranges[i].start, ranges[i].start);
		assert_int_equal(map.ranges[i].end, ranges[i].end);
	}
}

static void a_pc_with_a_hole(void **state)
{
	static const struct boot_memory entries[] = {
		{0, 0x9fc00, BOOT_MEMORY_USABLE},
		{0x9fc00, 0x400, BOOT_MEMORY_RESERVED},
		{0xf0000, 0x10000, BOOT_MEMORY_RESERVED},
		{M, 3 * G - M - 128 * K, BOOT_MEMORY_USABLE},
		{3 * G - 128 * K, 128 * K, BOOT_MEMORY_RESERVED},
		{4 * G, 5 * G, BOOT_MEMORY_USABLE},
	};
	static const struct memory_range wanted[] = {
		{0x1000, 0x9f000}, {M, 3 * G - 128 * K}, {4 * G, 9 * G}};

	(void)state;
	make(entries, COUNT(entries));
	expect(wanted, COUNT(wanted));
	assert_int_equal(memory_map_size(&map), 0x9e000 + 3 * G - 128 * K - M + 5 * G);
}

static void unordered_and_overlapping(void **state)
{
	static const struct boot_memory entries[] = {
		{8 * M, 4 * M, BOOT_MEMORY_USABLE},   {2 * M, 4 * M, BOOT_MEMORY_USABLE},
		{5 * M, 4 * M, BOOT_MEMORY_USABLE},   {3 * M, 4 * K, BOOT_MEMORY_RESERVED},
		{0, 0, BOOT_MEMORY_RESERVED},	      {10 * M, 1, BOOT_MEMORY_ACPI},
		{11 * M + 5, 10, BOOT_MEMORY_LOADER},
	};
	static const struct memory_range wanted[] = {{2 * M, 3 * M},
						     {3 * M + 4 * K, 10 * M},
						     {10 * M + 4 * K, 11 * M},
						     {11 * M + 4 * K, 12 * M}};

	(void)state;
	make(entries, COUNT(entries));
	expect(wanted, COUNT(wanted));
}

static void partial_pages_are_not_used(void **state)
{
	static const struct boot_memory entries[] = {
		{0x10001, 0x1ffe, BOOT_MEMORY_USABLE},
		{0x20fff, 0x3002, BOOT_MEMORY_USABLE},
	};
	static const struct memory_range wanted[] = {{0x21000, 0x24000}};

	(void)state;
	make(entries, COUNT(entries));
	expect(wanted, COUNT(wanted));
}

static void entries_that_wrap_around(void **state)
{
	static const struct boot_memory entries[] = {
		{0xfffffffffffff000, 0x3000, BOOT_MEMORY_USABLE},
		{1 * M, UINT64_MAX, BOOT_MEMORY_USABLE},
		{1ULL << 39, UINT64_MAX, BOOT_MEMORY_BAD},
	};
	static const struct memory_range wanted[] = {{M, 1ULL << 39}};

	(void)state;
	make(entries, COUNT(entries));
	expect(wanted, COUNT(wanted));
}

static void excluding(void **state)
{
	static const struct boot_memory entries[] = {{M, 9 * M, BOOT_MEMORY_USABLE}};
	static const struct memory_range wanted[] = {{2 * M, 3 * M}, {4 * M, 9 * M}};

	(void)state;
	make(entries, COUNT(entries));
	memory_map_exclude(&map, 0, 2 * M);
	memory_map_exclude(&map, 3 * M, 4 * M - 1);
	memory_map_exclude(&map, 9 * M, UINT64_MAX);
	memory_map_exclude(&map, 5 * M, 5 * M);
	expect(wanted, COUNT(wanted));
	memory_map_exclude(&map, 0, UINT64_MAX);
	assert_int_equal(map.count, 0);
}

static void more_ranges_than_fit(void **state)
{
	static struct boot_memory entries[200];

	(void)state;
	for (unsigned int i = 0; i < COUNT(entries); i++)
		entries[i] =
			(struct boot_memory){(i + 1) * M, (i % 7 + 1) * 4 * K, BOOT_MEMORY_USABLE};
	entries[199].length = 512 * K;
	make(entries, COUNT(entries));
	assert_int_equal(map.count, COUNT(map.ranges));
	assert_int_equal(map.lost, 200 - COUNT(map.ranges));
	/* The largest is kept, and all are in order. */
	assert_int_equal(map.ranges[map.count - 1].start, 200 * M);
	for (unsigned int i = 1; i < map.count; i++)
		assert_true(map.ranges[i - 1].end < map.ranges[i].start);
}

/* Any map: no page that something else claims, nor one that is only partly there. */
static void random_maps(void **state)
{
	(void)state;
	srand(1);
	for (unsigned int round = 0; round < 2000; round++) {
		struct boot_memory entries[12];

		for (unsigned int i = 0; i < COUNT(entries); i++)
			entries[i] = (struct boot_memory){(uint64_t)(rand() % 64) * 2 * K + 0x1000,
							  (uint64_t)(rand() % 32) * K,
							  rand() % 3 ? BOOT_MEMORY_USABLE
								     : BOOT_MEMORY_RESERVED};
		make(entries, COUNT(entries));
		for (uint64_t page = 0x1000; page < 0x30000; page += 0x1000) {
			bool ours = false, covered = true, claimed = false;

			for (unsigned int i = 0; i < map.count; i++)
				ours |= page >= map.ranges[i].start && page < map.ranges[i].end;
			for (uint64_t byte = page; byte < page + 0x1000; byte += K) {
				bool usable = false;

				for (unsigned int i = 0; i < COUNT(entries); i++) {
					const struct boot_memory *e = &entries[i];
					bool in = byte >= e->start && byte < e->start + e->length;

					usable |= in && e->type == BOOT_MEMORY_USABLE;
					claimed |= in && e->type != BOOT_MEMORY_USABLE;
				}
				covered &= usable;
			}
			/* Not the other way round: two entries that share a page do not give it. */
			if (ours)
				assert_true(covered && !claimed);
		}
	}
}

/* -- What loaders say, on its way to a map */

static void types_of_a_loader_map(void **state)
{
	static const enum boot_memory_type types[] = {BOOT_MEMORY_RESERVED, BOOT_MEMORY_USABLE,
						      BOOT_MEMORY_RESERVED, BOOT_MEMORY_ACPI,
						      BOOT_MEMORY_NVS,	    BOOT_MEMORY_BAD,
						      BOOT_MEMORY_RESERVED};
	static struct boot_info info;

	(void)state;
	memset(&info, 0, sizeof(info));
	for (uint32_t type = 0; type < 7; type++)
		boot_add_e820(&info, type * 0x1000, 0x1000, type);
	boot_add_e820(&info, 0x9000, 0, 1); /* the end of many maps */
	assert_int_equal(info.memory_count, 7);
	for (unsigned int i = 0; i < 7; i++) {
		assert_int_equal(info.memory[i].type, types[i]);
		assert_int_equal(info.memory[i].start, i * 0x1000);
		assert_int_equal(info.memory[i].length, 0x1000);
	}
	/* What has no room is counted. */
	while (info.memory_count < BOOT_MEMORY_MAX)
		boot_add_e820(&info, 0x10000, 0x1000, 1);
	boot_add_e820(&info, 0x20000, 0x1000, 1);
	boot_add_e820(&info, 0x30000, 0x1000, 1);
	assert_int_equal(info.memory_count, BOOT_MEMORY_MAX);
	assert_int_equal(info.memory_lost, 2);
}

static void a_loader_command_line_is_cut(void **state)
{
	static struct boot_info info;
	static char line[BOOT_COMMAND_LINE_MAX + 8];

	(void)state;
	boot_copy_command_line(&info, "run=shell");
	assert_string_equal(info.command_line, "run=shell");
	assert_false(info.command_line_cut);
	memset(line, 'a', sizeof(line) - 1);
	line[BOOT_COMMAND_LINE_MAX - 1] = '\0';
	boot_copy_command_line(&info, line);
	assert_false(info.command_line_cut);
	assert_string_equal(info.command_line, line);
	line[BOOT_COMMAND_LINE_MAX - 1] = 'a';
	boot_copy_command_line(&info, line);
	assert_true(info.command_line_cut);
	assert_int_equal(strlen(info.command_line), BOOT_COMMAND_LINE_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_of_a_loader_map),
		cmocka_unit_test(a_loader_command_line_is_cut),
		cmocka_unit_test(a_pc_with_a_hole),
		cmocka_unit_test(unordered_and_overlapping),
		cmocka_unit_test(partial_pages_are_not_used),
		cmocka_unit_test(entries_that_wrap_around),
		cmocka_unit_test(excluding),
		cmocka_unit_test(more_ranges_than_fit),
		cmocka_unit_test(random_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
