/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/next/plan.h"

#include "kernel/memory/dma.h"
#include "kernel/memory/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOVES_IN_PAGE (PAGE_SIZE / sizeof(struct next_move))
#define TABLE_ENTRIES 512
#define PTE_PRESENT_WRITABLE 0x3
#define PTE_LARGE_WRITABLE 0x83
#define GIBIBYTE (1ULL << 30)
#define GIBIBYTES_MIN 4

void next_plan_release(struct next_plan *plan)
{
	for (unsigned int i = 0; i < plan->page_count; i++)
		pages_free(plan->pages[i].start, plan->pages[i].pages);
	free(plan->pages);
	*plan = (struct next_plan){0};
}

void next_plan_begin(struct next_plan *plan, struct next_areas *areas)
{
	next_plan_release(plan);
	plan->areas = areas;
}

bool next_plan_adopt(struct next_plan *plan, uint64_t start, size_t pages)
{
	struct next_extent *larger =
		realloc(plan->pages, (plan->page_count + 1) * sizeof(*plan->pages));

	if (!larger) {
		pages_free(start, pages);
		plan->failed = true;
		return false;
	}
	plan->pages = larger;
	plan->pages[plan->page_count++] = (struct next_extent){start, pages};
	return true;
}

uint64_t next_plan_pages(struct next_plan *plan, size_t count)
{
	uint64_t start = next_areas_alloc(plan->areas, count, UINT32_MAX);

	if (!start)
		plan->failed = true;
	if (!start || !next_plan_adopt(plan, start, count))
		return 0;
	memset(dma_pointer(start), 0, count * PAGE_SIZE);
	return start;
}

/* The next free place of the list, in a new page when this one has room only for the way there. */
static struct next_move *next_place_in_list(struct next_plan *plan)
{
	uint64_t page;

	if (plan->last && plan->last_index + 2 < MOVES_IN_PAGE) {
		plan->last_index++;
		return ++plan->last;
	}
	page = next_plan_pages(plan, 1);
	if (!page)
		return NULL;
	if (plan->last)
		plan->last[1].destination = page;
	else
		plan->moves = page;
	plan->last_index = 0;
	plan->last = dma_pointer(page);
	return plan->last;
}

void next_plan_move(struct next_plan *plan, uint64_t source, uint64_t destination, uint64_t length)
{
	struct next_move *move = plan->last;

	if (!length)
		return;
	plan->moved += source ? length : 0;
	if (move && move->source && source && move->source + move->length == source &&
	    move->destination + move->length == destination) {
		move->length += length;
		return;
	}
	move = next_place_in_list(plan);
	if (move)
		*move = (struct next_move){source, destination, length};
}

void next_plan_move_areas(struct next_plan *plan, const struct next_layout *layout)
{
	for (unsigned int i = 0; i < plan->areas->count; i++) {
		const struct next_area *area = &plan->areas->area[i];

		for (size_t page = 0; page < area->pages; page++) {
			uint64_t to = area->start + page * PAGE_SIZE;

			if (area->backing[page] && area->backing[page] != to)
				next_plan_move(plan, area->backing[page], to, PAGE_SIZE);
		}
	}
	/* Linux makes its own zeroes: there the rest is room to unpack itself in. */
	for (unsigned int i = 0; layout->protocol == NEXT_PROTOCOL_PVH && i < layout->segment_count;
	     i++) {
		const struct next_segment *segment = &layout->segments[i];

		next_plan_move(plan, 0, segment->address + segment->filled,
			       segment->size - segment->filled);
	}
}

void next_plan_tables(struct next_plan *plan, uint64_t end)
{
	uint64_t count = (end + GIBIBYTE - 1) / GIBIBYTE, top, middle;
	uint64_t *entries;

	if (count < GIBIBYTES_MIN)
		count = GIBIBYTES_MIN;
	if (count > TABLE_ENTRIES)
		count = TABLE_ENTRIES;
	top = next_plan_pages(plan, 1);
	middle = next_plan_pages(plan, 1);
	if (!top || !middle)
		return;
	entries = dma_pointer(top);
	entries[0] = middle | PTE_PRESENT_WRITABLE;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t table = next_plan_pages(plan, 1);

		if (!table)
			return;
		entries = dma_pointer(middle);
		entries[i] = table | PTE_PRESENT_WRITABLE;
		entries = dma_pointer(table);
		for (uint64_t j = 0; j < TABLE_ENTRIES; j++)
			entries[j] = (i * GIBIBYTE + j * LARGE_PAGE_SIZE) | PTE_LARGE_WRITABLE;
	}
	plan->tables = top;
}

int next_plan_end(struct next_plan *plan)
{
	/* A page that is zeroed ends by itself; without any move there is no page yet. */
	if (!plan->moves)
		plan->moves = next_plan_pages(plan, 1);
	if (plan->failed)
		return -ENOMEM;
	plan->ready = true;
	return 0;
}
