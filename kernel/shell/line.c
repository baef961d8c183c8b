/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line lies on one row of the terminal. When it is longer than the row, a part of it is shown
 * that has the cursor in it, with '<' and '>' where more follows; Enter shows all of it once.
 */
#include "kernel/shell/line.h"

#include "kernel/console/console.h"
#include "kernel/shell/command.h"
#include "kernel/thread/thread.h"

#include <stdbool.h>
#include <string.h>

#define HISTORY 16
#define ESCAPE_WAIT (50 * NANOSECONDS_PER_MILLISECOND)
#define ESCAPE_MAX 32 /* characters; a sequence that is longer is none */
#define COLUMNS_DEFAULT 80
#define COLUMNS_MIN 24 /* narrower terminals are not taken at their word */

#define CONTROL(letter) ((letter)&0x1f)
#define BACKSPACE 8
#define TAB 9
#define ESCAPE 27
#define DELETE 127

static char history[HISTORY][SHELL_LINE_MAX];
static unsigned int history_count; /* ever; the newest is at (count - 1) % HISTORY */
static char typed[SHELL_LINE_MAX]; /* the line being typed, while older ones are looked at */

struct editor {
	const char *prompt;
	char *line;
	size_t size, length, cursor;
	size_t first;	   /* the first character that is shown */
	unsigned int back; /* how far in the history; 0: the line being typed */
};

static void put(const char *text)
{
	console_write(text, strlen(text));
}

/* How many characters of the line there is room for; the last column stays free, as terminals
 * differ in where the cursor is behind it. */
static size_t room(const struct editor *e)
{
	unsigned int columns = console_columns();

	if (!columns)
		columns = COLUMNS_DEFAULT;
	if (columns < COLUMNS_MIN)
		columns = COLUMNS_MIN;
	return columns - 1 - strlen(e->prompt);
}

/* Chooses the part that is shown: moved by half of it when the cursor leaves it. */
static void scroll(struct editor *e, size_t width)
{
	if (e->length < width)
		e->first = 0;
	else if (e->cursor < e->first + (e->first != 0))
		e->first = e->cursor > width / 2 ? e->cursor - width / 2 : 0;
	else if (e->cursor - e->first >= width - (e->cursor < e->length))
		e->first = e->cursor - width / 2;
}

/* A message may want this at any moment, also from an interrupt in the middle of a change. */
static void redraw(struct editor *e)
{
	size_t width = room(e), shown, tail;

	if (e->cursor > e->length)
		e->cursor = e->length;
	scroll(e, width);
	tail = e->length - e->first;
	shown = tail < width ? tail : width;
	put("\r");
	put(e->prompt);
	if (!e->first && shown == tail) {
		console_write(e->line, shown);
	} else {
		char part[SHELL_LINE_MAX];

		memcpy(part, e->line + e->first, shown);
		if (e->first)
			part[0] = '<';
		if (shown < tail)
			part[shown - 1] = '>';
		console_write(part, shown);
	}
	put("\033[K");
	for (size_t i = e->cursor; i < e->first + shown; i++)
		put("\b");
}

static void insert(struct editor *e, char c)
{
	if (e->length + 1 >= e->size) {
		put("\a");
		return;
	}
	memmove(e->line + e->cursor + 1, e->line + e->cursor, e->length - e->cursor);
	e->line[e->cursor++] = c;
	e->length++;
	/* At the end, which is nearly always, one character is enough. */
	if (e->cursor == e->length && e->cursor - e->first < room(e))
		console_write(&c, 1);
	else
		redraw(e);
}

static void erase(struct editor *e, size_t from, size_t to)
{
	memmove(e->line + from, e->line + to, e->length - to);
	e->length -= to - from;
	e->cursor = from;
	redraw(e);
}

static void recall(struct editor *e, unsigned int back)
{
	unsigned int kept = history_count < HISTORY ? history_count : HISTORY;
	const char *text;

	if (back > kept)
		return;
	if (!e->back) {
		memcpy(typed, e->line, e->length);
		typed[e->length] = '\0';
	}
	e->back = back;
	text = back ? history[(history_count - back) % HISTORY] : typed;
	e->length = strnlen(text, e->size - 1);
	memcpy(e->line, text, e->length);
	e->cursor = e->length;
	redraw(e);
}

static void move(struct editor *e, size_t to)
{
	e->cursor = to;
	redraw(e);
}

/*
 * ESC [ parameters letter, ESC O letter: what the cursor keys send, and what a terminal answers that
 * was asked something. Only what is known to be a key does anything.
 */
