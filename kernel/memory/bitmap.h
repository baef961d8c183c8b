/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of numbers as a bitmap with summaries: bit i of level n + 1 says that word i of level n is
 * not zero, so that the next member is found in one step for each level. The memory is the
 * caller's; so is the lock.
 */
#ifndef KERNEL_MEMORY_BITMAP_H
#define KERNEL_MEMORY_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITMAP_LEVELS 6 /* 64^6 members */

struct bitmap {
	unsigned int levels;
	uint64_t bits; /* members that it can have */
	uint64_t *level[BITMAP_LEVELS];
};

static inline size_t bitmap_words(uint64_t bits)
{
	size_t words = 0;

	do {
		bits = (bits + 63) / 64;
		words += bits;
	} while (bits > 1);
	return words;
}

/* Takes bitmap_words(bits) zeroed words from `memory`; returns what is behind them. */
static inline uint64_t *bitmap_place(struct bitmap *bitmap, uint64_t bits, uint64_t *memory)
{
	bitmap->levels = 0;
	bitmap->bits = bits;
	do {
		bits = (bits + 63) / 64;
		bitmap->level[bitmap->levels++] = memory;
		memory += bits;
	} while (bits > 1);
	return memory;
}

static inline bool bitmap_has(const struct bitmap *bitmap, uint64_t bit)
{
	return bitmap->level[0][bit / 64] >> bit % 64 & 1;
}

static inline bool bitmap_empty(const struct bitmap *bitmap)
{
	return !bitmap->level[bitmap->levels - 1][0];
}

static inline void bitmap_set(struct bitmap *bitmap, uint64_t bit)
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

static inline void bitmap_clear(struct bitmap *bitmap, uint64_t bit)
{
	for (unsigned int i = 0; i < bitmap->levels; i++) {
		uint64_t *word = &bitmap->level[i][bit / 64];

		*word &= ~(1ULL << bit % 64);
		if (*word)
			break;
		bit /= 64;
	}
}

/* The smallest member that is not below `from`. */
static inline bool bitmap_next(const struct bitmap *bitmap, uint64_t from, uint64_t *bit)
{
	uint64_t bits = bitmap->bits;

	for (unsigned int i = 0; i < bitmap->levels && from < bits; i++) {
		uint64_t word = bitmap->level[i][from / 64] >> from % 64;

		if (word) {
			from += (uint64_t)__builtin_ctzll(word);
			while (i-- > 0)
				from = from * 64 +
				       (uint64_t)__builtin_ctzll(bitmap->level[i][from]);
			*bit = from;
			return true;
		}
		from = from / 64 + 1;
		bits = (bits + 63) / 64;
	}
	return false;
}

/* From the top: an empty set is seen at once. */
static inline bool bitmap_lowest(const struct bitmap *bitmap, uint64_t *bit)
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

static inline bool bitmap_highest(const struct bitmap *bitmap, uint64_t *bit)
{
	uint64_t word = 0;

	for (unsigned int i = bitmap->levels; i-- > 0;) {
		uint64_t bits = bitmap->level[i][word];

		if (!bits)
			return false;
		word = word * 64 + 63 - (uint64_t)__builtin_clzll(bits);
	}
	*bit = word;
	return true;
}

#endif
