/* SPDX-License-Identifier: BSD-2-Clause */
/* The line editor: any bytes from a terminal of any width. What it draws is safe for a terminal. */
#include "kernel/shell/line.h"

#include "kernel/console/console.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "kernel/time/clock.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define LINES 6
#define PAUSE 0x1e

static uint64_t until;
static bool over;

static void terminal_write(struct console *console, const char *text, size_t length)
{
	(void)console;
	for (size_t i = 0; i < length; i++) {
		uint8_t c = (uint8_t)text[i];

		fuzz_check(c >= ' ' || c == '\r' || c == '\n' || c == '\b' || c == '\a' ||
				   c == 0x1b,
			   "character %02x was drawn", c);
		fuzz_check(c != 0x7f, "DEL was drawn");
	}
}

static struct console terminal;

/* One key at each poll; Enter when there are none any more. */
static void type(void *context)
{
	uint8_t key;

	(void)context;
	if (clock_monotonic() < until)
		return;
	do
		key = fuzz_byte();
	while (key == PAUSE && until); /* one pause is as good as several */
	over = !fuzz_more();
	until = 0;
	if (key == PAUSE && !over)
		until = clock_monotonic() + 60 * NANOSECONDS_PER_MILLISECOND;
	else
		console_input((char)(over ? '\r' : key));
}

static enum command_result nothing(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return COMMAND_OK;
}

COMMAND(zebra, "zebra", "for the completion", nothing);
COMMAND(zeal, "zeal", "for the completion", nothing);

void fuzz_target(void)
{
	static const uint8_t widths[] = {80, 0, 1, 3, 20, 255};
	char line[SHELL_LINE_MAX + 8];
	size_t size;

	until = 0;
	over = false;
	terminal = (struct console){.name = "test0", .write = terminal_write};
	options_parse("");
	terminal.columns = widths[fuzz_choose(6)];
	console_register(&terminal);
	host_model(type, NULL);
	for (unsigned int i = 0; i < LINES && !over; i++) {
		size = 2 + fuzz_choose(SHELL_LINE_MAX - 2);
		memset(line, 0x5a, sizeof(line));
		line_read("> ", line, size);
		fuzz_check(memchr(line, 0, size), "a line without end");
		fuzz_check(line[size] == 0x5a, "a line beyond its room");
	}
}
