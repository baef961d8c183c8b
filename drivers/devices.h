/* SPDX-License-Identifier: BSD-2-Clause */
/* What the command `devices` lists and resets: each kind of devices adds an entry. */
#ifndef DRIVERS_DEVICES_H
#define DRIVERS_DEVICES_H

#include "kernel/shell/command.h"
#include "kernel/table.h"

#include <stdbool.h>

struct device_kind {
	unsigned int order; /* the place in the list */
	/* Prints all of them, in one line each when brief. How many they were. */
	unsigned int (*print)(bool brief);
	/* Whether one is called so, and resetting it (`reset NAME`) or one of its queues. */
	bool (*has)(const char *name);
	enum command_result (*reset)(const char *name, const char *queue);
};

TABLE_DECLARE(device_kinds, struct device_kind);

#define DEVICE_KIND(identifier)                                                                    \
	TABLE_ENTRY(device_kinds, struct device_kind, device_kind_##identifier)

#endif
