/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts as indented text. */
#include "kernel/facts/tree.h"

#include <string.h>

#define INDENT 2
#define LINE_WIDTH 96

static void put_indent(struct facts_writer *writer, unsigned int columns)
{
	while (columns--)
		facts_put(writer, " ");
}

/*
 * Control characters would play with the terminal, and what is not UTF-8 would be shown at random.
 * The result is the length of the character.
 */
static unsigned int put_character(struct facts_writer *writer, const char *text)
{
	bool valid;
	unsigned int length = facts_utf8(text, &valid);
	uint8_t byte = (uint8_t)*text;

	/* C1 controls are two bytes: 0xc2 0x80 to 0xc2 0x9f. */
	if (!valid || byte < 0x20 || byte == 0x7f)
		facts_put_format(writer, "\\x%02x", byte);
	else if (byte == 0xc2 && (uint8_t)text[1] < 0xa0)
		facts_put_format(writer, "\\u%04x", (uint8_t)text[1]);
	else
		facts_put_bytes(writer, text, length);
	return length;
}

static void put_text(struct facts_writer *writer, const char *text)
{
	while (*text)
		text += put_character(writer, text);
}

static void put_name(struct facts_writer *writer, const char *name)
{
	while (*name)
		name += put_character(writer, *name == '_' ? " " : name);
	facts_put(writer, ":");
}

static void put_strings(struct facts_writer *writer, const struct fact *list, unsigned int column)
{
	size_t used = LINE_WIDTH;

	for (const struct fact *fact = list->first; fact; fact = fact->next) {
		size_t length = strlen(fact->text);

		if (used + 1 + length > LINE_WIDTH) {
			facts_put(writer, "\n");
			put_indent(writer, column + INDENT);
			used = column + INDENT;
		} else {
			facts_put(writer, " ");
			used++;
		}
		put_text(writer, fact->text);
		used += length;
	}
	facts_put(writer, list->first ? "\n" : " none\n");
}

/* `dash`: the first line of an item is preceded by a dash in the indentation that it has anyway. */
static void put_children(struct facts_writer *writer, const struct fact *parent,
			 unsigned int column, bool dash)
{
	char buffer[FACTS_VALUE_MAX];

	for (const struct fact *fact = parent->first; fact; fact = fact->next) {
		if (fact->kind == FACT_ITEM) {
			put_children(writer, fact, column + INDENT, true);
			continue;
		}
		if (dash) {
			put_indent(writer, column - INDENT);
			facts_put(writer, "- ");
			dash = false;
		} else {
			put_indent(writer, column);
		}
		put_name(writer, fact->name);
		if (fact_is_scalar(fact)) {
			facts_put(writer, " ");
			put_text(writer, facts_value(fact, buffer));
			facts_put(writer, "\n");
		} else if (fact->kind == FACT_STRING_LIST) {
			put_strings(writer, fact, column);
		} else {
			facts_put(writer, fact->first ? "\n" : " none\n");
			put_children(writer, fact,
				     column + (fact->kind == FACT_OBJECT ? INDENT : 0), false);
		}
	}
}

static void print_one(struct facts_writer *writer, void (*describe)(struct facts *facts),
		      unsigned int column)
{
	struct facts facts;
	const struct fact *root = facts_tree_build(&facts, describe);

	if (root)
		put_children(writer, root, column, false);
	if (!root || facts.incomplete) {
		put_indent(writer, column);
		facts_put(writer, "(not all of it: too much, or no memory)\n");
	}
	facts_tree_free(&facts);
}

static int print_section(void *context, const struct facts_section *section)
{
	struct facts_writer *writer = context;

	put_name(writer, section->name);
	facts_put(writer, "\n");
	print_one(writer, section->describe, INDENT);
	return writer->status;
}

int facts_print_text(void (*describe)(struct facts *facts), facts_output *output, void *context)
{
	struct facts_writer writer = {.output = output, .context = context};

	if (describe)
		print_one(&writer, describe, 0);
	else
		facts_each_section(print_section, &writer);
	return writer.status;
}
