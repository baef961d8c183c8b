/* SPDX-License-Identifier: BSD-2-Clause */
/* Jobs: what the image does once the machine is up, chosen by `run=`. */
#ifndef KERNEL_JOB_H
#define KERNEL_JOB_H

#include "kernel/exit.h"
#include "kernel/table.h"

struct job {
	const char *name;
	const char *help;
	/* Runs in a thread. Its result is the machine's, by exit_job(). */
	enum exit_code (*run)(void);
};

TABLE_DECLARE(jobs, struct job);

#define JOB(identifier, help_text, function)                                                       \
	TABLE_ENTRY(jobs, struct job, job_entry_##identifier) = {                                  \
		.name = #identifier, .help = (help_text), .run = (function) }

#endif
