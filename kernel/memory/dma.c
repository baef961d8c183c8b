/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA memory: whole pages from the page allocator, and pieces of pages for what is small. Pieces
 * have the alignment of their size, a power of two, so that none crosses a page.
 */
#include "kernel/memory/dma.h"

#include "kernel/memory/pages.h"
#include "kernel/panic.h"
#include "kernel/thread/spinlock.h"
#include "kernel/x86/paging.h"

#include <string.h>

#define PIECE_SMALLEST 64
#define PIECE_CLASSES 6 /* 64 to 2048 bytes */

struct piece {
	struct piece *next;
};

static struct piece *free_pieces[PIECE_CLASSES];
static struct spinlock lock = SPINLOCK_INIT;

static unsigned int class_of(size_t size)
{
	unsigned int class = 0;

	while (((size_t)PIECE_SMALLEST << class) < size)
		class ++;
	return class;
}

static void *take_piece(unsigned int class)
{
	uint64_t flags = spin_lock(&lock);
	struct piece *piece = free_pieces[class];

	if (piece)
		free_pieces[class] = piece->next;
	spin_unlock(&lock, flags);
	return piece;
}

static void give_piece(void *memory, unsigned int class)
{
	struct piece *piece = memory;
	uint64_t flags = spin_lock(&lock);

	piece->next = free_pieces[class];
	free_pieces[class] = piece;
	spin_unlock(&lock, flags);
}

static void *alloc_piece(size_t size, uint64_t limit, bool clean)
{
	unsigned int class = class_of(size);
	size_t length = (size_t)PIECE_SMALLEST << class;
	void *piece = take_piece(class);

	/*
	 * A piece above a limit is rare enough to be kept for somebody else and get a page of its
	 * own.
	 */
	if (piece && limit && dma_address(piece) + size - 1 > limit) {
		give_piece(piece, class);
		piece = NULL;
	}
	if (!piece) {
		uint64_t page = pages_alloc(1, limit);

		if (!page)
			return NULL;
		piece = direct_map(page);
		for (size_t i = length; i < PAGE_SIZE; i += length)
			give_piece((uint8_t *)piece + i, class);
	}
	if (clean)
		memset(piece, 0, length);
	return piece;
}

static void *alloc(size_t size, const struct dma_constraints *constraints, bool clean)
{
	static const struct dma_constraints none;
	size_t pages = (size + PAGE_SIZE - 1) / PAGE_SIZE;
	uint64_t address;

	if (!constraints)
		constraints = &none;
	if (!size || (constraints->boundary && constraints->boundary < size))
		return NULL;
	if (size <= PAGE_SIZE / 2) {
		/* dma_free() finds the class by the size alone. */
		if (constraints->align > (size_t)PIECE_SMALLEST << class_of(size))
			panic("dma_alloc: %zu bytes aligned to %zu: ask for a multiple of the alignment",
			      size, constraints->align);
		return alloc_piece(size, constraints->limit, clean);
	}
	/*
	 * A block is aligned to its size rounded up to a power of two, so it crosses no larger
	 * boundary.
	 */
	while (pages * PAGE_SIZE < constraints->align)
		pages *= 2;
	address = pages_alloc(pages, constraints->limit);
	if (!address)
		return NULL;
	size = (size + PAGE_SIZE - 1) / PAGE_SIZE;
	if (pages > size)
		pages_free(address + size * PAGE_SIZE, pages - size);
	if (clean)
		memset(direct_map(address), 0, size * PAGE_SIZE);
	return direct_map(address);
}

void *dma_alloc(size_t size, const struct dma_constraints *constraints)
{
	return alloc(size, constraints, true);
}

void *dma_alloc_unclean(size_t size, const struct dma_constraints *constraints)
{
	return alloc(size, constraints, false);
}

void dma_free(void *block, size_t size)
{
	if (!block)
		return;
	if (size > PAGE_SIZE / 2)
		pages_free(dma_address(block), (size + PAGE_SIZE - 1) / PAGE_SIZE);
	else
		give_piece(block, class_of(size));
}

void *dma_pointer(uint64_t address)
{
	return direct_map(address);
}

extern char image_start[], image_end[];
static uint64_t image_physical;

bool dma_reachable(const void *pointer)
{
	uint64_t address = (uint64_t)pointer;

	return (address >= DIRECT_MAP && address < DIRECT_MAP_END) ||
	       (address >= (uint64_t)image_start && address < (uint64_t)image_end);
}

uint64_t dma_address(const void *pointer)
{
	uint64_t address = (uint64_t)pointer;

	if (address >= DIRECT_MAP && address < DIRECT_MAP_END)
		return address - DIRECT_MAP;
	if (address >= (uint64_t)image_start && address < (uint64_t)image_end) {
		if (!image_physical && !paging_translate((uint64_t)image_start, &image_physical))
			image_physical = 0;
		return address - (uint64_t)image_start + image_physical;
	}
	panic("dma_address(%p): not memory that a device can reach", pointer);
}
