/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts: a thing is described once, as named and typed values, and printed as text (shell), JSON
 * (/status.json), or HTML (the status page).
 *
 * Whoever owns something describes it:
 *
 *	static void describe_memory(struct facts *f)
 *	{
 *		fact_bytes(f, "total", pages_total() * PAGE_SIZE);
 *		fact_list(f, "regions");
 *		for (...) {
 *			fact_item(f);			 one element of the list, an object
 *			fact_hex(f, "start", start);
 *			fact_end(f);
 *		}
 *		fact_end(f);
 *	}
 *	FACTS(memory, "memory", 30, describe_memory);
 *
 * Names are lower case with underscores and are part of the interface of /status.json. Strings are
 * escaped by the printers. Thread context.
 */
#ifndef KERNEL_FACTS_FACTS_H
#define KERNEL_FACTS_FACTS_H

#include "kernel/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct facts;

void fact_text(struct facts *facts, const char *name, const char *value);
void fact_format(struct facts *facts, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void fact_number(struct facts *facts, const char *name, uint64_t value);
void fact_hex(struct facts *facts, const char *name, uint64_t value); /* addresses, identifiers */
void fact_bytes(struct facts *facts, const char *name,
		uint64_t value); /* JSON: a number of bytes */
void fact_nanoseconds(struct facts *facts, const char *name, uint64_t value); /* JSON: a number */
/* A number with up to three decimals: `value` thousandths. */
void fact_thousandths(struct facts *facts, const char *name, uint64_t value);
void fact_flag(struct facts *facts, const char *name, bool value);
void fact_none(struct facts *facts, const char *name); /* known not to be there */

void fact_object(struct facts *facts, const char *name); /* ... fact_end() */
void fact_list(struct facts *facts,
	       const char *name); /* of objects: fact_item() ... fact_end() each */
void fact_item(struct facts *facts);
void fact_string_list(struct facts *facts, const char *name); /* of strings: fact_string() each */
void fact_string(struct facts *facts, const char *value);
void fact_end(struct facts *facts); /* of the innermost object, item or list */

/* Where printers put their text: called with each piece; a negative result stops the printing. */
typedef int facts_output(void *context, const char *text, size_t length);

/* All sections of the table in their order. 0, or what the output returned first. */
int facts_print_json(facts_output *output, void *context);
/* One description, as an object; -ENOMEM when something of it had to be left out. */
int facts_print_json_of(void (*describe)(struct facts *facts), facts_output *output, void *context);
int facts_print_html(facts_output *output, void *context);
/* One description, or (describe NULL) all, as indented text. */
int facts_print_text(void (*describe)(struct facts *facts), facts_output *output, void *context);

struct facts_section {
	const char *name;
	unsigned int order;
	void (*describe)(struct facts *facts);
};

TABLE_DECLARE(facts, struct facts_section);

#define FACTS(identifier, section_name, section_order, function)                                   \
	TABLE_ENTRY(facts, struct facts_section, facts_entry_##identifier) = {                     \
		.name = (section_name), .order = (section_order), .describe = (function)}

#endif
