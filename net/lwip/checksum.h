/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_LWIP_CHECKSUM_H
#define NET_LWIP_CHECKSUM_H

#include <stdint.h>

/*
 * The Internet checksum's sum of 16-bit words in the order of memory, not complemented (RFC 1071); a
 * last byte counts as if a zero followed. Bytes may begin anywhere. Context: any.
 */
uint16_t network_checksum(const void *bytes, int length);

#endif
