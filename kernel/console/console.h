/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The multiplexer over console devices: what is printed goes to every console in use, and what is
 * typed on any of them goes to the one shell.
 *
 * A console device registers itself, at any time; what it is used for follows from the command
 * line: `console=` and `console.results=` are lists of names. Without the former it is the first
 * console that there is. One that comes late is first told the end of what was said before.
 *
 * Devices are slow, or nobody reads them: each write() waits a bounded time once, and then loses
 * text until the device has caught up, so that no console holds up the others for long.
 */
#ifndef KERNEL_CONSOLE_CONSOLE_H
#define KERNEL_CONSOLE_CONSOLE_H

#include "kernel/facts/facts.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum console_use {
	CONSOLE_UNUSED,
	CONSOLE_RESULTS, /* what commands and jobs print, as it is, and nothing else */
	CONSOLE_ALL,
};

/*
 * The operations are called with interrupts off, one at a time for all consoles. When they log,
 * that text follows when they have returned.
 */
struct console {
	const char *name;  /* "ttyS0" */
	const char *alias; /* another name to choose it by, or NULL */
	/* Takes it all, or loses some and counts it; may wait for the device a bounded time. */
	void (*write)(struct console *console, const char *text, size_t length);
	/* What was written is to be shown now. May be NULL: it is anyway. */
	void (*flush)(struct console *console);
	/* Returns when all of it has left, or after a bounded time. May be NULL. */
	void (*drain)(struct console *console);
	/* More facts; thread context. May be NULL. */
	void (*describe)(const struct console *console, struct facts *facts);
	uint16_t columns, rows; /* of the terminal; 0: unknown */
	uint64_t lost;		/* characters */

	/* The multiplexer's. */
	struct console *next;
	enum console_use use;
};

/* Context: any. The structure is the caller's and stays until it is unregistered. */
void console_register(struct console *console);
void console_unregister(struct console *console);
/* Its name or alias has changed: looks again what it is used for. Context: any. */
void console_renamed(struct console *console);
/* The device can take more: calls flush(). Context: any, not from within an operation. */
void console_ready(struct console *console);

/* All consoles, NULL after the last; thread context. */
struct console *console_next(const struct console *console);

/*
 * Where none of the consoles that are asked for is there, the first takes everything. Before a job whose
 * output must arrive, and that will not have the devices of the others. Context: any.
 */
void console_fall_back(void);

/* Writes to all consoles that are for everything, "\n" as "\r\n". Context: any. */
void console_write(const char *text, size_t length);
void console_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_vprintf(const char *format, va_list arguments);
/* The same, and to those for results too. */
void console_print_results(const char *format, va_list arguments);
void console_drain(void);

/*
 * The machine is about to end with a report: from now on writing waits for nobody, not even for
 * whoever holds a lock. Context: any.
 */
void console_panic(void);
bool console_panicking(void);

/*
 * Somebody is editing a line: what is printed with console_message() takes the line away first and
 * has it drawn again afterwards. NULL when the editing has ended.
 */
void console_set_prompt(void (*redraw)(void));
void console_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The width of the narrowest terminal that is known; 0: none is. Context: any. */
unsigned int console_columns(void);

/* Whether the command line asks for a console of that name. */
bool console_wanted(const char *name);

/*
 * A driver knows that consoles may appear until then (clock_monotonic()); console_settle() waits
 * for those that are asked for, so that what a job says first is not lost. Thread context.
 */
void console_expect(uint64_t deadline);
void console_settle(void);

/* From a console's driver: a character was typed. Context: any, not from within an operation. */
void console_input(char c);

/*
 * The next character, or -1 after the deadline (clock_monotonic(); WAIT_FOREVER). Thread context.
 */
int console_read(uint64_t deadline);

/* True once after each ^C that was typed. Context: any. */
bool console_interrupted(void);

#endif
