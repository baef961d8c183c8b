/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking the host to act: the verbs of docs/conformance-host.md. A case that does names its verb in its needs
 * (.host), so that it is skipped where nobody answers.
 */
#ifndef TESTS_CONFORMANCE_CORE_HOST_H
#define TESTS_CONFORMANCE_CORE_HOST_H

#include "tests/conformance/target.h"

/*
 * Asks for `verb` on the device under test, with arguments as they are formatted (NULL: none); returns the text of
 * the answer, until the next call. A host that cannot skips the case; one that tried and failed fails it, as one of
 * the suite.
 */
const char *host_ask(struct conformance_target *t, const char *verb, const char *arguments, ...)
	__attribute__((format(printf, 3, 4)));

#endif
