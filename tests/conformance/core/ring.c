/* SPDX-License-Identifier: BSD-2-Clause */
/* What both layouts share, and the choice between them: see ring.h. */
#include "tests/conformance/core/ring.h"

#include "tests/conformance/core/layouts.h"
#include "tests/conformance/core/registers.h"
#include "tests/conformance/core/run.h"
#include "tests/conformance/core/session.h"

#include <string.h>

struct ring *ring_create(struct conformance_target *t, unsigned int index, unsigned int size,
			 uint64_t features)
{
	struct ring *ring = run_allocate(t, sizeof(*ring));

	ring->index = index;
	ring->size = size;
	ring->packed = features >> F_RING_PACKED & 1;
	ring->event_idx = features >> F_EVENT_IDX & 1;
	ring->indirect = features >> F_INDIRECT_DESC & 1;
	ring->in_order = features >> F_IN_ORDER & 1;
	ring->notification_data = features >> F_NOTIFICATION_DATA & 1;
	ring->free = run_allocate(t, size * sizeof(uint16_t));
	ring->counts = run_allocate(t, size * sizeof(uint16_t));
	ring->order = run_allocate(t, size * sizeof(uint16_t));
	for (unsigned int i = 0; i < size; i++)
		ring->free[i] = (uint16_t)i;
	ring->free_count = ring->room = size;
	if (ring->packed)
		packed_ring_create(t, ring);
	else
		split_ring_create(t, ring);
	ring_interrupts_off(t, ring);
	return ring;
}

uint16_t ring_allocate(struct ring *ring)
{
	uint16_t number = ring->free[ring->free_first];

	ring->free_first = (ring->free_first + 1) % ring->size;
	ring->free_count--;
	return number;
}

void ring_release(struct ring *ring, uint16_t number)
{
	ring->free[(ring->free_first + ring->free_count++) % ring->size] = number;
}

static uint16_t add(struct conformance_target *t, struct ring *ring, const struct segment *segments,
		    unsigned int out, unsigned int in, bool indirect)
{
	unsigned int count = out + in, needed = indirect ? 1 : count;
	uint16_t id;

	if (!count || count > RING_CHAIN_MAX || needed > ring->room || !ring->free_count)
		fail(t, "(the suite itself) the chain fits into the ring",
		     "%u descriptors, room for %u", needed, ring->room);
	id = ring->packed ? packed_add(t, ring, segments, out, in, indirect)
			  : split_add(t, ring, segments, out, in, indirect);
	ring->counts[id] = (uint16_t)needed;
	ring->room -= needed;
	ring->fresh += needed;
	ring->order[(ring->order_first + ring->order_count++) % ring->size] = id;
	ring->added++;
	return id;
}

uint16_t ring_add(struct conformance_target *t, struct ring *ring, const struct segment *segments,
		  unsigned int out, unsigned int in)
{
	return add(t, ring, segments, out, in, false);
}

uint16_t ring_add_indirect(struct conformance_target *t, struct ring *ring,
			   const struct segment *segments, unsigned int out, unsigned int in)
{
	return add(t, ring, segments, out, in, true);
}

void ring_publish(struct conformance_target *t, struct ring *ring)
{
	target_barrier(t);
	if (ring->packed)
		packed_publish(t, ring);
	else
		split_idx_write(t, ring, ring->avail_pending);
	ring->shown = ring->added;
	target_barrier(t);
}

void ring_notify(struct conformance_target *t, struct ring *ring)
{
	uint32_t value = ring->index;

	if (ring->notification_data)
		value |= ring->packed ? (uint32_t)(ring->next_avail | ring->avail_wrap << 15) << 16
				      : (uint32_t)ring->avail_idx << 16;
	notify(t, ring->index, value);
}

bool ring_wants_notification(struct conformance_target *t, struct ring *ring)
{
	bool wants;

	target_barrier(t);
	wants = ring->shown != ring->told &&
		(ring->packed ? packed_wants_notification(ring) : split_wants_notification(ring));
	ring->told = ring->shown;
	ring->fresh = 0;
	return wants;
}

void ring_kick(struct conformance_target *t, struct ring *ring)
{
	ring_publish(t, ring);
	if (ring_wants_notification(t, ring))
		ring_notify(t, ring);
}

