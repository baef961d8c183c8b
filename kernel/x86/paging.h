/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables (SDM volume 3, chapter 4). All changes go through here. */
#ifndef KERNEL_X86_PAGING_H
#define KERNEL_X86_PAGING_H

#include "kernel/memory/memory_map.h"
#include "kernel/x86/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum page_rights {
	PAGE_READ,
	PAGE_READ_WRITE,
	PAGE_READ_EXECUTE,
	PAGE_USER, /* all of it, for the rings that we do not have: to see that we may not */
};

enum page_caching { PAGE_CACHED, PAGE_UNCACHED };

/* In the direct map: valid for memory only. */
static inline void *direct_map(uint64_t physical)
{
	return (void *)(physical + DIRECT_MAP);
}

/* Our own tables: direct map of the ranges, and the image with its rights. Loads them. */
void paging_init(const struct memory_map *memory, uint64_t image_physical);

/* Maps or unmaps 4 KiB pages. -ENOMEM when no table can be had (nothing stays mapped then). */
int paging_map(uint64_t virtual, uint64_t physical, size_t pages, enum page_rights rights,
	       enum page_caching caching);
void paging_unmap(uint64_t virtual, size_t pages);

/* The physical address behind a virtual one of ours; false when nothing is mapped there. */
bool paging_translate(uint64_t virtual, uint64_t *physical);

/* The rights of the page at an address that is mapped by pages of 4 KiB (enum page_rights), else -ENOENT. */
int paging_rights(uint64_t virtual);

/* The widest physical address that this CPU has, as a mask. */
uint64_t paging_physical_mask(void);

/*
 * For starting CPUs: a copy of the top table, below 4 GiB, that has the first 2 MiB identity-mapped
 * too. Physical address or 0; freed with paging_free_start_tables().
 */
uint64_t paging_start_tables(void);
void paging_free_start_tables(uint64_t tables);

/* What every CPU loads. */
uint64_t paging_root(void);

#endif
