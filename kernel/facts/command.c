/* SPDX-License-Identifier: BSD-2-Clause */
/* The command `facts`: what the status page says, as text. */
#include "kernel/shell/command.h"
#include "kernel/facts/tree.h"

#include <string.h>

struct search {
	const char *name;
	const struct facts_section *found;
};

static int find(void *context, const struct facts_section *section)
{
	struct search *search = context;

	if (!strcmp(section->name, search->name))
		search->found = section;
	return search->found != NULL;
}

static int list(void *context, const struct facts_section *section)
{
	(void)context;
	command_print(" %s", section->name);
	return 0;
}

static int print(void *context, const char *text, size_t length)
{
	(void)context;
	command_print("%.*s", (int)length, text);
	return command_interrupted() ? -1 : 0;
}

static enum command_result command_facts(int argc, char **argv)
{
	struct search search = {.name = argc == 2 ? argv[1] : ""};

	if (argc > 2)
		return COMMAND_USAGE;
	if (argc == 2 && !facts_each_section(find, &search)) {
		command_print("facts: there is no section %s, but", argv[1]);
		(void)facts_each_section(list, NULL);
		command_print("\n");
		return COMMAND_FAILED;
	}
	(void)facts_print_text(search.found ? search.found->describe : NULL, print, NULL);
	return COMMAND_OK;
}
COMMAND(facts, "facts [SECTION]", "all that the status page tells, or one section of it",
	command_facts);
