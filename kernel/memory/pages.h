/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical pages: a buddy allocator whose whole state is bitmaps beside the memory.
 *
 * A free page is never touched: it may belong to the host just then (the balloon, free page
 * reporting), and what stands in it is nobody's business. Allocation takes the smallest free block
 * that does, and the lowest of those, which keeps memory compact and makes runs repeatable.
 *
 * Context: any; a spinlock guards it.
 */
#ifndef KERNEL_MEMORY_PAGES_H
#define KERNEL_MEMORY_PAGES_H

#include "kernel/x86/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGES_ORDERS 19 /* blocks of 4 KiB to 1 GiB */

/* Bytes of metadata for a region of so many bytes. */
size_t pages_metadata_size(uint64_t length);

/*
 * Gives [start, end), page-aligned, to the allocator, which keeps its state in `metadata` (zeroed
 * here). All of it is free then. -ENOSPC when there are too many regions already.
 */
int pages_add_region(uint64_t start, uint64_t end, void *metadata);

/*
 * So many contiguous pages, aligned to the next power of two of `count`, not above `limit` (the
 * highest address; 0: anywhere). Their physical address, or 0. Before it fails, and when interrupts
 * were on, the reclaim function is asked, which may sleep.
 */
uint64_t pages_alloc(size_t count, uint64_t limit);

/*
 * Any part of what was allocated can be given back. A page that is free already is a bug and
 * panics.
 */
void pages_free(uint64_t address, size_t count);

/* Takes the very pages [address, +count) if all are free: 0, or -EBUSY and nothing is taken. */
int pages_take(uint64_t address, size_t count);

/*
 * The longest run of free pages inside [lowest, highest]: how many, and *address where it begins. They
 * are not taken by this, and may be gone when pages_take() is asked for them. 0: there is none.
 */
size_t pages_free_run(uint64_t lowest, uint64_t highest, uint64_t *address);

uint64_t pages_total(void); /* pages in all regions */
uint64_t pages_available(void);

/*
 * Asked before an allocation of `count` pages below `limit` (0: anywhere) fails: true when it gave
 * some back, so that trying again makes sense. Called in thread context without the allocator's
 * lock, also by several threads at once, and for what it allocates itself: recursion is its own to
 * notice. NULL: nobody is asked.
 */
typedef bool pages_reclaim(size_t count, uint64_t limit);
void pages_set_reclaim(pages_reclaim *function);

/* -- Lending */

/*
 * Takes up to `max` free pages, from the highest address down, writes their frame numbers (address
 * / 4096) in ascending runs, and remembers them as lent. Returns how many; at least `keep` pages stay
 * available. Frames whose number has more than 32 bits are never lent.
 */
size_t pages_lend(uint32_t *frames, size_t max, uint64_t keep);

/* Where pages_lent_list() goes on; starts as {0}. */
struct pages_cursor {
	unsigned int region;
	uint64_t frame;
};

/* The next lent pages not above `limit` (0: all), up to `max` of them; they stay lent. */
size_t pages_lent_list(struct pages_cursor *cursor, uint32_t *frames, size_t max, uint64_t limit);

/* Gives lent pages back to the allocator. One that is not lent is a bug and panics. */
void pages_unlend(const uint32_t *frames, size_t count);
uint64_t pages_lent(void);

/* -- Idle blocks */

#define PAGES_IDLE_ORDER 9 /* 2 MiB */
#define PAGES_IDLE_COUNT ((size_t)1 << PAGES_IDLE_ORDER)

/* Each looks at every idle block for itself. */
enum pages_view { PAGES_REPORTING, PAGES_HINTING, PAGES_VIEWS };

/* Every idle block is new again to this view. */
void pages_idle_restart(enum pages_view view);

/*
 * Takes a run of neighbouring idle blocks that are new to the view out of the allocator, up to
 * `count_max` pages, so that `keep` pages stay available. Their address and (*count) how many pages
 * they are, or 0. They go back by pages_idle_put(), and are new again to the view only after they
 * were allocated meanwhile.
 */
uint64_t pages_idle_take(enum pages_view view, size_t count_max, uint64_t keep, size_t *count);
void pages_idle_put(uint64_t address, size_t count);

/* Idle blocks that are new to the view. */
uint64_t pages_idle_new(enum pages_view view);

/* Called when PAGES_REPORTING gets its first new block. Any context, without the lock. */
void pages_set_idle_hook(void (*function)(void));

#endif
