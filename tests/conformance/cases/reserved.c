/* SPDX-License-Identifier: BSD-2-Clause */
/* What the reserved feature bits promise (virtio 1.4, 6). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/function.h"

#define BATCHES 40u

CASE(reserved_version_1, OBEY, "VERSION_1 is offered", "DEV-RSVFEAT-01")
{
	expect_bits(t, "device features", features_offered(t), FEATURE(F_VERSION_1), 0);
}

CASE(reserved_sr_iov_absent, OBEY,
     "SR_IOV is not offered by a device without that capability of PCI Express", "DEV-RSVFEAT-10")
{
	if (is_pci(t) && function_extended_find(t, PCI_EXTENDED_SR_IOV))
		skip(t, "the function has the capability");
	expect_bits(t, "device features", features_offered(t), 0, FEATURE(F_SR_IOV));
}

/* Long and short ones in turn, so that a device that could overtake would. */
static void run_in_order(struct conformance_target *t, uint64_t features)
{
	struct request requests[2];
	struct ring *ring;

	session_begin(t, SESSION_ONLY(features));
	session_ready(t);
	request_make(t, &requests[0], 4096);
	request_make(t, &requests[1], 0);
	ring = session_ring(t, requests[0].queue);
	for (unsigned int i = 0; i < BATCHES; i++) {
		unsigned int count = 0;

		while (count < 8 && ring->room >= requests[count % 2].out + requests[count % 2].in)
			request_add(t, &requests[count++ % 2]);
		ring_kick(t, ring);
		/* An entry may stand for a batch, but none may go back behind one (2.7.9, 2.8.9). */
		for (unsigned int j = 0; j < count; j++)
			ring_wait(t, ring);
	}
	request_run(t, &requests[1]);
	expect_equal(t, "used buffers that were not taken", ring_pending(t, ring), 0);
}

CASE(reserved_in_order_split, OBEY,
     "with IN_ORDER buffers are used in the order they were offered (split)", "DEV-RSVFEAT-05",
     .features = FEATURE(F_IN_ORDER))
{
	run_in_order(t, FEATURE(F_IN_ORDER));
}

CASE(reserved_in_order_packed, OBEY,
     "with IN_ORDER buffers are used in the order they were offered (packed)", "DEV-RSVFEAT-05",
     .features = FEATURE(F_IN_ORDER) | FEATURE(F_RING_PACKED))
{
	run_in_order(t, FEATURE(F_IN_ORDER) | FEATURE(F_RING_PACKED));
}
