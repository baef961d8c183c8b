/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a kernel may lie. Only memory that the firmware calls usable may be written over, whoever uses
 * it just now: what the firmware keeps for itself, and its tables, may not. Pure arithmetic on ranges.
 */
#ifndef BOOT_NEXT_PLACE_H
#define BOOT_NEXT_PLACE_H

#include "boot/boot_info.h"
#include "boot/next/layout.h"
#include "kernel/memory/memory_map.h"

/* What may be written over once we are gone; what was loaded beside us too. -ENOMEM. */
int next_place_allowed(struct memory_map *allowed, const struct boot_info *info);

/* pages_free_run(), or a test's. */
typedef size_t next_free_run(uint64_t lowest, uint64_t highest, uint64_t *address);

/*
 * Chooses the address of a relocatable kernel, at or above the one that it prefers and below 4 GiB:
 * that one if it is free, another free one, else one that is allowed and in use. Checks the segments
 * of one that is not relocatable. -ENOSPC and `why` (of NEXT_WHY_MAX bytes): no such memory.
 */
int next_place(struct next_layout *layout, const struct memory_map *allowed,
	       next_free_run *free_run, char *why);

#endif
