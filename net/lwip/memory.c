/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/memory.h"

#include "kernel/memory/dma.h"
#include "kernel/options/options.h"
#include "kernel/panic.h"
#include "kernel/thread/spinlock.h"
#include "lwip/timeouts.h"

#include <string.h>

#define CHUNK_SIZE (64u << 10)
#define MINIMUM (512u << 10)
#define MAXIMUM (256u << 20)
#define PLENTY (64u << 20) /* half of what a machine has beyond that */
/* There are 48 sockets; these are their windows (lwipopts.h has the least). */
#define WINDOW_SHARE 64
#define WINDOW_LEAST (16u << 10)
#define WINDOW_MOST (2048u << 10)
/* Packets of a connection that may wait for one before them: a window of small ones; few when memory is short. */
#define EARLY_LEAST 64
#define EARLY_BYTES 512
#define TIMERS_AT_ONCE 4u
#define MAGIC_USED 0x55c1a55eu
#define MAGIC_FREE 0xf4eec1a5u

static bool check_memory(const char *value)
{
	uint64_t bytes;

	return option_parse_number(value, &bytes) && bytes >= MINIMUM;
}
OPTION(net_memory, "net.memory", "BYTES",
       "most memory that the network stack may use, at least 524288 (default: an eighth of the first 64 MiB, half of the rest, at most half of what is free)",
       check_memory);
_Static_assert(MINIMUM == 524288, "as its help says");

/*
 * Two sizes for each power of two: a frame of 1514 bytes wants the one between. All with the
 * header.
 */
static const uint32_t class_sizes[] = {48,   64,   96,	 128,  192,  256,  384,	 512,  768,
				       1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288};
#define CLASSES (sizeof(class_sizes) / sizeof(class_sizes[0]))
#define CLASS_LARGE CLASSES
#define CLASS_LARGEST 12288u

struct block {
	uint32_t magic;
	uint32_t class;
	union {
		struct block *next; /* while it is free */
		size_t size;	    /* of a large one, with this header */
	};
};
_Static_assert(sizeof(struct block) == 16, "blocks keep their alignment");

static struct spinlock lock = SPINLOCK_INIT;
static struct block *free_blocks[CLASSES];
/*
 * Blocks that were timers, or will be; under the core lock. lwIP gives a timer back before it calls its handler, and cannot
 * go on without one for the next time, so what was a timer never becomes something else. One is left for TCP's, which
 * starts with the first connection.
 */
static struct block *timers;
static struct network_memory state;

uint32_t network_window_more;

void network_memory_init(uint64_t memory_size, uint64_t memory_free)
{
	uint64_t share = memory_size / 8;

	if (memory_size > PLENTY)
		share += (memory_size - PLENTY) / 8 * 3;
	if (share > memory_free / 2)
		share = memory_free / 2;
	if (share < MINIMUM)
		share = MINIMUM;
	if (share > MAXIMUM)
		share = MAXIMUM;
	state.limit = option_number("net.memory", MINIMUM, UINT64_MAX, share);
	share = state.limit / WINDOW_SHARE;
	network_window_more = share < WINDOW_LEAST  ? 0
			      : share > WINDOW_MOST ? WINDOW_MOST - WINDOW_LEAST
						    : (uint32_t)share - WINDOW_LEAST;
}

uint16_t network_early_packets(void)
{
	if (network_memory_low())
		return EARLY_LEAST;
	return (uint16_t)(EARLY_LEAST + (WINDOW_LEAST + network_window_more) / EARLY_BYTES);
}

static unsigned int class_of(size_t size)
{
	unsigned int class = 0;

	while (class_sizes[class] < size)
		class ++;
	return class;
}

/* Takes DMA memory within the limit. The lock is not held: the page allocator has its own. */
static void *reserve(size_t size)
{
	bool allowed;
	void *memory;

	spin_lock_threads(&lock);
	allowed = size <= state.limit && state.reserved <= state.limit - size;
	if (allowed)
		state.reserved += size;
	spin_unlock_threads(&lock);
	if (!allowed)
		return NULL;
	memory = dma_alloc(size, NULL);
	if (!memory) {
		spin_lock_threads(&lock);
		state.reserved -= size;
		spin_unlock_threads(&lock);
	}
	return memory;
}

static void release(void *memory, size_t size)
{
	dma_free(memory, size);
	spin_lock_threads(&lock);
	state.reserved -= size;
	spin_unlock_threads(&lock);
}

