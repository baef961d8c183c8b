/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What CPUs and devices may take of the machine's memory: the rest is for what they are there for. Without a page
 * allocator, as in programs on a host, there is no end of it. When they are found; thread context.
 */
#ifndef KERNEL_MEMORY_BUDGET_H
#define KERNEL_MEMORY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes that may still be taken. 0: one more is to be left alone; for a device, with -ENOMEM from its probe. */
uint64_t memory_budget(void);

/* A device that was begun with some budget left has taken so much more that it is to be let go. */
bool memory_budget_overdrawn(void);

/* So much more memory is for what is above the device that was found. */
void memory_budget_keep(uint64_t bytes);

#endif
