/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The multiplexer over console devices: what is printed goes to every console in use, and what is
 * typed on any of them goes to the shell.
 *
 * A console device registers itself; whether it is used follows from `console=` (a list of names;
 * by default the first one that there is).
 */
#ifndef KERNEL_CONSOLE_CONSOLE_H
#define KERNEL_CONSOLE_CONSOLE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console {
	const char *name; /* "ttyS0" */
	/* Writes it all; may wait for the device a bounded time. Context: any. */
	void (*write)(struct console *console, const char *text, size_t length);
	/* Returns when all of it has left, or after a bounded time. */
	void (*drain)(struct console *console);
	struct console *next;
	bool used;
};

/* Context: any. The structure is the caller's and stays. */
void console_register(struct console *console);

/* Writes to all consoles in use, "\n" as "\r\n". Context: any. */
void console_write(const char *text, size_t length);
void console_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_vprintf(const char *format, va_list arguments);
void console_drain(void);

/*
 * Somebody is editing a line: what is printed with console_message() takes the line away first and
 * has it drawn again afterwards. NULL when the editing has ended.
 */
void console_set_prompt(void (*redraw)(void));
void console_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* True when some console is in use. */
bool console_present(void);

/* From a console's driver: a character was typed. Context: any. */
void console_input(char c);

/*
 * The next character, or -1 after the deadline (clock_monotonic(); WAIT_FOREVER). Thread context.
 */
int console_read(uint64_t deadline);

/* True once after each ^C that was typed. Context: any. */
bool console_interrupted(void);

#endif
