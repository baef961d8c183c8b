/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stack's memory: packets, connections, everything that lwIP allocates.
 *
 * A packet is given to the device where it lies, so all of this is DMA memory. Blocks come in size
 * classes, each with its list of free blocks, refilled from pages that are never given back; large
 * blocks are allocated from DMA memory one by one. Allocation and release take a constant time, and
 * the total is bounded by net.memory=.
 */
#ifndef NET_LWIP_MEMORY_H
#define NET_LWIP_MEMORY_H

#include "lwip/memp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct network_memory {
	uint64_t limit;	   /* bytes that may be taken from DMA memory */
	uint64_t reserved; /* bytes that are */
	uint64_t used;	   /* bytes of blocks that are allocated now, with their headers */
	uint64_t used_most;
	uint64_t failures; /* allocations that found nothing */
};

/*
 * Sets the bound from net.memory= or from `memory_size`, the machine's memory, and what of that is free now; bytes.
 * Once, first.
 */
void network_memory_init(uint64_t memory_size, uint64_t memory_free);

/*
 * What lwIP's timeouts.c has for memp_malloc() and memp_free(): a timer that fired can always be set again. Under the core
 * lock. `type` is MEMP_SYS_TIMEOUT.
 */
void *network_timer_alloc(memp_t type);
void network_timer_free(memp_t type, void *memory);

/* What each TCP window gets on top of its least, so that all sockets together fit. */
extern uint32_t network_window_more;

/* As malloc(), calloc() and free(), aligned to 16 bytes. Thread context, any CPU. */
void *network_memory_alloc(size_t size);
void *network_memory_zalloc(size_t count, size_t size);
void network_memory_free(void *memory);

/* True when three quarters are used: what can be done without memory should be. Context: any. */
bool network_memory_low(void);

/* How many packets of one connection may be kept while one before them is missing. Context: any. */
uint16_t network_early_packets(void);

void network_memory_state(struct network_memory *state);

#endif
