/* SPDX-License-Identifier: BSD-2-Clause */
/* The split ring (virtio 1.4, 2.7), the device's side. */
#include "tests/conformance/back_end/faults.h"
#include "tests/conformance/back_end/ring.h"

#include <errno.h>
#include <string.h>

#define NO_INTERRUPT 1u /* avail.flags */
#define NO_NOTIFY 1u	/* used.flags */

static uint16_t load(const uint16_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(uint16_t *word, uint16_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static uint16_t *used_event(const struct ring *ring)
{
	return &ring->avail[2 + ring->size];
}

static uint16_t *avail_event(const struct ring *ring)
{
	return &ring->used[2 + ring->size * sizeof(struct ring_used) / sizeof(uint16_t)];
}

static int split_map(struct ring *ring)
{
	const size_t event = ring->event_idx ? sizeof(uint16_t) : 0;
	struct ring_descriptor *descriptors;

	if (!ring->size || ring->size > RING_SIZE_MAX || ring->size & (ring->size - 1))
		return -EINVAL;
	descriptors = memory_at_user(ring->memory, ring->parts.descriptors,
				     ring->size * sizeof(*descriptors), 16);
	ring->avail =
		memory_at_user(ring->memory, ring->parts.avail, 4 + ring->size * 2 + event, 2);
	ring->used = memory_at_user(ring->memory, ring->parts.used,
				    4 + ring->size * sizeof(struct ring_used) + event, 4);
	if (!descriptors || !ring->avail || !ring->used)
		return -EINVAL;
	ring->descriptors = descriptors;
	return 0;
}

/* Follows a chain through a table; at its end, one indirect table (2.7.5.3.1). */
static int follow(const struct ring *ring, struct chain *chain, uint16_t head)
{
	const uint8_t *table = (const uint8_t *)ring->descriptors;
	unsigned int count = ring->size;
	unsigned int seen = 0;
	unsigned int index = head;
	bool indirect = false;

	for (;;) {
		struct ring_descriptor descriptor;
		int error;

		if (index >= count)
			return ring_malformed(ring, "a descriptor index beyond the table");
		if (seen++ == count) {
			if (fault_is(FAULT_LOOP_ACCEPTED))
				return 1;
			return ring_malformed(ring, "a chain without an end");
		}
		descriptor = ring_read_descriptor(table + index * sizeof(descriptor));
		if (descriptor.split.flags & DESCRIPTOR_INDIRECT) {
			if (!ring->indirect || indirect)
				return ring_malformed(ring,
						      "an indirect descriptor where none may be");
			if (descriptor.split.flags & DESCRIPTOR_NEXT)
				return ring_malformed(ring,
						      "an indirect descriptor with a next one");
			if (descriptor.length == 0 || descriptor.length % sizeof(descriptor))
				return ring_malformed(ring, "an indirect table of an odd size");
			table = memory_at(ring->memory, descriptor.address, descriptor.length);
			if (!table)
				return ring_malformed(ring, "an indirect table outside memory");
			indirect = true;
			count = descriptor.length / sizeof(descriptor);
			seen = 0;
			index = 0;
			continue;
		}
		error = chain_add(ring, chain, &descriptor,
				  descriptor.split.flags & DESCRIPTOR_WRITE);
		if (error)
			return fault_is(FAULT_LOOP_ACCEPTED) && seen > 1 ? 1 : error;
		if (!(descriptor.split.flags & DESCRIPTOR_NEXT))
			return 1;
		index = descriptor.split.next;
	}
}

static int split_next(struct ring *ring, struct chain *chain)
{
	uint16_t pending = (uint16_t)(load(&ring->avail[1]) - ring->avail_next);
	uint16_t head;

	if (pending == 0)
		return 0;
	if (pending > ring->size && !fault_is(FAULT_AVAIL_JUMP))
		return ring_malformed(ring, "avail.idx is more than the queue size ahead");
	head = load(&ring->avail[2 + ring->avail_next % ring->size]);
	ring->avail_next++;
	chain_clear(chain);
	chain->id = head;
	chain->places = 1;
	return follow(ring, chain, head);
}

static void split_complete(struct ring *ring, uint16_t id, unsigned int places, uint32_t written,
			   bool wrote)
{
	const struct ring_used used = {id, written};

	(void)places;
	(void)wrote;
	if (fault_now(FAULT_DESCRIPTORS_REWRITTEN)) {
		memset(&ring->descriptors[id % ring->size], 0xff, sizeof(ring->descriptors[0]));
		ring->avail[2 + (ring->avail_next - 1u) % ring->size] = 0xffff;
	}
	memcpy(&ring->used[2 + ring->used_next % ring->size * (sizeof(used) / sizeof(uint16_t))],
	       &used, sizeof(used));
	ring->used_next++;
	if (fault_is(FAULT_USED_WRAP))
		ring->used_next %= (uint16_t)ring->size;
	if (fault_now(FAULT_USED_JUMP))
		store(&ring->used[1], (uint16_t)(ring->used_next + 1000));
	else if (fault_now(FAULT_USED_BACK))
		store(&ring->used[1], (uint16_t)(ring->used_next - 2));
	else
		store(&ring->used[1], ring->used_next);
}

static bool split_wanted(struct ring *ring, unsigned int fresh)
{
	uint16_t event;

	if (!ring->event_idx)
		return !(load(&ring->avail[0]) & NO_INTERRUPT);
	event = load(used_event(ring));
	if (fault_is(FAULT_EVENT_CACHED)) {
		if (!ring->event_known)
			ring->event = event;
		ring->event_known = true;
		event = ring->event;
	}
	if (fault_is(FAULT_EVENT_LATE))
		event++;
	if (fault_is(FAULT_EVENT_EARLY))
		event--;
	/* The entry with index `event` is one of the last `fresh` (2.7.10.1). */
	return (uint16_t)(ring->used_next - 1 - event) < fresh;
}

static void split_arm(struct ring *ring)
{
	if (fault_is(FAULT_AVAIL_EVENT_STALE) && ring->avail_next)
		return;
	if (ring->event_idx)
		store(avail_event(ring), ring->avail_next);
	else
		store(&ring->used[0],
		      fault_is(FAULT_NO_NOTIFY_STUCK) && ring->avail_next ? NO_NOTIFY : 0);
}

const struct ring_format ring_split = {split_map, split_next, split_complete, split_wanted,
				       split_arm};
