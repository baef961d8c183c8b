/* SPDX-License-Identifier: BSD-2-Clause */
/* Receive buffers that are all alike; see buffers.h. */
#include "drivers/net/buffers.h"

#include "kernel/memory/budget.h"
#include "kernel/memory/dma.h"
#include "kernel/memory/pages.h"
#include "kernel/options/options.h"
#include "kernel/panic.h"

#include <errno.h>
#include <stdlib.h>

#define COUNT_MIN 8u
#define COUNT_FAIR_MIN 32u /* for each ring */
#define COUNT_MAX 16384u
#define MEMORY_PART 8u /* of the memory that is free */
#define ASKED_PART 2u  /* of what devices may take: there may be others */

static bool check_number(const char *value)
{
	uint64_t number;

	return option_parse_number(value, &number) && number >= COUNT_MIN && number <= COUNT_MAX;
}

OPTION(net_buffers, "net.buffers", "8..16384", "receive buffers of a network device, 2 KiB each",
       check_number);

unsigned int network_buffers_asked(void)
{
	return (unsigned int)option_number("net.buffers", COUNT_MIN, COUNT_MAX, 0);
}

uint64_t network_buffers_fair(uint32_t size)
{
	return pages_available() * PAGE_SIZE / MEMORY_PART / size;
}

unsigned int network_buffers_wanted(unsigned int ring, unsigned int rings)
{
	unsigned int asked = network_buffers_asked();
	uint64_t most = memory_budget() / ASKED_PART / NETWORK_BLOCK;
	uint64_t fair = network_buffers_fair(NETWORK_BLOCK);

	if (fair > (uint64_t)rings * (ring + ring / 2))
		fair = (uint64_t)rings * (ring + ring / 2);
	if (fair < (uint64_t)rings * COUNT_FAIR_MIN)
		fair = (uint64_t)rings * COUNT_FAIR_MIN;
	if (most < fair)
		most = fair;
	if (!asked)
		return (unsigned int)fair;
	return asked < most ? asked : (unsigned int)most;
}

int network_buffers_create(struct network_buffers *buffers, struct network_device *device,
			   unsigned int count, uint64_t limit)
{
	const struct dma_constraints constraints = {.align = 64, .limit = limit};

	*buffers = (struct network_buffers){.device = device};
	buffers->all = calloc(count, sizeof(struct network_buffer *));
	if (!buffers->all)
		return -ENOMEM;
	while (buffers->count < count) {
		struct network_buffer *buffer = dma_alloc(NETWORK_BLOCK, &constraints);

		if (!buffer)
			break;
		buffer->device = device;
		buffer->size = NETWORK_BLOCK;
		buffer->address = dma_address(buffer);
		buffer->next = buffers->spare;
		buffers->spare = buffer;
		buffers->all[buffers->count++] = buffer;
	}
	if (buffers->count >= COUNT_MIN)
		return 0;
	network_buffers_destroy(buffers);
	return -ENOMEM;
}

void network_buffers_destroy(struct network_buffers *buffers)
{
	for (unsigned int i = 0; i < buffers->count; i++)
		dma_free(buffers->all[i], NETWORK_BLOCK);
	free(buffers->all);
	*buffers = (struct network_buffers){.device = buffers->device};
}

struct network_buffer *network_buffers_take(struct network_buffers *buffers)
{
	struct network_buffer *buffer = buffers->spare;

	if (!buffer) {
		if (!__atomic_load_n(&buffers->freed, __ATOMIC_SEQ_CST))
			return NULL;
		buffer = __atomic_exchange_n(&buffers->freed, NULL, __ATOMIC_ACQUIRE);
	}
	buffers->spare = buffer->next;
	buffer->next = NULL;
	buffer->lent = true;
	buffer->data = (uint8_t *)buffer + NETWORK_BLOCK_DATA;
	return buffer;
}

void network_buffers_recycle(struct network_buffers *buffers, struct network_buffer *buffer)
{
	buffer->lent = false;
	buffer->next = buffers->spare;
	buffers->spare = buffer;
}

void network_buffers_starve(struct network_buffers *buffers)
{
	__atomic_store_n(&buffers->starving, true, __ATOMIC_SEQ_CST);
}

void network_buffers_free(struct network_buffers *buffers, struct network_buffer *buffer)
{
	if (!buffer->lent)
		panic("%s: a receive buffer was freed twice", buffers->device->name);
	buffer->lent = false;
	/* Everything is taken at once on the other side, so that a push is enough. */
	buffer->next = __atomic_load_n(&buffers->freed, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&buffers->freed, &buffer->next, buffer, true,
					    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
	if (__atomic_load_n(&buffers->starving, __ATOMIC_SEQ_CST) &&
	    __atomic_exchange_n(&buffers->starving, false, __ATOMIC_SEQ_CST))
		network_notify(buffers->device, buffer->queue, NETWORK_EVENT_RECEIVE);
}

unsigned int network_buffers_idle(const struct network_buffers *buffers)
{
	unsigned int count = 0;

	for (const struct network_buffer *at = buffers->spare; at; at = at->next)
		count++;
	for (const struct network_buffer *at = buffers->freed; at; at = at->next)
		count++;
	return count;
}
