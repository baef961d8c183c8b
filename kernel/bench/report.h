/* SPDX-License-Identifier: BSD-2-Clause */
/* How results are printed: a table while they come, or one JSON document at the end. */
#ifndef KERNEL_BENCH_REPORT_H
#define KERNEL_BENCH_REPORT_H

#include "kernel/bench/bench.h"

/* Why there is nothing of a benchmark, or not all. */
struct bench_note {
	struct bench_note *next;
	const char *benchmark;
	char text[160];
};

struct bench_run {
	bool json;
	uint64_t rounds, warmup;
	struct bench_result *results;
	struct bench_note *skipped;
};

void bench_report_begin(const struct benchmark *benchmark);  /* text: its title */
void bench_report_result(const struct bench_result *result); /* text: one line */
void bench_report_json(const struct bench_run *run);	     /* the document, and a new line */

/* value / 1000 with up to three decimals, without zeroes at the end: "0.031", "7". Returns text. */
#define REPORT_NUMBER_MAX 32
const char *bench_report_number(char text[static REPORT_NUMBER_MAX], uint64_t thousandths);

#endif
