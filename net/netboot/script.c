/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/script.h"

#include "net/netboot/script_run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool script_is(const void *bytes, size_t length)
{
	return length >= strlen(SCRIPT_MAGIC) && !memcmp(bytes, SCRIPT_MAGIC, strlen(SCRIPT_MAGIC));
}

static void say(struct script_frame *frame, const char *format, va_list arguments)
{
	struct script *script = frame->script;
	int used = sniprintf(script->error, sizeof(script->error), "%.200s, line %u: ", frame->url,
			     frame->line);

	vsniprintf(script->error + used, sizeof(script->error) - (size_t)used, format, arguments);
}

int script_fail(struct script_frame *frame, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(frame, format, arguments);
	va_end(arguments);
	frame->script->wrong = true;
	return error;
}

void script_say(struct script_frame *frame, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(frame, format, arguments);
	va_end(arguments);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/*
 * The next line, those that a '\' joins to it with it, into frame->source. False at the end. *error: too
 * long, or it has a zero in it.
 */
static bool next_line(struct script_frame *frame, int *error)
{
	size_t used = 0;
	bool more = true;

	if (frame->next >= frame->end)
		return false;
	for (unsigned int part = 0; more && frame->next < frame->end; part++) {
		const char *start = frame->next;
		const char *end = memchr(start, '\n', (size_t)(frame->end - start));
		size_t length = (size_t)((end ? end : frame->end) - start);

		frame->next = end ? end + 1 : frame->end;
		frame->line++;
		if (length && start[length - 1] == '\r')
			length--;
		more = length && start[length - 1] == '\\';
		if (more)
			length--;
		if (memchr(start, '\0', length)) {
			*error = script_fail(frame, -EINVAL, "has a byte 0 in it: not a text");
			return false;
		}
		if (used + length >= sizeof(frame->source)) {
			*error = script_fail(frame, -E2BIG, "longer than %u characters",
					     SCRIPT_LINE_MAX - 1);
			return false;
		}
		memcpy(frame->source + used, start, length);
		used += length;
		if (part && more)
			continue;
	}
	frame->source[used] = '\0';
	return true;
}

/* A label's line, ":name": the name's length and place, or NULL. */
static const char *label_of(const char *line, const char *end, size_t *length)
{
	const char *start;

	while (line < end && is_blank(*line))
		line++;
	if (line == end || *line != ':')
		return NULL;
	line++;
	while (line < end && is_blank(*line))
		line++;
	start = line;
	while (line < end && !is_blank(*line))
		line++;
	*length = (size_t)(line - start);
	return start;
}

int script_goto(struct script_frame *frame, const char *label)
{
	unsigned int line = 0;
	const char *at = frame->text;

	while (at < frame->end) {
		const char *end = memchr(at, '\n', (size_t)(frame->end - at));
		const char *name;
		size_t length;

		line++;
		name = label_of(at, end ? end : frame->end, &length);
		at = end ? end + 1 : frame->end;
		if (name && length == strlen(label) && !memcmp(name, label, length)) {
			frame->next = at;
			frame->line = line;
			frame->jumped = true;
			return 0;
		}
	}
	return -ENOENT;
}

/* Cuts the line into words, in place, up to a comment. How many, or -E2BIG. */
static int split(char *line, char **words)
{
	unsigned int count = 0;

	for (;;) {
		while (is_blank(*line))
			line++;
		if (!*line || *line == '#')
			return (int)count;
		if (count == SCRIPT_WORDS_MAX)
			return -E2BIG;
		words[count++] = line;
		while (*line && !is_blank(*line))
			line++;
		if (*line)
			*line++ = '\0';
	}
}

/* Replaces settings in each word, in memory of the frame's. */
static int expand(struct script_frame *frame, unsigned int count, char *const *words,
		  char **expanded)
{
	size_t used = 0;

	for (unsigned int i = 0; i < count; i++) {
		char bad[SETTING_NAME_MAX];
		int error =
			settings_expand(frame->script->settings, words[i], frame->expanded + used,
					sizeof(frame->expanded) - used, bad);

		if (error == -EINVAL)
			return script_fail(frame, error,
					   "${%s}: there is no such type (string, uristring, ipv4, "
					   "int32, hex, hexhyp, hexraw, uuid, ...)",
					   bad);
		if (error == -ELOOP)
			return script_fail(frame, error, "settings that name each other");
		if (error)
			return script_fail(frame, error,
					   "longer than %u characters with its settings",
					   SCRIPT_LINE_MAX - 1);
		expanded[i] = frame->expanded + used;
		used += strlen(expanded[i]) + 1;
	}
	return 0;
}

enum joint { JOINT_ALWAYS, JOINT_OR, JOINT_AND };

static bool joint_of(const char *word, enum joint *joint)
{
	if (!strcmp(word, "||"))
		*joint = JOINT_OR;
	else if (!strcmp(word, "&&"))
		*joint = JOINT_AND;
	else if (!strcmp(word, ";"))
		*joint = JOINT_ALWAYS;
	else
		return false;
	return true;
}

/* One command of the line. */
static int run_words(struct script_frame *frame, unsigned int count, char *const *words)
{
	struct script *script = frame->script;
	char *expanded[SCRIPT_WORDS_MAX];
	int error;

	if (++script->steps > SCRIPT_STEPS_MAX)
		return script_fail(frame, -ELOOP,
				   "%u commands without one that takes time: the script goes in a "
				   "circle",
				   SCRIPT_STEPS_MAX);
	if (script->operations->interrupted && script->operations->interrupted(script->context))
		return script_fail(frame, -EINTR, "interrupted");
	error = expand(frame, count, words, expanded);
	if (error)
		return error;
	script->error[0] = '\0';
	return script_command(frame, count, expanded);
}

/* Errors that no "||" helps over: they are of the script itself. */
static bool is_fatal(const struct script_frame *frame, int result)
{
	return result < 0 && (result == -EINTR || frame->script->wrong);
}

static int run_line(struct script_frame *frame)
{
	char *words[SCRIPT_WORDS_MAX];
	int total = split(frame->source, words), result = 0;
	enum joint joint = JOINT_ALWAYS;
	unsigned int at = 0;

	if (total < 0)
		return script_fail(frame, total, "more than %u words", SCRIPT_WORDS_MAX);
	/* A label. */
	if (total && words[0][0] == ':')
		return 0;
	while (at < (unsigned int)total && !frame->ended && !frame->jumped) {
		enum joint following = JOINT_ALWAYS;
		unsigned int first = at;

		while (at < (unsigned int)total && !joint_of(words[at], &following))
			at++;
		/* Nothing stands for success: "chain x ||" ends well in any case. */
		if (joint == JOINT_ALWAYS || (joint == JOINT_OR && result) ||
		    (joint == JOINT_AND && !result))
			result = at > first ? run_words(frame, at - first, words + first) : 0;
		if (is_fatal(frame, result))
			return result;
		joint = following;
		at += at < (unsigned int)total;
		/* "a ||": what failed is forgiven, there is no command behind it. */
		if (at == (unsigned int)total && first < at && joint == JOINT_OR &&
		    joint_of(words[at - 1], &following))
			result = 0;
	}
	return result;
}

static int run_frame(struct script_frame *frame)
{
	int result = 0;

	while (!frame->ended && !result) {
		int error = 0;

		if (!next_line(frame, &error))
			return error;
		frame->jumped = false;
		result = run_line(frame);
		if (frame->jumped && !is_fatal(frame, result))
			result = 0;
	}
	if (frame->ended)
		return frame->status;
	if (result && !frame->script->error[0])
		script_say(frame, "%s",
			   result > 0 ? "a condition is not true, and no || follows"
				      : "a command failed, and no || follows");
	/* A condition that is not true is no exit status. */
	return result > 0 ? -ECANCELED : result;
}

/* One script, or the refusal of what is none. */
static int run_checked(struct script_frame *frame, size_t length)
{
	struct script *script = frame->script;
	int result;

	if (!script_is(frame->text, length))
		return script_fail(frame, -EINVAL, "not a script: it does not begin with %s",
				   SCRIPT_MAGIC);
	if (length > SCRIPT_SIZE_MAX)
		return script_fail(frame, -E2BIG, "a script has at most %u bytes", SCRIPT_SIZE_MAX);
	if (script->depth == SCRIPT_DEPTH_MAX)
		return script_fail(frame, -ELOOP, "more than %u scripts that begin each other",
				   SCRIPT_DEPTH_MAX);
	script->depth++;
	result = run_frame(frame);
	script->depth--;
	return result;
}

int script_run(struct script *script, const char *text, size_t length, const char *url)
{
	struct script_frame *frame = malloc(sizeof(*frame));
	char *own_text = NULL, *own_url = NULL;
	int result;

	if (!frame)
		return -ENOMEM;
	if (!script->depth) {
		script->steps = 0;
		script->wrong = false;
		script->error[0] = '\0';
	}
	for (;;) {
		memset(frame, 0, sizeof(*frame));
		frame->script = script;
		frame->text = frame->next = text;
		frame->end = text + length;
		frame->url = url;
		result = run_checked(frame, length);
		free(own_text);
		free(own_url);
		if (!frame->replacement)
			break;
		text = own_text = frame->replacement;
		length = frame->replacement_length;
		url = own_url = frame->replacement_url;
	}
	free(frame);
	return result;
}
