/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line editor on a scripted console: the keys are typed by a model, and what it draws is shown by a small
 * terminal, so that the row and the cursor on it can be looked at.
 */
#include "kernel/shell/line.h"

#include "kernel/console/console.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "kernel/time/clock.h"
#include "tests/device/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROMPT "> "
#define ROW_MAX 512
#define UP "\033[A"
#define DOWN "\033[B"
#define RIGHT "\033[C"
#define LEFT "\033[D"
#define HOME "\033[1~"
#define END "\033[4~"
#define DEL "\033[3~"
#define PAUSE "\036" /* nothing is typed for a while */
#define PAUSE_TIME (60 * NANOSECONDS_PER_MILLISECOND)

static enum command_result nothing(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return COMMAND_OK;
}

COMMAND(zebra, "zebra", "for these tests", nothing);
COMMAND(zeal, "zeal", "for these tests", nothing);
COMMAND(zealous, "zealous", "for these tests", nothing);
COMMAND(xylophone, "xylophone", "for these tests", nothing);

/* -- The terminal */

static char row[ROW_MAX + 1], everything[65536];
static size_t column, width_seen, everything_length, bells;

static void clear_from(size_t from)
{
	memset(row + from, 0, sizeof(row) - from);
}

static void show(char c)
{
	static char sequence[8];
	static size_t length;

	if (length || c == '\033') {
		sequence[length++] = c;
		if (length < 3 || (c >= '0' && c <= '9' && length < sizeof(sequence)))
			return;
		length = 0;
		if (c == 'K')
			clear_from(column);
		else if (c == 'J')
			clear_from(0);
		else if (c == 'H')
			column = 0;
		else
			host_abort("a sequence that ends in %c was drawn", c);
		return;
	}
	if (c == '\r') {
		column = 0;
	} else if (c == '\n') {
		clear_from(0);
	} else if (c == '\b') {
		if (!column)
			host_abort("a backspace at the left edge");
		column--;
	} else if (c == '\a') {
		bells++;
	} else if (c < ' ' || c == 0x7f) {
		host_abort("character %02x was drawn", (unsigned char)c);
	} else {
		if (column == ROW_MAX)
			host_abort("a row without end");
		row[column++] = c;
		if (column > width_seen)
			width_seen = column;
	}
}

static void terminal_write(struct console *console, const char *text, size_t length)
{
	(void)console;
	for (size_t i = 0; i < length; i++) {
		if (everything_length + 1 < sizeof(everything))
			everything[everything_length++] = text[i];
		show(text[i]);
	}
	everything[everything_length] = '\0';
}

static struct console terminal = {.name = "test0", .write = terminal_write};

/* -- The typist: one key at each poll */

static const char *keys;
static size_t keys_left;

static void type(void *context)
{
	static uint64_t until;

	(void)context;
	if (!keys_left)
		return;
	if (*keys == *PAUSE) {
		if (!until)
			until = clock_monotonic() + PAUSE_TIME;
		if (clock_monotonic() < until)
			return;
		until = 0;
		keys++;
		keys_left--;
	}
	console_input(*keys++);
	keys_left--;
}

static void setup(unsigned int columns)
{
	host_reset();
	host_model(type, NULL);
	options_parse("");
	terminal.columns = (uint16_t)columns;
	if (!console_next(NULL))
		console_register(&terminal);
	clear_from(0);
	column = width_seen = everything_length = bells = 0;
	everything[0] = '\0';
}

/* The line that these keys and Enter make. */
static const char *line_of_keys(const char *script, size_t length)
{
	static char line[SHELL_LINE_MAX], copy[4096];

	memcpy(copy, script, length);
	copy[length] = '\r';
	keys = copy;
	keys_left = length + 1;
	line_read(PROMPT, line, sizeof(line));
	assert_int_equal(keys_left, 0);
	return line;
}

static const char *line_of(const char *script)
{
	return line_of_keys(script, strlen(script));
}

/* -- Keys */

