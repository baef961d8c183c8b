/* SPDX-License-Identifier: BSD-2-Clause */
/* The shell: reads a line, finds its command in the table, runs it. */
#include "kernel/cold/cold.h"
#include "kernel/console/console.h"
#include "kernel/job.h"
#include "kernel/options/options.h"
#include "kernel/shell/background.h"
#include "kernel/shell/command.h"
#include "kernel/shell/line.h"
#include "kernel/thread/thread.h"

#include <stdio.h>
#include <string.h>

#define WORDS_MAX 32
#define PROMPT "ringside> "

void command_print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (!background_print(format, arguments))
		console_print_results(format, arguments);
	va_end(arguments);
}

bool command_interrupted(void)
{
	thread_yield();
	return !background_is() && console_interrupted();
}

static const struct command *find_command(const char *name)
{
	TABLE_FOREACH (commands, struct command, command)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

/* Splits in place at spaces. Returns how many words; those beyond WORDS_MAX are not looked at. */
static int split(char *line, char **words)
{
	char *rest = line;
	int count = 0;

	for (char *word; count < WORDS_MAX && (word = strtok_r(rest, " \t", &rest)); count++)
		words[count] = word;
	words[count] = NULL;
	return count;
}

/* The line without the "&" at its end, in the background. */
static enum command_result run_in_background(const char *text)
{
	char line[SHELL_LINE_MAX];

	strcpy(line, text);
	*strrchr(line, '&') = '\0';
	if (!background_start(line))
		return COMMAND_OK;
	command_print("no memory for a command in the background\n");
	return COMMAND_FAILED;
}

enum command_result command_run_line(const char *text)
{
	char line[SHELL_LINE_MAX], *words[WORDS_MAX + 1];
	const struct command *command;
	enum command_result result;
	int count;

	if (strlen(text) >= sizeof(line)) {
		command_print("a line has at most %d characters\n", SHELL_LINE_MAX - 1);
		return COMMAND_FAILED;
	}
	strcpy(line, text);
	count = split(line, words);
	if (!count)
		return COMMAND_OK;
	if (!strcmp(words[count - 1], "&"))
		return run_in_background(text);
	command = find_command(words[0]);
	if (!command) {
		command_print("%s: no such command (help lists them)\n", words[0]);
		return COMMAND_FAILED;
	}
	if (cold_need(command->run) < 0)
		return COMMAND_FAILED;
	(void)command_interrupted(); /* one that was typed before */
	result = command->run(count, words);
	if (result == COMMAND_USAGE)
		command_print("usage: %s\n", command->usage);
	return result;
}

static enum exit_code run_shell(void)
{
	char line[SHELL_LINE_MAX];

	/* What was found, before one asks; whoever asks over the network comes first. */
	thread_yield();
	(void)command_run_line("lspci");
	(void)command_run_line("devices -s");
	/* Where there is no console nothing is typed, until one comes; the services go on. */
	for (;;) {
		line_read(PROMPT, line, sizeof(line));
		(void)command_run_line(line);
	}
	return EXIT_OK;
}
/* Long enough for a lease; a prompt need not wait for more. */
JOB(shell, "find every device, serve the status page, give a prompt (the default)",
    NANOSECONDS_PER_SECOND, run_shell);

/* The table is in the order of the link; people want the alphabet. */
static const struct command *next_by_name(const struct command *after)
{
	const struct command *best = NULL;

	TABLE_FOREACH (commands, struct command, command)
		if ((!after || strcmp(command->name, after->name) > 0) &&
		    (!best || strcmp(command->name, best->name) < 0))
			best = command;
	return best;
}

static enum command_result command_help(int argc, char **argv)
{
	const struct command *command;

	if (argc > 2)
		return COMMAND_USAGE;
	if (argc == 2) {
		command = find_command(argv[1]);
		if (!command) {
			command_print("%s: no such command\n", argv[1]);
			return COMMAND_FAILED;
		}
		command_print("%s\n  %s\n", command->usage, command->help);
		return COMMAND_OK;
	}
	for (command = next_by_name(NULL); command && !command_interrupted();
	     command = next_by_name(command))
		command_print("  %-12s %s\n", command->name, command->help);
	command_print("jobs (run=):\n");
	TABLE_FOREACH (jobs, struct job, job)
		command_print("  %-12s %s\n", job->name, job->help);
	return COMMAND_OK;
}
COMMAND(help, "help [COMMAND]", "this list, or one command's usage", command_help);

static const struct option *next_by_key(const struct option *after)
{
	const struct option *best = NULL;

	TABLE_FOREACH (options, struct option, option)
		if ((!after || strcmp(option->key, after->key) > 0) &&
		    (!best || strcmp(option->key, best->key) < 0))
			best = option;
	return best;
}

static enum command_result command_options(int argc, char **argv)
{
	const struct option *option;

	(void)argv;
	if (argc != 1)
		return COMMAND_USAGE;
	command_print("given: %s\n", options_line());
	for (option = next_by_key(NULL); option && !command_interrupted();
	     option = next_by_key(option))
		command_print("  %s=%s\n      %s\n", option->key, option->values, option->help);
	return COMMAND_OK;
}
COMMAND(options, "options", "the words of the kernel command line", command_options);
