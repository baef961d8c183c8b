/* SPDX-License-Identifier: BSD-2-Clause */
/* Between script.c, which reads lines, and script_commands.c, which does what they say. */
#ifndef NET_NETBOOT_SCRIPT_RUN_H
#define NET_NETBOOT_SCRIPT_RUN_H

#include "net/netboot/script.h"

/* A script that runs. */
struct script_frame {
	struct script *script;
	const char *text, *end;
	const char *next; /* the line that comes */
	unsigned int line;
	const char *url; /* its own */
	bool ended;	 /* by `exit`, or replaced by another */
	int status;
	char *replacement; /* that script, from malloc(), and its URL */
	size_t replacement_length;
	char *replacement_url;
	bool jumped; /* the rest of the line is void */

	char source[SCRIPT_LINE_MAX];	/* the line, cut into words */
	char expanded[SCRIPT_LINE_MAX]; /* the words of the command */
	char joined[SCRIPT_LINE_MAX];	/* some of them in one text */
	char target[SCRIPT_URL_MAX];	/* a URL that was resolved */
};

/* The line is wrong: sets script->error and returns the error, and the script ends. */
int script_fail(struct script_frame *frame, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sets script->error, of what the script may go on after. */
void script_say(struct script_frame *frame, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Runs one command: words[0] is its name. 0, negative errno, or a positive value: not true, not done. */
int script_command(struct script_frame *frame, unsigned int count, char **words);

/* Goes on behind the label. -ENOENT. */
int script_goto(struct script_frame *frame, const char *label);

#endif
