/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that the last step needs, in memory that nothing of it is moved over: what the kernel is told,
 * page tables that map addresses as they are, the trampoline, and its list of moves.
 *
 * Context: thread, one at a time.
 */
#ifndef BOOT_NEXT_PLAN_H
#define BOOT_NEXT_PLAN_H

#include "boot/next/area.h"
#include "boot/next/layout.h"
#include "boot/next/store.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * For the trampoline. `source` 0: zeroes. `length` 0: the list goes on in the page `destination`, or ends
 * where that is 0 too.
 */
struct next_move {
	uint64_t source;
	uint64_t destination;
	uint64_t length;
};
_Static_assert(sizeof(struct next_move) == 24, "as trampoline.S reads it");

struct next_plan {
	bool ready;
	enum next_protocol protocol;
	uint64_t entry;	     /* physical */
	uint64_t argument;   /* zero page or start_info */
	uint64_t tables;     /* the top one; its upper half is empty */
	uint64_t trampoline; /* a page for it */
	uint64_t moves;	     /* the first page of the list */
	uint64_t moved;	     /* bytes */
	uint64_t initrd, initrd_size;

	/* Of the builder. */
	struct next_areas *areas;
	struct next_extent *pages; /* all that was taken */
	unsigned int page_count;
	struct next_move *last; /* of the list, or NULL */
	unsigned int last_index;
	bool failed; /* out of memory */
};

/* Begins anew; what an earlier plan had is given back. */
void next_plan_begin(struct next_plan *plan, struct next_areas *areas);
void next_plan_release(struct next_plan *plan);

/* Zeroed pages below 4 GiB that stay until the next kernel is done with them. 0: no memory. */
uint64_t next_plan_pages(struct next_plan *plan, size_t count);
/* Makes pages that were taken elsewhere the plan's. Gives them back and returns false: no memory. */
bool next_plan_adopt(struct next_plan *plan, uint64_t start, size_t pages);

/* To be moved at the end, in this order. */
void next_plan_move(struct next_plan *plan, uint64_t source, uint64_t destination, uint64_t length);
/* Moves what waits for an area, then zeroes behind the filled part of each segment. */
void next_plan_move_areas(struct next_plan *plan, const struct next_layout *layout);
/* Tables for [0, end), at least the first 4 GiB. */
void next_plan_tables(struct next_plan *plan, uint64_t end);
/* The list ends. -ENOMEM when anything above failed. */
int next_plan_end(struct next_plan *plan);

#endif
