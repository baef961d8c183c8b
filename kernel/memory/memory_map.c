/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/memory/memory_map.h"

#include "kernel/x86/layout.h"

#include <stdbool.h>
#include <string.h>

static uint64_t page_down(uint64_t address)
{
	return address & ~(uint64_t)(PAGE_SIZE - 1);
}

static uint64_t page_up(uint64_t address)
{
	return address > UINT64_MAX - PAGE_SIZE ? page_down(UINT64_MAX)
						: page_down(address + PAGE_SIZE - 1);
}

/* Where an entry ends; one that wraps around ends at the top. */
static uint64_t entry_end(const struct boot_memory *entry)
{
	return entry->length > UINT64_MAX - entry->start ? UINT64_MAX
							 : entry->start + entry->length;
}

static void remove_at(struct memory_map *map, unsigned int index)
{
	memmove(&map->ranges[index], &map->ranges[index + 1],
		(map->count - index - 1) * sizeof(map->ranges[0]));
	map->count--;
}

/* Makes room at `index`, at the price of the smallest range when the map is full. */
static bool insert_at(struct memory_map *map, unsigned int index, struct memory_range range)
{
	const unsigned int capacity = sizeof(map->ranges) / sizeof(map->ranges[0]);

	if (map->count == capacity) {
		unsigned int smallest = 0;

		for (unsigned int i = 1; i < map->count; i++)
			if (map->ranges[i].end - map->ranges[i].start <
			    map->ranges[smallest].end - map->ranges[smallest].start)
				smallest = i;
		map->lost++;
		if (range.end - range.start <=
		    map->ranges[smallest].end - map->ranges[smallest].start)
			return false;
		remove_at(map, smallest);
		if (smallest < index)
			index--;
	}
	memmove(&map->ranges[index + 1], &map->ranges[index],
		(map->count - index) * sizeof(map->ranges[0]));
	map->ranges[index] = range;
	map->count++;
	return true;
}

static void include(struct memory_map *map, struct memory_range range)
{
	unsigned int i = 0;

	while (i < map->count && map->ranges[i].end < range.start)
		i++;
	/* Swallow all that it touches. */
	while (i < map->count && map->ranges[i].start <= range.end) {
		if (map->ranges[i].start < range.start)
			range.start = map->ranges[i].start;
		if (map->ranges[i].end > range.end)
			range.end = map->ranges[i].end;
		remove_at(map, i);
	}
	insert_at(map, i, range);
}

void memory_map_exclude(struct memory_map *map, uint64_t start, uint64_t end)
{
	unsigned int i = 0;

	if (start >= end)
		return;
	start = page_down(start);
	end = page_up(end);
	while (i < map->count) {
		struct memory_range *range = &map->ranges[i];
		struct memory_range above = {end, range->end};
		bool split = range->start < start && range->end > end;

		if (range->end <= start || range->start >= end) {
			i++;
		} else if (split) {
			range->end = start;
			insert_at(map, i + 1, above);
			return;
		} else if (range->start < start) {
			range->end = start;
			i++;
		} else if (range->end > end) {
			range->start = end;
			i++;
		} else {
			remove_at(map, i);
		}
	}
}

void memory_map_usable(struct memory_map *map, const struct boot_memory *entries, size_t count,
		       uint64_t lowest, uint64_t highest)
{
	memset(map, 0, sizeof(*map));
	for (size_t i = 0; i < count; i++) {
		struct memory_range range = {entries[i].start, entry_end(&entries[i])};

		if (entries[i].type != BOOT_MEMORY_USABLE)
			continue;
		if (range.start < lowest)
			range.start = lowest;
		if (range.end > highest)
			range.end = highest;
		if (range.end == UINT64_MAX || range.start > UINT64_MAX - PAGE_SIZE)
			range.end = page_down(range.end);
		range.start = page_up(range.start);
		range.end = page_down(range.end);
		if (range.start < range.end)
			include(map, range);
	}
	/*
	 * Whatever anyone calls something else is not ours, also where another entry calls it
	 * usable.
	 */
	for (size_t i = 0; i < count; i++)
		if (entries[i].type != BOOT_MEMORY_USABLE && entries[i].length)
			memory_map_exclude(map, entries[i].start, entry_end(&entries[i]));
}

uint64_t memory_map_size(const struct memory_map *map)
{
	uint64_t size = 0;

	for (unsigned int i = 0; i < map->count; i++)
		size += map->ranges[i].end - map->ranges[i].start;
	return size;
}
