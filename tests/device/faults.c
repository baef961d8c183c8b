/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/faults.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

const struct fault_row fault_rows[FAULTS] = {
#define FAULT(name, text, globs) [FAULT_##name] = {#name, text, globs},
#include "tests/device/faults.def"
#undef FAULT
};

enum fault fault_now;
bool fault_passed[FAULTS];

/* Names are written with capitals and underscores in the table, and anyhow by people. */
static bool same(const char *one, const char *other)
{
	for (; *one && *other; one++, other++)
		if (toupper((unsigned char)*one) != toupper((unsigned char)*other) &&
		    !(*one == '_' && *other == '-'))
			return false;
	return *one == *other;
}

enum fault fault_find(const char *name)
{
	for (unsigned int i = FAULT_NONE + 1; i < FAULTS; i++)
		if (same(fault_rows[i].name, name))
			return (enum fault)i;
	return FAULTS;
}
