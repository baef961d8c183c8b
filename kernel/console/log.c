/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/console/log.h"

#include "kernel/console/console.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "kernel/thread/spinlock.h"
#include "kernel/time/clock.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Lines in a ring, oldest overwritten: each has its time, level and text, so that `dmesg` can show
 * what `log=` kept from the console.
 */
#define LOG_SIZE (16u << 10)

struct entry {
	uint64_t time;
	uint16_t length; /* of the text that follows */
	uint8_t level;
	uint8_t padding[5];
};

static uint8_t buffer[LOG_SIZE];
static uint64_t head, tail; /* run freely; bytes [tail, head) are valid */
static struct spinlock lock = SPINLOCK_INIT;
static bool showing; /* it is known what `log=` is */

static const char *const level_names = "error|warning|notice|info|debug";

static bool level_check(const char *value)
{
	return option_one_of(value, level_names);
}
OPTION(log, "log", "error|warning|notice|info|debug",
       "what the console shows of the log (default: notice)", level_check);

static enum log_level shown(void)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
	const char *value = option_get("log", "notice");

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(value, names[i]))
			return i;
	return LOG_NOTICE;
}

static void ring_put(const void *data, size_t length)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < length; i++)
		/* All of an entry was zeroed: the analyzer does not follow single bytes. */
		buffer[head++ % LOG_SIZE] = bytes[i]; /* NOLINT */
}

static void ring_get(uint64_t at, void *data, size_t length)
{
	uint8_t *bytes = data;

	for (size_t i = 0; i < length; i++)
		bytes[i] = buffer[at++ % LOG_SIZE];
}

static void ring_add(struct entry *entry, const char *text)
{
	size_t size = sizeof(*entry) + entry->length;

	while (LOG_SIZE - (head - tail) < size) {
		struct entry oldest;

		ring_get(tail, &oldest, sizeof(oldest));
		tail += sizeof(oldest) + oldest.length;
	}
	ring_put(entry, sizeof(*entry));
	ring_put(text, entry->length);
}

/*
 * The project's own lines, "ringside: ...", are the interface: whatever `log=` says they are shown,
 * and they stand alone, without a time.
 */
static void show(uint64_t time, enum log_level level, const char *text, int length)
{
	static const char ours[] = "ringside: ";

	if (length >= (int)sizeof(ours) - 1 && !memcmp(text, ours, sizeof(ours) - 1))
		console_message("%.*s\n", length, text);
	else if (level <= shown())
		console_message("[%5u.%06u] %.*s\n", (unsigned int)(time / NANOSECONDS_PER_SECOND),
				(unsigned int)(time % NANOSECONDS_PER_SECOND / 1000), length, text);
}

void log_print(enum log_level level, const char *area, const char *format, ...)
{
	static const char *const marks[] = {"error: ", "warning: ", "", "", ""};
	char text[LOG_LINE_MAX];
	struct entry entry = {0};
	va_list arguments;
	uint64_t flags;
	int length, more;

	entry.time = clock_monotonic();
	entry.level = (uint8_t)level;
	length = sniprintf(text, sizeof(text), "%s: %s", area, marks[level]);
	if (length < 0 || (size_t)length >= sizeof(text))
		return;
	va_start(arguments, format);
	more = vsniprintf(text + length, sizeof(text) - (size_t)length, format, arguments);
	va_end(arguments);
	if (more < 0)
		return;
	length += more;
	if ((size_t)length >= sizeof(text)) {
		length = sizeof(text) - 1;
		strcpy(text + length - 3, "...");
	}
	/* What devices and packets say must not write to the terminal. */
	for (int i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	entry.length = (uint16_t)length;

	flags = spin_lock(&lock);
	ring_add(&entry, text);
	spin_unlock(&lock, flags);
	if (showing)
		show(entry.time, level, text, length);
}

/*
 * Calls `print` for each line of the ring, oldest first, until it returns false. New lines may overwrite old ones
 * meanwhile: then it goes on with the oldest that is left.
 */
static void each_line(bool (*print)(const struct entry *entry, const char *text))
{
	uint64_t at, end, flags;
	bool more = true;

	flags = spin_lock(&lock);
	at = tail;
	end = head;
	spin_unlock(&lock, flags);
	while (at < end && more) {
		char text[LOG_LINE_MAX];
		struct entry entry;

		flags = spin_lock(&lock);
		if (at < tail)
			at = tail;
		ring_get(at, &entry, sizeof(entry));
		if (entry.length > sizeof(text))
			entry.length = sizeof(text);
		ring_get(at + sizeof(entry), text, entry.length);
		spin_unlock(&lock, flags);
		at += sizeof(entry) + entry.length;
		more = print(&entry, text);
	}
}

static bool print_missed(const struct entry *entry, const char *text)
{
	show(entry->time, entry->level, text, entry->length);
	return true;
}

void log_show(void)
{
	showing = true;
	each_line(print_missed);
}

static bool print_to_shell(const struct entry *entry, const char *text)
{
	command_print("[%5u.%06u] %.*s\n", (unsigned int)(entry->time / NANOSECONDS_PER_SECOND),
		      (unsigned int)(entry->time % NANOSECONDS_PER_SECOND / 1000), entry->length,
		      text);
	return !command_interrupted();
}

static enum command_result command_dmesg(int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return COMMAND_USAGE;
	each_line(print_to_shell);
	return COMMAND_OK;
}
COMMAND(dmesg, "dmesg", "the log, all levels", command_dmesg);
