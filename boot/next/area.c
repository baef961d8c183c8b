/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/next/area.h"

#include "kernel/memory/dma.h"
#include "kernel/memory/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALLOC_TRIES 64

static uint64_t page_of(uint64_t address)
{
	return address & ~(uint64_t)(PAGE_SIZE - 1);
}

/* Takes what is free of the pages from `first` on; halves of what is not free as a whole. */
static void claim(struct next_area *area, size_t first, size_t count)
{
	while (count && area->backing[first]) {
		first++;
		count--;
	}
	if (!count)
		return;
	if (pages_take(area->start + first * PAGE_SIZE, count) == 0) {
		for (size_t i = first; i < first + count; i++)
			area->backing[i] = area->start + i * PAGE_SIZE;
		return;
	}
	if (count == 1)
		return;
	claim(area, first, count / 2);
	claim(area, first + count / 2, count - count / 2);
}

int next_areas_claim(struct next_areas *areas, const struct next_layout *layout)
{
	areas->count = 0;
	for (unsigned int i = 0; i < layout->segment_count; i++) {
		const struct next_segment *segment = &layout->segments[i];
		struct next_area *area = &areas->area[areas->count];
		uint64_t start = page_of(segment->address);
		uint64_t end = page_of(segment->address + segment->size - 1) + PAGE_SIZE;

		/* Segments are in ascending order; neighbours may share a page. */
		if (areas->count) {
			struct next_area *below = area - 1;

			if (start <= below->start + below->pages * PAGE_SIZE) {
				below->pages = (end - below->start) / PAGE_SIZE;
				continue;
			}
		}
		*area = (struct next_area){.start = start, .pages = (end - start) / PAGE_SIZE};
		areas->count++;
	}
	for (unsigned int i = 0; i < areas->count; i++) {
		struct next_area *area = &areas->area[i];

		area->backing = calloc(area->pages, sizeof(*area->backing));
		if (!area->backing) {
			next_areas_release(areas);
			return -ENOMEM;
		}
		claim(area, 0, area->pages);
	}
	return 0;
}

void next_areas_claim_more(struct next_areas *areas)
{
	for (unsigned int i = 0; i < areas->count; i++)
		claim(&areas->area[i], 0, areas->area[i].pages);
}

void next_areas_release(struct next_areas *areas)
{
	for (unsigned int i = 0; i < areas->count; i++) {
		struct next_area *area = &areas->area[i];

		for (size_t page = 0; area->backing && page < area->pages; page++)
			if (area->backing[page])
				pages_free(area->backing[page], 1);
		free(area->backing);
	}
	areas->count = 0;
}

static struct next_area *area_of(struct next_areas *areas, uint64_t address)
{
	for (unsigned int i = 0; i < areas->count; i++)
		if (address - areas->area[i].start < areas->area[i].pages * PAGE_SIZE)
			return &areas->area[i];
	return NULL;
}

static uint8_t *page_for(struct next_areas *areas, uint64_t address)
{
	struct next_area *area = area_of(areas, address);
	uint64_t *backing = &area->backing[(address - area->start) / PAGE_SIZE];

	if (!*backing) {
		*backing = next_areas_alloc(areas, 1, NEXT_ADDRESS_MAX);
		if (!*backing)
			return NULL;
		memset(dma_pointer(*backing), 0, PAGE_SIZE);
	}
	return dma_pointer(*backing);
}

int next_areas_write(struct next_areas *areas, uint64_t address, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;

	while (length) {
		size_t offset = address % PAGE_SIZE, part = PAGE_SIZE - offset;
		uint8_t *page = page_for(areas, address);

		if (!page)
			return -ENOSPC;
		if (part > length)
			part = length;
		memcpy(page + offset, from, part);
		address += part;
		from += part;
		length -= part;
	}
	return 0;
}

bool next_areas_overlap(const struct next_areas *areas, uint64_t start, size_t pages)
{
	for (unsigned int i = 0; i < areas->count; i++) {
		const struct next_area *area = &areas->area[i];

		if (start < area->start + area->pages * PAGE_SIZE &&
		    area->start < start + pages * PAGE_SIZE)
			return true;
	}
	return false;
}

uint64_t next_areas_alloc(struct next_areas *areas, size_t count, uint64_t limit)
{
	uint64_t unfit[ALLOC_TRIES], address = 0;
	unsigned int tries = 0;

	/* What became free in an area only lately is no use here: put aside until one is found. */
	while (tries < ALLOC_TRIES) {
		address = pages_alloc(count, limit);
		if (!address || !next_areas_overlap(areas, address, count))
			break;
		unfit[tries++] = address;
		address = 0;
	}
	if (tries) {
		for (unsigned int i = 0; i < tries; i++)
			pages_free(unfit[i], count);
		next_areas_claim_more(areas);
	}
	return address;
}
