/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/console/console.h"

#include "kernel/console/transcript.h"
#include "kernel/options/options.h"
#include "kernel/thread/thread.h"

#include <stdio.h>
#include <string.h>

/* A power of two, and more than the longest line that a program types without looking: a frame in hexadecimal. */
#define INPUT_SIZE 4096
#define CONTROL_C 3
#define NOBODY 0u

/* What operations log is printed after them; more than so often they log about that. */
#define DEFERRED_SIZE 1024
#define DEFERRED_ROUNDS 4
/* In a panic: whoever holds the lock may be done, or never will be. */
#define PANIC_WAIT (50 * NANOSECONDS_PER_MILLISECOND)

static struct console *consoles;
static struct spinlock lock = SPINLOCK_INIT; /* for the list, and around operations */
static unsigned int owner;		     /* the CPU that holds it, plus 1 */
static bool panicking;

static char deferred[DEFERRED_SIZE];
static size_t deferred_length;

static struct wait_queue change_wait = WAIT_QUEUE_INIT; /* consoles come */
static uint64_t expected_until;

static char input[INPUT_SIZE];
static uint32_t input_head, input_tail; /* head: next free; both run freely */
static struct spinlock input_lock = SPINLOCK_INIT;
static bool interrupted;
static struct wait_queue input_wait = WAIT_QUEUE_INIT;

static void (*prompt_redraw)(void); /* not NULL: a line is being edited */

OPTION(console, "console", "NAME[,NAME...]|none",
       "which consoles print the log and run the shell (default: the first)", NULL);
OPTION(console_results, "console.results", "NAME[,NAME...]",
       "consoles or named ports that get what commands and jobs print, and no log", NULL);

/* -- The lock, and what happens while it is held */

struct hold {
	uint64_t flags;
	bool locked;
};

/* False: this CPU is within an operation already. */
static bool enter(struct hold *hold)
{
	uint64_t deadline;

	hold->flags = interrupts_save();
	hold->locked = false;
	if (!panicking) {
		if (__atomic_load_n(&owner, __ATOMIC_RELAXED) == thread_cpu() + 1) {
			interrupts_restore(hold->flags);
			return false;
		}
		(void)spin_lock(&lock);
		hold->locked = true;
	} else if (owner != thread_cpu() + 1) {
		deadline = clock_monotonic() + PANIC_WAIT;
		while (!(hold->locked = spin_trylock(&lock)) && clock_monotonic() < deadline)
			cpu_relax();
	}
	__atomic_store_n(&owner, thread_cpu() + 1, __ATOMIC_RELAXED);
	return true;
}

static void leave(const struct hold *hold)
{
	__atomic_store_n(&owner, NOBODY, __ATOMIC_RELAXED);
	if (hold->locked)
		spin_unlock(&lock, hold->flags);
	else
		interrupts_restore(hold->flags);
}

static void terminal_write(struct console *console, const char *text, size_t length)
{
	while (length) {
		const char *end = memchr(text, '\n', length);
		size_t part = end ? (size_t)(end - text) : length;

		if (part)
			console->write(console, text, part);
		if (end) {
			console->write(console, "\r\n", 2);
			part++;
		}
		text += part;
		length -= part;
	}
}

static void flush(struct console *console)
{
	if (console->flush)
		console->flush(console);
}

static void write_to_all(const char *text, size_t length, bool results)
{
	transcript_add(text, length);
	for (struct console *console = consoles; console; console = console->next) {
		if (console->use == CONSOLE_ALL)
			terminal_write(console, text, length);
		else if (console->use == CONSOLE_RESULTS && results)
			console->write(console, text, length);
		else
			continue;
		flush(console);
	}
}

static void write_deferred(void)
{
	for (unsigned int i = 0; deferred_length && i < DEFERRED_ROUNDS; i++) {
		char text[DEFERRED_SIZE];
		size_t length = deferred_length;

		memcpy(text, deferred, length);
		deferred_length = 0;
		write_to_all(text, length, false);
	}
	deferred_length = 0;
}

/* From within an operation, whose caller holds the lock. */
static void defer(const char *text, size_t length)
{
	size_t room = sizeof(deferred) - deferred_length;

	if (length > room)
		length = room;
	memcpy(deferred + deferred_length, text, length);
	deferred_length += length;
}

static void output(const char *text, size_t length, bool results)
{
	struct hold hold;

	if (!enter(&hold)) {
		defer(text, length);
		return;
	}
	write_to_all(text, length, results);
	write_deferred();
	leave(&hold);
}

/* -- Which are used, and for what */

struct name_search {
	const char *name;
	bool found;
};

static bool list_has(void *context, const char *list)
{
	struct name_search *search = context;

	search->found |= option_list_has(list, search->name);
	return !search->found;
}

/* `console=` may be given several times, as for Linux. */
static bool listed(const char *key, const char *name)
{
	struct name_search search = {.name = name};

	if (name && *name)
		options_each(key, list_has, &search);
	return search.found;
}

bool console_wanted(const char *name)
{
	return listed("console", name) || listed("console.results", name);
}

static bool any_used(void)
{
	for (struct console *console = consoles; console; console = console->next)
		if (console->use == CONSOLE_ALL)
			return true;
	return false;
}

static enum console_use use_of(const struct console *console)
{
	if (listed("console", console->name) || listed("console", console->alias))
		return CONSOLE_ALL;
	if (listed("console.results", console->name) || listed("console.results", console->alias))
		return CONSOLE_RESULTS;
	return option_get("console", NULL) || any_used() ? CONSOLE_UNUSED : CONSOLE_ALL;
}

