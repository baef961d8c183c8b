/* SPDX-License-Identifier: BSD-2-Clause */
/* Which faults are set, and their names. */
#include "tests/conformance/back_end/faults.h"

#include <string.h>

static const struct {
	const char *name, *text;
} faults[FAULT_COUNT] = {
#define X(identifier, name, text) {name, text},
	FAULTS(X)
#undef X
};

static bool set[FAULT_COUNT];

bool fault_set(const char *name)
{
	for (unsigned int i = 0; i < FAULT_COUNT; i++) {
		if (strcmp(faults[i].name, name) == 0) {
			set[i] = true;
			return true;
		}
	}
	return false;
}

bool fault_is(enum fault fault)
{
	return set[fault];
}

void fault_list(FILE *file)
{
	for (unsigned int i = 0; i < FAULT_COUNT; i++)
		fprintf(file, "%s\t%s\n", faults[i].name, faults[i].text);
}
