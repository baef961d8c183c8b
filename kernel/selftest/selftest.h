/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests of the kernel by itself, on the machine that it runs on: what only shows with real CPUs,
 * timers and interrupts. `run=selftest` prints TAP and fails the machine's exit status; the command
 * does the same from the shell.
 */
#ifndef KERNEL_SELFTEST_SELFTEST_H
#define KERNEL_SELFTEST_SELFTEST_H

#include "kernel/table.h"

#include <stdbool.h>
#include <stddef.h>

struct selftest {
	const char *claim; /* the title: what is true when it passes */
	/* NULL: passed; else what was seen instead. */
	const char *(*run)(void);
	/* NULL: it can always be run; else returns why it cannot on this machine, or NULL. */
	const char *(*why_not)(void);
};

TABLE_DECLARE(selftests, struct selftest);

#define SELFTEST(function, text) SELFTEST_IF(function, text, NULL)
/* Not where `reason` returns one. */
#define SELFTEST_IF(function, text, reason)                                                        \
	TABLE_ENTRY(selftests, struct selftest, selftest_entry_##function) = {                     \
		.claim = (text), .run = (function), .why_not = (reason)}

#define SELFTEST_THREADS_PER_CPU 2

/* Runs it in so many threads of each CPU at once, until all have ended. NULL, or what was seen instead. */
const char *selftest_on_all_cpus(void (*function)(void *unused));

#endif
