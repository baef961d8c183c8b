/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop over targets and cases: see suite.h. */
#include "tests/conformance/core/suite.h"

#include "tests/conformance/case.h"
#include "tests/conformance/core/report.h"
#include "tests/conformance/core/run.h"
#include "tests/conformance/core/select.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHADOW_SIZE ARENA_SIZE
#define BRIEF_MILLISECONDS 500u

static const char *const words[] = {
	[PASSED] = "passed", [FAILED] = "failed", [SKIPPED] = "skipped"};

struct conformance_run *suite_memory(void)
{
	struct conformance_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->shadow = malloc(SHADOW_SIZE);
	run->heap = malloc(RUN_HEAP);
	if (!run->shadow || !run->heap) {
		suite_memory_free(run);
		return NULL;
	}
	return run;
}

void suite_memory_free(struct conformance_run *run)
{
	if (!run)
		return;
	free(run->shadow);
	free(run->heap);
	free(run);
}

/* Nothing of the case before is left. Leaves the case when the device cannot be reset. */
static void prepare(struct conformance_target *t)
{
	struct conformance_run *run = t->run;

	run->note_count = run->notes_lost = 0;
	run->security = false;
	session_reset(t);
	memory_begin(t);
}

static void note_device(struct conformance_target *t)
{
	note(t, "device status 0x%02x", register_read(t, REGISTER_STATUS));
	if (register_exists(t, REGISTER_CONFIG_VECTOR) && t->transport == TRANSPORT_PCI)
		note(t, "config vector 0x%04x, generation %u",
		     register_read(t, REGISTER_CONFIG_VECTOR),
		     register_read(t, REGISTER_GENERATION));
	for (unsigned int i = 0; i < RUN_RINGS; i++)
		if (session_ring(t, i))
			ring_note(t, session_ring(t, i));
}

/*
 * A part of the case that may be left at any point. True: it came to its end. What it does is the compiler's
 * reason to keep nothing in registers over setjmp().
 */
static bool __attribute__((noinline))
attempt(struct conformance_target *t, void (*part)(struct conformance_target *t))
{
	t->run->outcome = PASSED;
	if (setjmp(t->run->leave))
		return false;
	part(t);
	return true;
}

/* A verdict is kept while something after it may give another. */
struct kept {
	enum conformance_outcome outcome;
	char expected[VERDICT_TEXT], seen[VERDICT_TEXT];
};

static void keep(const struct conformance_run *run, struct kept *kept)
{
	kept->outcome = run->outcome;
	memcpy(kept->expected, run->expected, sizeof(kept->expected));
	memcpy(kept->seen, run->seen, sizeof(kept->seen));
}

static void restore(struct conformance_run *run, const struct kept *kept)
{
	run->outcome = kept->outcome;
	memcpy(run->expected, kept->expected, sizeof(run->expected));
	memcpy(run->seen, kept->seen, sizeof(run->seen));
}

static void guard(struct conformance_target *t)
{
	struct conformance_run *run = t->run;
	char text[VERDICT_TEXT];

	if (!memory_check(t, text, sizeof(text)))
		return;
	run->outcome = FAILED;
	run->security = true;
	sniprintf(run->expected, sizeof(run->expected),
		  "the device writes only where it was lent memory for it");
	memcpy(run->seen, text, sizeof(run->seen));
}

/* The features of the session at its end are stored. */
static void run_case(struct conformance_target *t, const struct conformance_case *test,
		     uint64_t *features)
{
	struct conformance_run *run = t->run;
	struct kept kept;

	run->timeout = run->options->timeout * 1000;
	if (suite_names_instance(run->options->brief, t, test))
		run->timeout = BRIEF_MILLISECONDS;
	*features = 0;
	if (!attempt(t, prepare))
		return;
	attempt(t, test->run);
	*features = run->features;
	keep(run, &kept);
	if (kept.outcome == FAILED) {
		attempt(t, note_device);
		restore(run, &kept);
	}
	/* The device is stopped before its writes are looked at. */
	if (!attempt(t, session_reset) && kept.outcome != FAILED)
		return;
	restore(run, &kept);
	guard(t);
	if (run->outcome != PASSED || test->kind != BREAK)
		return;
	memory_begin(t);
	if (attempt(t, prove_alive))
		attempt(t, session_reset);
	if (run->outcome == FAILED)
		note(t, "this was after the case, when a reset and a correct driver came again");
	else
		run->outcome = PASSED;
}

/*
 * As often as was asked for, or until the verdict is another one: a failure then, which keeps what failed. What fails
 * again and again, and may wait for long each time, is not asked for ever.
 */
