/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/budget.h"

#include "kernel/memory/pages.h"

/* For the stack of the network, which has half of it at least, the shell, its services, and the stacks of threads. */
#define KEPT ((uint64_t)1280 << 10)

uint64_t device_budget(void)
{
	uint64_t free = (pages_available() + pages_lent()) * PAGE_SIZE;

	if (!pages_total())
		return UINT64_MAX;
	return free > KEPT ? free - KEPT : 0;
}
