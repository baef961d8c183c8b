/* SPDX-License-Identifier: BSD-2-Clause */
/* What both formats of rings have in common: set-up, chains, interrupts. */
#include "tests/conformance/back_end/ring.h"

#include "tests/conformance/back_end/faults.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct ring_format *format(const struct ring *ring)
{
	return ring->packed ? &ring_packed : &ring_split;
}

void ring_initialise(struct ring *ring, unsigned int index, const struct memory *memory)
{
	*ring = (struct ring){
		.index = index, .memory = memory, .kick = -1, .call = -1, .error = -1};
}

void ring_clear(struct ring *ring)
{
	const int files[] = {ring->kick, ring->call, ring->error};

	for (unsigned int i = 0; i < 3; i++) {
		if (files[i] >= 0)
			close(files[i]);
	}
	ring_initialise(ring, ring->index, ring->memory);
}

void ring_stop(struct ring *ring)
{
	ring->kicked = false;
	ring->broken = false;
	ring->fresh = 0;
	ring->event_known = false;
}

int ring_map(struct ring *ring)
{
	ring->descriptors = NULL;
	return format(ring)->map(ring);
}

void ring_set_base(struct ring *ring, uint32_t base)
{
	if (fault_is(FAULT_INDEX_KEPT) && ring->based)
		return;
	ring->based = true;
	ring->avail_next = base & 0xffff;
	ring->used_next = base & 0xffff;
	if (ring->packed) {
		/* The places of both sides, each with its wrap counter in the highest bit. */
		ring->avail_next = base & 0x7fff;
		ring->avail_wrap = base >> 15 & 1;
		ring->used_next = base >> 16 & 0x7fff;
		ring->used_wrap = base >> 31;
	}
}

uint32_t ring_base(const struct ring *ring)
{
	if (!ring->packed)
		return ring->avail_next;
	return (uint32_t)ring->avail_next | (uint32_t)ring->avail_wrap << 15 |
	       (uint32_t)ring->used_next << 16 | (uint32_t)ring->used_wrap << 31;
}

int ring_malformed(const struct ring *ring, const char *why)
{
	fprintf(stderr, "%s: queue %u: %s\n", program_invocation_short_name, ring->index, why);
	return -EINVAL;
}

struct ring_descriptor ring_read_descriptor(const void *place)
{
	struct ring_descriptor descriptor;