static void replay(void *context, const char *text, size_t length)
{
	terminal_write(context, text, length);
}

static void decide(struct console *console)
{
	if (console->use == CONSOLE_ALL)
		return;
	console->use = use_of(console);
	if (console->use != CONSOLE_ALL)
		return;
	transcript_each(replay, console);
	flush(console);
}

void console_register(struct console *console)
{
	struct console **end = &consoles;
	struct hold hold;

	if (!enter(&hold))
		return;
	while (*end)
		end = &(*end)->next;
	console->use = CONSOLE_UNUSED;
	console->next = NULL;
	*end = console;
	decide(console);
	write_deferred();
	leave(&hold);
	wait_wake(&change_wait);
}

void console_unregister(struct console *console)
{
	struct hold hold;

	if (!enter(&hold))
		return;
	for (struct console **link = &consoles; *link; link = &(*link)->next) {
		if (*link != console)
			continue;
		*link = console->next;
		break;
	}
	console->use = CONSOLE_UNUSED;
	/* The first that there is may be another now. */
	if (consoles)
		decide(consoles);
	write_deferred();
	leave(&hold);
}

void console_renamed(struct console *console)
{
	struct hold hold;

	if (!enter(&hold))
		return;
	decide(console);
	write_deferred();
	leave(&hold);
	wait_wake(&change_wait);
}

void console_ready(struct console *console)
{
	struct hold hold;

	if (!enter(&hold))
		return;
	flush(console);
	write_deferred();
	leave(&hold);
}

void console_fall_back(void)
{
	bool used = false;
	struct hold hold;

	if (!enter(&hold))
		return;
	for (struct console *console = consoles; console; console = console->next)
		used |= console->use != CONSOLE_UNUSED;
	if (!used && consoles) {
		consoles->use = CONSOLE_ALL;
		transcript_each(replay, consoles);
		flush(consoles);
	}
	write_deferred();
	leave(&hold);
}

struct console *console_next(const struct console *console)
{
	return console ? console->next : consoles;
}

static bool registered(const char *name)
{
	for (struct console *console = consoles; console; console = console->next)
		if (!strcmp(console->name, name) ||
		    (console->alias && !strcmp(console->alias, name)))
			return true;
	return false;
}

/* False at the first name of the list that is no console. */
static bool all_there(void *context, const char *list)
{
	bool *complete = context;

	while (*list) {
		size_t length = strcspn(list, ",");
		char name[64];

		if (length && length < sizeof(name)) {
			memcpy(name, list, length);
			name[length] = '\0';
			*complete &= registered(name) || !strcmp(name, "none");
		}
		list += length + (list[length] == ',');
	}
	return *complete;
}

static bool complete(void)
{
	bool result = option_get("console", NULL) || any_used();

	options_each("console", all_there, &result);
	options_each("console.results", all_there, &result);
	return result;
}

void console_expect(uint64_t deadline)
{
	if (deadline > expected_until)
		expected_until = deadline;
}

void console_settle(void)
{
	(void)wait_event_deadline(&change_wait, complete(), expected_until);
}

/* -- Output */

void console_write(const char *text, size_t length)
{
	output(text, length, false);
}

static void print(bool results, const char *format, va_list arguments)
{
	char text[512];
	int length = vsniprintf(text, sizeof(text), format, arguments);

	if (length < 0)
		return;
	output(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1, results);
}

void console_vprintf(const char *format, va_list arguments)
{
	print(false, format, arguments);
}

void console_print_results(const char *format, va_list arguments)
{
	print(true, format, arguments);
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
	struct hold hold;

	if (!enter(&hold))
		return;
	for (struct console *console = consoles; console; console = console->next)
		if (console->use != CONSOLE_UNUSED && console->drain)
			console->drain(console);
	leave(&hold);
}

void console_panic(void)
{
	__atomic_store_n(&panicking, true, __ATOMIC_SEQ_CST);
}

bool console_panicking(void)
{
	return __atomic_load_n(&panicking, __ATOMIC_SEQ_CST);
}

unsigned int console_columns(void)
{
	unsigned int columns = 0;

	for (struct console *console = consoles; console; console = console->next)
		if (console->use == CONSOLE_ALL && console->columns &&
		    (!columns || console->columns < columns))
			columns = console->columns;
	return columns;
}

/* -- Input */

void console_input(char c)
{
	uint64_t flags = spin_lock(&input_lock);

	if (c == CONTROL_C)
		interrupted = true;
	/*
	 * While a command runs ^C is for the command only. Typed ahead beyond the buffer: the newest
	 * is dropped, as a terminal does.
	 */
	if ((c != CONTROL_C || prompt_redraw) && input_head - input_tail < INPUT_SIZE)
		input[input_head++ % INPUT_SIZE] = c;
	spin_unlock(&input_lock, flags);
	wait_wake(&input_wait);
}

int console_read(uint64_t deadline)
{
	uint64_t flags;
	int c = -1;

	(void)wait_event_deadline(&input_wait,
				  __atomic_load_n(&input_head, __ATOMIC_ACQUIRE) != input_tail,
				  deadline);
	flags = spin_lock(&input_lock);
	if (input_head != input_tail)
		c = (unsigned char)input[input_tail++ % INPUT_SIZE];
	spin_unlock(&input_lock, flags);
	return c;
}

bool console_interrupted(void)
{
	return __atomic_exchange_n(&interrupted, false, __ATOMIC_RELAXED);
}
