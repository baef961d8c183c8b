/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes for people to read, as `hexdump -C` prints them. For commands. */
#ifndef DRIVERS_BLOCK_HEXDUMP_H
#define DRIVERS_BLOCK_HEXDUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEXDUMP_LINE 16u

struct hexdump {
	uint64_t offset; /* of the next byte */
	uint8_t last[HEXDUMP_LINE];
	bool has_last, repeating; /* lines like the one before are one "*" */
};

/*
 * Prints the bytes, which continue the ones before; all calls but the last one give whole lines. The end
 * prints where it is. False: the user typed ^C.
 */
bool hexdump_print(struct hexdump *dump, const void *data, size_t length);
void hexdump_end(struct hexdump *dump);

#endif
