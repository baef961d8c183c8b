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
 * highest address; 0: anywhere). Their physical address, or 0.
 */
uint64_t pages_alloc(size_t count, uint64_t limit);

/*
 * Any part of what was allocated can be given back. A page that is free already is a bug and
 * panics.
 */
void pages_free(uint64_t address, size_t count);

/* Takes the very pages [address, +count) if all are free: 0, or -EBUSY and nothing is taken. */
int pages_take(uint64_t address, size_t count);

uint64_t pages_total(void); /* pages in all regions */
uint64_t pages_available(void);

#endif
