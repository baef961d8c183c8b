/* SPDX-License-Identifier: BSD-2-Clause */
/* The split ring, with a device that writes what it likes into it. */
#include "tests/fuzz/ring.h"

void fuzz_target(void)
{
	fuzz_ring(false);
}
