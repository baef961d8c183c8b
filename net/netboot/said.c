/* SPDX-License-Identifier: BSD-2-Clause */
/* What network boot said, and shows on the page: not cold, as the rest is. */
#include "kernel/facts/facts.h"
#include "kernel/shell/command.h"
#include "kernel/thread/thread.h"
#include "net/netboot/netboot.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_LENGTH 640

static char last_line[LINE_MAX_LENGTH];
static struct mutex last_lock = MUTEX_INIT;
static uint64_t attempts;

void netboot_say(const char *format, ...)
{
	char line[LINE_MAX_LENGTH];
	va_list arguments;

	va_start(arguments, format);
	vsniprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	/* What servers and files said goes to a terminal. */
	for (char *c = line; *c; c++)
		if ((*c < ' ' && *c != '\t') || *c == 0x7f)
			*c = '?';
	command_print("netboot: %s\n", line);
	mutex_lock(&last_lock);
	strcpy(last_line, line);
	mutex_unlock(&last_lock);
}

void netboot_attempted(void)
{
	__atomic_fetch_add(&attempts, 1, __ATOMIC_RELAXED);
}

/* A machine that tries again and again serves its page meanwhile. */
static void describe(struct facts *facts)
{
	char line[LINE_MAX_LENGTH];

	mutex_lock(&last_lock);
	strcpy(line, last_line);
	mutex_unlock(&last_lock);
	fact_number(facts, "attempts", __atomic_load_n(&attempts, __ATOMIC_RELAXED));
	if (line[0])
		fact_text(facts, "message", line);
	else
		fact_none(facts, "message");
}
FACTS(netboot, "netboot", 75, describe);
