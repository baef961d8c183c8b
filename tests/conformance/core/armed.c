/* SPDX-License-Identifier: BSD-2-Clause */
/* See armed.h. */
#include "tests/conformance/core/armed.h"

#include "tests/conformance/core/session.h"
#include "tests/conformance/core/verdict.h"

void arm_ring(struct conformance_target *t, struct armed *armed, struct ring *ring,
	      unsigned int slot)
{
	armed->ring = ring;
	armed->slot = interrupt_queue(t, ring, slot);
	ring_interrupts_off(t, ring);
}

void arm(struct conformance_target *t, struct armed *armed, uint64_t features, unsigned int size,
	 unsigned int slot)
{
	session_begin(t, features);
	arm_ring(t, armed, session_queue(t, request_queue(t), size), slot);
	session_ready(t);
	request_make(t, &armed->request, 0);
	if (armed->request.out + armed->request.in > armed->ring->size)
		skip(t, "the request has %u segments, and the queue %u entries",
		     armed->request.out + armed->request.in, armed->ring->size);
	armed_begin(t, armed);
}

/*
 * What a device does about used buffers it does in their order: when one more is used for which it must not interrupt, it
 * has sent what it had to send for those before. What is between the device and us (the VMM's loop, for one) comes by in
 * the naps of a quiet time, which end by an interrupt, too.
 */
static void settle(struct conformance_target *t, struct armed *armed)
{
	ring_interrupts_off(t, armed->ring);
	armed_run(t, armed, 1);
	quiet(t);
	ring_interrupts_on(t, armed->ring);
}

void armed_begin(struct conformance_target *t, struct armed *armed)
{
	ring_interrupts_on(t, armed->ring);
	armed_count(t, armed, 1);
	settle(t, armed);
	interrupt_zero(t, armed->slot);
}

void armed_run(struct conformance_target *t, struct armed *armed, unsigned int times)
{
	while (times--)
		request_run(t, &armed->request);
}

void armed_settle(struct conformance_target *t, struct armed *armed, unsigned int times)
{
	armed_run(t, armed, times);
	settle(t, armed);
}

void armed_count(struct conformance_target *t, struct armed *armed, unsigned int times)
{
	uint64_t count = interrupt_count_of(t, armed->slot);

	while (times--) {
		request_run(t, &armed->request);
		interrupt_await(t, armed->slot, ++count);
	}
}

void armed_expect(struct conformance_target *t, struct armed *armed, uint64_t before)
{
	armed_run(t, armed, 1);
	interrupt_await(t, armed->slot, before + 1);
	expect_equal(t, "interrupts, with the one that proves that no other is on its way",
		     interrupt_count_of(t, armed->slot), before + 1);
}
