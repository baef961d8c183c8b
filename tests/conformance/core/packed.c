/* SPDX-License-Identifier: BSD-2-Clause */
/* The packed ring, raw (virtio 1.4, 2.8): see ring.h. */
#include "tests/conformance/core/layouts.h"
#include "tests/conformance/core/memory.h"
#include "tests/conformance/core/run.h"

#include <string.h>

#define NOTED 8

void packed_ring_create(struct conformance_target *t, struct ring *ring)
{
	size_t size = sizeof(struct packed_descriptor) * ring->size;
	void *area = lend(t, size, 16, LOAN_WRITE);
	void *device = lend(t, 4, 0, LOAN_WRITE);

	memset(area, 0, size);
	memset(device, 0, 4);
	ring->packed_ring = area;
	ring->device_event = device;
	ring->driver_event = lend(t, 4, 0, LOAN_READ);
	memset(ring->driver_event, 0, 4);
	seal(t, ring->driver_event);
	ring->avail_wrap = ring->used_wrap = true;
}

uint16_t packed_avail_flags(bool wrap)
{
	return wrap ? DESCRIPTOR_AVAIL : DESCRIPTOR_USED;
}

static void descriptor_body(struct ring *ring, unsigned int place, uint64_t address,
			    uint32_t length, uint16_t id)
{
	volatile struct packed_descriptor *descriptor = &ring->packed_ring[place];

	descriptor->address = address;
	descriptor->length = length;
	descriptor->id = id;
}

void packed_descriptor_write(struct conformance_target *t, struct ring *ring, unsigned int place,
			     uint64_t address, uint32_t length, uint16_t id, uint16_t flags)
{
	descriptor_body(ring, place, address, length, id);
	target_barrier(t);
	ring->packed_ring[place].flags = flags;
}

struct packed_descriptor packed_descriptor_read(const struct ring *ring, unsigned int place)
{
	const volatile struct packed_descriptor *descriptor = &ring->packed_ring[place];

	return (struct packed_descriptor){.address = descriptor->address,
					  .length = descriptor->length,
					  .id = descriptor->id,
					  .flags = descriptor->flags};
}

void packed_driver_event_write(struct conformance_target *t, struct ring *ring, uint16_t off_wrap,
			       uint16_t flags)
{
	/* The flags make it valid: off while the place changes. */
	sealed_write(t, &ring->driver_event[1], 1, 2);
	target_barrier(t);
	sealed_write(t, &ring->driver_event[0], off_wrap, 2);
	target_barrier(t);
	sealed_write(t, &ring->driver_event[1], flags, 2);
}

/* Writes the entry at next_avail and moves on. The first one that is not shown keeps its flags back. */
static void append(struct conformance_target *t, struct ring *ring, uint64_t address,
		   uint32_t length, uint16_t id, uint16_t flags)
{
	flags |= packed_avail_flags(ring->avail_wrap);
	if (ring->hidden) {
		packed_descriptor_write(t, ring, ring->next_avail, address, length, id, flags);
	} else {
		descriptor_body(ring, ring->next_avail, address, length, id);
		ring->hidden = true;
		ring->first_hidden = ring->next_avail;
		ring->hidden_flags = flags;
	}
	if (++ring->next_avail == ring->size) {
		ring->next_avail = 0;
		ring->avail_wrap = !ring->avail_wrap;
	}
}

uint16_t packed_add(struct conformance_target *t, struct ring *ring, const struct segment *segments,
		    unsigned int out, unsigned int in, bool indirect)
{
	unsigned int count = out + in;
	uint16_t id = ring_allocate(ring);

	if (indirect) {
		struct packed_descriptor *table = lend(t, sizeof(*table) * count, 0, LOAN_READ);

		/* 2.8.7: only WRITE counts in the table. */
		for (unsigned int i = 0; i < count; i++)
			table[i] = (struct packed_descriptor){
				.address = lent_address(t, segments[i].data),
				.length = segments[i].length,
				.flags = i >= out ? DESCRIPTOR_WRITE : 0};
		seal(t, table);
		append(t, ring, lent_address(t, table), (uint32_t)(sizeof(*table) * count), id,
		       DESCRIPTOR_INDIRECT);
		return id;
	}
	for (unsigned int i = 0; i < count; i++)
		append(t, ring, lent_address(t, segments[i].data), segments[i].length, id,
		       (i + 1 < count ? DESCRIPTOR_NEXT : 0) | (i >= out ? DESCRIPTOR_WRITE : 0));
	return id;
}

void packed_publish(struct conformance_target *t, struct ring *ring)
{
	target_barrier(t);
	if (ring->hidden)
		ring->packed_ring[ring->first_hidden].flags = ring->hidden_flags;
	ring->hidden = false;
}

bool packed_wants_notification(const struct ring *ring)
{
	uint16_t flags = ring->device_event[1], off_wrap = ring->device_event[0];
	unsigned int event = off_wrap & 0x7fff, distance;

	if ((flags & 3) != 2 || !ring->event_idx)
		return (flags & 3) != 1;
	/* 2.8.10: whether the event's entry is among those that became available since the last decision. */
	distance = ring->next_avail + (ring->avail_wrap != off_wrap >> 15 ? ring->size : 0) - event;
	return distance >= 1 && distance <= ring->fresh;
}

bool packed_peek(const struct ring *ring, struct used *used)
{
	struct packed_descriptor descriptor = {.flags = ring->packed_ring[ring->next_used].flags};

	if (!!(descriptor.flags & DESCRIPTOR_AVAIL) != ring->used_wrap ||
	    !!(descriptor.flags & DESCRIPTOR_USED) != ring->used_wrap)
		return false;
	descriptor = packed_descriptor_read(ring, ring->next_used);
	used->id = descriptor.id;
	used->length = descriptor.length;
	return true;
}

void packed_release(struct ring *ring, uint16_t id)
{
	ring_release(ring, id);
	ring->next_used = (uint16_t)(ring->next_used + ring->counts[id]);
	if (ring->next_used >= ring->size) {
		ring->next_used = (uint16_t)(ring->next_used - ring->size);
		ring->used_wrap = !ring->used_wrap;
	}
}

void packed_note(struct conformance_target *t, struct ring *ring)
{
	note(t,
	     "next: avail %u wrap %u, used %u wrap %u; driver event 0x%04x 0x%x, device event 0x%04x 0x%x",
	     ring->next_avail, ring->avail_wrap, ring->next_used, ring->used_wrap,
	     ring->driver_event[0], ring->driver_event[1], ring->device_event[0],
	     ring->device_event[1]);
	for (unsigned int i = 0; i < NOTED && i < ring->size; i++) {
		unsigned int place = (ring->next_used + i) % ring->size;
		struct packed_descriptor descriptor = packed_descriptor_read(ring, place);

		note(t, "entry %u: address 0x%llx, length %u, id %u, flags 0x%04x", place,
		     (unsigned long long)descriptor.address, descriptor.length, descriptor.id,
		     descriptor.flags);
	}
}
