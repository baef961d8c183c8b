/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second processor of the model machine: a thread that runs only while the first one waits, and the other way
 * round, so that a run is the same each time.
 */
#ifndef TESTS_CONFORMANCE_HOST_PROCESSOR_H
#define TESTS_CONFORMANCE_HOST_PROCESSOR_H

#include <stdbool.h>

/* What was started before and did not end is never run again. 0, -EAGAIN. */
int processor_start(void (*function)(void *context), void *context);
/* Whether it did not end yet. */
bool processor_runs(void);
/* Lets the other one run until it yields too; nothing when there is no other. */
void processor_yield(void);

#endif