/* Drops the oldest id of those in flight, which is `id` in the end: only a batch takes several. */
static void forget(struct ring *ring, uint16_t id)
{
	unsigned int i = 0;

	while (ring->order[(ring->order_first + i) % ring->size] != id)
		i++;
	/* Without IN_ORDER it may be any: close the gap. */
	for (; i; i--)
		ring->order[(ring->order_first + i) % ring->size] =
			ring->order[(ring->order_first + i - 1) % ring->size];
	ring->order_first = (ring->order_first + 1) % ring->size;
	ring->order_count--;
}

bool ring_take(struct conformance_target *t, struct ring *ring, struct used *used)
{
	target_barrier(t);
	if (!ring->in_batch) {
		if (!(ring->packed ? packed_peek(ring, used) : split_peek(ring, used)))
			return false;
		if (used->id >= ring->size || !ring->counts[used->id])
			fail(t, "the used entry has the id of a buffer in flight",
			     "queue %u: id %u of %u", ring->index, used->id, ring->size);
		if (ring->in_order && ring->order[ring->order_first] != used->id) {
			ring->in_batch = true;
			ring->batch = *used;
		}
	}
	if (ring->in_batch) {
		used->id = ring->order[ring->order_first];
		used->length = ring->batch.length;
		ring->in_batch = used->id != ring->batch.id;
	}
	forget(ring, (uint16_t)used->id);
	ring->room += ring->counts[used->id];
	if (ring->packed)
		packed_release(ring, (uint16_t)used->id);
	else
		split_release(ring, (uint16_t)used->id);
	ring->counts[used->id] = 0;
	ring->completed++;
	return true;
}

struct taken {
	struct ring *ring;
	struct used used;
};

static bool one_taken(struct conformance_target *t, void *context)
{
	struct taken *taken = context;

	return ring_take(t, taken->ring, &taken->used);
}

struct used ring_wait(struct conformance_target *t, struct ring *ring)
{
	struct taken taken = {.ring = ring};

	if (!wait_for(t, one_taken, &taken)) {
		ring_note(t, ring);
		fail(t, "the device uses the buffer", "queue %u: nothing within %u ms", ring->index,
		     t->run->timeout);
	}
	return taken.used;
}

unsigned int ring_pending(struct conformance_target *t, struct ring *ring)
{
	struct used used;

	target_barrier(t);
	if (ring->packed)
		return packed_peek(ring, &used);
	return (uint16_t)(split_used_idx(ring) - ring->used_seen);
}

void ring_interrupts_off(struct conformance_target *t, struct ring *ring)
{
	if (ring->packed)
		packed_driver_event_write(t, ring, 0, 1);
	else if (ring->event_idx)
		split_used_event_write(t, ring, (uint16_t)(ring->used_seen + 0x8000));
	else
		split_flags_write(t, ring, 1);
}

void ring_interrupts_on(struct conformance_target *t, struct ring *ring)
{
	if (ring->packed)
		packed_driver_event_write(t, ring, 0, 0);
	else if (ring->event_idx)
		split_used_event_write(t, ring, ring->used_seen);
	else
		split_flags_write(t, ring, 0);
	target_barrier(t);
}

void ring_interrupts_after(struct conformance_target *t, struct ring *ring, unsigned int after)
{
	unsigned int place = ring->next_used + after;
	bool wrap = ring->used_wrap ^ (place / ring->size & 1);

	if (!ring->event_idx)
		fail(t, "(the suite itself) EVENT_IDX was negotiated", "queue %u", ring->index);
	if (ring->packed)
		packed_driver_event_write(t, ring, (uint16_t)(place % ring->size | wrap << 15), 2);
	else
		split_used_event_write(t, ring, (uint16_t)(ring->used_seen + after));
	target_barrier(t);
}

void ring_note(struct conformance_target *t, struct ring *ring)
{
	target_barrier(t);
	note(t, "queue %u: %s, size %u, %llu added, %llu completed", ring->index,
	     ring->packed ? "packed" : "split", ring->size, (unsigned long long)ring->added,
	     (unsigned long long)ring->completed);
	if (ring->packed)
		packed_note(t, ring);
	else
		split_note(t, ring);
}
