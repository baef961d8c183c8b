/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/x86/paging.h"

#include "kernel/memory/pages.h"
#include "kernel/panic.h"
#include "kernel/thread/spinlock.h"
#include "kernel/x86/cpu.h"

#include <errno.h>
#include <string.h>

#define PTE_PRESENT (1ULL << 0)
#define PTE_WRITE (1ULL << 1)
#define PTE_USER (1ULL << 2)
#define PTE_WRITE_THROUGH (1ULL << 3)
#define PTE_UNCACHED (1ULL << 4)
#define PTE_LARGE (1ULL << 7)
#define PTE_GLOBAL (1ULL << 8)
#define PTE_NO_EXECUTE (1ULL << 63)
#define PTE_ADDRESS 0x000ffffffffff000ULL

#define ENTRIES 512
#define LEVEL_PT 1
#define LEVEL_PD 2
#define LEVEL_PDPT 3
#define LEVEL_PML4 4

extern char image_start[], text_end[], rodata_start[], rodata_end[], data_start[], image_end[],
	boot_stack_guard[];

static uint64_t root; /* physical */
static struct spinlock lock = SPINLOCK_INIT;

/* While the first tables are in use only the first 4 GiB are in the direct map. */
static uint64_t table_limit = 0xffffffff;

static unsigned int index_at(uint64_t virtual, unsigned int level)
{
	return virtual >> (PAGE_SHIFT + 9 * (level - 1)) & (ENTRIES - 1);
}

static uint64_t new_table(void)
{
	uint64_t table = pages_alloc(1, table_limit);

	if (table)
		memset(direct_map(table), 0, PAGE_SIZE);
	return table;
}

/*
 * The entry for `virtual` at `level`, making tables on the way if `create`. NULL: none, or a large
 * page.
 */
static uint64_t *entry_for(uint64_t virtual, unsigned int level, bool create)
{
	uint64_t *table = direct_map(root);

	for (unsigned int i = LEVEL_PML4; i > level; i--) {
		uint64_t *entry = &table[index_at(virtual, i)];

		if (!(*entry & PTE_PRESENT)) {
			uint64_t below = create ? new_table() : 0;

			if (!below)
				return NULL;
			*entry = below | PTE_PRESENT | PTE_WRITE;
		} else if (*entry & PTE_LARGE) {
			return NULL;
		}
		table = direct_map(*entry & PTE_ADDRESS);
	}
	return &table[index_at(virtual, level)];
}

static uint64_t rights_bits(enum page_rights rights, enum page_caching caching)
{
	uint64_t bits = PTE_PRESENT | PTE_GLOBAL;

	if (rights == PAGE_USER)
		return PTE_PRESENT | PTE_WRITE | PTE_USER;
	if (rights == PAGE_READ_WRITE)
		bits |= PTE_WRITE;
	if (rights != PAGE_READ_EXECUTE)
		bits |= PTE_NO_EXECUTE;
	if (caching == PAGE_UNCACHED)
		bits |= PTE_UNCACHED | PTE_WRITE_THROUGH;
	return bits;
}

/* A page is the user's when all entries on the way say so. */
static void give_to_user(uint64_t virtual)
{
	for (unsigned int level = LEVEL_PD; level <= LEVEL_PML4; level++)
		*entry_for(virtual, level, false) |= PTE_USER;
}

static void unmap_locked(uint64_t virtual, size_t pages)
{
	for (size_t i = 0; i < pages; i++, virtual += PAGE_SIZE) {
		uint64_t *entry = entry_for(virtual, LEVEL_PT, false);

		if (!entry || !*entry)
			continue;
		*entry = 0;
		cpu_invalidate_page(virtual);
	}
}

int paging_map(uint64_t virtual, uint64_t physical, size_t pages, enum page_rights rights,
	       enum page_caching caching)
{
	uint64_t bits = rights_bits(rights, caching);
	uint64_t flags = spin_lock(&lock);

	for (size_t i = 0; i < pages; i++) {
		uint64_t *entry = entry_for(virtual + i * PAGE_SIZE, LEVEL_PT, true);

		if (!entry) {
			unmap_locked(virtual, i);
			spin_unlock(&lock, flags);
			return -ENOMEM;
		}
		*entry = (physical + i * PAGE_SIZE) | bits;
		if (rights == PAGE_USER)
			give_to_user(virtual + i * PAGE_SIZE);
	}
	spin_unlock(&lock, flags);
	return 0;
}

void paging_unmap(uint64_t virtual, size_t pages)
{
	uint64_t flags = spin_lock(&lock);

	unmap_locked(virtual, pages);
	spin_unlock(&lock, flags);
}

