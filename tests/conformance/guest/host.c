/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks the program that started the VMM to act: docs/conformance-host.md. */
#include "kernel/console/console.h"
#include "kernel/shell/command.h"
#include "kernel/time/clock.h"
#include "tests/conformance/guest/guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_TIME (20 * NANOSECONDS_PER_SECOND)
#define LINE_MAX 4096
#define PIECE 128u

/* The next line from the console, without its end; false: none until the deadline. What is too long is cut. */
static bool read_line(char *line, size_t size, uint64_t deadline)
{
	size_t length = 0;
	int c;

	while ((c = console_read(deadline)) >= 0) {
		if (c == '\n' || c == '\r') {
			if (!length)
				continue;
			line[length] = '\0';
			return true;
		}
		if (length < size - 1)
			line[length++] = (char)c;
	}
	return false;
}

/* The text after `word` and a blank (or the end), or NULL. */
static const char *after(const char *text, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(text, word, length) || (text[length] && text[length] != ' '))
		return NULL;
	return text + length + (text[length] == ' ');
}

/* A line of the console's ends somewhere, and a frame in hexadecimal is longer. */
static void print_pieces(const char *text, size_t length)
{
	while (length) {
		size_t piece = length < PIECE ? length : PIECE;

		command_print("%.*s", (int)piece, text);
		text += piece;
		length -= piece;
	}
}

int guest_host(struct conformance_target *target, const char *request, char *reply, size_t size)
{
	static unsigned int last;
	static char line[LINE_MAX];
	static const struct {
		const char *word;
		int error;
	} results[] = {{"ok", 0}, {"failed", -EIO}, {"unsupported", -ENOTSUP}};
	uint64_t deadline = clock_monotonic() + ANSWER_TIME;
	const char *suffix = strstr(request, "/legacy");
	int first = suffix ? (int)(suffix - request) : (int)strlen(request);
	char start[48];

	sniprintf(reply, size, "nobody answers requests");
	if (!target->host_acts)
		return -ENOTSUP;
	sniprintf(start, sizeof(start), "ringside-host: 1 %u", ++last);
	/* The host knows one device at each address. */
	command_print("# %s ", start);
	print_pieces(request, (size_t)first);
	if (suffix)
		print_pieces(suffix + strlen("/legacy"), strlen(suffix) - strlen("/legacy"));
	command_print("\n");
	console_drain();
	while (read_line(line, sizeof(line), deadline)) {
		const char *answer = after(line, start);

		for (size_t i = 0; answer && i < sizeof(results) / sizeof(results[0]); i++) {
			const char *text = after(answer, results[i].word);

			if (!text)
				continue;
			sniprintf(reply, size, "%s", text);
			return results[i].error;
		}
	}
	sniprintf(reply, size, "no answer in %u s",
		  (unsigned int)(ANSWER_TIME / NANOSECONDS_PER_SECOND));
	return -EIO;
}
