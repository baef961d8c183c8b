/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A working device whose requests interrupt: what the cases about interrupts begin with.
 */
#ifndef TESTS_CONFORMANCE_CORE_ARMED_H
#define TESTS_CONFORMANCE_CORE_ARMED_H

#include "tests/conformance/core/request.h"
#include "tests/conformance/core/ring.h"
#include "tests/conformance/target.h"

struct armed {
	struct ring *ring;
	struct request request;
	unsigned int slot; /* where its interrupts are counted */
};

/*
 * Negotiates `features`, routes the request queue to `slot` (MSI-X entry of that number, or the line), of `size`
 * entries (0: as session_queue()), and lets it interrupt for each used buffer. One request has been completed, and
 * whatever the device says of its own when it starts has been said: counting begins at 0.
 */
void arm(struct conformance_target *t, struct armed *armed, uint64_t features, unsigned int size,
	 unsigned int slot);
/* The same for a queue that was set up by the case and is not routed yet; before session_ready(). */
void arm_ring(struct conformance_target *t, struct armed *armed, struct ring *ring,
	      unsigned int slot);

/*
 * The end of arm(), for a queue of a device that is ready: some devices look at a queue when DRIVER_OK comes, and interrupt
 * though there was nothing in it (libvhost-user does when it is told how to interrupt, which may be after the first buffer);
 * and some for the first used buffer of a new queue wherever the used event is. All of that has come when this returns.
 */
void armed_begin(struct conformance_target *t, struct armed *armed);

/* Requests, one after the other, each completed and checked by polling. */
void armed_run(struct conformance_target *t, struct armed *armed, unsigned int times);
/*
 * The same, and what the device sends for them has been sent when this returns: one more request, for which it must not
 * interrupt, came behind. Interrupts are asked for then.
 */
void armed_settle(struct conformance_target *t, struct armed *armed, unsigned int times);
/* The same, and the interrupt of each is awaited before the next: two at once may arrive as one. */
void armed_count(struct conformance_target *t, struct armed *armed, unsigned int times);
/*
 * The proof that no further interrupt is on its way: one more request, with interrupts asked for, is the only one that
 * comes after `before`.
 */
void armed_expect(struct conformance_target *t, struct armed *armed, uint64_t before);

#endif
