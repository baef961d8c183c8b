/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is the suite able to fail? The cases run on the model without a fault, where nothing may fail, and then under each
 * fault of tests/device/faults.def in a process of its own. A fault must be noticed ("killed") by a case whose claim is
 * about it, and each case must notice some fault.
 *
 * So that it takes seconds: the first run remembers which places of faults each case passed on each target. A case that
 * does not come by a fault's place cannot notice it and is not run under it. Under a fault, the cases come first that
 * should notice it; others only when none of them does, or for a case that noticed nothing yet.
 */
#include "tests/conformance/core/suite.h"
#include "tests/conformance/host/model.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASES_MAX 2048
#define CHILDREN 2
#define CHILD_SECONDS 120
#define TEXT 512
#define SHOWN 6 /* cases in a line of the table */

/* What a case did on a target without a fault. */
struct baseline {
	bool ran;
	bool passed[FAULTS];
};

/* What the children found; shared with them. */
struct findings {
	uint8_t killed[FAULTS][CASES_MAX];
	uint8_t able[CASES_MAX]; /* to fail under some fault */
};

static const struct suite_options options = SUITE_OPTIONS_DEFAULT;
static const struct conformance_case *cases[CASES_MAX];
static unsigned int case_count;
static struct baseline *baselines; /* by case and target */
static struct findings *findings;
static unsigned int test_number;

static struct baseline *baseline_of(unsigned int test, unsigned int target)
{
	return &baselines[test * model_target_count + target];
}

static const char *shown(enum fault fault, char *text, size_t size)
{
	size_t i = 0;

	for (const char *c = fault_rows[fault].name; *c && i < size - 1; c++)
		text[i++] = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
	text[i] = '\0';
	return text;
}

/* `todo`: NULL, or why it may fail. */
static bool result(bool good, const char *text, const char *todo)
{
	printf("%sok %u - %s%s%s\n", good ? "" : "not ", ++test_number, text,
	       !good && todo ? " # TODO " : "", !good && todo ? todo : "");
	fflush(stdout);
	return good || todo;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct conformance_case *const *)a)->name,
		      (*(const struct conformance_case *const *)b)->name);
}

