/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The initrds become one, each at the next page (Linux skips the zeroes between archives). As a rule they
 * arrived that way, and nothing is moved.
 */
#include "boot/next/internal.h"
#include "kernel/memory/dma.h"
#include "kernel/memory/pages.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define LOWEST 0x100000
#define EVICT_TRIES 3

static bool is_initrd(const struct next_file *file)
{
	return file->role == NEXT_INITRD && file->ended && file->store.length;
}

/* The kernel that came later may want to lie where an initrd does. */
static bool in_the_way(const struct next_file *file, const struct next_areas *areas)
{
	for (unsigned int i = 0; i < file->store.count; i++)
		if (next_areas_overlap(areas, file->store.extents[i].start,
				       file->store.extents[i].pages))
			return true;
	return false;
}

static int copy(struct next_store *to, const struct next_store *from)
{
	uint64_t left = from->length;
	int error = next_store_reserve(to, from->length);

	for (unsigned int i = 0; !error && i < from->count; i++) {
		uint64_t part = from->extents[i].pages * PAGE_SIZE;

		if (part > left)
			part = left;
		error = next_store_write(to, dma_pointer(from->extents[i].start), part);
		left -= part;
	}
	if (error)
		next_store_release(to);
	else
		next_store_end(to);
	return error;
}

static int evict(struct next_kernel *next, struct next_file *file, struct next_areas *areas)
{
	for (unsigned int i = 0; i < EVICT_TRIES && in_the_way(file, areas); i++) {
		struct next_store elsewhere = {.limit = file->store.limit};

		next_areas_claim_more(areas);
		if (copy(&elsewhere, &file->store) < 0)
			break;
		next_store_release(&file->store);
		file->store = elsewhere;
		next_areas_claim_more(areas);
	}
	if (in_the_way(file, areas))
		return next_fail(next, file, -ENOSPC,
				 "it lies where the kernel must, and there is no other memory");
	return 0;
}

/* Where they begin if they are one run already; 0 if not. *size: the bytes of all, with padding. */
static uint64_t as_they_are(const struct next_kernel *next, uint64_t *size)
{
	uint64_t start = 0, end = 0;
	bool one = true;

	*size = 0;
	for (const struct next_file *file = next->files; file; file = file->following) {
		if (!is_initrd(file))
			continue;
		if (!start)
			start = file->store.extents[0].start;
		else if (file->store.extents[0].start != end)
			one = false;
		end = next_store_run_end(&file->store);
		one = one && end;
		*size = (*size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE + file->store.length;
	}
	return one ? start : 0;
}

static uint64_t take_run(size_t pages, uint64_t limit)
{
	uint64_t start;
	size_t run = pages_free_run(LOWEST, limit, &start);

	/* At its end: the lower part is everybody's. */
	if (run < pages || pages_take(start + (run - pages) * PAGE_SIZE, pages) < 0)
		return 0;
	return start + (run - pages) * PAGE_SIZE;
}

static void move_all(struct next_kernel *next)
{
	uint64_t to = next->plan.initrd;

	for (const struct next_file *file = next->files; file; file = file->following)
		for (unsigned int i = 0; is_initrd(file) && i < file->store.count; i++) {
			const struct next_extent *extent = &file->store.extents[i];

			next_plan_move(&next->plan, extent->start, to, extent->pages * PAGE_SIZE);
			to += extent->pages * PAGE_SIZE;
		}
}

int next_join_initrds(struct next_kernel *next, const struct next_layout *layout)
{
	struct next_plan *plan = &next->plan;
	uint64_t limit = layout->initrd_limit, start, size;
	size_t pages;

	for (struct next_file *file = next->files; file; file = file->following) {
		int error = is_initrd(file) ? evict(next, file, plan->areas) : 0;

		if (error)
			return error;
	}
	start = as_they_are(next, &size);
	plan->initrd = start;
	plan->initrd_size = size;
	if (!size || (start && (layout->initrd_anywhere || start + size - 1 <= limit)))
		return 0;
	next_areas_claim_more(plan->areas);
	pages = (size + PAGE_SIZE - 1) / PAGE_SIZE;
	plan->initrd = take_run(pages, limit);
	if (!plan->initrd && layout->initrd_anywhere)
		plan->initrd = take_run(pages, NEXT_ADDRESS_MAX);
	if (!plan->initrd)
		return next_fail(next, NULL, -ENOSPC,
				 "no memory for %" PRIu64 " KiB of initrd in one piece%s",
				 size >> 10,
				 layout->initrd_anywhere ? "" : " where the kernel takes it");
	if (!next_plan_adopt(plan, plan->initrd, pages))
		return next_fail(next, NULL, -ENOMEM, "no memory for the plan");
	move_all(next);
	return 0;
}
