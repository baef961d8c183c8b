/* SPDX-License-Identifier: BSD-2-Clause */
/* Little-endian fields of files and of what a kernel is handed, which promise no alignment. */
#ifndef BOOT_NEXT_BYTES_H
#define BOOT_NEXT_BYTES_H

#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "so that no byte is moved");

static inline uint16_t get_le16(const uint8_t *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline uint32_t get_le32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline uint64_t get_le64(const uint8_t *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline void put_le16(uint8_t *to, uint16_t value)
{
	memcpy(to, &value, sizeof(value));
}

static inline void put_le32(uint8_t *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
}

static inline void put_le64(uint8_t *to, uint64_t value)
{
	memcpy(to, &value, sizeof(value));
}

#endif
