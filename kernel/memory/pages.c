/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/memory/pages.h"

#include "kernel/memory/bitmap.h"
#include "kernel/panic.h"
#include "kernel/thread/spinlock.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct region {
	uint64_t base;	/* frame number of block 0: aligned to the largest block */
	uint64_t first; /* the first frame that is really there, and the one after the last */
	uint64_t last;
	struct bitmap free[PAGES_ORDERS];
	uint32_t orders;    /* a bit for each of these that is not empty */
	struct bitmap lent; /* frames */
	struct bitmap
		fresh[PAGES_VIEWS]; /* blocks of PAGES_IDLE_ORDER: idle, and new to the view */
};

_Static_assert(PAGES_ORDERS <= 32, "orders is a word");

#define REGIONS_MAX 64

static struct region *regions[REGIONS_MAX];
static unsigned int region_count;
static uint64_t total, available, lent;
static uint64_t fresh_count[PAGES_VIEWS];
static struct spinlock lock = SPINLOCK_INIT;
static pages_reclaim *reclaim;
static void (*idle_hook)(void);

/* An allocation that was promised pages so often in vain fails. */
#define RECLAIM_TRIES 4096

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
	words += bitmap_words(blocks_of(frames, 0));
	words += PAGES_VIEWS * bitmap_words(blocks_of(frames, PAGES_IDLE_ORDER));
	return sizeof(struct region) + words * sizeof(uint64_t);
}

static void free_frames(struct region *region, uint64_t first, uint64_t last, bool fresh);

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
	memory = bitmap_place(&region->lent, blocks_of(span, 0), memory);
	for (unsigned int view = 0; view < PAGES_VIEWS; view++)
		memory = bitmap_place(&region->fresh[view], blocks_of(span, PAGES_IDLE_ORDER),
				      memory);

	flags = spin_lock(&lock);
	if (region_count == REGIONS_MAX) {
		spin_unlock(&lock, flags);
		return -ENOSPC;
	}
	regions[region_count++] = region;
	total += frames;
	free_frames(region, region->first, region->last, true);
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

static void set_fresh(struct region *region, unsigned int view, uint64_t block, bool fresh)
{
	struct bitmap *bitmap = &region->fresh[view];

	if (bitmap_has(bitmap, block) == fresh)
		return;
	if (fresh) {
		bitmap_set(bitmap, block);
		fresh_count[view]++;
	} else {
		bitmap_clear(bitmap, block);
		fresh_count[view]--;
	}
}

/* The idle blocks that [first, last) lies in or consists of. */
static void mark_fresh(struct region *region, uint64_t first, uint64_t last, bool fresh)
{
	uint64_t block = (first - region->base) >> PAGES_IDLE_ORDER;
	uint64_t end = ((last - 1 - region->base) >> PAGES_IDLE_ORDER) + 1;

	for (; block < end; block++)
		for (unsigned int view = 0; view < PAGES_VIEWS; view++)
			set_fresh(region, view, block, fresh);
}

static void add_free(struct region *region, unsigned int order, uint64_t block)
{
	bitmap_set(&region->free[order], block);
	region->orders |= 1u << order;
}

static void remove_free(struct region *region, unsigned int order, uint64_t block)
{
	bitmap_clear(&region->free[order], block);
	if (bitmap_empty(&region->free[order]))
		region->orders &= ~(1u << order);
}

/* The order of the block that it became. */
static unsigned int free_block(struct region *region, uint64_t frame, unsigned int order)
{
	uint64_t block = (frame - region->base) >> order;

	for (; order < PAGES_ORDERS - 1; order++, block >>= 1) {
		if (!bitmap_has(&region->free[order], block ^ 1))
			break;
		remove_free(region, order, block ^ 1);
	}
	add_free(region, order, block);
	return order;
}

/* fresh: blocks that become idle by that are new; else what is known of them stays. */
static void free_frames(struct region *region, uint64_t first, uint64_t last, bool fresh)
{
	available += last - first;
	while (first < last) {
		unsigned int order = order_at(region, first, last);

		if (free_block(region, first, order) >= PAGES_IDLE_ORDER && fresh)
			mark_fresh(region, first, first + (1ULL << order), true);
		first += 1ULL << order;
	}
}

