/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA memory on the host: each block is a heap block of its own (so that the address sanitizer sees
 * an access beside it), with a fake physical address that no other block ever had.
 */
#include "kernel/memory/dma.h"
#include "tests/device/host.h"

#include <stdlib.h>
#include <string.h>

#define LOW_START 0x00100000ULL	  /* for blocks with a limit below 4 GiB */
#define HIGH_START 0x100000000ULL /* all others: a truncated address shows */
#define IMAGE_START 0x7000000000ULL

struct block {
	struct block *next;
	uint8_t *memory;
	uint64_t address;
	size_t size;
};

/* Bounds of the program, by the linker. */
extern const char __executable_start[];
extern const char _end[];

static struct block *blocks;
static struct block pages; /* of the page allocator */
static uint64_t next_low = LOW_START, next_high = HIGH_START;
static int allocations_left = -1;

void host_dma_reset(void)
{
	while (blocks) {
		struct block *block = blocks;

		blocks = block->next;
		free(block->memory);
		free(block);
	}
	next_low = LOW_START;
	next_high = HIGH_START;
	allocations_left = -1;
}

void *dma_alloc_unclean(size_t size, const struct dma_constraints *constraints)
{
	uint64_t align = constraints && constraints->align > 16 ? constraints->align : 16;
	uint64_t boundary = constraints ? constraints->boundary : 0;
	uint64_t limit = constraints && constraints->limit ? constraints->limit : UINT64_MAX;
	uint64_t *next = limit < HIGH_START + (1ULL << 36) ? &next_low : &next_high;
	uint64_t address = (*next + align - 1) & ~(align - 1);
	void *memory = NULL;
	struct block *block;

	if (!size || (boundary && size > boundary))
		return NULL;
	if (allocations_left == 0)
		return NULL;
	if (allocations_left > 0)
		allocations_left--;
	if (boundary && address / boundary != (address + size - 1) / boundary) {
		address = (address + boundary - 1) & ~(boundary - 1);
		address = (address + align - 1) & ~(align - 1);
	}
	if (address + size - 1 > limit)
		return NULL;
	if (posix_memalign(&memory, align, size))
		return NULL;
	block = calloc(1, sizeof(*block));
	if (!block) {
		free(memory);
		return NULL;
	}
	memset(memory, 0xa5, size); /* nobody counts on zeros */
	block->memory = memory;
	block->address = address;
	block->size = size;
	block->next = blocks;
	blocks = block;
	*next = address + size + 64; /* blocks never touch: an overrun is not in the next one */
	return memory;
}

void *dma_alloc(size_t size, const struct dma_constraints *constraints)
{
	void *memory = dma_alloc_unclean(size, constraints);

	if (memory)
		memset(memory, 0, size);
	return memory;
}

void dma_free(void *memory, size_t size)
{
	if (!memory)
		return;
	for (struct block **link = &blocks; *link; link = &(*link)->next) {
		struct block *block = *link;

		if (block->memory != memory)
			continue;
		if (block->size != size)
			host_abort("dma_free of %zu bytes, allocated were %zu", size, block->size);
		*link = block->next;
		free(block->memory);
		free(block);
		return;
	}
	host_abort("dma_free of what is not allocated");
}

uint64_t dma_address(const void *pointer)
{
	const uint8_t *place = pointer;
	uintptr_t image = (uintptr_t)__executable_start;

	for (struct block *block = blocks; block; block = block->next)
		if (place >= block->memory && place <= block->memory + block->size)
			return block->address + (uint64_t)(place - block->memory);
	if ((uintptr_t)place >= image && (uintptr_t)place < (uintptr_t)_end)
		return IMAGE_START + ((uintptr_t)place - image);
	host_abort("dma_address of %p, which is not DMA memory", pointer);
}

bool dma_reachable(const void *pointer)
{
	const uint8_t *place = pointer;

	for (struct block *block = blocks; block; block = block->next)
		if (place >= block->memory && place < block->memory + block->size)
			return true;
	return (uintptr_t)place >= (uintptr_t)__executable_start &&
	       (uintptr_t)place < (uintptr_t)_end;
}

void host_memory(void *memory, uint64_t address, uint64_t size)
{
	pages = (struct block){.memory = memory, .address = address, .size = size};
}

void *dma_pointer(uint64_t address)
{
	void *pointer = host_dma_pointer(address, 1);

	if (!pointer)
		host_abort("dma_pointer of 0x%llx, where no memory is",
			   (unsigned long long)address);
	return pointer;
}

void *host_dma_pointer(uint64_t address, uint64_t length)
{
	uintptr_t image = (uintptr_t)__executable_start, image_size = (uintptr_t)_end - image;

	for (struct block *block = blocks; block; block = block->next)
		if (address >= block->address && address - block->address <= block->size &&
		    length <= block->size - (address - block->address))
			return block->memory + (address - block->address);
	if (pages.memory && address >= pages.address && address - pages.address < pages.size &&
	    length <= pages.size - (address - pages.address))
		return pages.memory + (address - pages.address);
	if (address >= IMAGE_START && address - IMAGE_START < image_size &&
	    length <= image_size - (address - IMAGE_START))
		return (void *)(image + (uintptr_t)(address - IMAGE_START));
	return NULL;
}

size_t host_dma_blocks(void)
{
	size_t count = 0;

	for (struct block *block = blocks; block; block = block->next)
		count++;
	return count;
}

void host_dma_fail_after(int count)
{
	allocations_left = count;
}
