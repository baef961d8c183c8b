/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that a case lends to the device. Before a case the whole arena is full of a pattern, each loan has
 * guard bytes around it, and afterwards the suite looks at every byte: whatever the device wrote where it was
 * not lent for writing fails the case as security relevant, whatever the case was about.
 *
 * Loans end with the case; nobody frees them.
 */
#ifndef TESTS_CONFORMANCE_CORE_MEMORY_H
#define TESTS_CONFORMANCE_CORE_MEMORY_H

#include "tests/conformance/target.h"

enum loan {
	/* The device must not write it. The case may, until it seals it. */
	LOAN_READ,
	/* The device may write all of it. */
	LOAN_WRITE
};

/*
 * `alignment` is a power of two, 0: 16. The content is the pattern until somebody writes. Too much for the
 * arena ends the case as a failure of the suite.
 */
void *lend(struct conformance_target *t, size_t size, size_t alignment, enum loan loan);
/* Lends a sealed copy. */
void *lend_copy(struct conformance_target *t, const void *data, size_t size);
/* The same of `given` bytes with zeroes behind them; cut where `size` is less. */
void *lend_padded(struct conformance_target *t, const void *data, size_t given, size_t size);
/*
 * From now on nobody may change a LOAN_READ area: its content is remembered and compared after the case.
 * Called again, the content of then counts. An area that was never sealed only has its guards checked.
 */
void seal(struct conformance_target *t, const void *area);
/* Splits a LOAN_WRITE area: only its first `length` bytes may have been written. */
void lend_only(struct conformance_target *t, void *area, size_t length);

/* As the device sees it. */
uint64_t lent_address(struct conformance_target *t, const void *pointer);

/* How the arena looks where nobody wrote: byte i of the arena. */
uint8_t pattern_byte(struct conformance_target *t, const void *pointer);
/* How many bytes from `area` on differ from the pattern, counting to the last that does. */
size_t pattern_written(struct conformance_target *t, const void *area, size_t size);

/* -- The suite's */
void memory_begin(struct conformance_target *t);
/* The first byte that was written where it must not: its place as text, or false when all is well. */
bool memory_check(struct conformance_target *t, char *text, size_t size);

#endif
