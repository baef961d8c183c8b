/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The suite: selects cases, runs them on targets, and reports.
 *
 * An instance is one case on one target that its needs name. Instances are numbered from 1, by target and
 * then by kind and name, after `only`, `skip` and `device` have chosen: the same image, options and machine
 * give the same numbers, so that a run can go on with `from` after the VMM died.
 */
#ifndef TESTS_CONFORMANCE_CORE_SUITE_H
#define TESTS_CONFORMANCE_CORE_SUITE_H

#include "tests/conformance/core/verdict.h"
#include "tests/conformance/target.h"

enum suite_report { REPORT_TAP, REPORT_JSON };

struct suite_options {
	/* Globs (* and ?), separated by commas or spaces; NULL: all, or none for `skip`. */
	const char *only, *skip; /* names of cases and ids of clauses */
	const char *
		leave; /* CASE@DEVICE: instances that are skipped, with the reason that they end the VMM */
	const char
		*brief; /* CASE@DEVICE: instances that wait for half a second, not for `timeout` */
	const char *device; /* "entropy", "00:03.0", "entropy@00:03.0" */
	unsigned int from;  /* 0 and 1: the beginning */
	unsigned int spec;  /* minor version: 0 to 4 */
	bool list;	    /* only say what would run */
	bool strict;	    /* a broken SHOULD fails */
	bool quick;	    /* leave slow cases out */
	bool verbose;
	enum suite_report report;
	unsigned int timeout; /* seconds to wait for what must happen */
	unsigned int repeat;  /* how often each case runs; a verdict that changes is a failure */
};
#define SUITE_OPTIONS_DEFAULT                                                                      \
	{                                                                                          \
		.spec = 4, .timeout = 5, .repeat = 1                                               \
	}

struct suite_result {
	unsigned int passed, failed, expected, skipped;
};

/* Where a line of the report goes; without the newline. */
typedef void suite_print(void *context, const char *line);

/*
 * Memory that one run needs beside the arena; may be used for one target after another. NULL when there is no
 * memory. Freed by suite_memory_free().
 */
struct conformance_run *suite_memory(void);
void suite_memory_free(struct conformance_run *run);

/*
 * Runs on every target. 0; -ENOENT: nothing was selected (said in a line); -ENOMEM.
 */
int suite_run(const struct suite_options *options, struct conformance_target *const targets[],
	      unsigned int count, suite_print *print, void *context, struct suite_result *result);

/* "net", "block", ... ; "device" for a type without a name. */
const char *suite_device_name(uint32_t device);
/* Whether `device` of the options has a device of that type and name in it. */
bool suite_selects_device(const struct suite_options *options, uint32_t device, const char *name);
/* Whether any of the globs in `list` matches `text`. */
bool suite_matches(const char *list, const char *text);

/* One case on one target, with nothing printed: for the host program's mutations. */
struct conformance_case;
enum conformance_outcome suite_run_case(const struct suite_options *options,
					struct conformance_target *t,
					const struct conformance_case *test, char *text,
					size_t size);
/* Why the case cannot run there, or NULL. `text` may hold it. */
const char *suite_obstacle(const struct suite_options *options, struct conformance_target *t,
			   const struct conformance_case *test, char *text, size_t size);
/* Whether `list` has a glob CASE@DEVICE for it, by the device's type or address. NULL is an empty list. */
bool suite_names_instance(const char *list, const struct conformance_target *t,
			  const struct conformance_case *test);
/* Whether the case names this device type and transport at all. */
bool suite_applies(const struct conformance_target *t, const struct conformance_case *test);

#endif
