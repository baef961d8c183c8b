/* SPDX-License-Identifier: BSD-2-Clause */
/* Little-endian fields of firmware tables, which promise no alignment. */
#ifndef DRIVERS_PLATFORM_TABLE_READ_H
#define DRIVERS_PLATFORM_TABLE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint16_t table_read16(const void *place)
{
	const uint8_t *byte = place;

	return (uint16_t)(byte[0] | byte[1] << 8);
}

static inline uint32_t table_read32(const void *place)
{
	const uint8_t *byte = place;

	return table_read16(byte) | (uint32_t)table_read16(byte + 2) << 16;
}

static inline uint64_t table_read64(const void *place)
{
	const uint8_t *byte = place;

	return table_read32(byte) | (uint64_t)table_read32(byte + 4) << 32;
}

/* All firmware tables of this age: the sum of all bytes is 0. */
static inline bool table_checksum_good(const void *table, size_t length)
{
	const uint8_t *byte = table;
	uint8_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + byte[i]);
	return sum == 0;
}

#endif
