/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The job of an image that was made with APP=: runs the program's main(). Only such images have
 * this, compiled for each with APPLICATION_NAME, which is its argv[0].
 *
 * main() runs in a thread of CPU 0 with a megabyte of stack, after the network is up (or was given
 * up). It may use all of newlib, floating point, sockets, and the threads of
 * kernel/thread/thread.h, with .application set for threads that run its code. Its result is the
 * machine's exit status.
 */
#include "kernel/console/log.h"
#include "kernel/job.h"
#include "kernel/options/options.h"
#include "kernel/thread/thread.h"

#include <stdlib.h>

#define LOG_AREA "application"
#define STACK_SIZE (1u << 20)
#define NETWORK_WAIT (12 * NANOSECONDS_PER_SECOND)
#define ARGUMENTS_MAX 64

extern int main(int argc, char **argv);

typedef void initializer(void);
extern initializer *const init_array_start[], *const init_array_end[];

static void run_main(void *unused)
{
	static char name[] = APPLICATION_NAME;
	static char *argv[ARGUMENTS_MAX + 2] = {name};
	char **words;
	int count = options_application(&words), argc = 1;

	(void)unused;
	for (initializer *const *function = init_array_start; function < init_array_end; function++)
		(*function)();
	for (int i = 0; i < count && i < ARGUMENTS_MAX; i++)
		argv[argc++] = words[i];
	/* exit() flushes what stdio holds, runs atexit()'s functions and ends in _exit(). */
	exit(main(argc, argv));
}

static enum exit_code run_application(void)
{
	static const struct thread_options options = {.stack_size = STACK_SIZE,
						      .application = true};
	struct thread *thread = thread_create("main", run_main, NULL, &options);

	if (!thread) {
		log_error("there is no memory for its stack of %u KiB", STACK_SIZE / 1024);
		return EXIT_JOB_FAILED;
	}
	thread_join(thread);
	return EXIT_OK;
}
JOB(application, "the program that this image was made for (the default)", NETWORK_WAIT,
    run_application);
