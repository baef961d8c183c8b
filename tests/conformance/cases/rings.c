/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device owes to either layout of the ring: each buffer comes back once, with its id, whatever the
 * size of the queue, the place in it, and the number of buffers in flight (virtio 1.4, 2.7 and 2.8).
 */
#include "tests/conformance/case.h"

/* As many copies of one request as fit, shown at once, until all have come back. */
static void run_batch(struct conformance_target *t, struct request *request, unsigned int count)
{
	struct ring *ring = session_ring(t, request->queue);
	struct used used;

	for (unsigned int i = 0; i < count; i++)
		request_add(t, request);
	ring_kick(t, ring);
	for (unsigned int i = 0; i < count; i++) {
		used = ring_wait(t, ring);
		/* ring_take() knows that the id was in flight; which of them comes first is the device's choice. */
		request->id = (uint16_t)used.id;
		request_check(t, request, &used);
	}
}

/* How many copies of the request fit into the ring; at least one, or the case ends. */
static unsigned int capacity(struct conformance_target *t, const struct request *request)
{
	unsigned int size = session_ring(t, request->queue)->size,
		     needed = request->out + request->in;

	if (needed > size)
		skip(t, "a request has %u descriptors, the queue %u", needed, size);
	return size / needed;
}

/* Goes around the ring some times, one by one and in full batches, so that a chain begins at every place. */
static void run_size(struct conformance_target *t, uint64_t features, unsigned int size)
{
	struct request request;
	unsigned int batch;

	session_begin(t, features);
	session_queue(t, request_queue(t), size);
	session_ready(t);
	request_make(t, &request, 0);
	batch = capacity(t, &request);
	for (unsigned int i = 0; i < 2 * size + 3 && i < 140; i++)
		request_run(t, &request);
	for (unsigned int i = 0; i < 3; i++)
		run_batch(t, &request, batch);
}

