/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What devices may take of the machine's memory: the rest is for what they are there for. Without a page allocator, as in
 * programs on a host, there is no end of it. Of a device's probe; thread context.
 */
#ifndef DRIVERS_BUDGET_H
#define DRIVERS_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes that devices may still take. 0: one more is to be left alone, with -ENOMEM from its probe. */
uint64_t device_budget(void);

/* A device that was begun with some budget left has taken so much more that it is to be let go. */
bool device_budget_overdrawn(void);

/* So much more memory is for what is above the device that was found: no device gets it. */
void device_budget_keep(uint64_t bytes);

#endif
