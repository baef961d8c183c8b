/* SPDX-License-Identifier: BSD-2-Clause */
/* The job and the command `bench`: chooses benchmarks, measures in rounds, keeps results. */
#include "kernel/bench/bench.h"

#include "kernel/bench/report.h"
#include "kernel/cold/cold.h"
#include "kernel/job.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "kernel/time/clock.h"
#include "kernel/x86/cpu.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_DEFAULT 20
#define ROUNDS_MAX 10000
#define WARMUP_DEFAULT 2
#define WARMUP_MAX 1000
#define OPERATIONS_MAX 1000000
#define SAMPLES_MAX 16384 /* kept of one measurement: 128 KiB */
/* The network may be what is measured. */
#define NETWORK_WAIT (10 * NANOSECONDS_PER_SECOND)

struct bench {
	struct bench_run *run;
	const struct benchmark *benchmark;
};

/* -- Options */

static RESIDENT const struct benchmark *find(const char *name, size_t length)
{
	TABLE_FOREACH (benchmarks, struct benchmark, benchmark)
		if (strlen(benchmark->name) == length && !strncmp(benchmark->name, name, length))
			return benchmark;
	return NULL;
}

/* Each of the comma-separated words is a benchmark. */
static RESIDENT bool check_only(const char *value)
{
	for (;;) {
		size_t length = strcspn(value, ",");

		if (!find(value, length))
			return false;
		if (!value[length])
			return true;
		value += length + 1;
	}
}

static RESIDENT bool in_range(const char *value, uint64_t least, uint64_t most)
{
	uint64_t number;

	return option_parse_number(value, &number) && number >= least && number <= most;
}

static RESIDENT bool check_rounds(const char *value)
{
	return in_range(value, 1, ROUNDS_MAX);
}

static RESIDENT bool check_warmup(const char *value)
{
	return in_range(value, 0, WARMUP_MAX);
}

static RESIDENT bool check_operations(const char *value)
{
	return in_range(value, 1, OPERATIONS_MAX);
}

static RESIDENT bool check_report(const char *value)
{
	return option_one_of(value, "text|json");
}

OPTION(bench_only, "bench.only", "NAME[,NAME...]",
       "run=bench: the benchmarks to run (default: all)", check_only);
OPTION(bench_rounds, "bench.rounds", "1..10000",
       "bench: rounds of each measurement that count (default: 20)", check_rounds);
OPTION(bench_warmup, "bench.warmup", "0..1000",
       "bench: rounds before them that do not count (default: 2)", check_warmup);
OPTION(bench_operations, "bench.operations", "1..1000000",
       "bench: operations in a round (default: as each measurement has it)", check_operations);
OPTION(bench_report, "bench.report", "text|json",
       "bench: a table, or one JSON document at the end (default: text)", check_report);

/* -- Measuring */

static uint64_t now(enum bench_unit unit)
{
	return unit == BENCH_TICKS ? cpu_tsc() : clock_monotonic();
}

static int one_round(const struct bench_measurement *measurement, struct bench_round *round)
{
	uint64_t start = now(measurement->unit), end;
	int error;

	round->elapsed = 0;
	error = measurement->round(round);
	end = now(measurement->unit);
	if (!round->elapsed)
		round->elapsed = end - start;
	return error;
}

/* As many as are asked for, in whole multiples. */
static uint64_t operations_of(const struct bench_measurement *measurement)
{
	uint64_t multiple = measurement->multiple ? measurement->multiple : 1;
	uint64_t wanted =
		option_number("bench.operations", 1, OPERATIONS_MAX, measurement->operations);

	return (wanted + multiple - 1) / multiple * multiple;
}

static void take_quantiles(struct bench_result *result, struct samples *samples, uint64_t factor)
{
	samples_sort(samples);
	result->samples = samples->seen;
	result->p50 = samples_quantile(samples, 500) * factor;
	result->p90 = samples_quantile(samples, 900) * factor;
	result->p99 = samples_quantile(samples, 990) * factor;
	result->p999 = samples_quantile(samples, 999) * factor;
}

/* The rounds; `means` gets a value for each that counted, in thousandths. */
static int measure(struct bench *bench, const struct bench_measurement *measurement,
		   struct samples *means, struct samples *single, struct bench_result *result)
{
	struct bench_round round = {
		.context = measurement->context,
		.operations = operations_of(measurement),
		.samples = single,
	};
	struct bench_costs before = {0}, after = {0};

	for (uint64_t i = 0; i < bench->run->warmup + bench->run->rounds; i++) {
		int error;

		if (i == bench->run->warmup) {
			samples_init(single, single->values, single->room);
			if (measurement->costs)
				measurement->costs(measurement->context, &before);
		}
		error = one_round(measurement, &round);
		if (error)
			return error;
		/* Others may run here, too: nobody is stopped for longer than a round. */
		if (command_interrupted())
			return -EINTR;
		if (i >= bench->run->warmup)
			samples_add(means, thousandths_of(round.elapsed, round.operations));
	}
	result->rounds = bench->run->rounds;
	result->operations = bench->run->rounds * round.operations;
	if (measurement->costs) {
		measurement->costs(measurement->context, &after);
		result->has_costs = true;
		result->kicks = thousandths_of(after.kicks - before.kicks, result->operations);
		result->interrupts =
			thousandths_of(after.interrupts - before.interrupts, result->operations);
		result->bytes_copied = thousandths_of(after.bytes_copied - before.bytes_copied,
						      result->operations);
	}
	return 0;
}

