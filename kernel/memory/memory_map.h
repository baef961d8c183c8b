/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From what firmware says about memory to what we may use. Pure arithmetic on arrays; unit-tested
 * with the maps of real and of imagined firmware.
 */
#ifndef KERNEL_MEMORY_MEMORY_MAP_H
#define KERNEL_MEMORY_MEMORY_MAP_H

#include "boot/boot_info.h"

#include <stddef.h>
#include <stdint.h>

struct memory_range {
	uint64_t start;
	uint64_t end; /* exclusive */
};

struct memory_map {
	unsigned int count;
	unsigned int lost; /* ranges that did not fit: the smallest ones */
	struct memory_range ranges[64];
};

/*
 * All whole pages that some entry calls usable and none calls anything else, in ascending order,
 * disjoint, merged, inside [lowest, highest). Entries may overlap, be empty, wrap around, or be in
 * any order. Context: any.
 */
void memory_map_usable(struct memory_map *map, const struct boot_memory *entries, size_t count,
		       uint64_t lowest, uint64_t highest);

/* Takes [start, end) out, with the pages that it touches. */
void memory_map_exclude(struct memory_map *map, uint64_t start, uint64_t end);

/* Bytes in all ranges. */
uint64_t memory_map_size(const struct memory_map *map);

#endif
