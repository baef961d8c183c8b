/* SPDX-License-Identifier: BSD-2-Clause */
/* See broken.h. */
#include "tests/conformance/core/broken.h"

#include "tests/conformance/core/layouts.h"
#include "tests/conformance/core/memory.h"
#include "tests/conformance/core/request.h"
#include "tests/conformance/core/session.h"
#include "tests/conformance/core/verdict.h"

#define WRITABLE_SIZE 512u
#define READABLE_SIZE 64u
#define FAR_AWAY (1ull << 50)
#define LAST_BYTES (~0ull - 15)
#define CHAIN_MAX 4u

static void judge(struct conformance_target *t, const struct used *used, uint32_t id,
		  uint32_t writable)
{
	if (used->id != id)
		fail(t, "only a buffer that was made available is used", "used.id %u", used->id);
	if (used->length > writable)
		fail(t, "used.len is at most what the device could write", "%u of %u", used->length,
		     writable);
}

void break_and_judge(struct conformance_target *t, struct ring *ring, uint32_t id,
		     uint32_t writable)
{
	struct used used;

	ring_notify(t, ring);
	/* A device that gave up orders nothing after this. */
	quiet(t);
	target_barrier(t);
	if (ring->packed) {
		if (packed_peek(ring, &used))
			judge(t, &used, id, writable);
		return;
	}
	for (uint16_t place = ring->used_seen, i = 0;
	     place != split_used_idx(ring) && i < ring->size; place++, i++) {
		struct split_used_element element = split_used_read(ring, place);

		used = (struct used){.id = element.id, .length = element.length};
		judge(t, &used, id, writable);
	}
}

struct places {
	const void *readable;
	uint32_t readable_length;
	void *writable;
	void *table; /* of either layout: entries have 16 bytes */
	uint32_t table_length;
};

static uint32_t relative(const struct ring *ring, uint32_t value)
{
	return value >= AT_SIZE ? ring->size + (value - AT_SIZE) : value;
}

static struct split_descriptor descriptor_of(struct conformance_target *t, const struct ring *ring,
					     const struct places *places,
					     const struct broken_link *link)
{
	struct split_descriptor descriptor = {.flags = link->flags,
					      .next = (uint16_t)relative(ring, link->next)};

	switch (link->place) {
	case READABLE:
		descriptor.address = lent_address(t, places->readable);
		descriptor.length = places->readable_length;
		break;
	case WRITABLE:
		descriptor.address = lent_address(t, places->writable);
		descriptor.length = WRITABLE_SIZE;
		break;
	case NOWHERE:
		descriptor.address = FAR_AWAY;
		descriptor.length = READABLE_SIZE;
		break;
	case WRAPS:
		descriptor.address = LAST_BYTES;
		descriptor.length = READABLE_SIZE;
		break;
	default:
		if (places->table)
			descriptor.address = lent_address(t, places->table);
		descriptor.length = places->table_length;
	}
	if (link->length)
		descriptor.length = link->length == ZERO ? 0 : link->length;
	return descriptor;
}

/* What the device reads in a good request; types without that get bytes that mean nothing to them. */
static void find_places(struct conformance_target *t, const struct broken_chain *broken,
			struct places *places)
{
	struct request request;

	request_make(t, &request, 0);
	if (request.out) {
		places->readable = request.segments[0].data;
		places->readable_length = request.segments[0].length;
	} else {
		places->readable = lend(t, READABLE_SIZE, 0, LOAN_READ);
		places->readable_length = READABLE_SIZE;
		seal(t, places->readable);
	}
	places->writable = lend(t, WRITABLE_SIZE, 0, LOAN_WRITE);
	places->table_length = (uint32_t)(broken->table_count * sizeof(struct split_descriptor));
	if (broken->table_count)
		places->table = lend(t, places->table_length, 16, LOAN_READ);
}

/* 0 when no link is writable. Several may name the same bytes: no less than that can be said otherwise. */
static uint32_t writable_bytes(const struct ring *ring, const struct broken_chain *broken)
{
	uint32_t bytes = 0;

	for (unsigned int i = 0; i < CHAIN_MAX; i++)
		if (broken->chain[i].flags & DESCRIPTOR_WRITE ||
		    broken->table[i].flags & DESCRIPTOR_WRITE)
			bytes = WRITABLE_SIZE * ring->size;
	return bytes;
}

static void fill_table(struct conformance_target *t, const struct ring *ring, struct places *places,
		       const struct broken_chain *broken)
{
	if (!places->table)
		return;
	for (unsigned int i = 0; i < broken->table_count; i++) {
		struct split_descriptor entry = descriptor_of(t, ring, places, &broken->table[i]);

		if (ring->packed)
			((struct packed_descriptor *)places->table)[i] =
				(struct packed_descriptor){.address = entry.address,
							   .length = entry.length,
							   .flags = entry.flags};
		else
			((struct split_descriptor *)places->table)[i] = entry;
	}
	seal(t, places->table);
}

static void show_split(struct conformance_target *t, struct ring *ring, const struct places *places,
		       const struct broken_chain *broken)
{
	for (unsigned int i = 0; i < (broken->every ? ring->size : broken->count); i++) {
		struct split_descriptor descriptor =
			descriptor_of(t, ring, places, &broken->chain[broken->every ? 0 : i]);

		if (broken->every)
			descriptor.next = (uint16_t)((i + 1) % ring->size);
		split_descriptor_write(t, ring, i, descriptor.address, descriptor.length,
				       descriptor.flags, descriptor.next);
	}
	split_avail_write(t, ring, 0, (uint16_t)relative(ring, broken->head));
	target_barrier(t);
	split_idx_write(t, ring, broken->idx ? broken->idx : 1);
}

/* The head last, so that the device sees the whole list at once. */
static void show_packed(struct conformance_target *t, struct ring *ring,
			const struct places *places, const struct broken_chain *broken)
{
	unsigned int count = broken->every ? ring->size : broken->count;

	for (unsigned int i = count; i--;) {
		struct split_descriptor entry =
			descriptor_of(t, ring, places, &broken->chain[broken->every ? 0 : i]);

		packed_descriptor_write(t, ring, i, entry.address, entry.length,
					(uint16_t)relative(ring, broken->head),
					entry.flags | DESCRIPTOR_AVAIL);
	}
	ring->avail_wrap = count < ring->size;
	ring->next_avail = (uint16_t)(ring->avail_wrap ? count : 0);
}

void run_broken(struct conformance_target *t, uint64_t features, const struct broken_chain *broken)
{
	struct places places = {0};
	struct ring *ring;

	session_begin(t, features);
	session_ready(t);
	ring = session_ring(t, request_queue(t));
	find_places(t, broken, &places);
	fill_table(t, ring, &places, broken);
	if (broken->table_length)
		places.table_length = broken->table_length == ZERO ? 0 : broken->table_length;
	if (ring->packed)
		show_packed(t, ring, &places, broken);
	else
		show_split(t, ring, &places, broken);
	break_and_judge(t, ring, (uint16_t)relative(ring, broken->head),
			writable_bytes(ring, broken));
}
