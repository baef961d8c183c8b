/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request that a device of each type completes on its own, so that a case about rings, transports or
 * interrupts runs on every device there is:
 *
 *	entropy	 a buffer to fill			block	 one or more sectors read from sector 0
 *	network	 a frame sent to nobody			console	 bytes written to port 0
 *	balloon	 one page inflated (given back by the reset)
 */
#ifndef TESTS_CONFORMANCE_CORE_REQUEST_H
#define TESTS_CONFORMANCE_CORE_REQUEST_H

#include "tests/conformance/core/ring.h"
#include "tests/conformance/target.h"

#define REQUEST_SEGMENTS 64

struct request {
	unsigned int queue;
	struct segment segments[REQUEST_SEGMENTS]; /* those that the device reads come first */
	unsigned int out, in;
	uint32_t out_bytes, in_bytes;
	/* What used.len may be when all is well. */
	uint32_t written_least, written_most;
	uint8_t *status; /* block: the status byte */
	uint16_t id;	 /* from request_add() */
};

/* The queue that requests go to. */
unsigned int request_queue(const struct conformance_target *t);
/*
 * Makes one with fresh memory. `bytes` is roughly how much data it carries (0: little; block rounds up to
 * sectors).
 */
void request_make(struct conformance_target *t, struct request *request, uint32_t bytes);
/*
 * Cuts it into `pieces` segments on each side that has bytes (as equal as they come, at least one byte each).
 */
void request_cut(struct conformance_target *t, struct request *request, unsigned int pieces);
/* Adds it to its ring, not shown. */
void request_add(struct conformance_target *t, struct request *request);
/* Checks id, used.len, status byte and what came. Fails the case. */
void request_check(struct conformance_target *t, const struct request *request,
		   const struct used *used);
/* Add, kick, wait, check. */
struct used request_run(struct conformance_target *t, struct request *request);
/* request_make() of `bytes` and request_run(). */
void request_once(struct conformance_target *t, uint32_t bytes);
/* A reset, a correct driver, and one request: the device works. Fails the case otherwise. */
void prove_alive(struct conformance_target *t);

#endif
