/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that devices read and write.
 *
 * DMA memory is ordinary cached memory, physically contiguous, zeroed, and mapped for as long as it
 * is allocated (in the direct map, so that address arithmetic inside one block is valid on both
 * sides). x86 keeps it coherent; the order of accesses is the caller's business (kernel/x86/io.h).
 */
#ifndef KERNEL_MEMORY_DMA_H
#define KERNEL_MEMORY_DMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dma_constraints {
	size_t align;	   /* power of two, at most `size` rounded up to one; 0: 16 bytes */
	uint64_t boundary; /* power of two that the block must not cross; 0: none */
	uint64_t limit;	   /* the highest address that the block may contain; 0: none */
};

/*
 * Allocates `size` bytes (constraints may be NULL). The caller owns the block until
 * dma_free(block, size) with the same size. NULL when there is no such memory, and dma_free() takes
 * that too. Thread context.
 */
void *dma_alloc(size_t size, const struct dma_constraints *constraints);
/* The same, but for what stands in it: anything. For large buffers that are written before they are read. */
void *dma_alloc_unclean(size_t size, const struct dma_constraints *constraints);
void dma_free(void *block, size_t size);

/*
 * The address by which a device sees `pointer`, which must lie in DMA memory or in the image's
 * data, but for that of its cold parts; these, a stack or heap pointer is a bug of the caller and panics. Context: any.
 */
uint64_t dma_address(const void *pointer);

/*
 * The memory that a device sees at `address`: for who has pages of the page allocator. Context: any.
 */
void *dma_pointer(uint64_t address);

/* Whether it lies there, so that dma_address() may be asked. Context: any. */
bool dma_reachable(const void *pointer);

#endif
