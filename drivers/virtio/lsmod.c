/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command `lsmod`, in the format of Linux. The image has no modules to load; what it lists are the
 * parts that would be modules there, when a device is bound to them, and the bytes of their code, which
 * linker.ld keeps together.
 */
#include "drivers/virtio/transports/transport.h"
#include "drivers/virtio/virtio.h"
#include "kernel/shell/command.h"

#include <string.h>

enum kind {
	KIND_CORE,	/* used by all others */
	KIND_TRANSPORT, /* bound when a device's transport is called so */
	KIND_DRIVER,	/* bound when it has a device */
};

struct part {
	const char *name;
	enum kind kind;
	const char *transport; /* how the transport's names begin */
	const char *start, *end;
};

/* linker.ld's; the host's programs have none. */
#define BOUNDS(part)                                                                               \
	extern const char module_##part##_start[] __attribute__((weak));                           \
	extern const char module_##part##_end[] __attribute__((weak))

BOUNDS(virtio_net);
BOUNDS(virtio_blk);
BOUNDS(virtio_console);
BOUNDS(virtio_balloon);
BOUNDS(virtio_rng);
BOUNDS(virtio_pci);
BOUNDS(virtio_mmio);
BOUNDS(virtio_ring);
BOUNDS(virtio);

#define PART(part, kind, transport)                                                                \
	{                                                                                          \
#part, kind, transport, module_##part##_start, module_##part##_end                 \
	}

/* In the order in which Linux would show them: the last that was loaded first. */
static const struct part parts[] = {
	PART(virtio_net, KIND_DRIVER, NULL),
	PART(virtio_blk, KIND_DRIVER, NULL),
	PART(virtio_console, KIND_DRIVER, NULL),
	PART(virtio_balloon, KIND_DRIVER, NULL),
	PART(virtio_rng, KIND_DRIVER, NULL),
	PART(virtio_pci, KIND_TRANSPORT, "pci"),
	PART(virtio_mmio, KIND_TRANSPORT, "mmio"),
	PART(virtio_ring, KIND_CORE, NULL),
	PART(virtio, KIND_CORE, NULL),
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* How many devices it is bound to. */
static unsigned int devices_of(const struct part *part)
{
	unsigned int count = 0;

	for (struct virtio_device *device = virtio_first(); device; device = device->next) {
		if (!device->driver)
			continue;
		if (part->kind == KIND_DRIVER)
			count += !strcmp(device->driver->name, part->name);
		else if (part->kind == KIND_TRANSPORT)
			count += !strncmp(device->transport->name, part->transport,
					  strlen(part->transport));
		else
			count++;
	}
	return count;
}

static void print_part(const struct part *part)
{
	unsigned int users = 0;

	for (size_t i = 0; part->kind == KIND_CORE && i < PARTS; i++)
		users += parts[i].kind != KIND_CORE && devices_of(&parts[i]);
	command_print("%-19s %8lu  %u", part->name, (unsigned long)(part->end - part->start),
		      users);
	for (size_t i = 0, shown = 0; shown < users; i++)
		if (parts[i].kind != KIND_CORE && devices_of(&parts[i]))
			command_print("%c%s", shown++ ? ',' : ' ', parts[i].name);
	command_print("\n");
}

static enum command_result command_lsmod(int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return COMMAND_USAGE;
	command_print("Module                  Size  Used by\n");
	for (size_t i = 0; i < PARTS; i++)
		if (devices_of(&parts[i]))
			print_part(&parts[i]);
	return COMMAND_OK;
}

COMMAND(lsmod, "lsmod", "the drivers that have a device, and the bytes of their code",
	command_lsmod);
