/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_LIBC_CRC32_H
#define KERNEL_LIBC_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of ISO 3309 (zlib, GPT): of `data` behind what has the sum `crc`, 0 for nothing. Context: any. */
uint32_t crc32(uint32_t crc, const void *data, size_t length);

#endif
