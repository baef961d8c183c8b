/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers, all from one cryptographic generator: ChaCha20 with fast key erasure (each
 * request replaces the key, so that what was given out cannot be computed afterwards). Seeded at
 * start from RDRAND and the jitter of the time stamp counter, and by devices (virtio-rng) when they
 * come.
 */
#ifndef KERNEL_RANDOM_RANDOM_H
#define KERNEL_RANDOM_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Context: any. */
void random_bytes(void *data, size_t length);
uint32_t random_u32(void);

/*
 * Mixes in what a source gave; it need not be good, it can only help. `source` is for the facts.
 * Any context.
 */
void random_seed(const char *source, const void *data, size_t length);

/* Collects the first seed. Once, early. */
void random_init(void);

#endif
