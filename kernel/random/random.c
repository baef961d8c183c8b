/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/random/random.h"

#include "kernel/facts/facts.h"
#include "kernel/random/chacha20.h"
#include "kernel/random/jitter.h"
#include "kernel/thread/spinlock.h"

#include <stdbool.h>
#include <string.h>

#define SOURCES_MAX 8

static uint32_t key[CHACHA20_KEY_WORDS];
static struct spinlock lock = SPINLOCK_INIT;

static const char *sources[SOURCES_MAX];
static uint64_t source_bytes[SOURCES_MAX];

/* The first half of a block is the next key, the second goes out. */
static void next_block(uint8_t out[CHACHA20_BLOCK / 2])
{
	uint8_t block[CHACHA20_BLOCK];

	chacha20_block(key, 0, block);
	memcpy(key, block, sizeof(key));
	memcpy(out, block + sizeof(key), CHACHA20_BLOCK / 2);
	explicit_bzero(block, sizeof(block));
}

void random_bytes(void *data, size_t length)
{
	uint8_t *bytes = data;
	uint64_t flags = spin_lock(&lock);

	while (length) {
		uint8_t out[CHACHA20_BLOCK / 2];
		size_t part = length < sizeof(out) ? length : sizeof(out);

		next_block(out);
		memcpy(bytes, out, part);
		bytes += part;
		length -= part;
	}
	spin_unlock(&lock, flags);
}

uint32_t random_u32(void)
{
	uint32_t value;

	random_bytes(&value, sizeof(value));
	return value;
}

/*
 * Each 32 bytes are added to the key, which then goes through the cipher: an invertible step
 * followed by one that is not, so that no input can take entropy away.
 */
void random_seed(const char *source, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	size_t left = length;
	uint64_t flags = spin_lock(&lock);
	unsigned int i = 0;

	while (left) {
		uint8_t piece[sizeof(key)] = {0}, discarded[CHACHA20_BLOCK / 2];
		size_t part = left < sizeof(piece) ? left : sizeof(piece);

		memcpy(piece, bytes, part);
		for (size_t word = 0; word < CHACHA20_KEY_WORDS; word++) {
			uint32_t value;

			memcpy(&value, piece + word * sizeof(value), sizeof(value));
			key[word] ^= value;
		}
		next_block(discarded);
		bytes += part;
		left -= part;
	}
	while (i < SOURCES_MAX - 1 && sources[i] && strcmp(sources[i], source) != 0)
		i++;
	sources[i] = source;
	source_bytes[i] += length;
	spin_unlock(&lock, flags);
}

#define HARDWARE_WORDS 4
/* Beside the processor's own generator, and where there is none. */
#define JITTER_BYTES_BESIDE 16
#define JITTER_BYTES 64

void random_init(void)
{
	uint64_t words[HARDWARE_WORDS];
	uint8_t jitter[JITTER_BYTES];
	size_t length = JITTER_BYTES;
	bool hardware = true;

	for (unsigned int i = 0; i < HARDWARE_WORDS; i++)
		hardware = hardware && random_hardware(&words[i]);
	if (hardware) {
		random_seed("rdrand", words, sizeof(words));
		length = JITTER_BYTES_BESIDE;
	}
	random_jitter(jitter, length);
	random_seed("jitter", jitter, length);
}

static void describe_random(struct facts *facts)
{
	fact_list(facts, "sources");
	for (unsigned int i = 0; i < SOURCES_MAX && sources[i]; i++) {
		fact_item(facts);
		fact_text(facts, "name", sources[i]);
		fact_bytes(facts, "seeded", source_bytes[i]);
		fact_end(facts);
	}
	fact_end(facts);
}
FACTS(random, "random", 70, describe_random);
