/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/next/store.h"

#include "boot/next/area.h"
#include "kernel/memory/dma.h"
#include "kernel/memory/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Pages that are left for ourselves: packets, heap, page tables, and the plan. */
#define RESERVE 512
/* A file whose length is not known grows by so many. */
#define GROWTH 256
/* Not where firmware's and real mode's things are. */
#define LOWEST 0x100000
#define TAKE_TRIES 8

static int add_extent(struct next_store *store, uint64_t start, size_t pages)
{
	struct next_extent *last = store->count ? &store->extents[store->count - 1] : NULL;
	struct next_extent *larger;

	if (last && last->start + last->pages * PAGE_SIZE == start) {
		last->pages += pages;
	} else {
		larger = realloc(store->extents, (store->count + 1) * sizeof(*larger));
		if (!larger) {
			pages_free(start, pages);
			return -ENOMEM;
		}
		store->extents = larger;
		store->extents[store->count++] = (struct next_extent){start, pages};
	}
	store->pages += pages;
	return 0;
}

/* The longest free run below the wished limit, else wherever there is a longer one. */
static size_t find_run(const struct next_store *store, size_t wanted, uint64_t *start)
{
	const uint64_t limits[] = {store->limit, UINT32_MAX, NEXT_ADDRESS_MAX};
	size_t best = 0;

	for (unsigned int i = 0; i < 3 && best < wanted; i++) {
		uint64_t at;
		size_t run = pages_free_run(LOWEST, limits[i], &at);

		if (run > best) {
			best = run;
			*start = at;
		}
	}
	return best;
}

/*
 * A new run of `wanted` pages; fewer where there is no such run and `fewer` allows it. Room is left on
 * both sides: behind it for the next file or for growth, before it for others. 0: no memory.
 */
static size_t take_run(const struct next_store *store, size_t wanted, bool fewer, size_t growth,
		       uint64_t *start)
{
	for (unsigned int i = 0; i < TAKE_TRIES; i++) {
		size_t run = find_run(store, wanted + growth, start), take = wanted;

		if (run < wanted && !fewer)
			return 0;
		if (run < wanted)
			take = run;
		if (!take)
			return 0;
		*start += (growth ? (run - take) / 2 : (run - take) / 4 * 3) * PAGE_SIZE;
		/* Somebody else may have been faster. */
		if (pages_take(*start, take) == 0)
			return take;
	}
	return 0;
}

/* What the balloon has can come back page by page only through the allocator. */
static int take_singly(struct next_store *store, size_t pages)
{
	while (pages) {
		uint64_t page = pages_alloc(1, NEXT_ADDRESS_MAX);
		int error = page ? add_extent(store, page, 1) : -EFBIG;

		if (error)
			return error;
		pages--;
	}
	return 0;
}

static int take(struct next_store *store, size_t pages, bool grows)
{
	uint64_t end = store->count ? store->extents[store->count - 1].start +
					      store->extents[store->count - 1].pages * PAGE_SIZE
				    : store->after;
	uint64_t start = 0;
	int error = 0;

	if (pages + RESERVE > pages_available() + pages_lent())
		return -EFBIG;
	if (end && pages_take(end, pages) == 0)
		return add_extent(store, end, pages);
	while (!error && pages && pages + RESERVE <= pages_available()) {
		size_t run =
			take_run(store, pages, store->count || !grows, grows ? GROWTH : 0, &start);

		if (!run)
			break;
		error = add_extent(store, start, run);
		pages -= run;
	}
	return error ? error : take_singly(store, pages);
}

int next_store_reserve(struct next_store *store, uint64_t length)
{
	size_t pages = (length + PAGE_SIZE - 1) / PAGE_SIZE;
	int error;

	if (length > NEXT_ADDRESS_MAX)
		return -EFBIG;
	if (pages <= store->pages)
		return 0;
	error = take(store, pages - store->pages, false);
	if (error)
		next_store_release(store);
	return error;
}

static int grow(struct next_store *store, size_t pages)
{
	int error = take(store, pages > GROWTH ? pages : GROWTH, true);

	return error == -EFBIG ? take(store, pages, true) : error;
}

int next_store_write(struct next_store *store, const void *bytes, size_t length)
{
	uint64_t room = store->pages * PAGE_SIZE - store->length;
	const uint8_t *from = bytes;

	if (length > room) {
		int error = grow(store, (length - room + PAGE_SIZE - 1) / PAGE_SIZE);

		if (error)
			return error;
	}
	store->length += length;
	while (length) {
		const struct next_extent *extent = &store->extents[store->extent];
		size_t part = extent->pages * PAGE_SIZE - store->offset;

		if (!part) {
			store->extent++;
			store->offset = 0;
			continue;
		}
		if (part > length)
			part = length;
		memcpy(dma_pointer(extent->start + store->offset), from, part);
		store->offset += part;
		from += part;
		length -= part;
	}
	return 0;
}

void next_store_end(struct next_store *store)
{
	size_t needed = (store->length + PAGE_SIZE - 1) / PAGE_SIZE;

	while (store->pages > needed) {
		struct next_extent *last = &store->extents[store->count - 1];
		size_t surplus = store->pages - needed;

		if (surplus > last->pages)
			surplus = last->pages;
		last->pages -= surplus;
		store->pages -= surplus;
		pages_free(last->start + last->pages * PAGE_SIZE, surplus);
		if (!last->pages)
			store->count--;
	}
	if (store->length % PAGE_SIZE) {
		const struct next_extent *last = &store->extents[store->count - 1];
		uint64_t end = last->start + (last->pages - 1) * PAGE_SIZE;

		memset((uint8_t *)dma_pointer(end) + store->length % PAGE_SIZE, 0,
		       PAGE_SIZE - store->length % PAGE_SIZE);
	}
}

void next_store_release(struct next_store *store)
{
	for (unsigned int i = 0; i < store->count; i++)
		pages_free(store->extents[i].start, store->extents[i].pages);
	free(store->extents);
	*store = (struct next_store){.after = store->after, .limit = store->limit};
}

uint64_t next_store_run_end(const struct next_store *store)
{
	return store->count == 1 ? store->extents[0].start + store->extents[0].pages * PAGE_SIZE
				 : 0;
}
