/* SPDX-License-Identifier: BSD-2-Clause */
/* Rings and device, put together. */
#include "tests/conformance/back_end/back_end.h"

#include "tests/conformance/back_end/faults.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void back_end_open(struct back_end *back_end, struct device *device, int socket)
{
	memset(back_end, 0, sizeof(*back_end));
	back_end->device = device;
	back_end->socket = socket;
	back_end->requests = -1;
	for (unsigned int i = 0; i < QUEUES_MAX; i++)
		ring_initialise(&back_end->rings[i], i, &back_end->memory);
}

void back_end_close(struct back_end *back_end)
{
	for (unsigned int i = 0; i < QUEUES_MAX; i++)
		ring_clear(&back_end->rings[i]);
	memory_clear(&back_end->memory);
	if (back_end->requests >= 0)
		close(back_end->requests);
	close(back_end->socket);
	back_end->socket = -1;
	back_end->requests = -1;
}

void back_end_set_features(struct back_end *back_end, uint64_t features)
{
	back_end->features = features;
	for (unsigned int i = 0; i < QUEUES_MAX; i++) {
		struct ring *ring = &back_end->rings[i];

		ring->indirect = features >> RING_F_INDIRECT & 1;
		ring->event_idx = features >> RING_F_EVENT_IDX & 1;
		ring->packed = features >> RING_F_PACKED & 1;
		/* Sizes of its parts may be other ones now. */
		ring->descriptors = NULL;
	}
}

void back_end_memory_changed(struct back_end *back_end)
{
	for (unsigned int i = 0; i < QUEUES_MAX; i++) {
		struct ring *ring = &back_end->rings[i];

		if (ring->descriptors && ring_map(ring))
			ring_malformed(ring, "is not in memory any more");
	}
	/* The segments of the last chain pointed into the old memory. */
	back_end->chain.out = back_end->chain.in = 0;
}

/* FAULT_WRITE_BEYOND: the guest's byte after the last that was lent. */
static void write_beyond(struct back_end *back_end, const struct chain *chain)
{
	uint8_t *byte = memory_at(&back_end->memory, chain->in_end, 1);

	if (byte)
		*byte = 0xe7;
}

void back_end_run(struct back_end *back_end, unsigned int queue)
{
	struct ring *ring = &back_end->rings[queue];
	struct chain *chain = &back_end->chain;
	const struct device_operations *operations = back_end->device->operations;
	bool again = true;

	if (!ring->kicked || !ring->enabled || operations->waits(back_end->device, queue))
		return;
	back_end->chain_queue = queue;
	for (unsigned int left = ring->size; left; left--) {
		int64_t written;

		if (ring_next(ring, chain) <= 0) {
			if (!again)
				return;
			/* Once more after the driver can know that we sleep. */
			again = false;
			ring_signal(ring);
			if (ring->broken || !ring->descriptors)
				return;
			ring_arm(ring);
			left++;
			continue;
		}
		again = true;
		written = operations->execute(back_end->device, back_end, chain);
		if (written < 0) {
			ring->broken = true;
			ring_malformed(ring, "a chain that is no request");
			break;
		}
		if (fault_is(FAULT_WRITE_BEYOND))
			write_beyond(back_end, chain);
		ring_complete(ring, chain, (uint32_t)written);
	}
	ring_signal(ring);
	/* Others have their turn; the rest of this ring comes as if it was kicked now. */
	if (!ring->broken) {
		uint64_t one = 1;

		if (ring->kick >= 0 && write(ring->kick, &one, sizeof(one)) < 0)
			ring_malformed(ring, "cannot be kicked by us");
	}
}

void back_end_kicked(struct back_end *back_end, unsigned int queue)
{
	struct ring *ring = &back_end->rings[queue];
	uint64_t count;

	if (read(ring->kick, &count, sizeof(count)) < 0 && errno != EAGAIN) {
		ring_malformed(ring, "its kick cannot be read");
		close(ring->kick);
		ring->kick = -1;
		return;
	}
	ring->kicked = true;
	if (fault_is(FAULT_KICK_LOST) && ++ring->kicks % 8 == 0)
		return;
	back_end_run(back_end, queue);
}

void back_end_stop_ring(struct back_end *back_end, unsigned int queue)
{
	ring_stop(&back_end->rings[queue]);
}

void back_end_write_late(struct back_end *back_end, unsigned int queue)
{
	const struct chain *chain = &back_end->chain;

	if (back_end->chain_queue != queue || !chain->in)
		return;
	/* While the guest reads a status of 0, and for some milliseconds then: something else each time. */
	for (unsigned int turn = 0; turn < 10; turn++) {
		usleep(1000);
		for (unsigned int i = 0; i < chain->in; i++) {
			const struct iovec *segment = &chain->segments[chain->out + i];

			memset(segment->iov_base, 0xe0 + (int)turn, segment->iov_len);
		}
	}
}
