/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Out of memory, in all unit tests: the Makefile links them so that malloc(), calloc(), realloc() and strdup()
 * of all sources come here first. dma_alloc() and interrupt_allocate() of the host take from them, so they
 * fail too.
 *
 * FAIL_ALLOCATION=N in the environment lets the N-th of the program fail (from 0), with a line on standard
 * error; FAIL_ALLOCATION=count says at its end how many there were. tests/unit/failing/run runs all programs
 * so. A test that wants to know more asks for itself.
 */
#ifndef TESTS_UNIT_FAILING_ALLOCATIONS_H
#define TESTS_UNIT_FAILING_ALLOCATIONS_H

#include <stdbool.h>

/* From here on `before` succeed, one fails, and the rest succeeds again; -1: none fails. */
void allocations_fail_after(int before);
/* Whether one has failed since. */
bool allocations_failed(void);

#endif