static void test_keys(void **state)
{
	static const struct {
		const char *keys, *line;
	} cases[] = {
		{"", ""},
		{"one", "one"},
		{"onX\x7f\x65", "one"},
		{"onX\b\x65", "one"},
		{"\x7f\x7f", ""},
		{"ne" HOME "o", "one"},
		{"ne\033[Ho", "one"},
		{"ne\033OHo", "one"},
		{"ne\x01o", "one"},
		{"ne\x01o\x05!", "one!"},
		{"ne" HOME "o" END "!", "one!"},
		{"oe" LEFT "n", "one"},
		{"oe" LEFT LEFT LEFT LEFT RIGHT "n", "one"},
		{"oe" RIGHT RIGHT "!", "oe!"},
		{"Xone" HOME DEL, "one"},
		{"one" DEL, "one"},
		{"Xone\x01\x04", "one"},
		{"\x04one\x04", "one"}, /* ^D is nothing on an empty line, or at the end */
		{"all of it\x15one", "one"},
		{"one two" LEFT LEFT LEFT "\x0b", "one "},
		{"one two\x17three", "one three"},
		{"one two  \x17three", "one three"},
		{"\x17\x17one", "one"},
		{"garbage\x03one", "one"},
		{"on\x0c\x65", "one"},
		{"caf\xc3\xa9", "caf"},
		{"a\x02\x1fz", "az"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(0);
		assert_string_equal(line_of(cases[i].keys), cases[i].line);
	}
}

/* Both ends of a line are one; each alone is too. */
static void test_line_ends(void **state)
{
	char line[SHELL_LINE_MAX];

	(void)state;
	setup(0);
	keys = "a\r\nb\nc\r\r\nd\r";
	keys_left = strlen(keys);
	line_read(PROMPT, line, sizeof(line));
	assert_string_equal(line, "a");
	line_read(PROMPT, line, sizeof(line));
	assert_string_equal(line, "b");
	line_read(PROMPT, line, sizeof(line));
	assert_string_equal(line, "c");
	line_read(PROMPT, line, sizeof(line));
	assert_string_equal(line, "");
	line_read(PROMPT, line, sizeof(line));
	assert_string_equal(line, "d");
}

/* -- History */

static void test_history(void **state)
{
	char name[16], up[256] = "";

	(void)state;
	setup(0);
	for (unsigned int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "line%u", i);
		line_of(name);
	}
	line_of("line19"); /* twice is once */
	assert_string_equal(line_of(UP), "line19");
	assert_string_equal(line_of(UP UP), "line18");
	assert_string_equal(line_of(UP UP DOWN), "line18");
	/* What was being typed comes back. */
	assert_string_equal(line_of("half" UP UP DOWN DOWN "way"), "halfway");
	assert_string_equal(line_of(DOWN DOWN "x"), "x");
	/* Beyond the oldest nothing changes: 16 are kept. */
	for (unsigned int i = 0; i < 30; i++)
		strcat(up, UP);
	assert_string_equal(line_of(up), "line7");
	/* An older line, changed, is a new one. */
	assert_string_equal(line_of("abc"), "abc");
	assert_string_equal(line_of(UP "d"), "abcd");
	assert_string_equal(line_of(UP UP), "abc");
}

/* A short buffer and a long history. */
static void test_small_buffer(void **state)
{
	char line[8];

	(void)state;
	setup(0);
	line_of("this is much longer than that");
	keys = UP "\r";
	keys_left = strlen(keys);
	line_read(PROMPT, line, sizeof(line));
	assert_string_equal(line, "this is");
	keys = "0123456789\r";
	keys_left = strlen(keys);
	line_read(PROMPT, line, sizeof(line));
	assert_string_equal(line, "0123456");
	assert_int_equal(bells, 3);
}

/* -- Completion */

static void test_completion(void **state)
{
	(void)state;
	setup(0);
	assert_string_equal(line_of("xyl\t"), "xylophone ");
	assert_string_equal(line_of("xyl\targ"), "xylophone arg");
	assert_string_equal(line_of("z\t"), "ze");
	assert_string_equal(line_of("zea\t"), "zeal");
	assert_string_equal(line_of("zeal\t"), "zeal");
	assert_string_equal(line_of("zealo\t"), "zealous ");
	assert_string_equal(line_of("zebra\t"), "zebra ");
	setup(0);
	assert_string_equal(line_of("ze\t"), "ze");
	assert_non_null(strstr(everything, "zeal  zealous  zebra  \r\n"));
	setup(0);
	assert_string_equal(line_of("nosuch\t"), "nosuch");
	assert_string_equal(line_of("xylophone x\t"), "xylophone x");
	assert_int_equal(bells, 2);
	/* In the middle of a line. */
	assert_string_equal(line_of("rest\x01zeb\t"), "zebra rest");
	/* No room. */
	setup(0);
	{
		char line[6];

		keys = "xyl\t\r";
		keys_left = strlen(keys);
		line_read(PROMPT, line, sizeof(line));
		assert_string_equal(line, "xylop");
	}
}

