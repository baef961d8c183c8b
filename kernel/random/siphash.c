/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/random/siphash.h"

#include <string.h>

static inline uint64_t rotate(uint64_t value, unsigned int bits)
{
	return value << bits | value >> (64 - bits);
}

static void rounds(uint64_t v[4], unsigned int count)
{
	while (count--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

uint64_t siphash(const uint64_t key[2], const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
			 key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
	size_t left = length;

	for (;;) {
		/* Little-endian, as this machine is. The last word has the length in its last byte. */
		uint64_t word = left < 8 ? (uint64_t)length << 56 : 0;

		memcpy(&word, bytes, left < 8 ? left : 8);
		v[3] ^= word;
		rounds(v, 2);
		v[0] ^= word;
		if (left < 8)
			break;
		bytes += 8;
		left -= 8;
	}
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
