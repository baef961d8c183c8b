/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `lsmod` lists: the parts that would be modules on Linux. Each stands in the file of what it is,
 * and linker.ld keeps its code together, between module_NAME_start and module_NAME_end.
 *
 *	MODULE(e1000, "e1000", 40, NULL, count_e1000);
 *	MODULE(libata, "libata", 60, NULL, NULL);		shown when others that use it are
 */
#ifndef DRIVERS_MODULE_H
#define DRIVERS_MODULE_H

#include "kernel/table.h"

struct module {
	const char *name;
	unsigned int order; /* the place in the list */
	const char *uses;   /* names of others, separated by commas, or NULL */
	/* How many devices it is bound to; NULL: it has none of its own. */
	unsigned int (*devices)(const struct module *module);
	const char *start, *end; /* of its code; the host's programs have none */
};

TABLE_DECLARE(modules, struct module);

#define MODULE(identifier, module_name, module_order, module_uses, count)                          \
	extern const char module_##identifier##_start[] __attribute__((weak));                     \
	extern const char module_##identifier##_end[] __attribute__((weak));                       \
	TABLE_ENTRY(modules, struct module,                                                        \
		    module_entry_##identifier) = {.name = (module_name),                           \
						  .order = (module_order),                         \
						  .uses = (module_uses),                           \
						  .devices = (count),                              \
						  .start = module_##identifier##_start,            \
						  .end = module_##identifier##_end}

#endif
