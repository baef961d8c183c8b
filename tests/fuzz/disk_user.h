/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whoever uses disks, as several targets play it: requests of all kinds, each of which ends exactly once, over
 * memory of which nothing changes but what a device was to write.
 */
#ifndef TESTS_FUZZ_DISK_USER_H
#define TESTS_FUZZ_DISK_USER_H

#include "drivers/block/block.h"

/* Its memory is DMA memory below this address. */
void disk_user_open(uint64_t limit);
/*
 * One step of DISK_USER_STEPS: a request of any form, mostly to the first so many sectors (of no disk: none), a kick, a
 * turn of the device, time that goes by with one turn of `service`.
 */
#define DISK_USER_STEPS 5u
void disk_user_step(unsigned int step, struct block_device *disk, uint32_t sectors,
		    void (*service)(void));
/* Lets time go by until all have ended, with one turn of `service` for each second. */
void disk_user_drain(void (*service)(void));
void disk_user_check(void);

#endif
