/* SPDX-License-Identifier: BSD-2-Clause */
/* How an instance is reported: a line of TAP 13 and a YAML block, or a line of JSON. */
#ifndef TESTS_CONFORMANCE_CORE_REPORT_H
#define TESTS_CONFORMANCE_CORE_REPORT_H

#include "tests/conformance/case.h"
#include "tests/conformance/core/suite.h"

struct report {
	const struct suite_options *options;
	suite_print *print;
	void *context;
	struct suite_result *result;
};

/* One line. */
void report_line(const struct report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The first lines, when `count` instances will follow. */
void report_begin(const struct report *report, unsigned int count);
/* The device whose instances follow. */
void report_device(const struct report *report, const struct conformance_target *t);
/* An instance that would run (conform.list). */
void report_listed(const struct report *report, unsigned int number,
		   const struct conformance_target *t, const struct conformance_case *test);
/* What became of it; the texts are those of t->run. `features` were negotiated when it ended. Counts it. */
void report_instance(const struct report *report, unsigned int number,
		     const struct conformance_target *t, const struct conformance_case *test,
		     uint64_t features);
void report_end(const struct report *report);

#endif
