/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run was asked for: by conform.* on the command line, or by --NAME in the shell. Both have the same
 * names and values.
 */
#ifndef TESTS_CONFORMANCE_GUEST_SETTINGS_H
#define TESTS_CONFORMANCE_GUEST_SETTINGS_H

#include "tests/conformance/core/suite.h"

struct settings {
	struct suite_options suite;
	const char *configuration; /* the runner's name for this machine */
	const char *destroy;	   /* globs: disks that may be written; NULL: none */
	bool host;		   /* somebody answers requests */
};

/* The strings stay the command line's, or argv's. False after one line that says what is wrong. */
bool settings_of_options(struct settings *settings);
bool settings_of_command(struct settings *settings, int argc, char **argv);

#endif
