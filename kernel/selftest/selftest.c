/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/selftest/selftest.h"

#include "kernel/job.h"
#include "kernel/shell/command.h"
#include "kernel/thread/thread.h"
#include "kernel/x86/percpu.h"

#include <stddef.h>

const char *selftest_on_all_cpus(void (*function)(void *unused))
{
	struct thread *threads[CPUS_MAX * SELFTEST_THREADS_PER_CPU];
	unsigned int count = cpu_count * SELFTEST_THREADS_PER_CPU;

	for (unsigned int i = 0; i < count; i++) {
		struct thread_options options = {.cpu = i % cpu_count};

		threads[i] = thread_create("selftest", function, NULL, &options);
		if (!threads[i])
			return "a thread could not be made";
	}
	for (unsigned int i = 0; i < count; i++)
		thread_join(threads[i]);
	return NULL;
}

static unsigned int run_all(void)
{
	unsigned int number = 0, failed = 0, skipped = 0;

	command_print("TAP version 13\n1..%u\n", (unsigned int)TABLE_COUNT(selftests));
	TABLE_FOREACH (selftests, struct selftest, test) {
		const char *reason = test->why_not ? test->why_not() : NULL, *seen;

		number++;
		if (reason) {
			command_print("ok %u - %s # SKIP %s\n", number, test->claim, reason);
			skipped++;
			continue;
		}
		seen = test->run();
		command_print("%sok %u - %s\n", seen ? "not " : "", number, test->claim);
		if (seen) {
			command_print("  ---\n  seen: \"%s\"\n  ...\n", seen);
			failed++;
		}
	}
	command_print("# ringside: selftest: %u passed, %u failed, %u skipped\n",
		      number - failed - skipped, failed, skipped);
	return failed;
}

static enum exit_code run_selftest(void)
{
	return run_all() ? EXIT_JOB_FAILED : EXIT_OK;
}
JOB(selftest, "test the kernel itself on this machine; TAP on the console", 0, run_selftest);

static enum command_result command_selftest(int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return COMMAND_USAGE;
	return run_all() ? COMMAND_FAILED : COMMAND_OK;
}
COMMAND(selftest, "selftest", "test the kernel itself on this machine", command_selftest);
