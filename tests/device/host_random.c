/* SPDX-License-Identifier: BSD-2-Clause */
/* The processor's randomness on the host: there is none, so that runs are repeatable. */
#include "kernel/random/jitter.h"

#include <string.h>

bool random_hardware(uint64_t *word)
{
	(void)word;
	return false;
}

void random_jitter(uint8_t *bytes, size_t length)
{
	memset(bytes, 0x5a, length);
}
