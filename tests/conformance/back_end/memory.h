/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's memory, as the front end has shared it: up to eight regions, mapped here. Guest addresses come
 * from descriptors, the front end's own addresses from SET_VRING_ADDR; both are looked up, never trusted.
 */
#ifndef TESTS_CONFORMANCE_BACK_END_MEMORY_H
#define TESTS_CONFORMANCE_BACK_END_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define MEMORY_REGIONS 8

/* As it stands in the message. */
struct memory_region_message {
	uint64_t guest, size, user, offset;
};

struct memory {
	unsigned int count;
	struct memory_region {
		uint64_t guest, user, size;
		void *mapping; /* from the file's beginning */
		size_t mapped;
		uint8_t *data; /* of the region */
	} regions[MEMORY_REGIONS];
};

/*
 * Maps regions in place of those that were there. The descriptors stay the caller's. 0, -EINVAL for regions
 * that wrap, overlap or do not lie in their file, -errno of mmap(); then there is no memory.
 */
int memory_set(struct memory *memory, const struct memory_region_message *regions, const int *files,
	       unsigned int count);
void memory_clear(struct memory *memory);

/* How many of `length` bytes at a guest address lie together here, and where. 0: there is no memory. */
size_t memory_piece(const struct memory *memory, uint64_t guest, size_t length, uint8_t **data);
/* All `length` bytes at a guest address, or NULL. */
void *memory_at(const struct memory *memory, uint64_t guest, size_t length);
/* The same for an address of the front end, aligned to `alignment` (a power of two). */
void *memory_at_user(const struct memory *memory, uint64_t user, size_t length, size_t alignment);

#endif
