/* SPDX-License-Identifier: BSD-2-Clause */
/* The split ring, raw (virtio 1.4, 2.7): see ring.h. */
#include "tests/conformance/core/layouts.h"
#include "tests/conformance/core/memory.h"
#include "tests/conformance/core/registers.h"
#include "tests/conformance/core/run.h"

#include <string.h>

#define LEGACY_PAGE 4096u
#define NOTED 4

size_t split_descriptors_size(unsigned int size)
{
	return sizeof(struct split_descriptor) * size;
}

size_t split_avail_size(unsigned int size)
{
	return 6 + 2 * (size_t)size;
}

size_t split_used_size(unsigned int size)
{
	return 6 + sizeof(struct split_used_element) * size;
}

void split_ring_create(struct conformance_target *t, struct ring *ring)
{
	size_t descriptors = split_descriptors_size(ring->size),
	       avail = split_avail_size(ring->size);
	void *used;

	ring->next = run_allocate(t, ring->size * sizeof(uint16_t));
	if (is_legacy(t)) {
		/* 2.7.2: one area of pages, the used ring at the next page. */
		size_t read = (descriptors + avail + LEGACY_PAGE - 1) & ~(size_t)(LEGACY_PAGE - 1);
		void *area;

		lend_pair(t, read, split_used_size(ring->size), LEGACY_PAGE, &area, &used);
		ring->descriptors = area;
		ring->avail = (uint16_t *)(void *)((uint8_t *)area + descriptors);
		memset(area, 0, descriptors + avail);
		seal(t, area);
	} else {
		ring->descriptors = lend(t, descriptors, 16, LOAN_READ);
		ring->avail = lend(t, avail, 0, LOAN_READ);
		used = lend(t, split_used_size(ring->size), 0, LOAN_WRITE);
		memset(ring->descriptors, 0, descriptors);
		memset(ring->avail, 0, avail);
		seal(t, ring->descriptors);
		seal(t, ring->avail);
	}
	memset(used, 0, split_used_size(ring->size));
	ring->used = used;
}

void split_descriptor_write(struct conformance_target *t, struct ring *ring, unsigned int index,
			    uint64_t address, uint32_t length, uint16_t flags, uint16_t next)
{
	struct split_descriptor *descriptor = &ring->descriptors[index];

	sealed_write(t, &descriptor->address, address, 8);
	sealed_write(t, &descriptor->length, length, 4);
	sealed_write(t, &descriptor->flags, flags, 2);
	sealed_write(t, &descriptor->next, next, 2);
}

void split_flags_write(struct conformance_target *t, struct ring *ring, uint16_t flags)
{
	sealed_write(t, &ring->avail[0], flags, 2);
}

void split_idx_write(struct conformance_target *t, struct ring *ring, uint16_t idx)
{
	ring->avail_idx = ring->avail_pending = idx;
	sealed_write(t, &ring->avail[1], idx, 2);
}

void split_avail_write(struct conformance_target *t, struct ring *ring, uint16_t place,
		       uint16_t head)
{
	sealed_write(t, &ring->avail[2 + place % ring->size], head, 2);
}

void split_used_event_write(struct conformance_target *t, struct ring *ring, uint16_t event)
{
	sealed_write(t, &ring->avail[2 + ring->size], event, 2);
}

uint16_t split_used_flags(const struct ring *ring)
{
	return ring->used[0];
}

uint16_t split_used_idx(const struct ring *ring)
{
	return ring->used[1];
}

struct split_used_element split_used_read(const struct ring *ring, uint16_t place)
{
	const volatile struct split_used_element *elements =
		(const volatile struct split_used_element *)(const volatile void *)(ring->used + 2);

	return (struct split_used_element){.id = elements[place % ring->size].id,
					   .length = elements[place % ring->size].length};
}

uint16_t split_avail_event(const struct ring *ring)
{
	return ring->used[2 + 4 * ring->size];
}

uint16_t split_add(struct conformance_target *t, struct ring *ring, const struct segment *segments,
		   unsigned int out, unsigned int in, bool indirect)
{
	unsigned int count = out + in;
	uint16_t head = ring_allocate(ring), current = head;

	if (indirect) {
		struct split_descriptor *table =
			lend(t, split_descriptors_size(count), 0, LOAN_READ);

		for (unsigned int i = 0; i < count; i++)
			table[i] = (struct split_descriptor){
				.address = lent_address(t, segments[i].data),
				.length = segments[i].length,
				.flags = (i + 1 < count ? DESCRIPTOR_NEXT : 0) |
					 (i >= out ? DESCRIPTOR_WRITE : 0),
				.next = (uint16_t)(i + 1 < count ? i + 1 : 0)};
		seal(t, table);
		split_descriptor_write(t, ring, head, lent_address(t, table),
				       (uint32_t)split_descriptors_size(count), DESCRIPTOR_INDIRECT,
				       0);
	} else {
		for (unsigned int i = 0; i < count; i++) {
			bool more = i + 1 < count;
			uint16_t next = more ? ring_allocate(ring) : 0;

			split_descriptor_write(t, ring, current, lent_address(t, segments[i].data),
					       segments[i].length,
					       (more ? DESCRIPTOR_NEXT : 0) |
						       (i >= out ? DESCRIPTOR_WRITE : 0),
					       next);
			ring->next[current] = next;
			current = next;
		}
	}
	split_avail_write(t, ring, ring->avail_pending++, head);
	return head;
}

bool split_wants_notification(const struct ring *ring)
{
	uint16_t shown = ring->avail_idx, added = (uint16_t)(ring->shown - ring->told);

	if (!ring->event_idx)
		return !(split_used_flags(ring) & 1);
	/* 2.7.10 */
	return (uint16_t)(shown - split_avail_event(ring) - 1) < added;
}

bool split_peek(const struct ring *ring, struct used *used)
{
	struct split_used_element element;

	if (split_used_idx(ring) == ring->used_seen)
		return false;
	element = split_used_read(ring, ring->used_seen);
	used->id = element.id;
	used->length = element.length;
	return true;
}

void split_release(struct ring *ring, uint16_t head)
{
	uint16_t descriptor = head;

	for (unsigned int i = 0; i < ring->counts[head]; i++) {
		uint16_t next = ring->next[descriptor];

		ring_release(ring, descriptor);
		descriptor = next;
	}
	ring->used_seen++;
}

void split_note(struct conformance_target *t, struct ring *ring)
{
	note(t,
	     "avail: flags %u, idx %u, used_event %u; used: flags %u, idx %u, avail_event %u; taken %u",
	     ring->avail[0], ring->avail[1], ring->avail[2 + ring->size], split_used_flags(ring),
	     split_used_idx(ring), split_avail_event(ring), ring->used_seen);
	for (uint16_t i = 1; i <= NOTED && i <= ring->avail_idx && i <= ring->size; i++) {
		uint16_t place = (uint16_t)(ring->avail_idx - i),
			 head = ring->avail[2 + place % ring->size];
		const struct split_descriptor *descriptor = &ring->descriptors[head % ring->size];

		note(t, "avail[%u]: head %u: address 0x%llx, length %u, flags 0x%x, next %u",
		     place % ring->size, head, (unsigned long long)descriptor->address,
		     descriptor->length, descriptor->flags, descriptor->next);
	}
	for (uint16_t i = 1; i <= NOTED && i <= split_used_idx(ring) && i <= ring->size; i++) {
		uint16_t place = (uint16_t)(split_used_idx(ring) - i);
		struct split_used_element element = split_used_read(ring, place);

		note(t, "used[%u]: id %u, length %u", place % ring->size, element.id,
		     element.length);
	}
}
