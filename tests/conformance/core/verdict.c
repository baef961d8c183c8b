/* SPDX-License-Identifier: BSD-2-Clause */
/* Leaving a case, and waiting: see verdict.h. */
#include "tests/conformance/core/verdict.h"

#include "tests/conformance/core/run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define QUIET_NANOSECONDS 5000000u
#define QUIET_LOOKS 8u
#define MILLISECOND 1000000ull

static void __attribute__((noreturn))
leave(struct conformance_target *t, enum conformance_outcome outcome)
{
	t->run->outcome = outcome;
	longjmp(t->run->leave, 1);
}

void fail(struct conformance_target *t, const char *expected, const char *seen, ...)
{
	struct conformance_run *run = t->run;
	va_list arguments;

	sniprintf(run->expected, sizeof(run->expected), "%s", expected);
	va_start(arguments, seen);
	vsniprintf(run->seen, sizeof(run->seen), seen, arguments);
	va_end(arguments);
	leave(t, FAILED);
}

void skip(struct conformance_target *t, const char *reason, ...)
{
	va_list arguments;

	va_start(arguments, reason);
	vsniprintf(t->run->seen, sizeof(t->run->seen), reason, arguments);
	va_end(arguments);
	leave(t, SKIPPED);
}

void expect_equal(struct conformance_target *t, const char *what, uint64_t seen, uint64_t expected)
{
	if (seen == expected)
		return;
	sniprintf(t->run->expected, sizeof(t->run->expected), "%s is %" PRIu64 " (0x%" PRIx64 ")",
		  what, expected, expected);
	sniprintf(t->run->seen, sizeof(t->run->seen), "%" PRIu64 " (0x%" PRIx64 ")", seen, seen);
	leave(t, FAILED);
}

void expect_range(struct conformance_target *t, const char *what, uint64_t seen, uint64_t least,
		  uint64_t most)
{
	if (seen >= least && seen <= most)
		return;
	sniprintf(t->run->expected, sizeof(t->run->expected), "%s is from %" PRIu64 " to %" PRIu64,
		  what, least, most);
	sniprintf(t->run->seen, sizeof(t->run->seen), "%" PRIu64, seen);
	leave(t, FAILED);
}

void expect_bits(struct conformance_target *t, const char *what, uint64_t seen, uint64_t set,
		 uint64_t clear)
{
	if ((seen & set) == set && !(seen & clear))
		return;
	sniprintf(t->run->expected, sizeof(t->run->expected),
		  "%s has bits 0x%" PRIx64 " and not bits 0x%" PRIx64, what, set, clear);
	sniprintf(t->run->seen, sizeof(t->run->seen), "0x%" PRIx64, seen);
	leave(t, FAILED);
}

void expect(struct conformance_target *t, bool holds, const char *expected)
{
	if (!holds)
		fail(t, expected, "it does not hold");
}

void note(struct conformance_target *t, const char *format, ...)
{
	struct conformance_run *run = t->run;
	va_list arguments;

	if (run->note_count == RUN_NOTES) {
		run->notes_lost++;
		return;
	}
	va_start(arguments, format);
	vsniprintf(run->notes[run->note_count++], RUN_NOTE_LENGTH, format, arguments);
	va_end(arguments);
}

bool wait_for(struct conformance_target *t,
	      bool (*holds)(struct conformance_target *t, void *context), void *context)
{
	uint64_t end;

	if (holds(t, context))
		return true;
	end = t->operations->now(t) + t->run->timeout * MILLISECOND;
	do {
		t->operations->pause(t);
		if (holds(t, context))
			return true;
	} while (t->operations->now(t) < end);
	return false;
}

void await(struct conformance_target *t, bool (*holds)(struct conformance_target *t, void *context),
	   void *context, const char *expected)
{
	if (!wait_for(t, holds, context))
		fail(t, expected, "not within %u ms", t->run->timeout);
}

void quiet(struct conformance_target *t)
{
	uint64_t end = t->operations->now(t) + QUIET_NANOSECONDS;

	/* Where something else had the processor all that time, nobody else had a chance. */
	for (unsigned int i = 0; i < QUIET_LOOKS || t->operations->now(t) < end; i++)
		t->operations->pause(t);
}
