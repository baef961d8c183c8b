/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command `lsmod`, in the format of Linux. The image has no modules to load; what it lists are the
 * parts that would be modules there, when a device is bound to them, and the bytes of their code, which
 * linker.ld keeps together.
 */
#include "drivers/module.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"

/* The one after `previous` in the order of the list. */
static const struct module *next_module(const struct module *previous)
{
	const struct module *next = NULL;

	TABLE_FOREACH (modules, struct module, module)
		if ((!previous || module->order > previous->order) &&
		    (!next || module->order < next->order))
			next = module;
	return next;
}

static unsigned int devices_of(const struct module *module)
{
	return module->devices ? module->devices(module) : 0;
}

static bool is_user(const struct module *user, const struct module *module)
{
	return user->uses && devices_of(user) && option_list_has(user->uses, module->name);
}

static unsigned int users_of(const struct module *module)
{
	unsigned int users = 0;

	TABLE_FOREACH (modules, struct module, user)
		users += is_user(user, module);
	return users;
}

static void print_module(const struct module *module)
{
	unsigned int shown = 0;

	command_print("%-19s %8lu  %u", module->name, (unsigned long)(module->end - module->start),
		      users_of(module));
	for (const struct module *user = next_module(NULL); user; user = next_module(user))
		if (is_user(user, module))
			command_print("%c%s", shown++ ? ',' : ' ', user->name);
	command_print("\n");
}

static enum command_result command_lsmod(int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return COMMAND_USAGE;
	command_print("Module                  Size  Used by\n");
	for (const struct module *module = next_module(NULL); module; module = next_module(module))
		if (devices_of(module) || users_of(module))
			print_module(module);
	return COMMAND_OK;
}

COMMAND(lsmod, "lsmod", "the drivers that have a device, and the bytes of their code",
	command_lsmod);