/* -- What it looks like */

static void test_drawing(void **state)
{
	(void)state;
	setup(0);
	line_of("abc" LEFT LEFT "X");
	assert_non_null(strstr(everything, "\r> aXbc\033[K\b\b"));
}

/* A line longer than the row stays on the row, and Enter shows all of it. */
static void test_long_lines(void **state)
{
	static const unsigned int widths[] = {0, 1, 24, 40, 80, 132, 1000};

	(void)state;
	for (unsigned int i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		unsigned int columns = widths[i] ? widths[i] : 80;
		char script[1024] = "", line[SHELL_LINE_MAX], all[SHELL_LINE_MAX + 8];

		if (columns < 24)
			columns = 24;
		setup(widths[i]);
		for (unsigned int k = 0; k < 300; k++)
			script[k] = (char)('a' + k % 26);
		script[300] = '\0';
		memcpy(line, script, SHELL_LINE_MAX - 1);
		line[SHELL_LINE_MAX - 1] = '\0';
		strcat(script, HOME RIGHT RIGHT DEL END LEFT LEFT "\b");
		memmove(line + 2, line + 3, strlen(line + 3) + 1);
		memmove(line + strlen(line) - 3, line + strlen(line) - 2, 3);
		assert_string_equal(line_of(script), line);
		snprintf(all, sizeof(all), "\r\033[K" PROMPT "%s\r\n", line);
		if (columns < SHELL_LINE_MAX) {
			assert_int_equal(strcmp(everything + everything_length - strlen(all), all),
					 0);
			/* Up to there nothing was wider than the row. */
			everything[everything_length - strlen(all)] = '\0';
		}
		column = width_seen = 0;
		clear_from(0);
		for (const char *c = everything; *c; c++)
			show(*c);
		assert_in_range(width_seen, 0, columns - 1);
	}
}

/* -- Against a simple editor, with keys at random */

struct reference {
	char line[SHELL_LINE_MAX];
	size_t length, cursor;
};

static void reference_erase(struct reference *r, size_t from, size_t to)
{
	memmove(r->line + from, r->line + to, r->length - to);
	r->length -= to - from;
	r->cursor = from;
}

static void test_random_keys(void **state)
{
	static const char *const names[] = {"q",    " ",    LEFT, RIGHT, HOME, END,  "\x7f", DEL,
					    "\x15", "\x0b", "w",  "e",	 LEFT, LEFT, "x"};

	(void)state;
	srand(1);
	for (unsigned int round = 0; round < 200; round++) {
		struct reference r = {.length = 0};
		char script[4000] = "";

		setup(round % 2 ? 30 : 80);
		for (unsigned int i = 0; i < 400; i++) {
			const char *key = names[(unsigned int)rand() % 15];

			/* Mostly letters, and seldom the keys that wipe. */
			if ((*key == 0x15 || *key == 0x0b) && rand() % 20)
				key = "y";
			strcat(script, key);
			if (!strcmp(key, LEFT))
				r.cursor -= r.cursor > 0;
			else if (!strcmp(key, RIGHT))
				r.cursor += r.cursor < r.length;
			else if (!strcmp(key, HOME))
				r.cursor = 0;
			else if (!strcmp(key, END))
				r.cursor = r.length;
			else if (*key == 0x7f && r.cursor)
				reference_erase(&r, r.cursor - 1, r.cursor);
			else if (!strcmp(key, DEL) && r.cursor < r.length)
				reference_erase(&r, r.cursor, r.cursor + 1);
			else if (*key == 0x15)
				reference_erase(&r, 0, r.cursor);
			else if (*key == 0x0b)
				r.length = r.cursor;
			else if (*key >= ' ' && *key < 0x7f && r.length + 1 < SHELL_LINE_MAX) {
				memmove(r.line + r.cursor + 1, r.line + r.cursor,
					r.length - r.cursor);
				r.line[r.cursor++] = *key;
				r.length++;
			}
		}
		r.line[r.length] = '\0';
		assert_string_equal(line_of(script), r.line);
	}
}

