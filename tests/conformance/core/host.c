/* SPDX-License-Identifier: BSD-2-Clause */
/* See host.h. */
#include "tests/conformance/core/host.h"

#include "tests/conformance/core/run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define REQUEST_MAX 4096

const char *host_ask(struct conformance_target *t, const char *verb, const char *arguments, ...)
{
	struct conformance_run *run = t->run;
	char *request = run_allocate(t, REQUEST_MAX);
	int length = sniprintf(request, REQUEST_MAX, "%s %s", verb, t->name), error;
	va_list list;

	if (arguments) {
		request[length++] = ' ';
		va_start(list, arguments);
		vsniprintf(request + length, REQUEST_MAX - (size_t)length, arguments, list);
		va_end(list);
	}
	run->reply[0] = '\0';
	error = t->operations->host(t, request, run->reply, sizeof(run->reply));
	if (error == -ENOTSUP)
		skip(t, "the host cannot do `%s`: %s", verb, run->reply);
	if (error)
		fail(t, "(the suite itself) the host does what it is asked for", "%s: error %d %s",
		     verb, -error, run->reply);
	return run->reply;
}
