/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell's commands. A command stands in the file of what it shows:
 *
 *	COMMAND(uptime, "uptime", "time since the first instruction", command_uptime);
 *
 * The function runs in a thread and writes its result with command_print(), which goes to whoever
 * asked (a console, later a session). It gets argc and argv as main() does, and returns one of the
 * values below. For COMMAND_USAGE the shell prints the usage line.
 */
#ifndef KERNEL_SHELL_COMMAND_H
#define KERNEL_SHELL_COMMAND_H

#include "kernel/table.h"

#include <stdbool.h>
#include <stddef.h>

enum command_result { COMMAND_OK, COMMAND_FAILED, COMMAND_USAGE };

struct command {
	const char *name;
	const char *usage; /* the whole line: "ping [-c COUNT] HOST" */
	const char *help;  /* what it does, a few words */
	enum command_result (*run)(int argc, char **argv);
};

TABLE_DECLARE(commands, struct command);

#define COMMAND(identifier, usage_text, help_text, function)                                       \
	TABLE_TEXT(command_name_##identifier, #identifier);                                        \
	TABLE_TEXT(command_usage_##identifier, usage_text);                                        \
	TABLE_TEXT(command_help_##identifier, help_text);                                          \
	TABLE_ENTRY(commands, struct command,                                                      \
		    command_entry_##identifier) = {.name = command_name_##identifier,              \
						   .usage = command_usage_##identifier,            \
						   .help = command_help_##identifier,              \
						   .run = (function)}

/* printf for commands (integers and strings only, as everywhere in the kernel). Thread context. */
void command_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * True when the user typed ^C since it was last asked. Commands that work or print for long ask it again and again:
 * it lets the other threads of this CPU run, too, since a console may take its text slowly. Thread context.
 */
bool command_interrupted(void);

/* Runs one line as if typed. COMMAND_FAILED, with a message, for an unknown command. */
enum command_result command_run_line(const char *line);

#endif
