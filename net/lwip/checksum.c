/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words of any length may be added, if what is carried out is added again: the sum of their 16-bit
 * parts is the same (RFC 1071, 2). So these are 64 bits; and the CPU's carry takes one instruction.
 */
#include "net/lwip/checksum.h"

#include <string.h>

#define WORD ((int)sizeof(uint64_t))
#define ROUND (8 * WORD)

static inline uint64_t add(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

/* The data may begin anywhere. */
#define LOAD(type, bytes)                                                                          \
	({                                                                                         \
		type word_;                                                                        \
		memcpy(&word_, bytes, sizeof(word_));                                              \
		word_;                                                                             \
	})

uint16_t network_checksum(const void *bytes, int length)
{
	const uint8_t *at = bytes;
	uint64_t sum = 0;

	for (; length >= ROUND; length -= ROUND, at += ROUND) {
		sum = add(sum, LOAD(uint64_t, at));
		sum = add(sum, LOAD(uint64_t, at + WORD));
		sum = add(sum, LOAD(uint64_t, at + 2 * WORD));
		sum = add(sum, LOAD(uint64_t, at + 3 * WORD));
		sum = add(sum, LOAD(uint64_t, at + 4 * WORD));
		sum = add(sum, LOAD(uint64_t, at + 5 * WORD));
		sum = add(sum, LOAD(uint64_t, at + 6 * WORD));
		sum = add(sum, LOAD(uint64_t, at + 7 * WORD));
	}
	for (; length >= WORD; length -= WORD, at += WORD)
		sum = add(sum, LOAD(uint64_t, at));
	if (length & 4) {
		sum = add(sum, LOAD(uint32_t, at));
		at += sizeof(uint32_t);
	}
	if (length & 2) {
		sum = add(sum, LOAD(uint16_t, at));
		at += sizeof(uint16_t);
	}
	if (length & 1)
		sum = add(sum, *at);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}
