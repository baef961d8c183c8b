/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts as JSON (RFC 8259): one object with a member for each section. Numbers of all kinds are
 * JSON numbers, hexadecimal ones strings ("0x1af4"), what is known not to be there is null.
 */
#include "kernel/facts/tree.h"

#include <errno.h>
#include <inttypes.h>

static void put_string(struct facts_writer *writer, const char *text)
{
	facts_put(writer, "\"");
	while (*text) {
		bool valid;
		unsigned int length = facts_utf8(text, &valid);
		uint8_t byte = (uint8_t)*text;

		if (!valid)
			facts_put(writer, "\\ufffd");
		else if (byte == '"' || byte == '\\')
			facts_put_format(writer, "\\%c", byte);
		else if (byte < 0x20 || byte == 0x7f)
			facts_put_format(writer, "\\u%04x", byte);
		else
			facts_put_bytes(writer, text, length);
		text += length;
	}
	facts_put(writer, "\"");
}

static void put_line(struct facts_writer *writer, unsigned int depth)
{
	facts_put(writer, "\n");
	while (depth--)
		facts_put(writer, "  ");
}

static void put_fact(struct facts_writer *writer, const struct fact *fact, unsigned int depth);

static void put_children(struct facts_writer *writer, const struct fact *parent, unsigned int depth)
{
	for (const struct fact *fact = parent->first; fact; fact = fact->next) {
		put_line(writer, depth);
		if (fact->name) {
			put_string(writer, fact->name);
			facts_put(writer, ": ");
		}
		put_fact(writer, fact, depth);
		if (fact->next)
			facts_put(writer, ",");
	}
	if (parent->first)
		put_line(writer, depth - 1);
}

static void put_fact(struct facts_writer *writer, const struct fact *fact, unsigned int depth)
{
	char number[FACTS_VALUE_MAX];

	switch (fact->kind) {
	case FACT_TEXT:
	case FACT_STRING:
		put_string(writer, fact->text);
		break;
	case FACT_NUMBER:
	case FACT_BYTES:
	case FACT_NANOSECONDS:
		facts_put_format(writer, "%" PRIu64, fact->number);
		break;
	case FACT_THOUSANDTHS:
		facts_put(writer, facts_value(fact, number));
		break;
	case FACT_HEX:
		facts_put_format(writer, "\"0x%" PRIx64 "\"", fact->number);
		break;
	case FACT_FLAG:
		facts_put(writer, fact->flag ? "true" : "false");
		break;
	case FACT_NONE:
		facts_put(writer, "null");
		break;
	case FACT_OBJECT:
	case FACT_ITEM:
		facts_put(writer, "{");
		put_children(writer, fact, depth + 1);
		facts_put(writer, "}");
		break;
	case FACT_LIST:
	case FACT_STRING_LIST:
		facts_put(writer, "[");
		put_children(writer, fact, depth + 1);
		facts_put(writer, "]");
		break;
	}
}

struct progress {
	struct facts_writer writer;
	bool started;
	bool incomplete;
};

static int print_section(void *context, const struct facts_section *section)
{
	struct progress *progress = context;
	struct facts_writer *writer = &progress->writer;
	struct facts facts;
	const struct fact *root = facts_tree_build(&facts, section->describe);

	facts_put(writer, progress->started ? ",\n  " : "\n  ");
	progress->started = true;
	put_string(writer, section->name);
	facts_put(writer, ": ");
	if (root)
		put_fact(writer, root, 1);
	else
		facts_put(writer, "null");
	if (!root || facts.incomplete)
		progress->incomplete = true;
	facts_tree_free(&facts);
	return writer->status;
}

int facts_print_json_of(void (*describe)(struct facts *facts), facts_output *output, void *context)
{
	struct facts_writer writer = {.output = output, .context = context};
	struct facts facts;
	const struct fact *root = facts_tree_build(&facts, describe);

	if (root)
		put_fact(&writer, root, 0);
	else
		facts_put(&writer, "null");
	facts_put(&writer, "\n");
	if (!writer.status && (!root || facts.incomplete))
		writer.status = -ENOMEM;
	facts_tree_free(&facts);
	return writer.status;
}

int facts_print_json(facts_output *output, void *context)
{
	struct progress progress = {.writer = {.output = output, .context = context}};

	facts_put(&progress.writer, "{");
	facts_each_section(print_section, &progress);
	if (progress.incomplete)
		facts_put_format(&progress.writer, "%s\n  \"incomplete\": true",
				 progress.started ? "," : "");
	facts_put(&progress.writer, "\n}\n");
	return progress.writer.status;
}
