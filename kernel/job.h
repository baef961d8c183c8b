/* SPDX-License-Identifier: BSD-2-Clause */
/* Jobs: what the image does once the machine is up, chosen by `run=`. */
#ifndef KERNEL_JOB_H
#define KERNEL_JOB_H

#include "kernel/exit.h"
#include "kernel/table.h"

#include <stdbool.h>
#include <stdint.h>

struct job {
	const char *name;
	const char *help;
	/*
	 * How long the network may take to get ready first, nanoseconds; 0: the job does not wait.
	 */
	uint64_t network_wait;
	/*
	 * The devices are the job's own: no driver is bound, and there is no network. Its result is told by
	 * the last line that it prints itself.
	 */
	bool alone;
	/* Runs in a thread. Its result is the machine's, by exit_job(). */
	enum exit_code (*run)(void);
};

TABLE_DECLARE(jobs, struct job);

/*
 * Runs the job of that name, which may have to be unpacked first (kernel/cold/cold.h); EXIT_USAGE: there is
 * none, EXIT_JOB_FAILED: it could not be unpacked. Thread context.
 */
enum exit_code job_run(const char *name);

#define JOB_ENTRY(identifier, help_text, ...)                                                      \
	TABLE_TEXT(job_name_##identifier, #identifier);                                            \
	TABLE_TEXT(job_help_##identifier, help_text);                                              \
	TABLE_ENTRY(jobs, struct job, job_entry_##identifier) = {                                  \
		.name = job_name_##identifier, .help = job_help_##identifier, __VA_ARGS__}

#define JOB(identifier, help_text, wait, function)                                                 \
	JOB_ENTRY(identifier, help_text, .network_wait = (wait), .run = (function))

#define JOB_ALONE(identifier, help_text, function)                                                 \
	JOB_ENTRY(identifier, help_text, .alone = true, .run = (function))

#endif
