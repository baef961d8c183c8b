/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_LWIP_CHECKSUM_H
#define NET_LWIP_CHECKSUM_H

#include <stdint.h>

/*
 * The ones' complement sum (RFC 1071) of so many bytes as little-endian words of 16 bits, the last one
 * filled up with zero; not complemented. The data may begin anywhere. Context: any.
 */
uint16_t network_checksum(const void *bytes, int length);

#endif
