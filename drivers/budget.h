/* SPDX-License-Identifier: BSD-2-Clause */
/* What devices may take of the machine's memory: the rest is for what they are there for. */
#ifndef DRIVERS_BUDGET_H
#define DRIVERS_BUDGET_H

#include <stdint.h>

/*
 * Bytes that devices may still take; 0: one more is to be left alone, with -ENOMEM from its probe. Without a
 * page allocator, as in programs on a host, UINT64_MAX. Any context.
 */
uint64_t device_budget(void);

#endif
