/* SPDX-License-Identifier: BSD-2-Clause */
/* The job `conform` and the command of that name: the suite on this machine's devices. */
#define LOG_AREA "conform"
#include "kernel/job.h"

#include "drivers/console/serial.h"
#include "kernel/console/console.h"
#include "kernel/console/log.h"
#include "kernel/shell/command.h"
#include "kernel/time/clock.h"
#include "tests/conformance/guest/guest.h"
#include "tests/conformance/guest/settings.h"

#include <errno.h>

/* A reader who is slow loses no verdict. */
#define PATIENCE (10 * NANOSECONDS_PER_SECOND)

static void print_line(void *context, const char *line)
{
	(void)context;
	command_print("%s\n", line);
}

/* Whether the report ended with its last line is stored. */
static enum exit_code run_suite(const struct settings *settings, bool *summed_up)
{
	static struct guest_target *targets[GUEST_TARGETS_MAX];
	struct conformance_target *list[GUEST_TARGETS_MAX];
	unsigned int count = guest_targets_find(&settings->suite, targets);
	struct suite_result result;
	int error;

	for (unsigned int i = 0; i < count; i++) {
		list[i] = &targets[i]->target;
		list[i]->configuration = settings->configuration;
		list[i]->host_acts = settings->host;
		if (!settings->suite.list)
			guest_disk_permission(&settings->suite, list[i], settings->destroy);
	}
	error = suite_run(&settings->suite, list, count, print_line, NULL, &result);
	guest_targets_release(targets, count);
	if (error && error != -ENOENT)
		log_error("the suite cannot run: error %d", -error);
	*summed_up = (!error || error == -ENOENT) && !settings->suite.list;
	return error ? EXIT_USAGE : result.failed ? EXIT_JOB_FAILED : EXIT_OK;
}

static enum exit_code run_job(void)
{
	struct settings settings;
	enum exit_code code;
	bool summed_up;

	console_fall_back();
	serial_set_patience(PATIENCE);
	if (!settings_of_options(&settings))
		return EXIT_USAGE;
	code = run_suite(&settings, &summed_up);
	if (summed_up)
		exit_without_words();
	return code;
}
JOB_ALONE(conform, "test the virtio devices for conformance; TAP on the console", run_job);

static enum command_result command_conform(int argc, char **argv)
{
	struct settings settings;
	bool summed_up;

	if (!settings_of_command(&settings, argc, argv))
		return COMMAND_USAGE;
	if (!settings.suite.list)
		command_print(
			"# devices that are tested have no driver afterwards, until the next boot\n");
	return run_suite(&settings, &summed_up) == EXIT_OK ? COMMAND_OK : COMMAND_FAILED;
}
COMMAND(conform,
	"conform [--only|--skip GLOBS] [--device GLOBS] [--from N] [--list] [--spec 1.N] [--strict should]"
	" [--slow 0|1] [--report json] [--verbose] [--timeout SECONDS] [--repeat N] [--destroy ADDRESS|all]",
	"test virtio devices for conformance, in TAP; takes them from their drivers",
	command_conform);
