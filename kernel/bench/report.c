/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/bench/report.h"

#include "kernel/facts/facts.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"
#include "kernel/version.h"
#include "kernel/x86/cpu.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *unit_name(enum bench_unit unit)
{
	return unit == BENCH_TICKS ? "ticks" : "ns";
}

const char *bench_report_number(char text[static REPORT_NUMBER_MAX], uint64_t thousandths)
{
	int length = sniprintf(text, REPORT_NUMBER_MAX, "%" PRIu64 ".%03u", thousandths / 1000,
			       (unsigned int)(thousandths % 1000));

	while (text[length - 1] == '0')
		text[--length] = 0;
	if (text[length - 1] == '.')
		text[--length] = 0;
	return text;
}

/* -- The table */

/* Three digits are enough for people: below 100 with a decimal. */
static const char *short_number(char text[static REPORT_NUMBER_MAX], uint64_t thousandths)
{
	if (thousandths < 100000)
		sniprintf(text, REPORT_NUMBER_MAX, "%" PRIu64 ".%u", thousandths / 1000,
			  (unsigned int)(thousandths % 1000 / 100));
	else
		sniprintf(text, REPORT_NUMBER_MAX, "%" PRIu64, thousandths / 1000);
	return text;
}

/* Operations in a second; 0 when the unit does not say. */
static uint64_t rate(const struct bench_result *result)
{
	if (result->unit == BENCH_TICKS || !result->median)
		return 0;
	return NANOSECONDS_PER_SECOND * 1000 / result->median;
}

/* Bytes in a second: of the time of one operation, so that it is exact for large ones too. */
static uint64_t byte_rate(const struct bench_result *result)
{
	if (result->unit == BENCH_TICKS || !result->median)
		return 0;
	return (uint64_t)((unsigned __int128)result->bytes * NANOSECONDS_PER_SECOND * 1000 /
			  result->median);
}

void bench_report_begin(const struct benchmark *benchmark)
{
	command_print("%s: %s\n", benchmark->name, benchmark->help);
	command_print("  %-18s %-40s %-5s %9s %9s %9s %9s %9s %9s %8s %8s %8s %8s\n", "device",
		      "operation", "in", "median", "p50", "p90", "p99", "p99.9", "per s", "MB/s",
		      "kicks", "irqs", "copied");
}

void bench_report_result(const struct bench_result *result)
{
	char median[REPORT_NUMBER_MAX], p50[REPORT_NUMBER_MAX], p90[REPORT_NUMBER_MAX],
		p99[REPORT_NUMBER_MAX], p999[REPORT_NUMBER_MAX],
		kicks[REPORT_NUMBER_MAX] = "-", interrupts[REPORT_NUMBER_MAX] = "-",
		copied[REPORT_NUMBER_MAX] = "-", per_second[REPORT_NUMBER_MAX] = "-",
		bytes[REPORT_NUMBER_MAX] = "-";

	if (result->has_costs) {
		bench_report_number(kicks, result->kicks);
		bench_report_number(interrupts, result->interrupts);
		bench_report_number(copied, result->bytes_copied);
	}
	if (rate(result))
		sniprintf(per_second, sizeof(per_second), "%" PRIu64, rate(result));
	if (result->bytes && byte_rate(result))
		sniprintf(bytes, sizeof(bytes), "%" PRIu64, byte_rate(result) / 1000000);
	command_print("  %-18s %-40s %-5s %9s %9s %9s %9s %9s %9s %8s %8s %8s %8s\n",
		      result->device[0] ? result->device : "-", result->what,
		      unit_name(result->unit), short_number(median, result->median),
		      short_number(p50, result->p50), short_number(p90, result->p90),
		      short_number(p99, result->p99), short_number(p999, result->p999), per_second,
		      bytes, kicks, interrupts, copied);
}

/* -- JSON */

static const struct bench_run *described; /* for describe(), which gets no context */

static void describe_environment(struct facts *facts)
{
	fact_text(facts, "version", RINGSIDE_VERSION);
	fact_text(facts, "commit", RINGSIDE_COMMIT);
	fact_text(facts, "command_line", options_line());
	fact_text(facts, "hypervisor", cpu_hypervisor());
	fact_text(facts, "cpu", cpu_model());
	fact_number(facts, "cpus", thread_cpu_count());
	TABLE_FOREACH (bench_environments, struct bench_environment, entry) {
		fact_object(facts, entry->name);
		entry->describe(facts);
		fact_end(facts);
	}
}

static void describe_result(const struct bench_result *result, struct facts *facts)
{
	fact_text(facts, "benchmark", result->benchmark);
	if (result->device[0])
		fact_text(facts, "device", result->device);
	else
		fact_none(facts, "device");
	fact_text(facts, "operation", result->what);
	fact_text(facts, "unit", unit_name(result->unit));
	fact_number(facts, "rounds", result->rounds);
	fact_number(facts, "operations", result->operations);
	fact_thousandths(facts, "best", result->best);
	fact_thousandths(facts, "median", result->median);
	fact_text(facts, "samples_of", result->single ? "operations" : "rounds");
	fact_number(facts, "samples", result->samples);
	fact_thousandths(facts, "p50", result->p50);
	fact_thousandths(facts, "p90", result->p90);
	fact_thousandths(facts, "p99", result->p99);
	fact_thousandths(facts, "p99_9", result->p999);
	if (rate(result))
		fact_number(facts, "per_second", rate(result));
	if (result->bytes) {
		fact_number(facts, "bytes", result->bytes);
		if (byte_rate(result))
			fact_number(facts, "bytes_per_second", byte_rate(result));
	}
	if (!result->has_costs)
		return;
	fact_thousandths(facts, "kicks", result->kicks);
	fact_thousandths(facts, "interrupts", result->interrupts);
	fact_thousandths(facts, "bytes_copied", result->bytes_copied);
}

static void describe_run(struct facts *facts)
{
	fact_text(facts, "report", "ringside bench 1");
	fact_object(facts, "environment");
	describe_environment(facts);
	fact_end(facts);
	fact_number(facts, "rounds", described->rounds);
	fact_number(facts, "warmup", described->warmup);
	fact_list(facts, "results");
	for (const struct bench_result *result = described->results; result;
	     result = result->next) {
		fact_item(facts);
		describe_result(result, facts);
		fact_end(facts);
	}
	fact_end(facts);
	fact_list(facts, "skipped");
	for (const struct bench_note *note = described->skipped; note; note = note->next) {
		fact_item(facts);
		fact_text(facts, "benchmark", note->benchmark);
		fact_text(facts, "reason", note->text);
		fact_end(facts);
	}
	fact_end(facts);
}

static int print(void *context, const char *text, size_t length)
{
	(void)context;
	command_print("%.*s", (int)length, text);
	return 0;
}

void bench_report_json(const struct bench_run *run)
{
	described = run;
	if (facts_print_json_of(describe_run, print, NULL))
		command_print("ringside: bench: no memory for the whole report\n");
	described = NULL;
}
