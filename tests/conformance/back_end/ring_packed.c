/* SPDX-License-Identifier: BSD-2-Clause */
/* The packed ring (virtio 1.4, 2.8), the device's side. */
#include "tests/conformance/back_end/faults.h"
#include "tests/conformance/back_end/ring.h"

#include <errno.h>

#define FLAG_AVAIL (1u << 7)
#define FLAG_USED (1u << 15)

/* Of an event suppression structure (2.8.14): word 0 is offset and wrap counter, word 1 flags. */
enum { EVENT_ENABLE = 0, EVENT_DISABLE = 1, EVENT_DESCRIPTOR = 2 };

static uint16_t load(const uint16_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(uint16_t *word, uint16_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static int packed_map(struct ring *ring)
{
	struct ring_descriptor *descriptors;

	if (!ring->size || ring->size > RING_SIZE_MAX)
		return -EINVAL;
	descriptors = memory_at_user(ring->memory, ring->parts.descriptors,
				     ring->size * sizeof(*descriptors), 16);
	ring->avail = memory_at_user(ring->memory, ring->parts.avail, 4, 4);
	ring->used = memory_at_user(ring->memory, ring->parts.used, 4, 4);
	if (!descriptors || !ring->avail || !ring->used || ring->avail_next >= ring->size ||
	    ring->used_next >= ring->size)
		return -EINVAL;
	ring->descriptors = descriptors;
	return 0;
}

static bool is_available(const struct ring *ring)
{
	uint16_t flags = load(&ring->descriptors[ring->avail_next].packed.flags);

	return !!(flags & FLAG_AVAIL) == ring->avail_wrap &&
	       !!(flags & FLAG_USED) != ring->avail_wrap;
}

/* Forward in the ring, and whether the wrap counter changes. */
static bool advance(const struct ring *ring, uint16_t *place, unsigned int count)
{
	unsigned int next = *place + count;

	*place = (uint16_t)(next % ring->size);
	return next / ring->size & 1;
}

/* A table in memory: all of it is the chain, in order (2.8.7). */
static int follow_indirect(const struct ring *ring, struct chain *chain,
			   const struct ring_descriptor *indirect)
{
	const uint8_t *table = memory_at(ring->memory, indirect->address, indirect->length);

	if (!ring->indirect || chain->places)
		return ring_malformed(ring, "an indirect descriptor where none may be");
	if (indirect->packed.flags & DESCRIPTOR_NEXT)
		return ring_malformed(ring, "an indirect descriptor with a next one");
	if (!table || indirect->length % sizeof(*indirect))
		return ring_malformed(ring, "an indirect table of an odd size or outside memory");
	for (uint32_t i = 0; i < indirect->length / sizeof(*indirect); i++) {
		struct ring_descriptor descriptor =
			ring_read_descriptor(table + i * sizeof(descriptor));
		int error;

		if (descriptor.packed.flags & DESCRIPTOR_INDIRECT)
			return ring_malformed(ring, "an indirect descriptor in an indirect table");
		error = chain_add(ring, chain, &descriptor,
				  descriptor.packed.flags & DESCRIPTOR_WRITE);
		if (error)
			return error;
	}
	return 0;
}

static int packed_next(struct ring *ring, struct chain *chain)
{
	uint16_t place = ring->avail_next;

	if (!is_available(ring))
		return 0;
	chain_clear(chain);
	for (;;) {
		struct ring_descriptor descriptor = ring_read_descriptor(&ring->descriptors[place]);
		int error;

		if (descriptor.packed.flags & DESCRIPTOR_INDIRECT)
			error = follow_indirect(ring, chain, &descriptor);
		else
			error = chain_add(ring, chain, &descriptor,
					  descriptor.packed.flags & DESCRIPTOR_WRITE);
		if (error)
			return error;
		chain->id = descriptor.packed.id;
		chain->places++;
		if (!(descriptor.packed.flags & DESCRIPTOR_NEXT))
			break;
		if (chain->places == ring->size) {
			if (fault_is(FAULT_LOOP_ACCEPTED))
				break;
			return ring_malformed(ring, "a chain without an end");
		}
		(void)advance(ring, &place, 1);
	}
	if (advance(ring, &ring->avail_next, chain->places))
		ring->avail_wrap = !ring->avail_wrap;
	return 1;
}

static void packed_complete(struct ring *ring, uint16_t id, unsigned int places, uint32_t written,
			    bool wrote)
{
	struct ring_descriptor *descriptor = &ring->descriptors[ring->used_next];
	unsigned int flags =
		(ring->used_wrap ? FLAG_AVAIL | FLAG_USED : 0) | (wrote ? DESCRIPTOR_WRITE : 0);

	descriptor->packed.id = id;
	descriptor->length = written;
	store(&descriptor->packed.flags, (uint16_t)flags);
	if (advance(ring, &ring->used_next, places) && !fault_is(FAULT_USED_WRAP))
		ring->used_wrap = !ring->used_wrap;
}

static bool packed_wanted(struct ring *ring, unsigned int fresh)
{
	uint16_t mode = load(&ring->avail[1]) & 3;
	uint16_t off_wrap = load(&ring->avail[0]);
	unsigned int event = off_wrap & 0x7fff;
	unsigned int behind;

	if (mode != EVENT_DESCRIPTOR || !ring->event_idx)
		return mode == EVENT_ENABLE;
	if (fault_is(FAULT_EVENT_CACHED)) {
		if (!ring->event_known)
			ring->event = off_wrap;
		ring->event_known = true;
		off_wrap = ring->event;
		event = off_wrap & 0x7fff;
	}
	if (fault_is(FAULT_EVENT_LATE))
		event++;
	/* How many places the next used entry is beyond the event's (2.8.10). */
	behind = ring->used_next + (off_wrap >> 15 != ring->used_wrap ? ring->size : 0) - event - 1;
	if (fault_is(FAULT_EVENT_EARLY) && ring->used_next == event)
		return true;
	return behind < fresh;
}

static void packed_arm(struct ring *ring)
{
	if (fault_is(FAULT_AVAIL_EVENT_STALE) && ring->avail_next)
		return;
	store(&ring->used[0], (uint16_t)(ring->avail_next | (unsigned int)ring->avail_wrap << 15));
	if (fault_is(FAULT_NO_NOTIFY_STUCK) && ring->avail_next)
		store(&ring->used[1], EVENT_DISABLE);
	else
		store(&ring->used[1], ring->event_idx ? EVENT_DESCRIPTOR : EVENT_ENABLE);
}

const struct ring_format ring_packed = {packed_map, packed_next, packed_complete, packed_wanted,
					packed_arm};
