/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/next/place.h"

#include "boot/next/area.h"
#include "kernel/x86/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In front are the null page and the BIOS data area; up to 1 MiB things that no map need show. */
#define LOWEST 0x1000
#define LOW_MEMORY_LAST 0x80000
#define LOW_MEMORY_END 0x100000
#define BELOW_4G 0x100000000ULL

int next_place_allowed(struct memory_map *allowed, const struct boot_info *info)
{
	struct boot_memory *entries = malloc(sizeof(info->memory));

	if (!entries)
		return -ENOMEM;
	memcpy(entries, info->memory, sizeof(info->memory));
	/* What the last loader left for us has been read, or is copied before anything moves. */
	for (unsigned int i = 0; i < info->memory_count; i++)
		if (entries[i].type == BOOT_MEMORY_LOADER)
			entries[i].type = BOOT_MEMORY_USABLE;
	memory_map_usable(allowed, entries, info->memory_count, LOWEST, NEXT_ADDRESS_MAX + 1);
	memory_map_exclude(allowed, LOW_MEMORY_LAST, LOW_MEMORY_END);
	free(entries);
	return 0;
}

static bool is_allowed(const struct memory_map *allowed, uint64_t start, uint64_t size)
{
	for (unsigned int i = 0; i < allowed->count; i++)
		if (start >= allowed->ranges[i].start && start < allowed->ranges[i].end &&
		    size <= allowed->ranges[i].end - start)
			return true;
	return false;
}

static int check_fixed(const struct next_layout *layout, const struct memory_map *allowed,
		       char *why)
{
	for (unsigned int i = 0; i < layout->segment_count; i++) {
		const struct next_segment *segment = &layout->segments[i];

		if (is_allowed(allowed, segment->address, segment->size))
			continue;
		sniprintf(why, NEXT_WHY_MAX,
			  "it must lie at %#" PRIx64 " to %#" PRIx64
			  ", which is not all usable memory in the firmware's map",
			  segment->address, segment->address + segment->size - 1);
		return -ENOSPC;
	}
	return 0;
}

static uint64_t align_up(uint64_t address, uint64_t alignment)
{
	return (address + alignment - 1) & ~(alignment - 1);
}

static bool fits(uint64_t start, uint64_t size, uint64_t end)
{
	return start < end && size <= end - start;
}

int next_place(struct next_layout *layout, const struct memory_map *allowed,
	       next_free_run *free_run, char *why)
{
	struct next_segment *segment = &layout->segments[0];
	uint64_t preferred = segment->address, start, at = 0;
	uint64_t size = align_up(segment->size, PAGE_SIZE), run;

	if (!layout->relocatable)
		return check_fixed(layout, allowed, why);
	if (fits(preferred, size, BELOW_4G)) {
		if (is_allowed(allowed, preferred, size) &&
		    free_run(preferred, preferred + size - 1, &at) == size / PAGE_SIZE)
			return 0;
		run = free_run(preferred, BELOW_4G - 1, &at) * PAGE_SIZE;
		start = align_up(at, layout->alignment);
		if (run && fits(start, size, at + run)) {
			segment->address = start;
			return 0;
		}
	}
	/* In use: it is staged, and moved there at the end. */
	for (unsigned int i = 0; i < allowed->count; i++) {
		const struct memory_range *range = &allowed->ranges[i];

		start = range->start > preferred ? range->start : preferred;
		start = align_up(start, layout->alignment);
		if (start >= preferred && fits(start, size, range->end) &&
		    fits(start, size, BELOW_4G)) {
			segment->address = start;
			return 0;
		}
	}
	sniprintf(why, NEXT_WHY_MAX,
		  "it needs %" PRIu64 " KiB in one piece from %#" PRIx64
		  " up, and there is no such memory",
		  size >> 10, preferred);
	return -ENOSPC;
}
