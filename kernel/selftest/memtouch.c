/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command `memtouch`: takes memory, writes to all of it, checks it, gives it back. For tests of
 * what shares memory with the host.
 */
#include "kernel/memory/dma.h"
#include "kernel/memory/pages.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "kernel/thread/thread.h"

#include <inttypes.h>
#include <string.h>

#define BLOCK_PAGES ((size_t)512)
#define BLOCK_BYTES (BLOCK_PAGES * PAGE_SIZE)
#define MIB_PER_BLOCK (BLOCK_BYTES >> 20)

/* A list in the blocks themselves. */
struct block {
	struct block *next;
	uint64_t number;
	uint64_t words[];
};

#define BLOCK_WORDS ((BLOCK_BYTES - sizeof(struct block)) / sizeof(uint64_t))

/* Odd, so that no two words of a block are the same, and different for each block. */
static uint64_t word_at(uint64_t number, size_t word)
{
	return (number << 32 | word) * 0x9e3779b97f4a7c15;
}

static void fill(struct block *block)
{
	for (size_t i = 0; i < BLOCK_WORDS; i++)
		block->words[i] = word_at(block->number, i);
}

static bool is_right(const struct block *block)
{
	for (size_t i = 0; i < BLOCK_WORDS; i++)
		if (block->words[i] != word_at(block->number, i))
			return false;
	return true;
}

static enum command_result command_memtouch(int argc, char **argv)
{
	uint64_t mib, seconds = 0, count = 0, bad = 0;
	struct block *all = NULL;

	if (argc < 2 || argc > 3 || !option_parse_number(argv[1], &mib) ||
	    (argc == 3 && (!option_parse_number(argv[2], &seconds) || seconds > 3600)))
		return COMMAND_USAGE;
	while (count * MIB_PER_BLOCK < mib && !command_interrupted()) {
		uint64_t address = pages_alloc(BLOCK_PAGES, 0);
		struct block *block = dma_pointer(address);

		if (!address)
			break;
		block->next = all;
		block->number = count++;
		all = block;
		fill(block);
	}
	for (uint64_t i = 0; i < seconds && !command_interrupted(); i++)
		thread_sleep(NANOSECONDS_PER_SECOND);
	while (all) {
		struct block *next = all->next;

		bad += !is_right(all);
		pages_free(dma_address(all), BLOCK_PAGES);
		all = next;
		thread_yield();
	}
	command_print("%" PRIu64 " MiB written and read, %" PRIu64 " blocks of 2 MiB wrong\n",
		      count * MIB_PER_BLOCK, bad);
	return bad || count * MIB_PER_BLOCK < mib ? COMMAND_FAILED : COMMAND_OK;
}
COMMAND(memtouch, "memtouch MIB [SECONDS]", "write and check so much memory, hold it so long",
	command_memtouch);