#define FAILURES_ENOUGH 3
static void repeat_case(struct conformance_target *t, const struct conformance_case *test,
			uint64_t *features)
{
	struct conformance_run *run = t->run;
	enum conformance_outcome first;
	struct kept kept;

	run_case(t, test, features);
	first = run->outcome;
	for (unsigned int i = 1; i < run->options->repeat; i++) {
		if (first == FAILED && i == FAILURES_ENOUGH)
			return;
		keep(run, &kept);
		run_case(t, test, features);
		if (run->outcome == first)
			continue;
		sniprintf(run->flaky, sizeof(run->flaky), "%s %u times, then %s", words[first], i,
			  words[run->outcome]);
		if (run->outcome != FAILED)
			restore(run, &kept);
		run->outcome = FAILED;
		return;
	}
}

/* The table by kind and name: the order of the link is the compiler's. */
static int order(const void *a, const void *b)
{
	const struct conformance_case *one = *(const struct conformance_case *const *)a;
	const struct conformance_case *other = *(const struct conformance_case *const *)b;

	return one->kind != other->kind ? (int)one->kind - (int)other->kind
					: strcmp(one->name, other->name);
}

static const struct conformance_case **sorted(size_t *count)
{
	const struct conformance_case **cases;
	size_t i = 0;

	*count = TABLE_COUNT(conformance_cases);
	cases = malloc((*count + 1) * sizeof(void *));
	if (!cases)
		return NULL;
	TABLE_FOREACH (conformance_cases, struct conformance_case, test)
		cases[i++] = test;
	qsort(cases, *count, sizeof(void *), order);
	return cases;
}

/* Message entries that firmware or a driver left behind must not be sent to vectors that are gone. */
static void mask_entries(struct conformance_target *t)
{
	for (unsigned int i = 0; i < t->msix_count; i++)
		msix_entry_mask(t, i, true);
}

static void run_instance(const struct report *report, unsigned int number,
			 struct conformance_target *t, const struct conformance_case *test)
{
	char text[VERDICT_TEXT];
	const char *obstacle = suite_obstacle(report->options, t, test, text, sizeof(text));
	uint64_t features = 0;

	t->run->flaky[0] = '\0';
	if (!obstacle && test->needs.once && t->run->once == test)
		obstacle = "runs on one device of the machine, and had its run";
	if (!obstacle && test->needs.once)
		t->run->once = test;
	if (obstacle) {
		t->run->outcome = SKIPPED;
		t->run->note_count = 0;
		t->run->security = false;
		sniprintf(t->run->seen, sizeof(t->run->seen), "%s", obstacle);
	} else {
		repeat_case(t, test, &features);
	}
	report_instance(report, number, t, test, features);
}

static void run_targets(const struct report *report, struct conformance_target *const targets[],
			unsigned int count, const struct conformance_case *const cases[],
			size_t case_count, struct conformance_run *run)
{
	const struct suite_options *options = report->options;
	unsigned int number = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct conformance_target *t = targets[i];

		t->run = run;
		run->options = options;
		run->arena_filled = 0;
		memset(run->slots, 0, sizeof(run->slots));
		mask_entries(t);
		report_device(report, t);
		for (size_t j = 0; j < case_count; j++) {
			if (!suite_selected(options, t, cases[j]) || ++number < options->from)
				continue;
			if (options->list)
				report_listed(report, number, t, cases[j]);
			else
				run_instance(report, number, t, cases[j]);
		}
	}
}

int suite_run(const struct suite_options *options, struct conformance_target *const targets[],
	      unsigned int count, suite_print *print, void *context, struct suite_result *result)
{
	struct report report = {
		.options = options, .print = print, .context = context, .result = result};
	const struct conformance_case **cases;
	struct conformance_run *run;
	unsigned int instances = 0;
	size_t case_count;

	memset(result, 0, sizeof(*result));
	cases = sorted(&case_count);
	run = suite_memory();
	if (!cases || !run) {
		free(cases);
		suite_memory_free(run);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < count; i++)
		for (size_t j = 0; j < case_count; j++)
			instances += suite_selected(options, targets[i], cases[j]);
	if (!options->list)
		report_begin(&report, instances);
	if (!instances)
		report_line(&report,
			    "# no case that was asked for is about a device of this machine");
	run_targets(&report, targets, count, cases, case_count, run);
	if (!options->list)
		report_end(&report);
	free(cases);
	suite_memory_free(run);
	return instances ? 0 : -ENOENT;
}

enum conformance_outcome suite_run_case(const struct suite_options *options,
					struct conformance_target *t,
					const struct conformance_case *test, char *text,
					size_t size)
{
	char reason[VERDICT_TEXT];
	const char *obstacle;
	uint64_t features;

	t->run->options = options;
	obstacle = suite_obstacle(options, t, test, reason, sizeof(reason));
	if (obstacle) {
		sniprintf(text, size, "%s", obstacle);
		return SKIPPED;
	}
	run_case(t, test, &features);
	if (t->run->outcome == FAILED)
		sniprintf(text, size, "expected %s; seen %s", t->run->expected, t->run->seen);
	else
		sniprintf(text, size, "%s", t->run->outcome == SKIPPED ? t->run->seen : "");
	return t->run->outcome;
}
