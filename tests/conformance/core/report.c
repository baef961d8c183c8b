/* SPDX-License-Identifier: BSD-2-Clause */
/* TAP 13 and JSON lines: see report.h and docs/conformance.md. */
#include "tests/conformance/core/report.h"

#include "tests/conformance/core/run.h"
#include "tests/conformance/core/select.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX 400

static const char *const kinds[] = {[OBEY] = "obey", [BREAK] = "break", [INTERRUPT] = "interrupt"};

void report_line(const struct report *report, const char *format, ...)
{
	char line[LINE_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsniprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	report->print(report->context, line);
}

/* `text` in quotes, as both YAML and JSON take it. */
static const char *quoted(char *buffer, size_t size, const char *text)
{
	size_t length = 0;

	buffer[length++] = '"';
	for (; *text && length + 4 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			buffer[length++] = '\\';
		buffer[length++] = c < ' ' || c > '~' ? '?' : (char)c;
	}
	buffer[length++] = '"';
	buffer[length] = '\0';
	return buffer;
}

/* `text` as it is, but for what would be no text. */
static const char *printable(char *buffer, size_t size, const char *text)
{
	size_t length = 0;

	for (; *text && length + 1 < size; text++)
		buffer[length++] = *text < ' ' || *text > '~' ? '?' : *text;
	buffer[length] = '\0';
	return buffer;
}

void report_begin(const struct report *report, unsigned int count)
{
	if (report->options->report == REPORT_JSON)
		return;
	report_line(report, "TAP version 13");
	report_line(report, "1..%u", count);
}

void report_device(const struct report *report, const struct conformance_target *t)
{
	if (report->options->report != REPORT_JSON)
		report_line(report, "# device %s %s", t->name, suite_device_name(t->device));
}

void report_listed(const struct report *report, unsigned int number,
		   const struct conformance_target *t, const struct conformance_case *test)
{
	char clauses[LINE_MAX / 2];
	unsigned int i = 0;

	for (; test->clauses[i] && i + 1 < sizeof(clauses); i++)
		clauses[i] = test->clauses[i] == ' ' ? ',' : test->clauses[i];
	clauses[i] = '\0';
	report_line(report, "# case %u %s %s %s %s %s: %s", number, test->name, t->name,
		    t->configuration, kinds[test->kind], clauses, test->claim);
}

static void yaml(const struct report *report, const struct conformance_target *t,
		 const struct conformance_case *test, uint64_t features)
{
	const struct conformance_run *run = t->run;
	const char *place = test->clauses, *clause;
	char buffer[LINE_MAX - 32];
	size_t length;

	report_line(report, "  ---");
	report_line(report, "  kind: %s", kinds[test->kind]);
	report_line(report, "  clauses:");
	while ((clause = suite_next_clause(&place, &length)) != NULL) {
		const struct conformance_clause *found = conformance_clause_find(clause, length);

		if (found)
			report_line(report, "    - \"%s %s (%s, since 1.%u)\"", found->id,
				    found->section, found->level, found->since);
		else
			report_line(report, "    - \"%.*s\"", (int)length, clause);
	}
	report_line(report, "  specification: \"1.%u\"", report->options->spec);
	report_line(report, "  device: %s %s %s", suite_device_name(t->device), t->name,
		    t->configuration);
	report_line(report, "  features: \"0x%016" PRIx64 "\"", features);
	if (run->outcome == FAILED) {
		report_line(report, "  expected: %s",
			    quoted(buffer, sizeof(buffer), run->expected));
		report_line(report, "  seen: %s", quoted(buffer, sizeof(buffer), run->seen));
	}
	if (run->flaky[0])
		report_line(report, "  flaky: %s", run->flaky);
	if (run->security)
		report_line(report,
			    "  security: the device wrote where it was not lent memory for it");
	if (run->note_count) {
		/* A block, not a list: prove takes a word with a colon for a key, in quotes too. */
		report_line(report, "  dump: |");
		for (unsigned int i = 0; i < run->note_count; i++)
			report_line(report, "    %s",
				    printable(buffer, sizeof(buffer), run->notes[i]));
		if (run->notes_lost)
			report_line(report, "    and %u more lines", run->notes_lost);
	}
	report_line(report, "  ...");
}

static void json(const struct report *report, unsigned int number,
		 const struct conformance_target *t, const struct conformance_case *test,
		 uint64_t features, const char *verdict)
{
	const struct conformance_run *run = t->run;
	char expected[VERDICT_TEXT * 2], seen[VERDICT_TEXT * 2];

	report_line(report,
		    "{\"number\": %u, \"case\": \"%s\", \"kind\": \"%s\", \"verdict\": \"%s\",",
		    number, test->name, kinds[test->kind], verdict);
	report_line(
		report,
		" \"device\": \"%s\", \"address\": \"%s\", \"configuration\": \"%s\", \"clauses\": \"%s\",",
		suite_device_name(t->device), t->name, t->configuration, test->clauses);
	report_line(report,
		    " \"features\": \"0x%016" PRIx64 "\", \"security\": %s, \"flaky\": \"%s\",",
		    features, run->security ? "true" : "false", run->flaky);
	report_line(report, " \"expected\": %s,",
		    quoted(expected, sizeof(expected),
			   run->outcome == FAILED ? run->expected : test->claim));
	report_line(report, " \"seen\": %s}",
		    quoted(seen, sizeof(seen), run->outcome == PASSED ? "" : run->seen));
}

void report_instance(const struct report *report, unsigned int number,
		     const struct conformance_target *t, const struct conformance_case *test,
		     uint64_t features)
{
	const struct conformance_run *run = t->run;
	bool todo = run->outcome == FAILED && test->needs.should && !report->options->strict &&
		    !run->security && !run->flaky[0];
	const char *verdict = run->outcome == PASSED	? "passed"
			      : run->outcome == SKIPPED ? "skipped"
			      : todo			? "expected"
							: "failed";

	if (run->outcome == PASSED)
		report->result->passed++;
	else if (run->outcome == SKIPPED)
		report->result->skipped++;
	else if (todo)
		report->result->expected++;
	else
		report->result->failed++;
	if (report->options->report == REPORT_JSON) {
		json(report, number, t, test, features, verdict);
		return;
	}
	report_line(report, "%s %u - %s %s %s: %s%s%s", run->outcome == FAILED ? "not ok" : "ok",
		    number, test->name, t->name, t->configuration, test->claim,
		    run->outcome == SKIPPED ? " # SKIP "
		    : todo		    ? " # TODO a SHOULD"
					    : "",
		    run->outcome == SKIPPED ? run->seen : "");
	if (run->outcome != PASSED || report->options->verbose)
		yaml(report, t, test, features);
}

void report_end(const struct report *report)
{
	const struct suite_result *result = report->result;

	report_line(report, "# ringside: conform: %u passed, %u failed, %u expected, %u skipped",
		    result->passed, result->failed, result->expected, result->skipped);
}
