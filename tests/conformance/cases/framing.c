/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a message lies in its buffers is the driver's choice (virtio 1.4, 2.7.4): every device must take any
 * split of it, directly and through indirect tables, on both layouts of the ring.
 */
#include "tests/conformance/case.h"

static void run_cut(struct conformance_target *t, unsigned int pieces)
{
	struct request request;

	session_open(t);
	request_make(t, &request, 0);
	request_cut(t, &request, pieces);
	request_run(t, &request);
}

#define CUT(pieces)                                                                                \
	CASE(framing_cut_##pieces, OBEY,                                                           \
	     "a request cut into " #pieces " pieces on each side is completed as one",             \
	     "DEV-SPLIT-FRAME-01")                                                                 \
	{                                                                                          \
		run_cut(t, pieces);                                                                \
	}
CUT(1)
CUT(2)
CUT(3)
CUT(5)
CUT(7)
CUT(13)
CUT(16)
CUT(31)

/* One completion of a request that is described by an indirect table. */
static void run_indirect(struct conformance_target *t, struct request *request, struct ring *ring)
{
	struct used used;

	request->id = ring_add_indirect(t, ring, request->segments, request->out, request->in);
	ring_kick(t, ring);
	used = ring_wait(t, ring);
	request_check(t, request, &used);
}

static void run_indirect_cut(struct conformance_target *t, unsigned int pieces)
{
	struct request request;

	session_open(t);
	request_make(t, &request, 0);
	if (pieces)
		request_cut(t, &request, pieces);
	run_indirect(t, &request, session_ring(t, request.queue));
}

CASE(framing_indirect, OBEY, "a request in an indirect table is completed", "DEV-SPLIT-FRAME-01",
     .features = FEATURE(F_INDIRECT_DESC))
{
	run_indirect_cut(t, 0);
}

#define INDIRECT_CUT(pieces)                                                                       \
	CASE(framing_indirect_cut_##pieces, OBEY,                                                  \
	     "a request cut into " #pieces                                                         \
	     " pieces on each side is completed from an indirect table",                           \
	     "DEV-SPLIT-FRAME-01", .features = FEATURE(F_INDIRECT_DESC))                           \
	{                                                                                          \
		run_indirect_cut(t, pieces);                                                       \
	}
INDIRECT_CUT(1)
INDIRECT_CUT(2)
INDIRECT_CUT(7)
INDIRECT_CUT(32)

/* The descriptor that ring_add_indirect() has just added, not shown yet, gets this flag too. */
static void head_flag(struct conformance_target *t, struct ring *ring, uint16_t id, uint16_t flag)
{
	struct split_descriptor *head = &ring->descriptors[id];

	if (ring->packed)
		ring->hidden_flags |= flag;
	else
		split_descriptor_write(t, ring, id, head->address, head->length, head->flags | flag,
				       head->next);
}

CASE(framing_indirect_write_flag, OBEY, "WRITE on the descriptor of an indirect table is ignored",
     "DEV-SPLIT-INDIRECT-01", .features = FEATURE(F_INDIRECT_DESC))
{
	struct request request;
	struct ring *ring;
	struct used used;

	session_open(t);
	request_make(t, &request, 0);
	ring = session_ring(t, request.queue);
	request.id = ring_add_indirect(t, ring, request.segments, request.out, request.in);
	head_flag(t, ring, request.id, DESCRIPTOR_WRITE);
	ring_kick(t, ring);
	used = ring_wait(t, ring);
	request_check(t, &request, &used);
}

/*
 * `pieces` on each side; `direct` descriptors of the chain stand in the ring, the rest in a table behind them.
 * Not for balloons: one that takes the table itself for page numbers makes the machine lose pages that nobody
 * gave it, and with them the suite.
 */
#define NOT_BALLOON (DEVICES_ALL & ~DEVICE(BALLOON))

