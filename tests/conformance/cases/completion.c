/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What counts as completed: the used index counts buffers, an interrupt is for something that is there, and a chain
 * that breaks the rules never ends well (virtio 1.4, 2.7).
 */
#include "tests/conformance/case.h"
#include "tests/conformance/core/armed.h"

#define SPLIT SESSION_WITHOUT(FEATURE(F_RING_PACKED))
#define SECTOR 512u

CASE(split_used_idx_counts, OBEY,
     "used.idx is one more for each used buffer, beyond the ring's size too", "-",
     .transports = TRANSPORTS_ALL)
{
	struct request request;
	struct ring *ring;

	session_begin(t, SPLIT);
	session_ready(t);
	request_make(t, &request, 0);
	ring = session_ring(t, request.queue);
	for (unsigned int i = 1; i <= 2 * ring->size + 3; i++) {
		request_run(t, &request);
		expect_equal(t, "used.idx", split_used_idx(ring), i);
	}
}

CASE(interrupt_shows_used, INTERRUPT, "the used buffer is there when its interrupt comes", "-",
     .transports = TRANSPORTS_ALL, .interrupts = true)
{
	struct armed armed;
	uint64_t before;

	arm(t, &armed, SESSION_WITHOUT(FEATURE(F_EVENT_IDX)), 0, 0);
	before = interrupt_count_of(t, armed.slot);
	for (unsigned int i = 0; i < 10; i++) {
		struct used used;

		request_add(t, &armed.request);
		ring_kick(t, armed.ring);
		interrupt_await(t, armed.slot, ++before);
		expect(t, ring_take(t, armed.ring, &used),
		       "the buffer is used when its interrupt comes");
		request_check(t, &armed.request, &used);
	}
}

/* -- Chains that break the rules: a disk's, because its status byte says whether it ended well */

#define BLOCK .devices = DEVICE(BLOCK), .transports = TRANSPORTS_ALL
#define STATUS_UNWRITTEN 0xffu

struct misuse {
	struct ring *ring;
	uint64_t header, data, status_address;
	uint8_t *status;
};

/* An open disk and the parts of a read of sector 0; the case puts the descriptors together. */
static void misuse_begin(struct conformance_target *t, struct misuse *misuse)
{
	static const uint8_t header[16];

	session_begin(t, SPLIT);
	session_ready(t);
	misuse->ring = session_ring(t, request_queue(t));
	misuse->header = lent_address(t, lend_copy(t, header, sizeof(header)));
	misuse->data = lent_address(t, lend(t, SECTOR, 0, LOAN_WRITE));
	misuse->status = lend(t, 1, 0, LOAN_WRITE);
	*misuse->status = STATUS_UNWRITTEN;
	misuse->status_address = lent_address(t, misuse->status);
}

/* The device has used the buffer, or given up and says so. */
static bool is_over(struct conformance_target *t, void *context)
{
	return ring_pending(t, context) ||
	       (!is_legacy(t) && register_read(t, REGISTER_STATUS) & STATUS_NEEDS_RESET);
}

/*
 * Shows the chain at descriptor 0; it must not end well, and a reset must bring the device back. A whole one may get as far
 * as the disk before that is known.
 */
static void misuse_end(struct conformance_target *t, struct misuse *misuse, bool whole)
{
	split_avail_write(t, misuse->ring, 0, 0);
	split_idx_write(t, misuse->ring, 1);
	ring_notify(t, misuse->ring);
	if (whole)
		(void)wait_for(t, is_over, misuse->ring);
	else
		quiet(t);
	target_barrier(t);
	expect_range(t, "the status byte (0: the request ended well)",
		     *(volatile uint8_t *)misuse->status, 1, STATUS_UNWRITTEN);
	prove_alive(t);
}

CASE(split_chain_loop_behind_status, BREAK,
     "a chain that goes on behind its status byte without an end does not end well", "-", BLOCK)
{
	struct misuse misuse;

	misuse_begin(t, &misuse);
	split_descriptor_write(t, misuse.ring, 0, misuse.header, 16, DESCRIPTOR_NEXT, 1);
	split_descriptor_write(t, misuse.ring, 1, misuse.data, SECTOR,
			       DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, 2);
	split_descriptor_write(t, misuse.ring, 2, misuse.status_address, 1,
			       DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, 0);
	misuse_end(t, &misuse, false);
}

CASE(split_descriptor_outside, BREAK, "a read into memory that does not exist does not end well",
     "-", BLOCK)
{
	struct misuse misuse;

	misuse_begin(t, &misuse);
	split_descriptor_write(t, misuse.ring, 0, misuse.header, 16, DESCRIPTOR_NEXT, 1);
	split_descriptor_write(t, misuse.ring, 1, misuse.data, SECTOR,
			       DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, 2);
	split_descriptor_write(t, misuse.ring, 2, 1ull << 50, SECTOR,
			       DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, 3);
	split_descriptor_write(t, misuse.ring, 3, misuse.status_address, 1, DESCRIPTOR_WRITE, 0);
	misuse_end(t, &misuse, true);
}

CASE(split_avail_jump, BREAK, "an avail.idx that is more than the queue size ahead is not followed",
     "-", BLOCK)
{
	struct misuse misuse;

	misuse_begin(t, &misuse);
	split_descriptor_write(t, misuse.ring, 0, misuse.header, 16, DESCRIPTOR_NEXT, 1);
	split_descriptor_write(t, misuse.ring, 1, misuse.data, SECTOR,
			       DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, 2);
	split_descriptor_write(t, misuse.ring, 2, misuse.status_address, 1, DESCRIPTOR_WRITE, 0);
	for (unsigned int i = 0; i < misuse.ring->size; i++)
		split_avail_write(t, misuse.ring, (uint16_t)i, 0);
	split_idx_write(t, misuse.ring, (uint16_t)(2 * misuse.ring->size));
	ring_notify(t, misuse.ring);
	quiet(t);
	expect_range(t, "used.idx", split_used_idx(misuse.ring), 0, misuse.ring->size);
	prove_alive(t);
}