/* Takes a block of `order` out of a free one of `larger` whose number is known. */
static void split(struct region *region, uint64_t block, unsigned int larger, unsigned int order)
{
	remove_free(region, larger, block);
	while (larger > order) {
		larger--;
		block <<= 1;
		add_free(region, larger, block | 1);
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
		uint32_t orders = region->orders >> order << order;

		for (; orders; orders &= orders - 1) {
			unsigned int o = (unsigned int)__builtin_ctz(orders);
			uint64_t block, frame;

			if (o > best_order)
				break;
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

/* The hook is called without the lock, when `before` there was nothing new. */
static void tell_idle(uint64_t before)
{
	void (*hook)(void) = __atomic_load_n(&idle_hook, __ATOMIC_RELAXED);

	if (hook && !before && pages_idle_new(PAGES_REPORTING))
		hook();
}

static uint64_t try_alloc(size_t count, uint64_t limit, bool *may_sleep)
{
	unsigned int order = 0;
	uint64_t flags, frame;

	while (1ULL << order < count)
		order++;
	flags = spin_lock(&lock);
	frame = alloc_block(order, limit);
	if (frame) {
		struct region *region = region_of(frame, count);

		mark_fresh(region, frame, frame + count, false);
		/* The part of the block that was not asked for goes back. */
		free_frames(region, frame + count, frame + (1ULL << order), false);
	}
	spin_unlock(&lock, flags);
	*may_sleep = interrupts_were_on(flags);
	return frame << PAGE_SHIFT;
}

uint64_t pages_alloc(size_t count, uint64_t limit)
{
	if (!count || count > 1ULL << (PAGES_ORDERS - 1))
		return 0;
	for (unsigned int try = 0; try < RECLAIM_TRIES; try++) {
		pages_reclaim *function = __atomic_load_n(&reclaim, __ATOMIC_RELAXED);
		bool may_sleep;
		uint64_t address = try_alloc(count, limit, &may_sleep);

		if (address || !may_sleep || !function || !function(count, limit))
			return address;
	}
	return 0;
}

void pages_set_reclaim(pages_reclaim *function)
{
	__atomic_store_n(&reclaim, function, __ATOMIC_RELAXED);
}

void pages_set_idle_hook(void (*function)(void))
{
	__atomic_store_n(&idle_hook, function, __ATOMIC_RELAXED);
}

void pages_free(uint64_t address, size_t count)
{
	uint64_t frame = address >> PAGE_SHIFT;
	struct region *region;
	uint64_t flags, before;

	flags = spin_lock(&lock);
	before = fresh_count[PAGES_REPORTING];
	region = region_of(frame, count);
	for (size_t i = 0; region && i < count; i++)
		if (is_free(region, frame + i) ||
		    bitmap_has(&region->lent, frame + i - region->base))
			region = NULL;
	if (region)
		free_frames(region, frame, frame + count, true);
	spin_unlock(&lock, flags);
	if (!region)
		panic("pages_free(%#lx, %zu): not allocated", (unsigned long)address, count);
	tell_idle(before);
}

/* Takes the aligned block of `order` at `frame` out of the free one that it is in, or is. */
static void take_block(struct region *region, uint64_t frame, unsigned int order)
{
	uint64_t offset = frame - region->base;
	unsigned int larger = order;

	while (!bitmap_has(&region->free[larger], offset >> larger))
		larger++;
	/* Split down to it, leaving the other halves free. */
	remove_free(region, larger, offset >> larger);
	while (larger-- > order)
		add_free(region, larger, (offset >> larger) ^ 1);
	available -= 1ULL << order;
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
		take_block(region, frame + i, 0);
		mark_fresh(region, frame + i, frame + i + 1, false);
	}
	spin_unlock(&lock, flags);
	return region ? 0 : -EBUSY;
}

/* The first free block at or after `frame`, which lies in no free block before: false when there is none. */
static bool next_block(const struct region *region, uint64_t frame, uint64_t *first, uint64_t *last)
{
	bool found = false;

	for (unsigned int order = 0; order < PAGES_ORDERS; order++) {
		uint64_t from = (frame - region->base + (1ULL << order) - 1) >> order, block;

		if (!bitmap_next(&region->free[order], from, &block))
			continue;
		block = region->base + (block << order);
		if (found && block > *first)
			continue;
		*first = block;
		*last = block + (1ULL << order);
		found = true;
	}
	return found;
}

size_t pages_free_run(uint64_t lowest, uint64_t highest, uint64_t *address)
{
	uint64_t low = (lowest + PAGE_SIZE - 1) >> PAGE_SHIFT;
	uint64_t high = highest == UINT64_MAX ? highest >> PAGE_SHIFT : (highest + 1) >> PAGE_SHIFT;
	uint64_t flags = spin_lock(&lock), best = 0;

	for (unsigned int i = 0; i < region_count; i++) {
		const struct region *region = regions[i];
		uint64_t first, last, next, after = 0;
		bool more = next_block(region, region->first, &first, &last);

		while (more) {
			uint64_t from, to;

			/* Blocks that touch are one run. */
			more = next_block(region, last, &next, &after);
			if (more && next == last) {
				last = after;
				continue;
			}
			from = first > low ? first : low;
			to = last < high ? last : high;
			if (from < to && to - from > best) {
				best = to - from;
				*address = from << PAGE_SHIFT;
			}
			first = next;
			last = after;
		}
	}
	spin_unlock(&lock, flags);
	return best;
}

/* -- Lending */

/* The free block with the highest address whose frames have 32-bit numbers. */
static struct region *highest_block(uint64_t *frame, unsigned int *order)
{
	struct region *best = NULL;

	for (unsigned int i = 0; i < region_count; i++) {
		struct region *region = regions[i];

		if (region->last - 1 > UINT32_MAX)
			continue;
		for (unsigned int o = 0; o < PAGES_ORDERS; o++) {
			uint64_t block;

			if (!bitmap_highest(&region->free[o], &block))
				continue;
			if (best && region->base + (block << o) < *frame)
				continue;
			*frame = region->base + (block << o);
			*order = o;
			best = region;
		}
	}
	return best;
}

size_t pages_lend(uint32_t *frames, size_t max, uint64_t keep)
{
	uint64_t flags = spin_lock(&lock), frame, end;
	size_t done = 0;

	if (available <= keep)
		max = 0;
	else if (max > available - keep)
		max = available - keep;
	while (done < max) {
		unsigned int order;
		struct region *region = highest_block(&frame, &order);

		if (!region)
			break;
		end = frame + (1ULL << order);
		take_block(region, frame, order);
		/* The upper end of it; the rest goes back, and is no newer than it was. */
		if (end - frame > max - done) {
			free_frames(region, frame, end - (max - done), false);
			frame = end - (max - done);
		}
		mark_fresh(region, frame, end, false);
		for (; frame < end; frame++) {
			bitmap_set(&region->lent, frame - region->base);
			frames[done++] = (uint32_t)frame;
		}
	}
	lent += done;
	spin_unlock(&lock, flags);
	return done;
}

size_t pages_lent_list(struct pages_cursor *cursor, uint32_t *frames, size_t max, uint64_t limit)
{
	uint64_t flags = spin_lock(&lock), last = limit ? (limit + 1) >> PAGE_SHIFT : UINT64_MAX;
	size_t done = 0;

	while (done < max && cursor->region < region_count) {
		const struct region *region = regions[cursor->region];
		uint64_t from = cursor->frame > region->base ? cursor->frame - region->base : 0;

		if (bitmap_next(&region->lent, from, &from) && region->base + from < last) {
			frames[done++] = (uint32_t)(region->base + from);
			cursor->frame = region->base + from + 1;
		} else {
			cursor->region++;
			cursor->frame = 0;
		}
	}
	spin_unlock(&lock, flags);
	return done;
}

void pages_unlend(const uint32_t *frames, size_t count)
{
	uint64_t flags = spin_lock(&lock), before = fresh_count[PAGES_REPORTING];
	size_t bad = count;

	for (size_t i = 0, run; i < count && bad == count; i += run) {
		struct region *region = region_of(frames[i], 1);

		for (run = 0; i + run < count && frames[i + run] == frames[i] + run; run++) {
			uint64_t frame = frames[i + run];

			if (!region || frame >= region->last ||
			    !bitmap_has(&region->lent, frame - region->base)) {
				bad = i + run;
				break;
			}
			bitmap_clear(&region->lent, frame - region->base);
		}
		if (run)
			free_frames(region, frames[i], frames[i] + run, true);
		lent -= run;
	}
	spin_unlock(&lock, flags);
	if (bad < count)
		panic("pages_unlend: frame %#x is not lent", frames[bad]);
	tell_idle(before);
}

uint64_t pages_lent(void)
{
	return __atomic_load_n(&lent, __ATOMIC_RELAXED);
}

/* -- Idle blocks */

void pages_idle_restart(enum pages_view view)
{
	uint64_t flags = spin_lock(&lock);

	for (unsigned int i = 0; i < region_count; i++) {
		struct region *region = regions[i];

		for (unsigned int order = PAGES_IDLE_ORDER; order < PAGES_ORDERS; order++) {
			unsigned int shift = order - PAGES_IDLE_ORDER;
			uint64_t block = 0;

			for (; bitmap_next(&region->free[order], block, &block); block++)
				for (uint64_t part = 0; part < 1ULL << shift; part++)
					set_fresh(region, view, (block << shift) + part, true);
		}
	}
	spin_unlock(&lock, flags);
}

/* Whether it is free now: another view may have taken it out. */
static bool is_idle(const struct region *region, uint64_t block)
{
	for (unsigned int order = PAGES_IDLE_ORDER; order < PAGES_ORDERS; order++)
		if (bitmap_has(&region->free[order], block >> (order - PAGES_IDLE_ORDER)))
			return true;
	return false;
}

static uint64_t take_run(struct region *region, enum pages_view view, size_t blocks, size_t *taken)
{
	uint64_t block = 0, first;

	*taken = 0;
	do {
		if (!bitmap_next(&region->fresh[view], block, &first))
			return 0;
		block = first + 1;
	} while (!is_idle(region, first));
	block = first;
	while (*taken < blocks && block < region->fresh[view].bits &&
	       bitmap_has(&region->fresh[view], block) && is_idle(region, block)) {
		set_fresh(region, view, block, false);
		take_block(region, region->base + (block << PAGES_IDLE_ORDER), PAGES_IDLE_ORDER);
		block++;
		++*taken;
	}
	return region->base + (first << PAGES_IDLE_ORDER);
}

uint64_t pages_idle_take(enum pages_view view, size_t count_max, uint64_t keep, size_t *count)
{
	uint64_t flags = spin_lock(&lock), frame = 0;
	size_t blocks = 0;

	if (available > keep && count_max > available - keep)
		count_max = available - keep;
	if (available > keep)
		blocks = count_max >> PAGES_IDLE_ORDER;
	*count = 0;
	for (unsigned int i = 0; i < region_count && blocks && !frame; i++)
		frame = take_run(regions[i], view, blocks, count);
	*count <<= PAGES_IDLE_ORDER;
	spin_unlock(&lock, flags);
	return frame << PAGE_SHIFT;
}

void pages_idle_put(uint64_t address, size_t count)
{
	uint64_t frame = address >> PAGE_SHIFT, flags = spin_lock(&lock);
	struct region *region = region_of(frame, count);

	for (size_t i = 0; region && i < count; i += PAGES_IDLE_COUNT)
		if (is_free(region, frame + i))
			region = NULL;
	if (region)
		free_frames(region, frame, frame + count, false);
	spin_unlock(&lock, flags);
	if (!region)
		panic("pages_idle_put(%#lx, %zu): not taken", (unsigned long)address, count);
}

uint64_t pages_idle_new(enum pages_view view)
{
	return __atomic_load_n(&fresh_count[view], __ATOMIC_RELAXED);
}

/* -- Numbers */

uint64_t pages_total(void)
{
	return total;
}

uint64_t pages_available(void)
{
	return __atomic_load_n(&available, __ATOMIC_RELAXED);
}