	memcpy(&descriptor, place, sizeof(descriptor));
	/* The guest may change it now: only the copy counts. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return descriptor;
}

void chain_clear(struct chain *chain)
{
	chain->places = 0;
	chain->out = chain->in = 0;
	chain->out_bytes = chain->in_bytes = 0;
	chain->in_end = 0;
}

/* Between segments, from byte `from` of them on, and memory of ours. */
static void copy(const struct iovec *segments, unsigned int count, size_t from, uint8_t *data,
		 size_t size, bool in)
{
	for (unsigned int i = 0; i < count && size; i++) {
		size_t piece = segments[i].iov_len;
		uint8_t *place;

		if (from >= piece) {
			from -= piece;
			continue;
		}
		place = (uint8_t *)segments[i].iov_base + from;
		piece = piece - from < size ? piece - from : size;
		memcpy(in ? place : data, in ? data : place, piece);
		data += piece;
		size -= piece;
		from = 0;
	}
}

void chain_read(const struct chain *chain, size_t from, void *data, size_t size)
{
	copy(chain->segments, chain->out, from, data, size, false);
}

void chain_write(const struct chain *chain, size_t from, const void *data, size_t size)
{
	copy(chain->segments + chain->out, chain->in, from, (uint8_t *)(uintptr_t)data, size, true);
}

int chain_add(const struct ring *ring, struct chain *chain,
	      const struct ring_descriptor *descriptor, bool write)
{
	uint64_t address = descriptor->address;
	size_t left = descriptor->length;

	if (left == 0)
		return ring_malformed(ring, "a descriptor without a byte");
	if (!write && chain->in)
		return ring_malformed(ring, "a descriptor to read after one to write");
	while (left) {
		uint8_t *data;
		size_t piece = memory_piece(ring->memory, address, left, &data);

		if (piece == 0 && fault_is(FAULT_RANGE_ACCEPTED))
			return 0;
		if (piece == 0)
			return ring_malformed(ring, "a descriptor outside memory");
		if (chain->out + chain->in == CHAIN_SEGMENTS)
			return ring_malformed(ring, "a chain of too many segments");
		chain->segments[chain->out + chain->in] = (struct iovec){data, piece};
		if (write) {
			chain->in++;
			chain->in_bytes += piece;
			chain->in_end = address + piece;
		} else {
			chain->out++;
			chain->out_bytes += piece;
		}
		address += piece;
		left -= piece;
	}
	/* 2.7.4.2: the driver's limit, and what used.len can say. */
	if (chain->out_bytes + chain->in_bytes > UINT32_MAX)
		return ring_malformed(ring, "a chain of more than 4 GiB");
	return 0;
}

int ring_next(struct ring *ring, struct chain *chain)
{
	int result;

	if (ring->broken || !ring->descriptors)
		return 0;
	result = format(ring)->next(ring, chain);
	if (result < 0) {
		uint64_t one = 1;

		ring->broken = true;
		if (ring->error >= 0 && write(ring->error, &one, sizeof(one)) < 0)
			(void)ring_malformed(ring, "the error event cannot be written");
	}
	return result;
}

void ring_complete(struct ring *ring, const struct chain *chain, uint32_t written)
{
	uint16_t id = chain->id;
	bool wrote = written != 0;

	if (chain->in && fault_now(FAULT_USED_LENGTH_ZERO))
		written = 0;
	if (chain->in && fault_now(FAULT_USED_LENGTH_LONG))
		written = (uint32_t)chain->in_bytes + 1;
	if (fault_now(FAULT_BUFFER_KEPT))
		return;
	if (fault_now(FAULT_USED_ID))
		id = (uint16_t)((id + 1) % ring->size);
	if (fault_is(FAULT_INTERRUPT_EARLY)) {
		ring_interrupt(ring);
		usleep(2000);
	}
	if (fault_now(FAULT_USED_ID_BEYOND))
		id = 0xfffe;
	format(ring)->complete(ring, id, chain->places, written, wrote);
	ring->fresh += chain->places;
	if (fault_now(FAULT_USED_TWICE)) {
		format(ring)->complete(ring, id, chain->places, written, wrote);
		ring->fresh += chain->places;
	}
}

void ring_signal(struct ring *ring)
{
	unsigned int fresh = ring->fresh;

	if (!fresh)
		return;
	ring->fresh = 0;
	/* The used entries are there before we look at what the driver waits for (2.7.10.1, 2.8.10.1). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!format(ring)->wanted(ring, fresh) && !fault_is(FAULT_INTERRUPT_ALWAYS))
		return;
	if (fault_is(FAULT_INTERRUPT_NONE) || fault_is(FAULT_INTERRUPT_EARLY))
		return;
	ring_interrupt(ring);
	if (fault_is(FAULT_INTERRUPT_TWICE)) {
		struct pollfd taken = {.fd = ring->call, .events = POLLIN};

		/* An eventfd adds up what nobody took yet. */
		for (unsigned int i = 0; i < 200 && poll(&taken, 1, 0) > 0; i++)
			usleep(500);
		/* And a CPU what it did not handle yet, of this request and of the next. */
		usleep(2000);
		ring_interrupt(ring);
		usleep(2000);
	}
}

void ring_arm(struct ring *ring)
{
	format(ring)->arm(ring);
	/* The request for a notification is seen before we look for the last time (2.7.10, 2.8.10). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void ring_interrupt(const struct ring *ring)
{
	uint64_t one = 1;

	if (fault_is(FAULT_INTERRUPT_OTHER))
		ring -= ring->index;
	if (ring->call < 0)
		return;
	/* -EAGAIN: it has 2^64 - 2 interrupts that nobody took. */
	if (write(ring->call, &one, sizeof(one)) < 0 && errno != EAGAIN)
		(void)ring_malformed(ring, "the call event cannot be written");
}
