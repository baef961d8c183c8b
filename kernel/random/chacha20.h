/* SPDX-License-Identifier: BSD-2-Clause */
/* The ChaCha20 block function (RFC 8439, 2.3). Pure. */
#ifndef KERNEL_RANDOM_CHACHA20_H
#define KERNEL_RANDOM_CHACHA20_H

#include <stdint.h>

#define CHACHA20_KEY_WORDS 8
#define CHACHA20_BLOCK 64

/* With a nonce of zero: every key here is used for one block. */
void chacha20_block(const uint32_t key[CHACHA20_KEY_WORDS], uint32_t counter,
		    uint8_t block[CHACHA20_BLOCK]);

#endif
