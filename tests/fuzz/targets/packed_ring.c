/* SPDX-License-Identifier: BSD-2-Clause */
/* The packed ring, with a device that writes what it likes into it. */
#include "tests/fuzz/ring.h"

void fuzz_target(void)
{
	fuzz_ring(true);
}
