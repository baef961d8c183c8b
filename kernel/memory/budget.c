/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/memory/budget.h"

#include "kernel/memory/pages.h"

/* The stack of the network has half a MiB at least; the shell, its commands, the services and their threads have the rest. */
#define KEPT ((uint64_t)1280 << 10)
/* What the last device that found some budget may take of that. */
#define OVERDRAFT ((uint64_t)512 << 10)

static uint64_t kept = KEPT;

static uint64_t memory_free(void)
{
	return pages_total() ? (pages_available() + pages_lent()) * PAGE_SIZE : UINT64_MAX;
}

uint64_t memory_budget(void)
{
	uint64_t free = memory_free();

	return free > kept ? free - kept : 0;
}

bool memory_budget_overdrawn(void)
{
	return memory_free() < kept - OVERDRAFT;
}

void memory_budget_keep(uint64_t bytes)
{
	kept += bytes;
}