#define SPLIT_SIZE(size)                                                                           \
	CASE(split_size_##size, OBEY,                                                              \
	     "a split queue that the driver made " #size " entries long is used as such", "-")     \
	{                                                                                          \
		run_size(t, SESSION_WITHOUT(FEATURE(F_RING_PACKED)), size);                        \
	}
SPLIT_SIZE(1)
SPLIT_SIZE(2)
SPLIT_SIZE(4)
SPLIT_SIZE(8)
SPLIT_SIZE(16)
SPLIT_SIZE(32)
SPLIT_SIZE(64)
SPLIT_SIZE(128)
SPLIT_SIZE(256)
SPLIT_SIZE(512)
SPLIT_SIZE(1024)

#define PACKED_SIZE(size)                                                                          \
	CASE(packed_size_##size, OBEY,                                                             \
	     "a packed queue that the driver made " #size " entries long is used as such", "-",    \
	     .features = FEATURE(F_RING_PACKED))                                                   \
	{                                                                                          \
		run_size(t, SESSION_ALL, size);                                                    \
	}
PACKED_SIZE(1)
PACKED_SIZE(2)
PACKED_SIZE(3)
PACKED_SIZE(4)
PACKED_SIZE(5)
PACKED_SIZE(6)
PACKED_SIZE(7)
PACKED_SIZE(8)
PACKED_SIZE(9)
PACKED_SIZE(13)
PACKED_SIZE(17)
PACKED_SIZE(31)
PACKED_SIZE(33)
PACKED_SIZE(63)
PACKED_SIZE(100)
PACKED_SIZE(127)
PACKED_SIZE(255)

CASE(ring_batch, OBEY, "of all buffers that were shown at once, each comes back once", "-",
     .transports = TRANSPORTS_ALL)
{
	struct request request;

	session_open(t);
	request_make(t, &request, 0);
	run_batch(t, &request, capacity(t, &request));
	expect_equal(t, "used buffers beyond those that were added",
		     ring_pending(t, session_ring(t, request.queue)), 0);
}

CASE(ring_kick_when_wanted, OBEY,
     "a request that is notified exactly when the device asks for it is completed", "-",
     .transports = TRANSPORTS_ALL)
{
	struct request request;

	session_open(t);
	request_make(t, &request, 0);
	for (unsigned int i = 0; i < 300; i++)
		request_run(t, &request);
}

CASE(ring_kick_when_wanted_no_event_idx, OBEY,
     "without EVENT_IDX, a request that is notified exactly when the device asks for it is completed",
     "DEV-SPLIT-KICKSUP-01", .transports = TRANSPORTS_ALL)
{
	struct request request;

	session_begin(t, SESSION_WITHOUT(FEATURE(F_EVENT_IDX)));
	session_ready(t);
	request_make(t, &request, 0);
	for (unsigned int i = 0; i < 100; i++)
		request_run(t, &request);
}

CASE(ring_empty_kicks, OBEY, "notifications of a queue without new buffers are harmless",
     "DEV-SPLIT-KICKSUP-05", .transports = TRANSPORTS_ALL)
{
	struct request request;
	struct ring *ring;

	session_open(t);
	request_make(t, &request, 0);
	ring = session_ring(t, request.queue);
	for (unsigned int i = 0; i < 100; i++)
		ring_notify(t, ring);
	request_run(t, &request);
	for (unsigned int i = 0; i < 100; i++)
		ring_notify(t, ring);
	request_run(t, &request);
	expect_equal(t, "used buffers that nobody added", ring_pending(t, ring), 0);
}

CASE(ring_used_length_written, OBEY,
     "as many bytes as used.len says were really written, from the buffer's start",
     "DEV-SPLIT-USED-02", .devices = DEVICE(ENTROPY) | DEVICE(BLOCK), .transports = TRANSPORTS_ALL)
{
	struct request request;
	struct used used;
	uint32_t left;

	session_open(t);
	request_make(t, &request, 4096);
	used = request_run(t, &request);
	left = used.length;
	for (unsigned int i = request.out; i < request.out + request.in && left; i++) {
		const struct segment *segment = &request.segments[i];
		uint32_t here = segment->length < left ? segment->length : left;
		size_t written = pattern_written(t, segment->data, here);

		/* The last bytes may happen to be those that were there; not eight of them. */
		if (written + 8 < here)
			fail(t, "all bytes that used.len counts were written",
			     "of %u in segment %u, %zu", here, i, written);
		left -= here;
	}
}

CASE(ring_readable_unchanged, OBEY,
     "a device never writes into buffers and tables that it was given to read",
     "DEV-SPLIT-DESC-01 DEV-SPLIT-DESC-04 DEV-PACKED-DESC-01", .transports = TRANSPORTS_ALL)
{
	struct request request;

	/* All that is lent for reading is sealed: the look at the arena after the case is the judge. */
	session_open(t);
	request_make(t, &request, 0);
	for (unsigned int i = 0; i < 50; i++)
		request_run(t, &request);
}

CASE(ring_two_queues, OBEY, "two queues of a device work beside each other", "-",
     .devices = DEVICE(BLOCK), .queues = 2)
{
	struct request request;

	session_begin(t, SESSION_ALL);
	session_queue(t, 0, 0);
	session_queue(t, 1, 0);
	session_ready(t);
	request_make(t, &request, 0);
	for (unsigned int i = 0; i < 20; i++) {
		request.queue = i & 1;
		request_run(t, &request);
	}
}

CASE(ring_later_queue_alone, OBEY,
     "a device works with a later queue enabled and an earlier one not", "-",
     .devices = DEVICE(BLOCK), .queues = 2)
{
	struct request request;

	session_begin(t, SESSION_ALL);
	session_queue(t, 1, 0);
	session_start(t);
	request_make(t, &request, 0);
	request.queue = 1;
	request_run(t, &request);
}

CASE(split_used_flags, OBEY, "without EVENT_IDX used.flags is 0 or 1", "DEV-SPLIT-KICKSUP-01",
     .transports = TRANSPORTS_ALL)
{
	struct request request;

	session_begin(t, SESSION_WITHOUT(FEATURE(F_RING_PACKED) | FEATURE(F_EVENT_IDX)));
	session_ready(t);
	request_make(t, &request, 0);
	for (unsigned int i = 0; i < 30; i++) {
		request_run(t, &request);
		expect_range(t, "used.flags", split_used_flags(session_ring(t, request.queue)), 0,
			     1);
	}
}

CASE(split_used_flags_event_idx, OBEY, "with EVENT_IDX used.flags stays 0", "DEV-SPLIT-KICKSUP-03",
     .transports = TRANSPORTS_ALL, .features = FEATURE(F_EVENT_IDX))
{
	struct request request;

	session_begin(t, SESSION_WITHOUT(FEATURE(F_RING_PACKED)));
	session_ready(t);
	request_make(t, &request, 0);
	for (unsigned int i = 0; i < 30; i++) {
		request_run(t, &request);
		expect_equal(t, "used.flags", split_used_flags(session_ring(t, request.queue)), 0);
	}
}

static bool used_idx_moved(struct conformance_target *t, void *context)
{
	(void)t;
	return split_used_idx(context) != 0;
}

CASE(split_used_complete, OBEY, "the used entry is complete when used.idx shows it",
     "DEV-SPLIT-USED-01", .transports = TRANSPORTS_ALL)
{
	struct split_used_element at_once, later;
	struct request request;
	struct ring *ring;

	session_begin(t, SESSION_WITHOUT(FEATURE(F_RING_PACKED)));
	session_ready(t);
	request_make(t, &request, 0);
	ring = session_ring(t, request.queue);
	/* Something that the device did not write, where its entry comes. */
	*(volatile uint32_t *)(volatile void *)(ring->used + 2) = 0x0bad0bad;
	*(volatile uint32_t *)(volatile void *)(ring->used + 4) = 0x0bad0bad;
	request_add(t, &request);
	ring_kick(t, ring);
	await(t, used_idx_moved, ring, "used.idx moves");
	at_once = split_used_read(ring, 0);
	ring_wait(t, ring);
	request_run(t, &request);
	later = split_used_read(ring, 0);
	expect_equal(t, "used.id when used.idx moved", at_once.id, later.id);
	expect_equal(t, "used.len when used.idx moved", at_once.length, later.length);
	expect_range(t, "used.len", at_once.length, request.written_least, request.written_most);
}

CASE(split_legacy_layout, OBEY,
     "a legacy queue is found at the page that was written, with its used ring at the next",
     "DEV-SPLIT-LEGACY-01 DEV-SPLIT-LEGACY-02", .transports = TRANSPORTS_LEGACY)
{
	struct request request;
	struct ring *ring;

	session_open(t);
	request_make(t, &request, 0);
	ring = session_ring(t, request.queue);
	request_run(t, &request);
	expect_equal(t, "used.idx in the used ring of the legacy layout", split_used_idx(ring), 1);
}

/* -- Packed only */

CASE(packed_stale_entries, OBEY, "entries whose AVAIL bit did not change are not used",
     "DEV-PACKED-DESC-03", .features = FEATURE(F_RING_PACKED))
{
	struct request request;
	struct ring *ring;
	uint8_t *trap;

	session_begin(t, SESSION_ALL);
	ring = session_queue(t, request_queue(t), 16);
	request_make(t, &request, 0);
	/* Looks used in the first lap (both bits 1) or not written (both 0): neither is available. */
	trap = lend(t, 64, 0, LOAN_READ);
	seal(t, trap);
	for (unsigned int i = 8; i < ring->size; i++)
		packed_descriptor_write(t, ring, i, lent_address(t, trap), 64, (uint16_t)i,
					DESCRIPTOR_WRITE |
						(i & 1 ? DESCRIPTOR_AVAIL | DESCRIPTOR_USED : 0));
	session_ready(t);
	request_run(t, &request);
	/* The next request is the proof that nothing behind the first was taken: its used entry comes next. */
	request_run(t, &request);
	for (unsigned int i = 8; i < ring->size; i++)
		expect_equal(t, "the id of an entry that was not available",
			     packed_descriptor_read(ring, i).id, i);
}

CASE(packed_used_final, OBEY, "a used entry does not change after it was shown",
     "DEV-PACKED-DESC-04", .features = FEATURE(F_RING_PACKED))
{
	struct packed_descriptor at_once, later;
	struct request request;
	struct ring *ring;

	session_open(t);
	request_make(t, &request, 0);
	ring = session_ring(t, request.queue);
	request_run(t, &request);
	at_once = packed_descriptor_read(ring, 0);
	for (unsigned int i = 0; i < 3; i++)
		request_run(t, &request);
	later = packed_descriptor_read(ring, 0);
	expect_equal(t, "the used entry's id, later", later.id, at_once.id);
	expect_equal(t, "the used entry's length, later", later.length, at_once.length);
	expect_equal(t, "the used entry's flags, later", later.flags, at_once.flags);
}

CASE(packed_used_wrap, OBEY,
     "AVAIL and USED of a used entry both equal the device's wrap counter, in every lap", "-",
     .features = FEATURE(F_RING_PACKED))
{
	struct request request;
	struct ring *ring;

	session_begin(t, SESSION_ALL);
	ring = session_queue(t, request_queue(t), 12);
	session_ready(t);
	request_make(t, &request, 0);
	for (unsigned int i = 0; i < 40; i++) {
		unsigned int place = ring->next_used;
		bool wrap = ring->used_wrap;
		uint16_t flags;

		request_run(t, &request);
		flags = packed_descriptor_read(ring, place).flags;
		expect_equal(t, "AVAIL of the used entry", !!(flags & DESCRIPTOR_AVAIL), wrap);
		expect_equal(t, "USED of the used entry", !!(flags & DESCRIPTOR_USED), wrap);
	}
}

CASE(packed_id_of_last, OBEY, "the buffer id is taken from the last entry of a list", "-",
     .features = FEATURE(F_RING_PACKED))
{
	struct request request;
	struct ring *ring;
	struct used used;

	session_open(t);
	request_make(t, &request, 0);
	request_cut(t, &request, 3);
	ring = session_ring(t, request.queue);
	request_add(t, &request);
	for (unsigned int i = 0; i + 1 < request.out + request.in; i++)
		ring->packed_ring[i].id = (uint16_t)(request.id + 1 + i);
	ring_kick(t, ring);
	used = ring_wait(t, ring);
	request_check(t, &request, &used);
}

/* -- Features that change the use of a ring, both layouts */

static void run_in_order(struct conformance_target *t, uint64_t features)
{
	struct request request;
	struct ring *ring;
	unsigned int count;

	session_begin(t, SESSION_ONLY(features));
	session_ready(t);
	request_make(t, &request, 0);
	ring = session_ring(t, request.queue);
	count = capacity(t, &request);
	for (unsigned int lap = 0; lap < 3; lap++) {
		uint16_t first = 0;

		for (unsigned int i = 0; i < count; i++) {
			request_add(t, &request);
			if (!i)
				first = request.id;
		}
		ring_kick(t, ring);
		/* ring_take() gives a batch back in its order; the first one must be the oldest. */
		for (unsigned int i = 0; i < count; i++) {
			uint16_t oldest = ring->order[ring->order_first];

			expect_equal(t, "the buffer that comes back", ring_wait(t, ring).id,
				     i ? oldest : first);
		}
	}
}

CASE(in_order_split, OBEY,
     "with IN_ORDER buffers come back in the order in which they were made available",
     "DEV-RSVFEAT-05", .features = FEATURE(F_IN_ORDER))
{
	run_in_order(t, FEATURE(F_IN_ORDER) | FEATURE(F_EVENT_IDX));
}

CASE(in_order_packed, OBEY,
     "with IN_ORDER buffers of a packed ring come back in the order in which they were made available",
     "DEV-RSVFEAT-05", .features = FEATURE(F_IN_ORDER) | FEATURE(F_RING_PACKED))
{
	run_in_order(t, FEATURE(F_IN_ORDER) | FEATURE(F_RING_PACKED));
}

static void run_notification_data(struct conformance_target *t, uint64_t features)
{
	struct request request;

	session_begin(t, SESSION_ONLY(features | FEATURE(F_NOTIFICATION_DATA)));
	session_ready(t);
	request_make(t, &request, 0);
	for (unsigned int i = 0; i < 200; i++)
		request_run(t, &request);
}

CASE(notification_data_split, OBEY,
     "with NOTIFICATION_DATA the 32-bit doorbell of a split queue works", "-",
     .features = FEATURE(F_NOTIFICATION_DATA))
{
	run_notification_data(t, 0);
}

CASE(notification_data_packed, OBEY,
     "with NOTIFICATION_DATA the 32-bit doorbell of a packed queue works", "-",
     .features = FEATURE(F_NOTIFICATION_DATA) | FEATURE(F_RING_PACKED))
{
	run_notification_data(t, FEATURE(F_RING_PACKED));
}

/* The 16-bit indices of a split ring, and many laps of a packed one. */
CASE(ring_index_wrap, OBEY, "the 65536th buffer and those after it are used as those before",
     "DEV-SPLIT-IRQSUP-05", .devices = DEVICE(BLOCK) | DEVICE(NET), .slow = true)
{
	struct request request;
	unsigned int batch;

	session_open(t);
	request_make(t, &request, 0);
	batch = capacity(t, &request);
	for (unsigned int done = 0; done < 65536 + 2 * batch; done += batch)
		run_batch(t, &request, batch);
}
