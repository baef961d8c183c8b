/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Out of memory, in all unit tests: the Makefile links them so that malloc(), calloc(), realloc() and strdup()
 * of all sources come here first. Counted are those that a source under test makes, and those of dma_alloc() and
 * interrupt_allocate(), which stand for the kernel's; what tests and models take for themselves (tests.ld) does not
 * fail. Counting begins anew with each test, and each test counts its set-up and the group's before it.
 *
 * ALLOCATIONS=all in the environment: at each of them the program forks. The child has that one fail, runs on to the
 * end of its test, looks whether memory is lost, and is gone; then its parent goes on, with success. So one run of the
 * program has every allocation fail, and each failure costs what is left of one test. ALLOCATIONS=stacks: only the
 * first with each call stack below a test. What came of it goes to standard output (tests/unit/failing/run reads it):
 *
 *	wrong TEST N STATUS BYTES	the N-th of the test (from 0) failed, and the child ended with this wait
 *					status, having said what the next BYTES bytes are
 *	test TEST COUNT FAILED PASSED	so many allocations, failures, and failures with which the test passed all the same
 *	end STATUS			the program's own
 *
 * FAIL_ALLOCATION=TEST:N is one such failure, without a fork: how a finding is looked at. The program ends as a child
 * does: 40, the test passed; 41, it failed; 42, memory is lost; anything else is wrong, too.
 */
#ifndef TESTS_UNIT_FAILING_ALLOCATIONS_H
#define TESTS_UNIT_FAILING_ALLOCATIONS_H

#include <stdbool.h>

/*
 * For a test that does this itself: from here on `before` succeed, one fails, and the rest succeeds again; -1: none
 * fails. Nothing else fails in that test any more.
 */
void allocations_fail_after(int before);
/* Whether one has failed since. */
bool allocations_failed(void);

/*
 * For a loop of many rounds that know nothing of each other, asked before each: false when one failed in the round before the
 * last. What comes after is no news, and would be paid for with every failure.
 */
bool allocations_another_round(void);

#endif
