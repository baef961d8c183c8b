/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/checksum.h"

#include <string.h>

static uint64_t add(uint64_t sum, uint64_t value)
{
	sum += value;
	return sum + (sum < value); /* ones' complement: the carry comes in again */
}

uint16_t network_checksum(const void *data, int length)
{
	const uint8_t *bytes = data;
	uint64_t sum = 0, eight;
	uint32_t four;
	uint16_t two;

	for (; length >= (int)sizeof(eight); length -= (int)sizeof(eight)) {
		memcpy(&eight, bytes, sizeof(eight));
		sum = add(sum, eight);
		bytes += sizeof(eight);
	}
	if (length & 4) {
		memcpy(&four, bytes, sizeof(four));
		sum = add(sum, four);
		bytes += sizeof(four);
	}
	if (length & 2) {
		memcpy(&two, bytes, sizeof(two));
		sum = add(sum, two);
		bytes += sizeof(two);
	}
	if (length & 1)
		sum = add(sum, *bytes);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16 & UINT16_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)((sum & UINT16_MAX) + (sum >> 16));
}