static void escape_sequence(struct editor *e)
{
	int c = console_read(clock_monotonic() + ESCAPE_WAIT);
	unsigned int number = 0, length = 0;

	if (c != '[' && c != 'O')
		return;
	for (;;) {
		c = console_read(clock_monotonic() + ESCAPE_WAIT);
		if (c < ' ' || c > '?' || ++length > ESCAPE_MAX)
			break;
		if (c >= '0' && c <= '9')
			number = (number * 10 + (unsigned int)c - '0') % 1000;
		else
			number = 1000; /* more than a number: no key of ours but a letter */
	}
	if (c == 'A')
		recall(e, e->back + 1);
	else if (c == 'B' && e->back)
		recall(e, e->back - 1);
	else if (c == 'C' && e->cursor < e->length)
		move(e, e->cursor + 1);
	else if (c == 'D' && e->cursor)
		move(e, e->cursor - 1);
	else if (c == 'H' || (c == '~' && (number == 1 || number == 7)))
		move(e, 0);
	else if (c == 'F' || (c == '~' && (number == 4 || number == 8)))
		move(e, e->length);
	else if (c == '~' && number == 3 && e->cursor < e->length)
		erase(e, e->cursor, e->cursor + 1);
}

/* -- Completion of the first word */

static bool completes(const struct command *command, const char *start, size_t length)
{
	return !strncmp(command->name, start, length);
}

static const struct command *next_completion(const struct command *after, const char *start,
					     size_t length)
{
	const struct command *best = NULL;

	TABLE_FOREACH (commands, struct command, command)
		if (completes(command, start, length) &&
		    (!after || strcmp(command->name, after->name) > 0) &&
		    (!best || strcmp(command->name, best->name) < 0))
			best = command;
	return best;
}

static void list_completions(struct editor *e, const char *start, size_t length)
{
	put("\n");
	for (const struct command *command = next_completion(NULL, start, length); command;
	     command = next_completion(command, start, length)) {
		put(command->name);
		put("  ");
	}
	put("\n");
	redraw(e);
}

static void complete(struct editor *e)
{
	const struct command *first, *command;
	char start[SHELL_LINE_MAX];
	size_t length = e->cursor, common;

	memcpy(start, e->line, length);
	start[length] = '\0';
	first = memchr(start, ' ', length) ? NULL : next_completion(NULL, start, length);
	if (!first) {
		put("\a");
		return;
	}
	/* As far as all that begin so agree. */
	common = strlen(first->name);
	for (command = first; command; command = next_completion(command, start, length))
		while (strncmp(first->name, command->name, common))
			common--;
	for (size_t i = length; i < common; i++)
		insert(e, first->name[i]);
	if (!next_completion(first, start, length))
		insert(e, ' ');
	else if (common == length)
		list_completions(e, start, length);
}

/* The line that is being edited, for messages that come in between. */
static struct editor *edited;

static void redraw_edited(void)
{
	redraw(edited);
}

static size_t word_start(const struct editor *e)
{
	size_t at = e->cursor;

	while (at && e->line[at - 1] == ' ')
		at--;
	while (at && e->line[at - 1] != ' ')
		at--;
	return at;
}

/* False at the end of the line. */
static bool key(struct editor *e, int c)
{
	switch (c) {
	case '\r':
	case '\n':
		return false;
	case CONTROL('C'):
		put("^C\n");
		e->length = e->cursor = e->first = 0;
		e->back = 0;
		redraw(e);
		break;
	case CONTROL('D'):
		if (e->cursor < e->length)
			erase(e, e->cursor, e->cursor + 1);
		break;
	case BACKSPACE:
	case DELETE:
		if (e->cursor)
			erase(e, e->cursor - 1, e->cursor);
		break;
	case TAB:
		complete(e);
		break;
	case CONTROL('A'):
		move(e, 0);
		break;
	case CONTROL('E'):
		move(e, e->length);
		break;
	case CONTROL('U'):
		erase(e, 0, e->cursor);
		break;
	case CONTROL('K'):
		e->length = e->cursor;
		redraw(e);
		break;
	case CONTROL('W'):
		erase(e, word_start(e), e->cursor);
		break;
	case CONTROL('L'):
		put("\033[2J\033[H");
		redraw(e);
		break;
	case ESCAPE:
		escape_sequence(e);
		break;
	default:
		if (c >= ' ' && c < DELETE)
			insert(e, (char)c);
	}
	return true;
}

static void remember(const char *line)
{
	if (!*line || (history_count && !strcmp(line, history[(history_count - 1) % HISTORY])))
		return;
	strncpy(history[history_count % HISTORY], line, SHELL_LINE_MAX - 1);
	history_count++;
}

/* Some send both: the second ends no line. */
static int next_key(void)
{
	static bool after_return;
	int c = console_read(WAIT_FOREVER);

	if (c == '\n' && after_return)
		c = console_read(WAIT_FOREVER);
	after_return = c == '\r';
	return c;
}

void line_read(const char *prompt, char *line, size_t size)
{
	struct editor e = {.prompt = prompt, .line = line, .size = size};

	if (e.size > SHELL_LINE_MAX)
		e.size = SHELL_LINE_MAX;
	put(prompt);
	edited = &e;
	console_set_prompt(redraw_edited);
	while (key(&e, next_key()))
		;
	console_set_prompt(NULL);
	line[e.length] = '\0';
	if (e.length >= room(&e)) {
		put("\r\033[K");
		put(prompt);
		put(line);
	}
	put("\n");
	remember(line);
}
