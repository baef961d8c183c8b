/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clause index as the image carries it: made at build time from tests/conformance/clauses.tsv.
 */
#ifndef TESTS_CONFORMANCE_CORE_CLAUSES_H
#define TESTS_CONFORMANCE_CORE_CLAUSES_H

#include <stddef.h>
#include <stdint.h>

struct conformance_clause {
	const char *id;	     /* "DEV-SPLIT-USED-02" */
	const char *section; /* "2.7.8.2 Device Requirements: ..." */
	const char *level;   /* "MUST", "SHOULD NOT" */
	uint8_t since;	     /* minor version: 0 is virtio 1.0, 4 is 1.4 */
};

/* Sorted by id. */
extern const struct conformance_clause conformance_clauses[];
extern const size_t conformance_clause_count;

/* NULL: there is none of that name (`length` bytes, not ended by 0). */
const struct conformance_clause *conformance_clause_find(const char *id, size_t length);

#endif