/* -- Terminals that lie, noise on the line */

static void test_strange_sequences(void **state)
{
	static const struct {
		const char *keys, *line;
	} cases[] = {
		{"a\033[24;80Rb", "ab"},	  /* a cursor's place */
		{"a\033[?1;2cb", "ab"},		  /* what it is */
		{"a\033[1;5Db", "ba"},		  /* control and left */
		{"a\033[99999999999999~b", "ab"}, /* a number that is none */
		{"a\033[3;3~b", "ab"},
		{"a\033[200~b\033[201~c", "abc"}, /* pasted */
		{"a\033Xb", "ab"},		  /* not the start of one */
		{"a\033[\001b", "ab"},		  /* broken off */
		{"a\033\033[Db", "a[Db"},	  /* the second begins nothing */
		/* The keys stop in the middle: that was all of it. */
		{"a\033" PAUSE "b", "ab"},
		{"a\033[" PAUSE "b", "ab"},
		{"a\033[1" PAUSE "b", "ab"},
		{"a\033[1;" PAUSE, "a"},
		/* Too long to be one. */
		{"a\033[;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;Db", "a;Db"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(0);
		assert_string_equal(line_of(cases[i].keys), cases[i].line);
	}
}

static void test_noise(void **state)
{
	char script[600];

	(void)state;
	srand(2);
	for (unsigned int round = 0; round < 500; round++) {
		const char *line;

		setup((unsigned int)rand() % 200);
		for (unsigned int i = 0; i < sizeof(script); i++) {
			do
				script[i] = (char)rand();
			while (script[i] == '\r' || script[i] == '\n' || script[i] == *PAUSE);
			if (rand() % 8 == 0)
				script[i] = '\033';
			else if (rand() % 8 == 0)
				script[i] = '[';
		}
		script[sizeof(script) - 1] = script[sizeof(script) - 2] = 'z';
		line = line_of_keys(script, sizeof(script));
		assert_true(strlen(line) < SHELL_LINE_MAX);
		for (; *line; line++)
			assert_in_range(*line, ' ', '~');
	}
}

/* Typed faster than it is read: the newest is dropped, the rest is in order. */
static void test_too_fast(void **state)
{
	char line[SHELL_LINE_MAX];

	(void)state;
	setup(0);
	for (unsigned int i = 0; i < 5000; i++)
		console_input((char)('a' + i % 26));
	keys = "\r";
	keys_left = 0;
	for (unsigned int i = 0; i < 4040; i++)
		assert_int_equal(console_read(0), 'a' + i % 26);
	console_input('\r');
	line_read(PROMPT, line, sizeof(line));
	assert_int_equal(strlen(line), 56);
}

/* A message takes the line away and brings it back. */
static void message(void *context)
{
	bool *said = context;

	if (!*said && keys_left == 1) {
		*said = true;
		console_message("a message\n");
	}
}

static void test_message(void **state)
{
	bool said = false;

	(void)state;
	setup(0);
	host_model(message, &said);
	assert_string_equal(line_of("typed"), "typed");
	assert_true(said);
	assert_non_null(strstr(everything, "type\r\033[Ka message\r\n\r> type\033[Kd\r\n"));
}

static void test_interrupt(void **state)
{
	(void)state;
	setup(0);
	(void)console_interrupted();
	assert_string_equal(line_of("gone\x03kept"), "kept");
	assert_true(console_interrupted());
	assert_false(console_interrupted());
	/* While a command runs it is for the command alone. */
	console_input(3);
	assert_int_equal(console_read(0), -1);
	assert_true(console_interrupted());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_small_buffer),
		cmocka_unit_test(test_completion),
		cmocka_unit_test(test_drawing),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_random_keys),
		cmocka_unit_test(test_strange_sequences),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_too_fast),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_interrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
