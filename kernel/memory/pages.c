/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/memory/pages.h"

#include "kernel/panic.h"
#include "kernel/thread/spinlock.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/*
 * A set of block numbers as a bitmap with summaries: bit i of level n + 1 says that word i of level
 * n is not zero, so that the lowest member is found in one step for each level.
 */
#define BITMAP_LEVELS 6 /* 64^6 blocks */

struct bitmap {
	unsigned int levels;
	uint64_t *level[BITMAP_LEVELS];
};

struct region {
	uint64_t base;	/* frame number of block 0: aligned to the largest block */
	uint64_t first; /* the first frame that is really there, and the one after the last */
	uint64_t last;
	struct bitmap free[PAGES_ORDERS];
};

#define REGIONS_MAX 64

static struct region *regions[REGIONS_MAX];
static unsigned int region_count;
static uint64_t total, available;
static struct spinlock lock = SPINLOCK_INIT;

static size_t bitmap_words(uint64_t bits)
{
	size_t words = 0;

	do {
		bits = (bits + 63) / 64;
		words += bits;
	} while (bits > 1);
	return words;
}

static uint64_t *bitmap_place(struct bitmap *bitmap, uint64_t bits, uint64_t *memory)
{
	bitmap->levels = 0;
	do {
		bits = (bits + 63) / 64;
		bitmap->level[bitmap->levels++] = memory;
		memory += bits;
	} while (bits > 1);
	return memory;
}

static bool bitmap_has(const struct bitmap *bitmap, uint64_t bit)
{
	return bitmap->level[0][bit / 64] >> bit % 64 & 1;
}

static void bitmap_set(struct bitmap *bitmap, uint64_t bit)
{
	for (unsigned int i = 0; i < bitmap->levels; i++) {
		uint64_t *word = &bitmap->level[i][bit / 64];
		bool was_empty = !*word;

		*word |= 1ULL << bit % 64;
		if (!was_empty)
			break;
		bit /= 64;
	}
}

static void bitmap_clear(struct bitmap *bitmap, uint64_t bit)
{
	for (unsigned int i = 0; i < bitmap->levels; i++) {
		uint64_t *word = &bitmap->level[i][bit / 64];

		*word &= ~(1ULL << bit % 64);
		if (*word)
			break;
		bit /= 64;
	}
}

static bool bitmap_lowest(const struct bitmap *bitmap, uint64_t *bit)
{
	uint64_t word = 0;

	for (unsigned int i = bitmap->levels; i-- > 0;) {
		uint64_t bits = bitmap->level[i][word];

		if (!bits)
			return false;
		word = word * 64 + (uint64_t)__builtin_ctzll(bits);
	}
	*bit = word;
	return true;
}

/* A region starts anywhere; its block 0 starts where a largest block would. */
static uint64_t blocks_of(uint64_t frames, unsigned int order)
{
	/* One more for the unaligned start and one for the end. */
	return (frames >> order) + 2;
}

static unsigned int largest_order(uint64_t frames)
{
	unsigned int order = 0;

	while (order < PAGES_ORDERS - 1 && 2ULL << order <= frames)
		order++;
	return order;
}

size_t pages_metadata_size(uint64_t length)
{
	uint64_t frames = length >> PAGE_SHIFT;
	size_t words = 0;

	/* The base is aligned down by up to a largest block of this region. */
	frames += 1ULL << largest_order(frames);
	for (unsigned int order = 0; order < PAGES_ORDERS; order++)
		words += bitmap_words(blocks_of(frames, order));
	return sizeof(struct region) + words * sizeof(uint64_t);
}

static void free_frames(struct region *region, uint64_t first, uint64_t last);

int pages_add_region(uint64_t start, uint64_t end, void *metadata)
{
	uint64_t frames = (end - start) >> PAGE_SHIFT;
	struct region *region = metadata;
	uint64_t span, flags, *memory;

	if (start >= end)
		return -EINVAL;
	memset(metadata, 0, pages_metadata_size(end - start));
	region->first = start >> PAGE_SHIFT;
	region->last = end >> PAGE_SHIFT;
	region->base = region->first & ~((1ULL << largest_order(frames)) - 1);
	span = frames + (1ULL << largest_order(frames));
	memory = (uint64_t *)(region + 1);
	for (unsigned int order = 0; order < PAGES_ORDERS; order++)
		memory = bitmap_place(&region->free[order], blocks_of(span, order), memory);

	flags = spin_lock(&lock);
	if (region_count == REGIONS_MAX) {
		spin_unlock(&lock, flags);
		return -ENOSPC;
	}
	regions[region_count++] = region;
	total += frames;
	free_frames(region, region->first, region->last);
	spin_unlock(&lock, flags);
	return 0;
}

