/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of short messages, which nobody computes or inverts
 * without the key. Pure.
 */
#ifndef KERNEL_RANDOM_SIPHASH_H
#define KERNEL_RANDOM_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const uint64_t key[2], const void *data, size_t length);

#endif
