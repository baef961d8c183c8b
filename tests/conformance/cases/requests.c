/* SPDX-License-Identifier: BSD-2-Clause */
/* What each device owes to the simplest driver there is. */
#include "tests/conformance/case.h"

CASE(request_completes, OBEY,
     "a request is completed once, with its id and the length that was written",
     "DEV-SPLIT-USED-02", .transports = TRANSPORTS_ALL)
{
	struct request request;
	struct ring *ring;

	session_open(t);
	request_make(t, &request, 0);
	request_run(t, &request);
	/* A second one comes after anything the device might still say about the first. */
	request_run(t, &request);
	ring = session_ring(t, request.queue);
	expect_equal(t, "used buffers that were not taken", ring_pending(t, ring), 0);
}

CASE(request_after_reset, OBEY,
     "after a reset a driver starts from the beginning and its request is completed",
     "DEV-RESET-01", .transports = TRANSPORTS_ALL)
{
	session_open(t);
	request_once(t, 0);
	session_open(t);
	request_once(t, 0);
}