int bench_add(struct bench *bench, const struct bench_result *result)
{
	struct bench_result **link = &bench->run->results, *copy = malloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *result;
	copy->next = NULL;
	copy->benchmark = bench->benchmark->name;
	while (*link)
		link = &(*link)->next;
	*link = copy;
	if (!bench->run->json)
		bench_report_result(copy);
	return 0;
}

int bench_measure(struct bench *bench, const struct bench_measurement *measurement)
{
	struct bench_result result = {.unit = measurement->unit, .bytes = measurement->bytes};
	size_t room = (size_t)(bench->run->rounds + bench->run->rounds % 2);
	uint64_t *values = calloc(room + SAMPLES_MAX, sizeof(*values));
	struct samples means, single;
	int error;

	if (!values)
		return -ENOMEM;
	samples_init(&means, values, room);
	samples_init(&single, values + room, SAMPLES_MAX);
	strncpy(result.device, measurement->device ? measurement->device : "",
		sizeof(result.device) - 1);
	strncpy(result.what, measurement->what, sizeof(result.what) - 1);
	error = measure(bench, measurement, &means, &single, &result);
	if (!error) {
		samples_sort(&means);
		result.best = means.values[0];
		result.median = samples_quantile(&means, 500);
		result.single = single.seen != 0;
		take_quantiles(&result, result.single ? &single : &means, result.single ? 1000 : 1);
		error = bench_add(bench, &result);
	}
	free(values);
	return error;
}

void bench_skip(struct bench *bench, const char *reason, ...)
{
	struct bench_note **link = &bench->run->skipped, *note = calloc(1, sizeof(*note));
	va_list arguments;

	if (!note)
		return;
	va_start(arguments, reason);
	vsniprintf(note->text, sizeof(note->text), reason, arguments);
	va_end(arguments);
	note->benchmark = bench->benchmark->name;
	while (*link)
		link = &(*link)->next;
	*link = note;
	if (!bench->run->json)
		command_print("  skipped: %s\n", note->text);
}

/* -- Running */

static const struct benchmark *next_of(const struct benchmark *previous)
{
	const struct benchmark *next = NULL;

	TABLE_FOREACH (benchmarks, struct benchmark, benchmark)
		if ((!previous || benchmark->order > previous->order) &&
		    (!next || benchmark->order < next->order))
			next = benchmark;
	return next;
}

static bool is_wanted(const struct benchmark *benchmark, int count, char **names)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(names[i], benchmark->name))
			return true;
	return !count;
}

static void release(struct bench_run *run)
{
	while (run->results) {
		struct bench_result *next = run->results->next;

		free(run->results);
		run->results = next;
	}
	while (run->skipped) {
		struct bench_note *next = run->skipped->next;

		free(run->skipped);
		run->skipped = next;
	}
}

/* Those of the names, or (count 0) of the list, or (NULL) all. The error of the last that failed. */
static int run_all(int count, char **names, const char *list)
{
	struct bench_run run = {
		.json = !strcmp(option_get("bench.report", "text"), "json"),
		.rounds = option_number("bench.rounds", 1, ROUNDS_MAX, ROUNDS_DEFAULT),
		.warmup = option_number("bench.warmup", 0, WARMUP_MAX, WARMUP_DEFAULT),
	};
	int result = 0;

	for (const struct benchmark *benchmark = next_of(NULL); benchmark;
	     benchmark = next_of(benchmark)) {
		struct bench bench = {.run = &run, .benchmark = benchmark};
		int error;

		if (!is_wanted(benchmark, count, names) ||
		    (!count && list && !option_list_has(list, benchmark->name)))
			continue;
		if (!run.json)
			bench_report_begin(benchmark);
		error = benchmark->run(&bench);
		if (!error)
			continue;
		result = error;
		if (error == -EINTR)
			break;
		bench_skip(&bench, "failed: %s", strerror(-error));
	}
	if (run.json && result != -EINTR)
		bench_report_json(&run);
	release(&run);
	return result;
}

static enum exit_code run_bench(void)
{
	return run_all(0, NULL, option_get("bench.only", NULL)) ? EXIT_JOB_FAILED : EXIT_OK;
}
JOB(bench, "measure what operations cost: time, kicks, interrupts, copied bytes", NETWORK_WAIT,
    run_bench);

static enum command_result command_bench(int argc, char **argv)
{
	static bool busy; /* commands run on CPU 0 only, this one in the background too */
	int error;

	for (int i = 1; i < argc; i++) {
		if (find(argv[i], strlen(argv[i])))
			continue;
		if (*argv[i] == '-')
			return COMMAND_USAGE;
		command_print("%s: no such benchmark, but", argv[i]);
		for (const struct benchmark *it = next_of(NULL); it; it = next_of(it))
			command_print(" %s", it->name);
		command_print("\n");
		return COMMAND_FAILED;
	}
	if (busy) {
		command_print("bench runs already: two at once would measure each other\n");
		return COMMAND_FAILED;
	}
	busy = true;
	error = run_all(argc - 1, argv + 1, NULL);
	busy = false;
	return error ? COMMAND_FAILED : COMMAND_OK;
}
COMMAND(bench, "bench [NAME...]", "measures what operations cost, all or those of a name",
	command_bench);
