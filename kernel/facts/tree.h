/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A description as a tree, which is what printers work on: only the whole of a list shows whether
 * it makes a table, and a printer never has to keep track of commas. Private to kernel/facts/.
 */
#ifndef KERNEL_FACTS_TREE_H
#define KERNEL_FACTS_TREE_H

#include "kernel/facts/facts.h"

#define FACTS_DEPTH_MAX 12
#define FACTS_NODES_MAX 16384 /* in one section */
#define FACTS_STRING_MAX 1024 /* bytes of a value; what is longer is cut */

enum fact_kind {
	FACT_TEXT,
	FACT_NUMBER,
	FACT_HEX,
	FACT_BYTES,
	FACT_NANOSECONDS,
	FACT_THOUSANDTHS,
	FACT_FLAG,
	FACT_NONE,
	FACT_OBJECT,	  /* children: any, named */
	FACT_LIST,	  /* children: FACT_ITEM */
	FACT_ITEM,	  /* children: any, named */
	FACT_STRING_LIST, /* children: FACT_STRING */
	FACT_STRING,
};

struct fact {
	struct fact *next;
	struct fact *first, *last; /* children */
	enum fact_kind kind;
	const char *name; /* NULL in lists */
	union {
		const char *text;
		uint64_t number;
		bool flag;
	};
};

struct facts_arena;

struct facts {
	struct facts_arena *arena;
	struct fact *levels[FACTS_DEPTH_MAX]; /* what is open; levels[0] is the root, an object */
	unsigned int depth;		      /* of the innermost */
	unsigned int ignored; /* levels opened in vain: too deep, out of place, no memory */
	unsigned int nodes;
	bool incomplete; /* something was left out */
};

/*
 * Runs the description. The tree belongs to `facts` until facts_tree_free(). NULL: no memory at
 * all.
 */
const struct fact *facts_tree_build(struct facts *facts, void (*describe)(struct facts *facts));
void facts_tree_free(struct facts *facts);

bool fact_is_scalar(const struct fact *fact);

/*
 * Calls the function for each section, in order, until it returns other than 0; that is the result.
 */
int facts_each_section(int (*function)(void *context, const struct facts_section *section),
		       void *context);

/* -- Output. After the output function returned other than 0 it is not called again. */
struct facts_writer {
	facts_output *output;
	void *context;
	int status;
};

void facts_put(struct facts_writer *writer, const char *text);
void facts_put_bytes(struct facts_writer *writer, const char *text, size_t length);
void facts_put_format(struct facts_writer *writer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The next character of a string: how many bytes it has, 1 to 4, and whether they are well-formed
 * UTF-8 (RFC 3629). When they are not, the length is 1.
 */
unsigned int facts_utf8(const char *text, bool *valid);

/* A scalar for people, in ASCII ("12.5 MiB", "3.2 ms", "yes"); text is given as it is. */
#define FACTS_VALUE_MAX 48
const char *facts_value(const struct fact *fact, char buffer[static FACTS_VALUE_MAX]);

#endif
