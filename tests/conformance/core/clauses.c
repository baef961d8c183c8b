/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking a clause up in the table that the build made (clauses.pl). */
#include "tests/conformance/core/clauses.h"

#include <string.h>

const struct conformance_clause *conformance_clause_find(const char *id, size_t length)
{
	size_t low = 0, high = conformance_clause_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct conformance_clause *clause = &conformance_clauses[middle];
		int order = strncmp(clause->id, id, length);

		if (!order && clause->id[length])
			order = 1;
		if (!order)
			return clause;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