/* The largest block that starts at `frame` and ends by `last`, in the region's own numbering. */
static unsigned int order_at(const struct region *region, uint64_t frame, uint64_t last)
{
	uint64_t offset = frame - region->base;
	unsigned int order = offset ? (unsigned int)__builtin_ctzll(offset) : PAGES_ORDERS - 1;

	if (order > PAGES_ORDERS - 1)
		order = PAGES_ORDERS - 1;
	while (order && 1ULL << order > last - frame)
		order--;
	return order;
}

static bool is_free(const struct region *region, uint64_t frame)
{
	for (unsigned int order = 0; order < PAGES_ORDERS; order++)
		if (bitmap_has(&region->free[order], (frame - region->base) >> order))
			return true;
	return false;
}

static void free_block(struct region *region, uint64_t frame, unsigned int order)
{
	uint64_t block = (frame - region->base) >> order;

	for (; order < PAGES_ORDERS - 1; order++, block >>= 1) {
		if (!bitmap_has(&region->free[order], block ^ 1))
			break;
		bitmap_clear(&region->free[order], block ^ 1);
	}
	bitmap_set(&region->free[order], block);
}

static void free_frames(struct region *region, uint64_t first, uint64_t last)
{
	available += last - first;
	while (first < last) {
		unsigned int order = order_at(region, first, last);

		free_block(region, first, order);
		first += 1ULL << order;
	}
}

/* Takes a block of `order` out of a free one of `larger` whose number is known. */
static void split(struct region *region, uint64_t block, unsigned int larger, unsigned int order)
{
	bitmap_clear(&region->free[larger], block);
	while (larger > order) {
		larger--;
		block <<= 1;
		bitmap_set(&region->free[larger], block | 1);
	}
}

static uint64_t alloc_block(unsigned int order, uint64_t limit)
{
	uint64_t best = UINT64_MAX, best_block = 0;
	unsigned int best_order = PAGES_ORDERS;
	struct region *best_region = NULL;

	/* The smallest block that does, then the lowest address. */
	for (unsigned int i = 0; i < region_count; i++) {
		struct region *region = regions[i];

		for (unsigned int o = order; o < PAGES_ORDERS && o <= best_order; o++) {
			uint64_t block, frame;

			if (!bitmap_lowest(&region->free[o], &block))
				continue;
			frame = region->base + (block << o);
			if (limit && ((frame + (1ULL << order)) << PAGE_SHIFT) - 1 > limit)
				continue;
			if (o < best_order || frame < best) {
				best = frame;
				best_block = block;
				best_order = o;
				best_region = region;
			}
			break;
		}
	}
	if (!best_region)
		return 0;
	split(best_region, best_block, best_order, order);
	available -= 1ULL << order;
	return best;
}

static struct region *region_of(uint64_t frame, size_t count)
{
	for (unsigned int i = 0; i < region_count; i++)
		if (frame >= regions[i]->first && frame < regions[i]->last &&
		    count <= regions[i]->last - frame)
			return regions[i];
	return NULL;
}

uint64_t pages_alloc(size_t count, uint64_t limit)
{
	unsigned int order = 0;
	uint64_t flags, frame;

	if (!count || count > 1ULL << (PAGES_ORDERS - 1))
		return 0;
	while (1ULL << order < count)
		order++;
	flags = spin_lock(&lock);
	frame = alloc_block(order, limit);
	/* The part of the block that was not asked for goes back. */
	if (frame && count < 1ULL << order)
		free_frames(region_of(frame, count), frame + count, frame + (1ULL << order));
	spin_unlock(&lock, flags);
	return frame << PAGE_SHIFT;
}

void pages_free(uint64_t address, size_t count)
{
	uint64_t frame = address >> PAGE_SHIFT;
	struct region *region;
	uint64_t flags;

	flags = spin_lock(&lock);
	region = region_of(frame, count);
	for (size_t i = 0; region && i < count; i++)
		if (is_free(region, frame + i))
			region = NULL;
	if (region)
		free_frames(region, frame, frame + count);
	spin_unlock(&lock, flags);
	if (!region)
		panic("pages_free(%#lx, %zu): not allocated", (unsigned long)address, count);
}

int pages_take(uint64_t address, size_t count)
{
	uint64_t frame = address >> PAGE_SHIFT;
	struct region *region;
	uint64_t flags;

	flags = spin_lock(&lock);
	region = region_of(frame, count);
	for (size_t i = 0; region && i < count; i++)
		if (!is_free(region, frame + i))
			region = NULL;
	for (size_t i = 0; region && i < count; i++) {
		unsigned int order = 0;
		uint64_t offset = frame + i - region->base;

		while (!bitmap_has(&region->free[order], offset >> order))
			order++;
		/* Split down to this page, leaving the other halves free. */
		bitmap_clear(&region->free[order], offset >> order);
		while (order-- > 0)
			bitmap_set(&region->free[order], (offset >> order) ^ 1);
		available--;
	}
	spin_unlock(&lock, flags);
	return region ? 0 : -EBUSY;
}

uint64_t pages_total(void)
{
	return total;
}

uint64_t pages_available(void)
{
	return __atomic_load_n(&available, __ATOMIC_RELAXED);
}
