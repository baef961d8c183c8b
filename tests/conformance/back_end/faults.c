/* SPDX-License-Identifier: BSD-2-Clause */
/* Which faults are set, and their names. */
#include "tests/conformance/back_end/faults.h"

#include <string.h>

static const struct {
	const char *name, *text;
} faults[FAULT_COUNT] = {
#define X(identifier, name, text) {name, text},
	FAULTS(X) LIES(X)
#undef X
};

#define X(identifier, name, text) +1
enum { LIES_FIRST = FAULTS(X) };
#undef X

static bool set[FAULT_COUNT];
static uint64_t left = UINT64_MAX;

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

void fault_times(uint64_t times)
{
	left = times;
}

bool fault_now(enum fault fault)
{
	if (!set[fault] || !left)
		return false;
	if (left != UINT64_MAX)
		left--;
	return true;
}

void fault_list(FILE *file, bool lies)
{
	for (unsigned int i = lies ? LIES_FIRST : 0; i < (lies ? FAULT_COUNT : LIES_FIRST); i++)
		fprintf(file, "%s\t%s\n", faults[i].name, faults[i].text);
}
