/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a kernel is going to lie. Each page of that place that is free is taken at once, so that bytes
 * go straight there and nothing of ours comes to lie there later. A page that is in use, by us as a
 * rule, is staged: its bytes wait in another page until the trampoline moves them. Whether a page is
 * memory at all has been checked before.
 *
 * Context: thread, one at a time.
 */
#ifndef BOOT_NEXT_AREA_H
#define BOOT_NEXT_AREA_H

#include "boot/next/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All that the trampoline's page tables reach: one top-level entry of them. */
#define NEXT_ADDRESS_MAX ((1ULL << 39) - 1)

struct next_area {
	uint64_t start; /* page-aligned */
	size_t pages;
	uint64_t *
		backing; /* of each page: itself, where it waits, or 0: neither taken nor written */
};

struct next_areas {
	unsigned int count;
	struct next_area area[NEXT_SEGMENTS_MAX];
};

/* The pages of all segments; takes those that are free. -ENOMEM: nothing is taken then. */
int next_areas_claim(struct next_areas *areas, const struct next_layout *layout);
/* Takes those too that have become free meanwhile. */
void next_areas_claim_more(struct next_areas *areas);
void next_areas_release(struct next_areas *areas);

/* The bytes for [address, +length), all inside the areas. -ENOSPC: no page for what must wait. */
int next_areas_write(struct next_areas *areas, uint64_t address, const void *bytes, size_t length);

bool next_areas_overlap(const struct next_areas *areas, uint64_t start, size_t pages);

/*
 * Contiguous pages that lie in no area and not above `limit`; for what must outlive us. 0: none. They
 * go back by pages_free().
 */
uint64_t next_areas_alloc(struct next_areas *areas, size_t count, uint64_t limit);

#endif
