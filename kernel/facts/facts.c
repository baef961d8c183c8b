/* SPDX-License-Identifier: BSD-2-Clause */
/* What describers call: the growing of the tree. */
#include "kernel/facts/facts.h"

#include "kernel/facts/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK 4000

struct facts_arena {
	struct facts_arena *next;
	size_t used;
	_Alignas(16) uint8_t memory[ARENA_BLOCK];
};

/* Memory until the tree is freed; NULL when there is none. `size` is well below ARENA_BLOCK. */
static void *arena_alloc(struct facts *facts, size_t size)
{
	struct facts_arena *arena = facts->arena;
	void *memory;

	size = (size + 15) & ~(size_t)15;
	if (!arena || ARENA_BLOCK - arena->used < size) {
		arena = malloc(sizeof(*arena));
		if (!arena)
			return NULL;
		arena->used = 0;
		arena->next = facts->arena;
		facts->arena = arena;
	}
	memory = arena->memory + arena->used;
	arena->used += size;
	return memory;
}

static const char *copy_string(struct facts *facts, const char *text)
{
	size_t length = strnlen(text, FACTS_STRING_MAX);
	char *copy;

	/* Not in the middle of a character: the bytes that continue one begin with the bits 10. */
	if (text[length]) {
		facts->incomplete = true;
		while (length && ((uint8_t)text[length] & 0xc0) == 0x80)
			length--;
	}
	copy = arena_alloc(facts, length + 1);
	if (!copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

static bool may_hold(const struct fact *parent, enum fact_kind kind)
{
	if (parent->kind == FACT_LIST)
		return kind == FACT_ITEM;
	if (parent->kind == FACT_STRING_LIST)
		return kind == FACT_STRING;
	return kind != FACT_ITEM && kind != FACT_STRING;
}

/* Appends a fact to what is open. NULL, and `incomplete` set, when it cannot be. */
static struct fact *add(struct facts *facts, enum fact_kind kind, const char *name)
{
	struct fact *parent = facts->levels[facts->depth];
	struct fact *fact;

	if (facts->ignored || facts->nodes >= FACTS_NODES_MAX || !may_hold(parent, kind))
		goto refused;
	fact = arena_alloc(facts, sizeof(*fact));
	if (!fact)
		goto refused;
	*fact = (struct fact){.kind = kind};
	if (name) {
		fact->name = copy_string(facts, name);
		if (!fact->name)
			goto refused;
	}
	facts->nodes++;
	if (parent->last)
		parent->last->next = fact;
	else
		parent->first = fact;
	parent->last = fact;
	return fact;
refused:
	facts->incomplete = true;
	return NULL;
}

static void open_level(struct facts *facts, enum fact_kind kind, const char *name)
{
	struct fact *fact = NULL;

	if (facts->depth + 1 < FACTS_DEPTH_MAX)
		fact = add(facts, kind, name);
	if (fact) {
		facts->levels[++facts->depth] = fact;
	} else {
		facts->ignored++;
		facts->incomplete = true;
	}
}

static void add_number(struct facts *facts, enum fact_kind kind, const char *name, uint64_t value)
{
	struct fact *fact = add(facts, kind, name);

	if (fact)
		fact->number = value;
}

static void add_text(struct facts *facts, enum fact_kind kind, const char *name, const char *value)
{
	struct fact *fact = add(facts, kind, name);
	const char *copy;

	if (!fact)
		return;
	copy = copy_string(facts, value ? value : "");
	fact->text = copy ? copy : "";
	if (!copy)
		facts->incomplete = true;
}

void fact_text(struct facts *facts, const char *name, const char *value)
{
	if (value)
		add_text(facts, FACT_TEXT, name, value);
	else
		fact_none(facts, name);
}

void fact_format(struct facts *facts, const char *name, const char *format, ...)
{
	char text[FACTS_STRING_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsniprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	add_text(facts, FACT_TEXT, name, text);
}

void fact_number(struct facts *facts, const char *name, uint64_t value)
{
	add_number(facts, FACT_NUMBER, name, value);
}

void fact_hex(struct facts *facts, const char *name, uint64_t value)
{
	add_number(facts, FACT_HEX, name, value);
}

void fact_bytes(struct facts *facts, const char *name, uint64_t value)
{
	add_number(facts, FACT_BYTES, name, value);
}

void fact_nanoseconds(struct facts *facts, const char *name, uint64_t value)
{
	add_number(facts, FACT_NANOSECONDS, name, value);
}

void fact_thousandths(struct facts *facts, const char *name, uint64_t value)
{
	add_number(facts, FACT_THOUSANDTHS, name, value);
}

void fact_flag(struct facts *facts, const char *name, bool value)
{
	struct fact *fact = add(facts, FACT_FLAG, name);

	if (fact)
		fact->flag = value;
}

void fact_none(struct facts *facts, const char *name)
{
	add(facts, FACT_NONE, name);
}

void fact_object(struct facts *facts, const char *name)
{
	open_level(facts, FACT_OBJECT, name);
}

void fact_list(struct facts *facts, const char *name)
{
	open_level(facts, FACT_LIST, name);
}

void fact_item(struct facts *facts)
{
	open_level(facts, FACT_ITEM, NULL);
}

void fact_string_list(struct facts *facts, const char *name)
{
	open_level(facts, FACT_STRING_LIST, name);
}

void fact_string(struct facts *facts, const char *value)
{
	add_text(facts, FACT_STRING, NULL, value);
}

void fact_end(struct facts *facts)
{
	if (facts->ignored)
		facts->ignored--;
	else if (facts->depth)
		facts->depth--;
	else
		facts->incomplete = true;
}

const struct fact *facts_tree_build(struct facts *facts, void (*describe)(struct facts *facts))
{
	struct fact *root;

	*facts = (struct facts){0};
	root = arena_alloc(facts, sizeof(*root));
	if (!root)
		return NULL;
	*root = (struct fact){.kind = FACT_OBJECT};
	facts->levels[0] = root;
	describe(facts);
	return root;
}

void facts_tree_free(struct facts *facts)
{
	while (facts->arena) {
		struct facts_arena *arena = facts->arena;

		facts->arena = arena->next;
		free(arena);
	}
}
