/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults that the model device can have, one at a time: what the conformance suite must notice. The table is
 * faults.def; the place of each in the model asks fault(). Unit tests run without any.
 *
 * No conformance case can see which fault is set: cases know nothing of tests/device.
 */
#ifndef TESTS_DEVICE_FAULTS_H
#define TESTS_DEVICE_FAULTS_H

#include <stdbool.h>

enum fault {
	FAULT_NONE,
#define FAULT(name, text, globs) FAULT_##name,
#include "tests/device/faults.def"
#undef FAULT
	FAULTS
};

struct fault_row {
	const char *name;  /* "used-length-zero" */
	const char *text;  /* what the device does */
	const char *cases; /* globs, separated by spaces: the cases whose claim is about it */
};

/* Indexed by enum fault; FAULT_NONE has an empty row. */
extern const struct fault_row fault_rows[FAULTS];

/* The one that is set, and those whose place in the model was passed since this was cleared. */
extern enum fault fault_now;
extern bool fault_passed[FAULTS];

static inline bool fault(enum fault which)
{
	fault_passed[which] = true;
	return fault_now == which;
}

/* FAULTS: there is none of that name. */
enum fault fault_find(const char *name);

#endif
