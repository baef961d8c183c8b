/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffers that are described well and filled wrongly, for cases of kind BREAK about what a device type wants of
 * its buffers; broken.h is about the descriptions. The device may use such a buffer and say so where its type has
 * words for that, set NEEDS_RESET, or let it lie. Whatever it writes outside of what is writable the suite finds.
 */
#ifndef TESTS_CONFORMANCE_CORE_MISUSE_H
#define TESTS_CONFORMANCE_CORE_MISUSE_H

#include "tests/conformance/core/ring.h"
#include "tests/conformance/target.h"

#define MISUSE_SEGMENTS 64

struct misuse {
	struct segment segments[MISUSE_SEGMENTS]; /* readable ones first */
	unsigned int out, in;
	uint32_t writable; /* bytes */
};

/* The same, `length` bytes: those that are given, and zeroes behind them. */
void misuse_out_padded(struct conformance_target *t, struct misuse *misuse, const void *data,
		       uint32_t given, uint32_t length);
/* Adds a sealed copy for the device to read; all of these come before the writable ones. */
void misuse_out(struct conformance_target *t, struct misuse *misuse, const void *data,
		uint32_t length);
/* Adds bytes that the device may write, and returns them. */
void *misuse_in(struct conformance_target *t, struct misuse *misuse, uint32_t length);

/*
 * Shows the buffer, notifies, and gives the device time. True: it used it, and id and used.len are as they can
 * be. False: it asks for a reset, or has not used it in 10 ms.
 */
bool misuse_run(struct conformance_target *t, struct ring *ring, const struct misuse *misuse,
		struct used *used);
/*
 * The same for what the host's disk has to do something for: a device that neither uses the buffer nor asks for a reset
 * gets all the time there is, so that nothing is in flight when the case is over.
 */
bool misuse_run_slow(struct conformance_target *t, struct ring *ring, const struct misuse *misuse,
		     struct used *used);
/* The same for a buffer that the device must use: it has all the time there is, and the case fails when it does not. */
struct used misuse_complete(struct conformance_target *t, struct ring *ring,
			    const struct misuse *misuse);
/* Shows it and nothing else: for buffers that the device uses on its own time. */
void misuse_lend(struct conformance_target *t, struct ring *ring, const struct misuse *misuse);
/* The second half of misuse_run(): for a buffer that misuse_lend() showed. */
bool misuse_used(struct conformance_target *t, struct ring *ring, const struct misuse *misuse,
		 struct used *used);

/*
 * Writes a field of the configuration that a driver must not write, with all its bits turned over, and expects
 * that it reads as before. Skips where the configuration ends before it.
 */
void misuse_config(struct conformance_target *t, uint32_t offset, unsigned int width);

#endif
