/* SPDX-License-Identifier: BSD-2-Clause */
/* What firmware says about memory: ranges that overlap, wrap around, or are too many. */
#include "kernel/memory/memory_map.h"
#include "boot/loaders.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define LOWEST 0x1000u
#define HIGHEST (1ull << 46)
#define PAGE 4096u

static struct memory_map map;
static struct boot_info info;

static void check_order(void)
{
	fuzz_check(map.count <= sizeof(map.ranges) / sizeof(map.ranges[0]), "%u ranges", map.count);
	for (unsigned int i = 0; i < map.count; i++) {
		const struct memory_range *range = &map.ranges[i];

		fuzz_check(range->start < range->end && range->start >= LOWEST &&
				   range->end <= HIGHEST && !(range->start % PAGE) &&
				   !(range->end % PAGE),
			   "a range from %llx to %llx", (unsigned long long)range->start,
			   (unsigned long long)range->end);
		fuzz_check(!i || map.ranges[i - 1].end <= range->start, "ranges out of order");
	}
}

static bool in_map(uint64_t address)
{
	for (unsigned int i = 0; i < map.count; i++)
		if (address >= map.ranges[i].start && address < map.ranges[i].end)
			return true;
	return false;
}

static bool said(uint64_t address, bool usable)
{
	for (unsigned int i = 0; i < info.memory_count; i++) {
		const struct boot_memory *entry = &info.memory[i];

		/* Ranges that wrap around end at the top. */
		if ((entry->type == BOOT_MEMORY_USABLE) == usable && address >= entry->start &&
		    address - entry->start < entry->length)
			return true;
	}
	return false;
}

void fuzz_target(void)
{
	uint64_t start, end, size;

	memset(&info, 0, sizeof(info));
	for (unsigned int i = fuzz_choose(200); i && fuzz_more(); i--) {
		start = fuzz_choose(2) ? fuzz_number(8) : (uint64_t)fuzz_byte() << 12;
		size = fuzz_choose(2) ? fuzz_number(8) : (uint64_t)fuzz_byte() << 10;
		boot_add_e820(&info, start, size, fuzz_choose(8));
	}
	fuzz_check(info.memory_count <= BOOT_MEMORY_MAX, "%u entries", info.memory_count);
	memory_map_usable(&map, info.memory, info.memory_count, LOWEST, HIGHEST);
	check_order();
	/* Each page of the map is usable, and nothing else, at both ends. */
	for (unsigned int i = 0; i < map.count; i++) {
		start = map.ranges[i].start;
		end = map.ranges[i].end - 1;
		fuzz_check(said(start, true) && said(end, true),
			   "a page that nobody called usable");
		fuzz_check(!said(start, false) && !said(end, false), "a page that is reserved");
	}
	size = memory_map_size(&map);
	for (unsigned int i = fuzz_choose(8); i; i--) {
		start = fuzz_choose(2) ? fuzz_number(8) : (uint64_t)fuzz_byte() << 12;
		end = start + (uint64_t)fuzz_byte() * 700;
		memory_map_exclude(&map, start, end);
		check_order();
		fuzz_check(memory_map_size(&map) <= size, "less is more");
		if (start < end)
			fuzz_check(!in_map(start) && !in_map(end - 1), "what was taken out is in");
		size = memory_map_size(&map);
	}
}
