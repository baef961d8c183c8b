/* SPDX-License-Identifier: BSD-2-Clause */
/* What suite.c and report.c want of select.c beside suite.h. */
#ifndef TESTS_CONFORMANCE_CORE_SELECT_H
#define TESTS_CONFORMANCE_CORE_SELECT_H

#include "tests/conformance/core/suite.h"

struct conformance_case;

/* The id after `place`, which moves on; its length is stored. NULL: there is none left. */
const char *suite_next_clause(const char **place, size_t *length);
/* Whether it is an instance of this run. */
bool suite_selected(const struct suite_options *options, const struct conformance_target *t,
		    const struct conformance_case *test);

#endif
