/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands in the background: each has a thread and a line of output that is not complete yet. */
#include "kernel/shell/background.h"

#include "kernel/console/console.h"
#include "kernel/shell/command.h"
#include "kernel/shell/line.h"
#include "kernel/thread/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the shell itself has. */
#define STACK_SIZE (64u << 10)
#define OUTPUT_MAX 512u

struct background {
	struct background *next;
	struct thread *thread;
	char line[SHELL_LINE_MAX];
	char output[OUTPUT_MAX];
	size_t length;
};

/* Those that run; on CPU 0, where all of them are, so without a lock. */
static struct background *first;

static struct background *find(void)
{
	struct background *found = thread_cpu() ? NULL : first;

	while (found && found->thread != thread_current())
		found = found->next;
	return found;
}

static void flush(struct background *background)
{
	if (background->length)
		console_message("%s%s", background->output,
				background->output[background->length - 1] == '\n' ? "" : "\n");
	background->length = 0;
}

static void run(void *argument)
{
	struct background *background = argument;
	struct background **link = &first;

	(void)command_run_line(background->line);
	flush(background);
	while (*link != background)
		link = &(*link)->next;
	*link = background->next;
	free(background);
}

int background_start(const char *line)
{
	static const struct thread_options options = {.stack_size = STACK_SIZE};
	struct background *background = calloc(1, sizeof(*background));

	if (!background)
		return -ENOMEM;
	sniprintf(background->line, sizeof(background->line), "%s", line);
	/* It does not run before this thread sleeps. */
	background->thread = thread_create("background", run, background, &options);
	if (!background->thread) {
		free(background);
		return -ENOMEM;
	}
	background->next = first;
	first = background;
	thread_detach(background->thread);
	return 0;
}

bool background_is(void)
{
	return find();
}

bool background_print(const char *format, va_list arguments)
{
	struct background *background = find();
	size_t room;
	int length;

	if (!background)
		return false;
	room = OUTPUT_MAX - background->length;
	length = vsniprintf(background->output + background->length, room, format, arguments);
	if (length > 0)
		background->length += (size_t)length < room ? (size_t)length : room - 1;
	if (background->length && (background->length == OUTPUT_MAX - 1 ||
				   background->output[background->length - 1] == '\n'))
		flush(background);
	return true;
}
