/* SPDX-License-Identifier: BSD-2-Clause */
/* What the processor itself has of randomness; kernel/x86/ knows how. */
#ifndef KERNEL_RANDOM_JITTER_H
#define KERNEL_RANDOM_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One word of the hardware's generator; false when there is none. */
bool random_hardware(uint64_t *word);

/*
 * Low bits of the time that short pieces of work take, which caches, clocks and the host disturb.
 */
void random_jitter(uint8_t *bytes, size_t length);

#endif
