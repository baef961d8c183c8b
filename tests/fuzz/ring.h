/* SPDX-License-Identifier: BSD-2-Clause */
/* One virtqueue and its device, for the targets of both formats. */
#ifndef TESTS_FUZZ_RING_H
#define TESTS_FUZZ_RING_H

#include <stdbool.h>

void fuzz_ring(bool packed);

#endif
