/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/shell/line.h"

#include "kernel/console/console.h"
#include "kernel/thread/thread.h"

#include <stdbool.h>
#include <string.h>

#define HISTORY 16
#define ESCAPE_WAIT (50 * NANOSECONDS_PER_MILLISECOND)

#define CONTROL(letter) ((letter)&0x1f)
#define BACKSPACE 8
#define ESCAPE 27
#define DELETE 127

static char history[HISTORY][SHELL_LINE_MAX];
static unsigned int history_count; /* ever; the newest is at (count - 1) % HISTORY */

struct editor {
	const char *prompt;
	char *line;
	size_t size, length, cursor;
	unsigned int back; /* how far in the history; 0: the line being typed */
};

static void put(const char *text)
{
	console_write(text, strlen(text));
}

static void redraw(const struct editor *e)
{
	put("\r");
	put(e->prompt);
	console_write(e->line, e->length);
	put("\033[K");
	for (size_t i = e->cursor; i < e->length; i++)
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
	if (e->cursor == e->length)
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

	if (back > kept)
		return;
	e->back = back;
	if (back)
		strcpy(e->line, history[(history_count - back) % HISTORY]);
	else
		e->line[0] = '\0';
	e->length = e->cursor = strlen(e->line);
	redraw(e);
}

/* ESC [ letter, ESC [ number ~: what the cursor keys send. */
static void escape_sequence(struct editor *e)
{
	int c = console_read(clock_monotonic() + ESCAPE_WAIT), number = 0;

	if (c != '[' && c != 'O')
		return;
	for (;;) {
		c = console_read(clock_monotonic() + ESCAPE_WAIT);
		if (c < '0' || c > '9')
			break;
		number = (number * 10 + c - '0') % 1000;
	}
	if (c == 'A')
		recall(e, e->back + 1);
	else if (c == 'B' && e->back)
		recall(e, e->back - 1);
	else if (c == 'C' && e->cursor < e->length)
		e->cursor++;
	else if (c == 'D' && e->cursor)
		e->cursor--;
	else if (c == 'H' || (c == '~' && number == 1))
		e->cursor = 0;
	else if (c == 'F' || (c == '~' && number == 4))
		e->cursor = e->length;
	else if (c == '~' && number == 3 && e->cursor < e->length)
		erase(e, e->cursor, e->cursor + 1);
	redraw(e);
}

/* The line that is being edited, for messages that come in between. */
static const struct editor *edited;

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
		e->length = e->cursor = 0;
		redraw(e);
		break;
	case BACKSPACE:
	case DELETE:
		if (e->cursor)
			erase(e, e->cursor - 1, e->cursor);
		break;
	case CONTROL('A'):
		e->cursor = 0;
		redraw(e);
		break;
	case CONTROL('E'):
		e->cursor = e->length;
		redraw(e);
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

void line_read(const char *prompt, char *line, size_t size)
{
	struct editor e = {.prompt = prompt, .line = line, .size = size};

	if (e.size > SHELL_LINE_MAX)
		e.size = SHELL_LINE_MAX;
	put(prompt);
	edited = &e;
	console_set_prompt(redraw_edited);
	while (key(&e, console_read(WAIT_FOREVER)))
		;
	console_set_prompt(NULL);
	line[e.length] = '\0';
	put("\n");
	remember(line);
}
