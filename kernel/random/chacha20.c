/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/random/chacha20.h"

#include <string.h>

static inline uint32_t rotate(uint32_t value, unsigned int bits)
{
	return value << bits | value >> (32 - bits);
}

static inline void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b;
	*d = rotate(*d ^ *a, 16);
	*c += *d;
	*b = rotate(*b ^ *c, 12);
	*a += *b;
	*d = rotate(*d ^ *a, 8);
	*c += *d;
	*b = rotate(*b ^ *c, 7);
}

void chacha20_block(const uint32_t key[CHACHA20_KEY_WORDS], uint32_t counter,
		    uint8_t block[CHACHA20_BLOCK])
{
	uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	uint32_t s[16];

	memcpy(start + 4, key, CHACHA20_KEY_WORDS * sizeof(uint32_t));
	start[12] = counter;
	memcpy(s, start, sizeof(s));
	for (unsigned int i = 0; i < 10; i++) {
		quarter_round(&s[0], &s[4], &s[8], &s[12]);
		quarter_round(&s[1], &s[5], &s[9], &s[13]);
		quarter_round(&s[2], &s[6], &s[10], &s[14]);
		quarter_round(&s[3], &s[7], &s[11], &s[15]);
		quarter_round(&s[0], &s[5], &s[10], &s[15]);
		quarter_round(&s[1], &s[6], &s[11], &s[12]);
		quarter_round(&s[2], &s[7], &s[8], &s[13]);
		quarter_round(&s[3], &s[4], &s[9], &s[14]);
	}
	for (unsigned int i = 0; i < 16; i++)
		s[i] += start[i];
	/* Little-endian, as this machine is. */
	memcpy(block, s, CHACHA20_BLOCK);
}