static void run_mixed(struct conformance_target *t, unsigned int pieces, unsigned int direct)
{
	struct split_descriptor *table;
	struct request request;
	struct ring *ring;
	struct used used;
	unsigned int count;

	session_begin(t, SESSION_WITHOUT(FEATURE(F_RING_PACKED)));
	session_ready(t);
	request_make(t, &request, 0);
	request_cut(t, &request, pieces);
	ring = session_ring(t, request.queue);
	count = request.out + request.in;
	if (count <= direct)
		skip(t, "the request has only %u segments", count);
	request_add(t, &request);
	/* The chain as it was added, its last descriptors moved into a table. */
	table = lend(t, split_descriptors_size(count - direct), 0, LOAN_READ);
	for (unsigned int i = direct; i < count; i++)
		table[i - direct] = (struct split_descriptor){
			.address = lent_address(t, request.segments[i].data),
			.length = request.segments[i].length,
			.flags = (i >= request.out ? DESCRIPTOR_WRITE : 0) |
				 (i + 1 < count ? DESCRIPTOR_NEXT : 0),
			.next = (uint16_t)(i + 1 < count ? i + 1 - direct : 0)};
	seal(t, table);
	split_descriptor_write(t, ring, request.id + direct, lent_address(t, table),
			       (uint32_t)split_descriptors_size(count - direct),
			       DESCRIPTOR_INDIRECT, 0);
	ring_kick(t, ring);
	used = ring_wait(t, ring);
	request_check(t, &request, &used);
}

CASE(framing_direct_then_indirect, OBEY,
     "a direct descriptor followed by one with an indirect table is one chain",
     "DEV-SPLIT-INDIRECT-02", .devices = NOT_BALLOON, .features = FEATURE(F_INDIRECT_DESC))
{
	run_mixed(t, 4, 1);
}

CASE(framing_directs_then_indirect, OBEY,
     "several direct descriptors followed by one with an indirect table are one chain",
     "DEV-SPLIT-INDIRECT-02", .devices = NOT_BALLOON, .features = FEATURE(F_INDIRECT_DESC))
{
	run_mixed(t, 8, 3);
}

CASE(framing_alternating, OBEY, "direct and indirect requests follow each other on one queue",
     "DEV-SPLIT-FRAME-01", .features = FEATURE(F_INDIRECT_DESC))
{
	struct request request;
	struct ring *ring;

	session_open(t);
	request_make(t, &request, 0);
	ring = session_ring(t, request.queue);
	for (unsigned int i = 0; i < 20; i++) {
		request_run(t, &request);
		run_indirect(t, &request, ring);
	}
}

/* Bytes that the device reads were read in the order of the chain, and those it writes are written so. */
CASE(framing_order, OBEY, "what a device writes lies in the chain's buffers in their order",
     "DEV-SPLIT-FRAME-01", .devices = DEVICE(BLOCK))
{
	struct request whole, pieces;
	const uint8_t *expected;
	unsigned int place = 0;

	session_open(t);
	request_make(t, &whole, 4096);
	request_run(t, &whole);
	request_make(t, &pieces, 4096);
	request_cut(t, &pieces, 9);
	request_run(t, &pieces);
	expected = whole.segments[whole.out].data;
	for (unsigned int i = pieces.out; i < pieces.out + pieces.in; i++) {
		const uint8_t *data = pieces.segments[i].data;

		for (uint32_t j = 0; j < pieces.segments[i].length && place < 4096; j++, place++)
			if (data[j] != expected[place])
				fail(t,
				     "the same sector, read into one buffer and into nine, has the same bytes",
				     "byte %u is 0x%02x, not 0x%02x", place, data[j],
				     expected[place]);
	}
}

CASE(packed_list_order, OBEY,
     "the elements of a list are used in the order in which they were made available",
     "DEV-PACKED-SG-01", .devices = DEVICE(BLOCK), .features = FEATURE(F_RING_PACKED))
{
	struct request request;
	const struct segment *first;

	session_open(t);
	request_make(t, &request, 512);
	request_cut(t, &request, 8);
	/* One byte of status is the last that is written: it would be overwritten by data in any other order. */
	request_run(t, &request);
	first = &request.segments[request.out];
	expect(t, pattern_written(t, first->data, first->length) > 0,
	       "the first buffer of the list was written");
}