static void prepare(void)
{
	TABLE_FOREACH (conformance_cases, struct conformance_case, test) {
		if (case_count == CASES_MAX)
			host_abort("more than %u cases", CASES_MAX);
		cases[case_count++] = test;
	}
	qsort(cases, case_count, sizeof(cases[0]), by_name);
	baselines = calloc((size_t)case_count * model_target_count, sizeof(*baselines));
	findings = mmap(NULL, sizeof(*findings), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (!baselines || findings == MAP_FAILED)
		host_abort("no memory for what is found");
	for (unsigned int i = 0; i < model_target_count; i++) {
		model_targets[i].target.run = suite_memory();
		if (!model_targets[i].target.run)
			host_abort("no memory for a target");
	}
}

/* Without a fault nothing fails. */
static bool run_faultless(void)
{
	unsigned int ran = 0, failed = 0;
	char text[TEXT];

	for (unsigned int i = 0; i < case_count; i++)
		for (unsigned int j = 0; j < model_target_count; j++) {
			struct conformance_target *t = &model_targets[j].target;
			struct baseline *baseline = baseline_of(i, j);
			enum conformance_outcome outcome;

			if (!suite_applies(t, cases[i]))
				continue;
			memset(fault_passed, 0, sizeof(fault_passed));
			outcome = suite_run_case(&options, t, cases[i], text, sizeof(text));
			baseline->ran = outcome == PASSED;
			memcpy(baseline->passed, fault_passed, sizeof(fault_passed));
			ran += baseline->ran;
			if (outcome != FAILED)
				continue;
			failed++;
			printf("# %s on %s %s: %s\n", cases[i]->name, t->name, t->configuration,
			       text);
		}
	snprintf(text, sizeof(text), "without a fault, nothing fails: %u cases, %u runs",
		 case_count, ran);
	return result(!failed, text, NULL);
}

/* Whether the case fails on some target under the fault that is set. */
static bool kills(unsigned int test, enum fault fault)
{
	char text[TEXT];

	for (unsigned int j = 0; j < model_target_count; j++) {
		const struct baseline *baseline = baseline_of(test, j);

		if (baseline->ran && baseline->passed[fault] &&
		    suite_run_case(&options, &model_targets[j].target, cases[test], text,
				   sizeof(text)) == FAILED)
			return true;
	}
	return false;
}

static bool try(enum fault fault, unsigned int test)
{
	if (!kills(test, fault))
		return false;
	findings->killed[fault][test] = true;
	findings->able[test] = true;
	return true;
}

/*
 * In a child: the cases that are about the fault, and when none of them notices it, all. Or with `rest` the cases that
 * noticed nothing yet.
 */
static void run_under(enum fault fault, bool rest)
{
	bool any = false;

	fault_now = fault;
	for (unsigned int i = 0; i < case_count; i++)
		if (rest ? !findings->able[i]
			 : suite_matches(fault_rows[fault].cases, cases[i]->name))
			any |= try(fault, i);
	for (unsigned int i = 0; i < case_count && !rest && !any; i++)
		if (!suite_matches(fault_rows[fault].cases, cases[i]->name))
			try(fault, i);
}

struct child {
	pid_t id;
	enum fault fault;
};

static bool end_child(const struct child *child)
{
	char name[TEXT];
	int status;

	if (!child->id)
		return true;
	waitpid(child->id, &status, 0);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	printf("# under %s the program itself ended with status 0x%x\n",
	       shown(child->fault, name, sizeof(name)), status);
	return false;
}

/* Runs each chosen fault in a process of its own, some at a time. False: one of them did not come to its end. */
static bool run_all(const bool *chosen, bool rest)
{
	struct child children[CHILDREN] = {{0}};
	unsigned int next = 0;
	bool good = true;

	fflush(stdout);
	for (unsigned int i = FAULT_NONE + 1; i < FAULTS; i++) {
		struct child *child = &children[next++ % CHILDREN];

		if (!chosen[i]) {
			next--;
			continue;
		}
		good &= end_child(child);
		child->fault = (enum fault)i;
		child->id = fork();
		if (child->id)
			continue;
		alarm(CHILD_SECONDS);
		run_under(child->fault, rest);
		_exit(0);
	}
	for (unsigned int i = 0; i < CHILDREN; i++)
		good &= end_child(&children[i]);
	return good;
}

/* A line of the table: who killed it, those first that should. */
static bool report(enum fault fault, bool complete)
{
	const uint8_t *killed = findings->killed[fault];
	char text[TEXT], name[TEXT];
	unsigned int count = 0, about = 0, named = 0;
	int at = snprintf(text, sizeof(text), "%s: %s: ", shown(fault, name, sizeof(name)),
			  fault_rows[fault].text);

	for (unsigned int i = 0; i < case_count; i++) {
		bool own = suite_matches(fault_rows[fault].cases, cases[i]->name);

		named += own;
		about += killed[i] && own;
		if (killed[i] && ++count <= SHOWN && at < (int)sizeof(text))
			at += snprintf(text + at, sizeof(text) - (size_t)at, "%s%s",
				       count > 1 ? ", " : "", cases[i]->name);
	}
	if (at < (int)sizeof(text) && count > SHOWN)
		snprintf(text + at, sizeof(text) - (size_t)at, " and %u more", count - SHOWN);
	else if (at < (int)sizeof(text) && !count)
		snprintf(text + at, sizeof(text) - (size_t)at, "nobody noticed it");
	if (!about && count)
		printf("# %s: of %s none noticed it\n", name, fault_rows[fault].cases);
	return result(about, text, complete || named ? NULL : "there is no such case yet");
}

static bool report_cases(bool complete)
{
	unsigned int unable = 0;
	char text[TEXT];

	for (unsigned int i = 0; i < case_count; i++) {
		unsigned int ran = 0;

		if (findings->able[i])
			continue;
		for (unsigned int j = 0; j < model_target_count; j++)
			ran += baseline_of(i, j)->ran;
		unable++;
		printf("# %s %s\n", cases[i]->name,
		       ran ? "fails under no fault" : "runs on no model device");
	}
	snprintf(text, sizeof(text), "each of %u cases fails under some fault", case_count);
	return result(!unable, text, complete ? NULL : "not complete yet");
}

int model_mutation(const char *only, bool complete)
{
	static bool chosen[FAULTS];
	unsigned int count = 0;
	char name[TEXT];
	bool good;

	prepare();
	for (unsigned int i = FAULT_NONE + 1; i < FAULTS; i++)
		count += chosen[i] =
			!only || suite_matches(only, shown((enum fault)i, name, sizeof(name)));
	printf("1..%u\n", count + 2 + !only);
	good = run_faultless();
	good &= result(run_all(chosen, false), "the model comes to its end under each fault", NULL);
	for (unsigned int i = FAULT_NONE + 1; i < FAULTS; i++)
		if (chosen[i])
			good &= report((enum fault)i, complete);
	if (only)
		return !good;
	run_all(chosen, true);
	good &= report_cases(complete);
	return !good;
}
