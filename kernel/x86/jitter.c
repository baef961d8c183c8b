/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/random/jitter.h"

#include "kernel/random/chacha20.h"
#include "kernel/x86/cpu.h"

bool random_hardware(uint64_t *word)
{
	return cpu_random(word);
}

#define ROUNDS_PER_BYTE 16

void random_jitter(uint8_t *bytes, size_t length)
{
	uint32_t key[CHACHA20_KEY_WORDS] = {0};
	uint8_t block[CHACHA20_BLOCK];

	for (size_t i = 0; i < length; i++) {
		uint64_t sum = 0;

		for (unsigned int round = 0; round < ROUNDS_PER_BYTE; round++) {
			uint64_t begin = cpu_tsc();

			if (round % 8 == 0)
				chacha20_block(key, round, block);
			key[round % CHACHA20_KEY_WORDS] += (uint32_t)begin;
			sum = (sum << 5 | sum >> 59) ^ (cpu_tsc() - begin) ^ begin;
		}
		bytes[i] = (uint8_t)(sum ^ sum >> 8 ^ sum >> 16 ^ sum >> 24 ^ sum >> 32);
	}
}