bool paging_translate(uint64_t virtual, uint64_t *physical)
{
	for (unsigned int level = LEVEL_PT; level <= LEVEL_PDPT; level++) {
		uint64_t *entry = entry_for(virtual, level, false);
		uint64_t size = 1ULL << (PAGE_SHIFT + 9 * (level - 1));

		if (!entry || !(*entry & PTE_PRESENT))
			continue;
		if (level > LEVEL_PT && !(*entry & PTE_LARGE))
			continue;
		*physical = (*entry & PTE_ADDRESS & ~(size - 1)) + (virtual & (size - 1));
		return true;
	}
	return false;
}

int paging_rights(uint64_t virtual)
{
	const uint64_t *entry = entry_for(virtual, LEVEL_PT, false);

	if (!entry || !(*entry & PTE_PRESENT))
		return -ENOENT;
	/* Write and execute at once: only what we map for the user. */
	if (*entry & PTE_WRITE)
		return *entry & PTE_NO_EXECUTE ? PAGE_READ_WRITE : PAGE_USER;
	return *entry & PTE_NO_EXECUTE ? PAGE_READ : PAGE_READ_EXECUTE;
}

/* One range of the direct map, in pages of 2 MiB that may reach over its ends. */
static void map_direct(uint64_t start, uint64_t end)
{
	uint64_t bits = rights_bits(PAGE_READ_WRITE, PAGE_CACHED) | PTE_LARGE;

	for (start &= ~(uint64_t)(LARGE_PAGE_SIZE - 1); start < end; start += LARGE_PAGE_SIZE) {
		uint64_t *entry = entry_for(start + DIRECT_MAP, LEVEL_PD, true);

		if (!entry)
			panic("no memory for the page tables");
		*entry = start | bits;
	}
}

static void map_image(const char *start, const char *end, uint64_t image_physical,
		      enum page_rights rights)
{
	uint64_t size = ((uint64_t)end - (uint64_t)start + PAGE_SIZE - 1) / PAGE_SIZE;

	if (paging_map((uint64_t)start, image_physical + (uint64_t)(start - image_start), size,
		       rights, PAGE_CACHED) < 0)
		panic("no memory for the page tables");
}

#define CR4_PGE (1u << 7)

void paging_init(const struct memory_map *memory, uint64_t image_physical)
{
	uint64_t cr4;

	root = new_table();
	if (!root)
		panic("no memory for the page tables");
	for (unsigned int i = 0; i < memory->count; i++)
		map_direct(memory->ranges[i].start, memory->ranges[i].end);
	/* The image's own memory too: dma_address() of static data is used through both. */
	map_direct(image_physical, image_physical + (uint64_t)(image_end - image_start));
	map_image(image_start, text_end, image_physical, PAGE_READ_EXECUTE);
	map_image(rodata_start, rodata_end, image_physical, PAGE_READ);
	map_image(data_start, image_end, image_physical, PAGE_READ_WRITE);
	unmap_locked((uint64_t)boot_stack_guard, 1);
	cpu_set_cr3(root);
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_PGE) : "memory");
	table_limit = 0;
}

uint64_t paging_root(void)
{
	return root;
}

uint64_t paging_physical_mask(void)
{
	unsigned int bits = 36;

	if (cpu_id(0x80000000, 0).eax >= 0x80000008)
		bits = cpu_id(0x80000008, 0).eax & 0xff;
	if (bits < 32 || bits > 52)
		bits = 36;
	return (1ULL << bits) - 1;
}

uint64_t paging_start_tables(void)
{
	/* The top table, a PDPT and a PD, side by side. */
	uint64_t tables = pages_alloc(4, 0xffffffff);
	uint64_t *pml4, *pdpt, *pd;

	if (!tables)
		return 0;
	pml4 = direct_map(tables);
	pdpt = direct_map(tables + PAGE_SIZE);
	pd = direct_map(tables + 2 * PAGE_SIZE);
	memset(pml4, 0, 4 * (size_t)PAGE_SIZE);
	memcpy(pml4, direct_map(root), PAGE_SIZE);
	pml4[0] = (tables + PAGE_SIZE) | PTE_PRESENT | PTE_WRITE;
	pdpt[0] = (tables + 2 * PAGE_SIZE) | PTE_PRESENT | PTE_WRITE;
	pd[0] = PTE_PRESENT | PTE_WRITE | PTE_LARGE;
	return tables;
}

void paging_free_start_tables(uint64_t tables)
{
	pages_free(tables, 4);
}
