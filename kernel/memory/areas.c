/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stacks and the heap: virtual areas that grow by mapping pages. Neither ever unmaps: other CPUs
 * could still hold the old translation, and nothing here is worth a round of interrupts to all of
 * them.
 */
#include "kernel/memory/memory.h"
#include "kernel/memory/pages.h"
#include "kernel/thread/spinlock.h"
#include "kernel/x86/paging.h"

#include <errno.h>
#include <string.h>

extern char boot_stack_guard[];

#define STACK_CLASSES 16 /* in powers of two of pages */

struct free_stack {
	struct free_stack *next;
};

static struct spinlock lock = SPINLOCK_INIT;
static uint64_t next_stack = STACK_AREA;
static struct free_stack *free_stacks[STACK_CLASSES];
static size_t stacks; /* bytes, of threads and kept for others */

static unsigned int stack_class(size_t size)
{
	unsigned int class = 0;

	while (((size_t)PAGE_SIZE << class) < size)
		class ++;
	return class;
}

/* Maps fresh pages one by one: a stack or a heap need not be contiguous in memory. */
static int map_fresh(uint64_t virtual, size_t pages)
{
	/* What cannot be had must not empty the balloon first. */
	if (pages > pages_available() + pages_lent())
		return -ENOMEM;
	for (size_t i = 0; i < pages; i++) {
		uint64_t page = pages_alloc(1, 0);
		uint64_t at = virtual + i * PAGE_SIZE;

		if (page && paging_map(at, page, 1, PAGE_READ_WRITE, PAGE_CACHED) == 0)
			continue;
		if (page)
			pages_free(page, 1);
		/* Pages mapped so far were never seen by anyone: here they can go back. */
		while (i-- > 0) {
			at = virtual + i * PAGE_SIZE;
			if (paging_translate(at, &page)) {
				paging_unmap(at, 1);
				pages_free(page, 1);
			}
		}
		return -ENOMEM;
	}
	return 0;
}

void *stack_alloc(size_t size)
{
	unsigned int class = stack_class(size);
	size_t pages = (size_t)1 << class;
	struct free_stack *stack;
	uint64_t flags, start;

	if (class >= STACK_CLASSES)
		return NULL;
	flags = spin_lock(&lock);
	stack = free_stacks[class];
	if (stack)
		free_stacks[class] = stack->next;
	start = next_stack;
	/* The guard page first, then the stack; then the next guard page. */
	if (!stack)
		next_stack += (pages + 1) * PAGE_SIZE;
	spin_unlock(&lock, flags);
	if (stack)
		return stack + 1;
	if (map_fresh(start + PAGE_SIZE, pages) < 0)
		return NULL;
	__atomic_fetch_add(&stacks, pages * PAGE_SIZE, __ATOMIC_RELAXED);
	return (void *)(start + (pages + 1) * PAGE_SIZE);
}

size_t stacks_size(void)
{
	return __atomic_load_n(&stacks, __ATOMIC_RELAXED);
}

void stack_free(void *top, size_t size)
{
	struct free_stack *stack = (struct free_stack *)top - 1;
	unsigned int class = stack_class(size);
	uint64_t flags = spin_lock(&lock);

	stack->next = free_stacks[class];
	free_stacks[class] = stack;
	spin_unlock(&lock, flags);
}

bool stack_guard_hit(uint64_t address)
{
	uint64_t physical;

	/* The stack that the machine started on is in the image. */
	if (address - (uint64_t)boot_stack_guard < PAGE_SIZE)
		return true;
	/* In the area everything below next_stack is mapped but the guard pages. */
	return address >= STACK_AREA && address < next_stack &&
	       !paging_translate(address, &physical);
}

/* -- The heap */

static uint64_t heap_end = HEAP_AREA;	 /* as newlib sees it */
static uint64_t heap_mapped = HEAP_AREA; /* page-aligned */

size_t heap_size(void)
{
	return heap_mapped - HEAP_AREA;
}

void *sbrk(ptrdiff_t increment)
{
	uint64_t old = heap_end, needed;

	/* newlib's malloc lock is held. Nothing is given back, see above. */
	if (increment < 0 || (uint64_t)increment > HEAP_AREA_END - old) {
		errno = ENOMEM;
		return (void *)-1;
	}
	needed = (old + (uint64_t)increment + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
	if (needed > heap_mapped) {
		if (map_fresh(heap_mapped, (needed - heap_mapped) / PAGE_SIZE) < 0) {
			errno = ENOMEM;
			return (void *)-1;
		}
		heap_mapped = needed;
	}
	heap_end = old + (uint64_t)increment;
	return (void *)old;
}
