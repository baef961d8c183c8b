/* SPDX-License-Identifier: BSD-2-Clause */
/* The command `devices`. */
#include "drivers/devices.h"

#include <string.h>

static const struct device_kind *next_kind(const struct device_kind *previous)
{
	const struct device_kind *next = NULL;

	TABLE_FOREACH (device_kinds, struct device_kind, kind)
		if ((!previous || kind->order > previous->order) &&
		    (!next || kind->order < next->order))
			next = kind;
	return next;
}

static enum command_result reset(const char *name, const char *queue)
{
	TABLE_FOREACH (device_kinds, struct device_kind, kind)
		if (kind->has(name))
			return kind->reset(name, queue);
	command_print("%s: no such device, or nothing drives it\n", name);
	return COMMAND_FAILED;
}

static enum command_result command_devices(int argc, char **argv)
{
	unsigned int count = 0;
	bool brief;

	if (argc >= 3 && argc <= 4 && !strcmp(argv[1], "reset"))
		return reset(argv[2], argc == 4 ? argv[3] : NULL);
	brief = argc == 2 && !strcmp(argv[1], "-s");
	if (argc != 1 && !brief)
		return COMMAND_USAGE;
	for (const struct device_kind *kind = next_kind(NULL); kind; kind = next_kind(kind))
		count += kind->print(brief);
	if (!count)
		command_print("no devices\n");
	return COMMAND_OK;
}

COMMAND(devices, "devices [-s | reset DEVICE [QUEUE]]",
	"the devices, with their features and queues; or resets one", command_devices);
