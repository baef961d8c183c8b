/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes of an initrd as they arrive: in one run of pages where that can be, right behind the file
 * before it where that can be, so that nothing has to be moved at the end. Begins at a page.
 *
 * Context: thread, one at a time.
 */
#ifndef BOOT_NEXT_STORE_H
#define BOOT_NEXT_STORE_H

#include <stddef.h>
#include <stdint.h>

struct next_extent {
	uint64_t start;
	size_t pages;
};

struct next_store {
	struct next_extent *extents;
	unsigned int count;
	size_t pages;	 /* in all extents */
	uint64_t length; /* bytes so far */
	/* Where the next byte goes. */
	unsigned int extent;
	size_t offset;
	/* Wishes, set before the first byte: an address to go on at (0: none), and the highest one. */
	uint64_t after;
	uint64_t limit;
};

/* Takes memory for so many bytes in all. -EFBIG: there is not so much; nothing is taken then. */
int next_store_reserve(struct next_store *store, uint64_t length);
/* -EFBIG: memory is full. */
int next_store_write(struct next_store *store, const void *bytes, size_t length);
/* No more bytes: gives back the pages that were not filled, zeroes the rest of the last. */
void next_store_end(struct next_store *store);
/* Gives all back; `after` and `limit` stay. */
void next_store_release(struct next_store *store);

/* The end of its last page when all of it is one run, else 0. */
uint64_t next_store_run_end(const struct next_store *store);

#endif