static void count(int64_t bytes)
{
	spin_lock_threads(&lock);
	state.used += (uint64_t)bytes;
	if (state.used > state.used_most)
		state.used_most = state.used;
	spin_unlock_threads(&lock);
}

static struct block *take(unsigned int class)
{
	struct block *block;

	spin_lock_threads(&lock);
	block = free_blocks[class];
	if (block) {
		free_blocks[class] = block->next;
		state.used += class_sizes[class];
		if (state.used > state.used_most)
			state.used_most = state.used;
	}
	spin_unlock_threads(&lock);
	return block;
}

static void give(struct block *block, unsigned int class)
{
	spin_lock_threads(&lock);
	block->magic = MAGIC_FREE;
	block->next = free_blocks[class];
	free_blocks[class] = block;
	state.used -= class_sizes[class];
	spin_unlock_threads(&lock);
}

/* Cuts a chunk into blocks of one class. False when the limit is reached. */
static bool refill(unsigned int class)
{
	uint32_t size = class_sizes[class];
	/* Little classes get little: a machine with 16 MiB has no chunks to spare. */
	size_t chunk = size <= 512 ? CHUNK_SIZE / 16 : CHUNK_SIZE;
	uint8_t *memory = reserve(chunk);

	if (!memory)
		return false;
	count((int64_t)(chunk / size * size));
	for (size_t i = 0; i + size <= chunk; i += size)
		give((struct block *)(memory + i), class);
	return true;
}

static void *alloc_large(size_t size)
{
	struct block *block = reserve(size);

	if (!block)
		return NULL;
	block->size = size;
	block->class = CLASS_LARGE;
	block->magic = MAGIC_USED;
	count((int64_t)size);
	return block + 1;
}

static void *alloc(size_t size)
{
	unsigned int class;
	struct block *block;

	if (size > SIZE_MAX - sizeof(*block))
		return NULL;
	size += sizeof(*block);
	if (size > CLASS_LARGEST)
		return alloc_large(size);
	class = class_of(size);
	block = take(class);
	if (!block) {
		/* With nothing left to cut, a larger block that lies about is better than none. */
		bool refilled = refill(class);

		for (; class < CLASSES && !(block = take(class)); class ++)
			if (refilled)
				break;
	}
	if (!block)
		return NULL;
	block->class = class;
	block->magic = MAGIC_USED;
	return block + 1;
}

void *network_memory_alloc(size_t size)
{
	void *memory = alloc(size);

	if (!memory)
		__atomic_fetch_add(&state.failures, 1, __ATOMIC_RELAXED);
	return memory;
}

void *network_memory_zalloc(size_t number, size_t size)
{
	size_t total;
	void *memory = NULL;

	if (!__builtin_mul_overflow(number, size, &total))
		memory = network_memory_alloc(total);
	if (memory)
		memset(memory, 0, total);
	return memory;
}

void network_memory_free(void *memory)
{
	struct block *block = memory;

	if (!memory)
		return;
	block--;
	if (block->magic != MAGIC_USED || block->class > CLASS_LARGE)
		panic("network memory: %p is %s", memory,
		      block->magic == MAGIC_FREE ? "freed twice"
						 : "not a block, or was overwritten");
	if (block->class == CLASS_LARGE) {
		size_t size = block->size;

		block->magic = MAGIC_FREE;
		count(-(int64_t)size);
		release(block, size);
	} else {
		give(block, block->class);
	}
}

void network_timer_free(memp_t type, void *memory)
{
	struct block *block = memory;

	(void)type;
	if (!block)
		return;
	block--;
	block->next = timers;
	timers = block;
}

void *network_timer_alloc(memp_t type)
{
	struct block *block;

	if (!timers || !timers->next)
		for (unsigned int i = 0; i < TIMERS_AT_ONCE; i++)
			network_timer_free(type, network_memory_alloc(sizeof(struct sys_timeo)));
	block = timers;
	if (!block)
		return NULL;
	timers = block->next;
	return block + 1;
}

bool network_memory_low(void)
{
	return __atomic_load_n(&state.used, __ATOMIC_RELAXED) > state.limit / 4 * 3;
}

void network_memory_state(struct network_memory *result)
{
	spin_lock_threads(&lock);
	*result = state;
	spin_unlock_threads(&lock);
}
