/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Benchmarks: what an operation costs in time, kicks, interrupts and copied bytes. A benchmark stands
 * in a file bench_NAME.c beside what it measures:
 *
 *	static int run(struct bench *bench)
 *	{
 *		struct bench_measurement reads = {
 *			.device = "vda", .what = "random read, 4096 bytes, depth 1",
 *			.operations = 256, .bytes = 4096,
 *			.round = read_round, .costs = disk_costs, .context = disk,
 *		};
 *		return bench_measure(bench, &reads);
 *	}
 *	BENCH(block, 60, "reads of disks", run);
 *
 * bench_measure() does some rounds for warming up and then those that count, sorts, and prints or keeps
 * the result. All of it in thread context, in the thread of the job or of the command.
 */
#ifndef KERNEL_BENCH_BENCH_H
#define KERNEL_BENCH_BENCH_H

#include "kernel/bench/statistics.h"
#include "kernel/facts/facts.h"
#include "kernel/table.h"

#include <stdbool.h>
#include <stdint.h>

#define BENCH_TEXT_MAX 48

struct bench;

/* What time is counted in. Ticks of the time stamp counter are for code that does not wait. */
enum bench_unit { BENCH_NANOSECONDS, BENCH_TICKS };

/* Counters as they stand now; they only grow. */
struct bench_costs {
	uint64_t kicks, interrupts, bytes_copied;
};

struct bench_round {
	void *context;
	uint64_t operations; /* to be done */
	/*
	 * What they took. As long as it is 0, that is the time of the function; one that does something
	 * else too sets it.
	 */
	uint64_t elapsed;
	struct samples *samples; /* bench_sample() */
};

struct bench_measurement {
	const char *device; /* "vda"; NULL: none */
	const char *what;   /* less than BENCH_TEXT_MAX characters, as those of `device` */
	enum bench_unit unit;
	uint64_t
		operations; /* of one round: the customary number, and what it must be a multiple of */
	uint64_t multiple; /* 0 is 1 */
	uint64_t bytes;	   /* that one operation moves; 0: it moves none */
	/* Does round->operations of them. 0 or a negative errno, which ends the benchmark. */
	int (*round)(struct bench_round *round);
	void (*costs)(void *context, struct bench_costs *costs); /* NULL: there are none to count */
	void *context;
};

/* Values are thousandths: of the unit, or of a kick, for each operation. */
struct bench_result {
	struct bench_result *next;
	const char *benchmark;
	char device[BENCH_TEXT_MAX], what[BENCH_TEXT_MAX];
	enum bench_unit unit;
	uint64_t rounds, operations; /* that counted */
	uint64_t bytes;		     /* of one operation */
	uint64_t best, median;	     /* of the rounds' means */
	/* Of single operations when the round gives samples of them, else of the rounds' means. */
	bool single;
	uint64_t samples;
	uint64_t p50, p90, p99, p999;
	bool has_costs;
	uint64_t kicks, interrupts, bytes_copied;
};

struct benchmark {
	const char *name;
	const char *help;
	unsigned int order;
	/* 0; a negative errno after bench_failed(), bench_measure() or nothing. */
	int (*run)(struct bench *bench);
};

TABLE_DECLARE(benchmarks, struct benchmark);

#define BENCH(identifier, bench_order, help_text, function)                                        \
	TABLE_TEXT(benchmark_name_##identifier, #identifier);                                      \
	TABLE_ENTRY(benchmarks, struct benchmark,                                                  \
		    benchmark_##identifier) = {.name = benchmark_name_##identifier,                \
					       .help = (help_text),                                \
					       .order = (bench_order),                             \
					       .run = (function)}

/* What a result depends on beside the code: part of the report's object `environment`. */
struct bench_environment {
	const char *name;
	void (*describe)(struct facts *facts);
};

TABLE_DECLARE(bench_environments, struct bench_environment);

#define BENCH_ENVIRONMENT(identifier, function)                                                    \
	TABLE_ENTRY(bench_environments, struct bench_environment,                                  \
		    bench_environment_##identifier) = {.name = #identifier,                        \
						       .describe = (function)}

/* Measures one thing. 0, what a round returned, -ENOMEM, or -EINTR after ^C. */
int bench_measure(struct bench *bench, const struct bench_measurement *measurement);
/* A result that was not measured by rounds: all that bench_result says but `next` and `benchmark`. */
int bench_add(struct bench *bench, const struct bench_result *result);

/* Says why there is nothing to measure, or not all of it: one line, `reason` is formatted. */
void bench_skip(struct bench *bench, const char *reason, ...) __attribute__((format(printf, 2, 3)));

/* The time of one operation, in the unit of the measurement. */
static inline void bench_sample(struct bench_round *round, uint64_t value)
{
	samples_add(round->samples, value);
}

/* The same of operations one after the other, which are all that the round takes time for. */
static inline void bench_single(struct bench_round *round, uint64_t value)
{
	samples_add(round->samples, value);
	round->elapsed += value;
}

#endif
