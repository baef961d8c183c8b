/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mappings on demand. Addresses are handed out once and never again (there are 16 TiB of them), so
 * that no CPU can hold a stale translation of one.
 */
#include "kernel/memory/map.h"

#include "kernel/thread/spinlock.h"
#include "kernel/x86/paging.h"

static struct spinlock lock = SPINLOCK_INIT;
static uint64_t next = MAP_AREA;

static void *map(uint64_t address, size_t length, enum page_rights rights,
		 enum page_caching caching)
{
	uint64_t offset = address & (PAGE_SIZE - 1), virtual, flags, mask = paging_physical_mask();
	size_t pages;

	if (!length || length > mask || address > mask - (length - 1))
		return NULL;
	pages = (offset + length + PAGE_SIZE - 1) / PAGE_SIZE;
	flags = spin_lock(&lock);
	virtual = next;
	/* A page between two mappings stays unmapped: running over the end is noticed. */
	if (pages < (MAP_AREA_END - next) / PAGE_SIZE)
		next += (pages + 1) * PAGE_SIZE;
	else
		virtual = 0;
	spin_unlock(&lock, flags);
	if (!virtual || paging_map(virtual, address - offset, pages, rights, caching) < 0)
		return NULL;
	return (void *)(virtual + offset);
}

static void unmap(const volatile void *pointer, size_t length)
{
	uint64_t virtual = (uint64_t)pointer & ~(uint64_t)(PAGE_SIZE - 1);

	if (pointer)
		paging_unmap(virtual,
			     ((uint64_t)pointer - virtual + length + PAGE_SIZE - 1) / PAGE_SIZE);
}

volatile void *map_mmio(uint64_t address, size_t length)
{
	return map(address, length, PAGE_READ_WRITE, PAGE_UNCACHED);
}

void unmap_mmio(volatile void *pointer, size_t length)
{
	unmap(pointer, length);
}

const void *map_firmware(uint64_t address, size_t length)
{
	return map(address, length, PAGE_READ, PAGE_CACHED);
}

void unmap_firmware(const void *pointer, size_t length)
{
	unmap(pointer, length);
}
