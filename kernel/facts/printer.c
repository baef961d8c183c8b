/* SPDX-License-Identifier: BSD-2-Clause */
/* What all printers share. */
#include "kernel/facts/tree.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fact_is_scalar(const struct fact *fact)
{
	return fact->kind < FACT_OBJECT || fact->kind == FACT_STRING;
}

int facts_each_section(int (*function)(void *context, const struct facts_section *section),
		       void *context)
{
	const struct facts_section *previous = NULL;
	int status = 0;

	/*
	 * The table is small and constant: the next one is looked for each time. Equal keys: as
	 * linked.
	 */
	for (;;) {
		const struct facts_section *next = NULL;

		TABLE_FOREACH (facts, struct facts_section, entry) {
			if (previous && (entry->order < previous->order ||
					 (entry->order == previous->order && entry <= previous)))
				continue;
			if (!next || entry->order < next->order)
				next = entry;
		}
		if (!next || status)
			return status;
		status = function(context, next);
		previous = next;
	}
}

void facts_put_bytes(struct facts_writer *writer, const char *text, size_t length)
{
	if (!writer->status && length)
		writer->status = writer->output(writer->context, text, length);
}

void facts_put(struct facts_writer *writer, const char *text)
{
	facts_put_bytes(writer, text, strlen(text));
}

void facts_put_format(struct facts_writer *writer, const char *format, ...)
{
	char text[128];
	va_list arguments;

	va_start(arguments, format);
	vsniprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	facts_put(writer, text);
}

unsigned int facts_utf8(const char *text, bool *valid)
{
	const uint8_t *bytes = (const uint8_t *)text;
	unsigned int length;
	uint32_t code, least;

	*valid = true;
	if (bytes[0] < 0x80)
		return 1;
	if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf) {
		length = 2;
		code = bytes[0] & 0x1f;
		least = 0x80;
	} else if (bytes[0] >= 0xe0 && bytes[0] <= 0xef) {
		length = 3;
		code = bytes[0] & 0x0f;
		least = 0x800;
	} else if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4) {
		length = 4;
		code = bytes[0] & 0x07;
		least = 0x10000;
	} else {
		*valid = false;
		return 1;
	}
	/* The zero at the end of the string is no continuation, so this does not run past it. */
	for (unsigned int i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80) {
			*valid = false;
			return 1;
		}
		code = code << 6 | (bytes[i] & 0x3f);
	}
	if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
		*valid = false;
		return 1;
	}
	return length;
}

/* "N UNIT" when it comes out even, else with one decimal, rounded down. */
static void format_scaled(char *buffer, uint64_t value, uint64_t scale, const char *unit)
{
	uint64_t whole = value / scale, tenth = value % scale / (scale / 10 ? scale / 10 : 1);

	if (tenth > 9)
		tenth = 9;
	if (value % scale == 0)
		sniprintf(buffer, FACTS_VALUE_MAX, "%" PRIu64 " %s", whole, unit);
	else
		sniprintf(buffer, FACTS_VALUE_MAX, "%" PRIu64 ".%" PRIu64 " %s", whole, tenth,
			  unit);
}

static void format_bytes(char *buffer, uint64_t value)
{
	if (value < 1024)
		sniprintf(buffer, FACTS_VALUE_MAX, "%" PRIu64 " bytes", value);
	else if (value < 1ULL << 20)
		format_scaled(buffer, value, 1ULL << 10, "KiB");
	else if (value < 1ULL << 30)
		format_scaled(buffer, value, 1ULL << 20, "MiB");
	else
		format_scaled(buffer, value, 1ULL << 30, "GiB");
}

static void format_nanoseconds(char *buffer, uint64_t value)
{
	if (value < 1000)
		sniprintf(buffer, FACTS_VALUE_MAX, "%" PRIu64 " ns", value);
	else if (value < 1000000)
		format_scaled(buffer, value, 1000, "us");
	else if (value < 1000000000)
		format_scaled(buffer, value, 1000000, "ms");
	else
		format_scaled(buffer, value, 1000000000, "s");
}

/* Without zeroes at the end: "0.031", "7.5", "7". */
static void format_thousandths(char *buffer, uint64_t value)
{
	int length = sniprintf(buffer, FACTS_VALUE_MAX, "%" PRIu64 ".%03u", value / 1000,
			       (unsigned int)(value % 1000));

	while (buffer[length - 1] == '0')
		buffer[--length] = 0;
	if (buffer[length - 1] == '.')
		buffer[--length] = 0;
}

const char *facts_value(const struct fact *fact, char buffer[static FACTS_VALUE_MAX])
{
	switch (fact->kind) {
	case FACT_TEXT:
	case FACT_STRING:
		return fact->text;
	case FACT_NUMBER:
		sniprintf(buffer, FACTS_VALUE_MAX, "%" PRIu64, fact->number);
		break;
	case FACT_HEX:
		sniprintf(buffer, FACTS_VALUE_MAX, "0x%" PRIx64, fact->number);
		break;
	case FACT_BYTES:
		format_bytes(buffer, fact->number);
		break;
	case FACT_NANOSECONDS:
		format_nanoseconds(buffer, fact->number);
		break;
	case FACT_THOUSANDTHS:
		format_thousandths(buffer, fact->number);
		break;
	case FACT_FLAG:
		return fact->flag ? "yes" : "no";
	default:
		return "none";
	}
	return buffer;
}
