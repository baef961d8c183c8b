/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/failing/lost.h"

#include <fcntl.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCKS_MAX (1u << 16)
#define PAGE 4096u
/* In /proc/self/pagemap: the page is in memory, or swapped out. */
#define PAGE_TOUCHED (3ull << 62)

/* Where a function with no large variables saves registers, below its frame pointer. */
#define STACK_BELOW 64u

/* Reads what lies between blocks, and what the sanitizer holds for unused in a frame. */
#define AS_IT_LIES __attribute__((no_sanitize("address", "undefined"), noinline))

/* By the linker; and where the C library found the stack to begin. */
extern const char __data_start[], _end[];
extern const void *__libc_stack_end;

struct block {
	uintptr_t start, end;
	bool reached;
};

/* None of this is among the variables that are scanned. */
struct lost {
	/* Open addressing; a place that was freed keeps what follows it in reach. */
	uintptr_t table[BLOCKS_MAX];
	struct block blocks[BLOCKS_MAX]; /* by address */
	struct block *to_scan[BLOCKS_MAX];
};

static struct lost *lost;
static const uintptr_t freed = 1;
static size_t block_count, to_scan_count;

static size_t place_of(const void *block)
{
	return ((uintptr_t)block >> 4) * 2654435761u % BLOCKS_MAX;
}

void lost_add(const void *block)
{
	size_t place = place_of(block);
	uintptr_t *table;

	if (!lost)
		lost = mmap(NULL, sizeof(*lost), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (lost == MAP_FAILED)
		abort();
	table = lost->table;
	for (size_t i = 0; i < BLOCKS_MAX; i++, place = (place + 1) % BLOCKS_MAX)
		if (table[place] <= freed) {
			table[place] = (uintptr_t)block;
			return;
		}
	abort(); /* more blocks at once than any test has */
}

void lost_remove(const void *block)
{
	size_t place = place_of(block);
	uintptr_t *table = lost ? lost->table : NULL;

	for (size_t i = 0; table && i < BLOCKS_MAX && table[place]; i++) {
		if (table[place] == (uintptr_t)block) {
			table[place] = table[(place + 1) % BLOCKS_MAX] ? freed : 0;
			return;
		}
		place = (place + 1) % BLOCKS_MAX;
	}
}

static int by_address(const void *left, const void *right)
{
	uintptr_t a = ((const struct block *)left)->start, b = ((const struct block *)right)->start;

	return (a > b) - (a < b);
}

static void reach(uintptr_t pointer)
{
	size_t low = 0, high = block_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (lost->blocks[middle].end <= pointer)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == block_count || pointer < lost->blocks[low].start || lost->blocks[low].reached)
		return;
	lost->blocks[low].reached = true;
	lost->to_scan[to_scan_count++] = &lost->blocks[low];
}

AS_IT_LIES static void scan(uintptr_t start, uintptr_t end)
{
	uintptr_t first = lost->blocks[0].start, last = lost->blocks[block_count - 1].end;

	for (const uintptr_t *word = (const uintptr_t *)((start + 7) & ~(uintptr_t)7);
	     (uintptr_t)(word + 1) <= end; word++)
		if (*word >= first && *word < last)
			reach(*word);
}

/* The program's variables, of which most were never touched: these pages are not to come into being. */
static void scan_variables(void)
{
	uintptr_t end = (uintptr_t)_end;
	int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entries[512];
	size_t known = 0, at = 0;

	for (uintptr_t page = (uintptr_t)__data_start & ~(uintptr_t)(PAGE - 1); page < end;
	     page += PAGE) {
		if (at == known) {
			ssize_t got = pread(map, entries, sizeof(entries),
					    (off_t)(page / PAGE * sizeof(entries[0])));

			if (got <= 0)
				abort();
			known = (size_t)got / sizeof(entries[0]);
			at = 0;
		}
		if (entries[at++] & PAGE_TOUCHED)
			scan(page, page + PAGE < end ? page + PAGE : end);
	}
	close(map);
}

bool lost_any(void)
{
	block_count = to_scan_count = 0;
	for (size_t i = 0; lost && i < BLOCKS_MAX; i++) {
		uintptr_t start = lost->table[i];

		if (start > freed)
			lost->blocks[block_count++] = (struct block){
				start, start + malloc_usable_size((void *)start), false};
	}
	if (!block_count)
		return false;
	qsort(lost->blocks, block_count, sizeof(lost->blocks[0]), by_address);

	__builtin_unwind_init(); /* what is in registers goes onto the stack */
	scan((uintptr_t)__builtin_frame_address(0) - STACK_BELOW, (uintptr_t)__libc_stack_end);
	scan_variables();
	while (to_scan_count) {
		const struct block *block = lost->to_scan[--to_scan_count];

		scan(block->start, block->end);
	}
	for (size_t i = 0; i < block_count; i++)
		if (!lost->blocks[i].reached)
			return true;
	return false;
}
