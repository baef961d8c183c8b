/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/console/console.h"

#include "kernel/options/options.h"
#include "kernel/thread/thread.h"

#include <stdio.h>
#include <string.h>

#define INPUT_SIZE 256 /* a power of two */
#define CONTROL_C 3

static struct console *consoles;
static struct spinlock lock = SPINLOCK_INIT;

static char input[INPUT_SIZE];
static uint32_t input_head, input_tail; /* head: next free; both run freely */
static bool interrupted;
static struct wait_queue input_wait = WAIT_QUEUE_INIT;

static void (*prompt_redraw)(void); /* not NULL: a line is being edited */

OPTION(console, "console", "NAME[,NAME...]|none",
       "which consoles print the log and run the shell (default: the first)", NULL);

static bool wanted(const struct console *console)
{
	const char *list = option_get("console", NULL);

	if (!list)
		return !consoles;
	return option_list_has(list, console->name);
}

void console_register(struct console *console)
{
	uint64_t flags = spin_lock(&lock);
	struct console **end = &consoles;

	console->used = wanted(console);
	while (*end)
		end = &(*end)->next;
	console->next = NULL;
	*end = console;
	spin_unlock(&lock, flags);
}

void console_write(const char *text, size_t length)
{
	uint64_t flags = spin_lock(&lock);

	for (struct console *console = consoles; console; console = console->next) {
		const char *line = text;
		size_t left = length;

		while (console->used && left) {
			const char *end = memchr(line, '\n', left);
			size_t part = end ? (size_t)(end - line) : left;

			console->write(console, line, part);
			if (end) {
				console->write(console, "\r\n", 2);
				part++;
			}
			line += part;
			left -= part;
		}
	}
	spin_unlock(&lock, flags);
}

void console_vprintf(const char *format, va_list arguments)
{
	char text[512];
	int length = vsniprintf(text, sizeof(text), format, arguments);

	if (length < 0)
		return;
	console_write(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

void console_printf(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	console_vprintf(format, arguments);
	va_end(arguments);
}

void console_set_prompt(void (*redraw)(void))
{
	prompt_redraw = redraw;
}

void console_message(const char *format, ...)
{
	void (*redraw)(void) = prompt_redraw;
	va_list arguments;

	if (redraw)
		console_write("\r\033[K", 4);
	va_start(arguments, format);
	console_vprintf(format, arguments);
	va_end(arguments);
	if (redraw)
		redraw();
}

void console_drain(void)
{
	for (struct console *console = consoles; console; console = console->next)
		if (console->used && console->drain)
			console->drain(console);
}

bool console_present(void)
{
	for (struct console *console = consoles; console; console = console->next)
		if (console->used)
			return true;
	return false;
}

void console_input(char c)
{
	uint64_t flags = spin_lock(&lock);

	if (c == CONTROL_C)
		interrupted = true;
	/*
	 * While a command runs ^C is for the command only. Typed ahead beyond the buffer: the newest
	 * is dropped, as a terminal does.
	 */
	if ((c != CONTROL_C || prompt_redraw) && input_head - input_tail < INPUT_SIZE)
		input[input_head++ % INPUT_SIZE] = c;
	spin_unlock(&lock, flags);
	wait_wake(&input_wait);
}

int console_read(uint64_t deadline)
{
	uint64_t flags;
	int c = -1;

	(void)wait_event_deadline(&input_wait,
				  __atomic_load_n(&input_head, __ATOMIC_ACQUIRE) != input_tail,
				  deadline);
	flags = spin_lock(&lock);
	if (input_head != input_tail)
		c = (unsigned char)input[input_tail++ % INPUT_SIZE];
	spin_unlock(&lock, flags);
	return c;
}

bool console_interrupted(void)
{
	return __atomic_exchange_n(&interrupted, false, __ATOMIC_RELAXED);
}
