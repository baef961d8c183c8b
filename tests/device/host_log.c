/* SPDX-License-Identifier: BSD-2-Clause */
/* Text on the host: log lines and commands' output are kept for tests to look at. */
#include "kernel/console/console.h"
#include "kernel/console/log.h"
#include "kernel/panic.h"
#include "kernel/shell/command.h"
#include "tests/device/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 64
#define OUTPUT_MAX 65536

static char lines[LINES_MAX][LOG_LINE_MAX + 32];
static unsigned int line_count, serious_count;
static char output[OUTPUT_MAX];
static size_t output_length;

void log_print(enum log_level level, const char *area, const char *format, ...)
{
	char *line = lines[line_count++ % LINES_MAX];
	va_list arguments;
	int length = snprintf(line, sizeof(lines[0]), "%s: ", area);

	va_start(arguments, format);
	vsnprintf(line + length, sizeof(lines[0]) - (size_t)length, format, arguments);
	va_end(arguments);
	if (level <= LOG_WARNING)
		serious_count++;
	if (getenv("HOST_LOG"))
		fprintf(stderr, "# %d %s\n", level, line);
}

bool host_log_has(const char *part)
{
	for (unsigned int i = 0; i < line_count && i < LINES_MAX; i++)
		if (strstr(lines[i], part))
			return true;
	return false;
}

unsigned int host_log_count(void)
{
	return serious_count;
}

void host_log_clear(void)
{
	line_count = 0;
	serious_count = 0;
}

void panic(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("panic: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	abort();
}

void command_print(const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(output + output_length, OUTPUT_MAX - output_length, format, arguments);
	va_end(arguments);
	output_length += (size_t)length;
	if (output_length >= OUTPUT_MAX)
		output_length = OUTPUT_MAX - 1;
}

bool command_interrupted(void)
{
	return false;
}

const char *host_command_output(void)
{
	return output;
}

void host_command_clear(void)
{
	output_length = 0;
	output[0] = '\0';
}
