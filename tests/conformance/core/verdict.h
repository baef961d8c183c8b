/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a case ends: it returns (passed), or one of these leaves it at once. What was expected and what was
 * seen goes into the report as it is given here. Thread context of the case only: a function that runs on
 * another CPU stores what it saw and lets the case judge.
 */
#ifndef TESTS_CONFORMANCE_CORE_VERDICT_H
#define TESTS_CONFORMANCE_CORE_VERDICT_H

#include "tests/conformance/target.h"

#define VERDICT_TEXT 160

enum conformance_outcome { PASSED, FAILED, SKIPPED };

/* Fails: "expected" is a plain text, "seen" is formatted. */
void fail(struct conformance_target *t, const char *expected, const char *seen, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
/* The claim cannot be judged here, and why. */
void skip(struct conformance_target *t, const char *reason, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* Numbers; `what` names the thing: "used.len", "status after reset". */
void expect_equal(struct conformance_target *t, const char *what, uint64_t seen, uint64_t expected);
void expect_range(struct conformance_target *t, const char *what, uint64_t seen, uint64_t least,
		  uint64_t most);
/* All bits of `set` are 1 and all bits of `clear` are 0. */
void expect_bits(struct conformance_target *t, const char *what, uint64_t seen, uint64_t set,
		 uint64_t clear);
/* Anything else: `expected` is the sentence that must hold. */
void expect(struct conformance_target *t, bool holds, const char *expected);

/*
 * Adds a line to the dump that a failure is reported with (and every case, when verbose): registers, ring
 * entries, counters. The oldest lines are kept; what does not fit is counted.
 */
void note(struct conformance_target *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Waits until `holds` says true, at most conform.timeout; lets the device act meanwhile. False: it never did.
 * await() fails the case then, with `expected`.
 */
bool wait_for(struct conformance_target *t,
	      bool (*holds)(struct conformance_target *t, void *context), void *context);
void await(struct conformance_target *t, bool (*holds)(struct conformance_target *t, void *context),
	   void *context, const char *expected);
/*
 * Where no ordering event can prove that something does not happen: waits 5 ms. First look for one: a later
 * request on the same device completed, a pending bit, a second cause counted.
 */
void quiet(struct conformance_target *t);

#endif
