/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pad BASE SIZE FILE: makes a payload of exactly SIZE bytes out of what payload.S gave (a bzImage, PE or ELF): pseudo-random
 * padding, the same for the same size, its checksum and the header's lengths. Prints "PADDING CHECKSUM" as the payload does.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE_MAX 16384
#define BLOCK 16384 /* words written at once */
#define HEADROOM 4096

static uint8_t base[BASE_MAX];

static void put(size_t offset, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		base[offset + i] = (uint8_t)(value >> (8 * i));
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "pad: %s: %s\n", what, why);
	return 1;
}

/* Lengths in the header, for a file of so many bytes. False: none of the three formats. */
static int complete_header(size_t size)
{
	if (!memcmp(base + 0x202, "HdrS", 4)) {
		size_t code = size - 1024;

		put(0x1f4, (code + 15) / 16, 4);
		put(0x260, (code + HEADROOM + 4095) & ~(size_t)4095, 4);
	} else if (!memcmp(base, "MZ", 2)) {
		size_t optional = 0x58, section = optional + 0xf0, code = size - 0x200;

		put(optional + 0x04, code, 4);
		put(optional + 0x38, (0x1000 + code + 4095) & ~(size_t)4095, 4);
		put(section + 8, code, 4);
		put(section + 16, code, 4);
	} else if (!memcmp(base, "\177ELF", 4)) {
		put(0x60, size - 0x200, 8);
		put(0x68, size - 0x200, 8);
	} else {
		return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	static uint32_t words[BLOCK];
	uint32_t state = 0x2545f491, sum = 0, sum_of_sums = 0;
	size_t length, size, padding, place = 0, left;
	FILE *file;
	char *end;

	if (argc != 4)
		return fail("usage", "pad BASE SIZE FILE");
	file = fopen(argv[1], "rb");
	if (!file)
		return fail(argv[1], strerror(errno));
	length = fread(base, 1, sizeof(base), file);
	fclose(file);
	size = strtoull(argv[2], &end, 0);
	if (*end || length < 1024 || length == sizeof(base) || size < length || size % 512 ||
	    size >> 31)
		return fail(
			argv[2],
			"a size that is a multiple of 512, below 2 GiB, and not below that of the base");
	while (place + 20 < length && memcmp(base + place, "RINGPAD!", 8))
		place++;
	if (place + 20 >= length || !complete_header(size))
		return fail(argv[1], "not a payload");
	padding = size - length;

	file = fopen(argv[3], "wb");
	if (!file)
		return fail(argv[3], strerror(errno));
	/* The base comes again when its checksum is known. */
	fwrite(base, 1, length, file);
	for (left = padding / 4; left;) {
		size_t count = left < BLOCK ? left : BLOCK;

		for (size_t i = 0; i < count; i++) {
			state ^= state << 13;
			state ^= state >> 17;
			state ^= state << 5;
			words[i] = state;
			sum += state;
			sum_of_sums += sum;
		}
		if (fwrite(words, 4, count, file) != count)
			return fail(argv[3], strerror(errno));
		left -= count;
	}
	put(place + 8, padding, 4);
	put(place + 12, sum, 4);
	put(place + 16, sum_of_sums, 4);
	rewind(file);
	if (fwrite(base, 1, length, file) != length || fclose(file))
		return fail(argv[3], strerror(errno));
	printf("%08zx %08x%08x\n", padding, sum, sum_of_sums);
	return 0;
}
