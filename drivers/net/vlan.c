/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command `vlan`: frames of which VLANs a network device lets in (virtio 1.4, 5.1.9.5.3). The stack
 * itself takes frames without a tag only.
 */
#include "drivers/net/network.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"

#include <errno.h>
#include <string.h>

#define VLAN_MAX (NETWORK_VLANS - 2) /* IEEE 802.1Q: the last one is reserved */

static void print_vlans(struct network_device *device)
{
	command_print("%s:", device->name);
	for (unsigned int id = 0; device->operations->has_vlan && id < NETWORK_VLANS; id++)
		if (device->operations->has_vlan(device, (uint16_t)id))
			command_print(" %u", id);
	command_print("\n");
}

static enum command_result change(const char *word, const char *name, const char *number)
{
	struct network_device *device = network_find(name);
	bool in = !strcmp(word, "add");
	int error = -EOPNOTSUPP;
	uint64_t id;

	if ((!in && strcmp(word, "del")) || !option_parse_number(number, &id) || id > VLAN_MAX)
		return COMMAND_USAGE;
	if (!device) {
		command_print("%s: no such device\n", name);
		return COMMAND_FAILED;
	}
	if (device->operations->set_vlan)
		error = device->operations->set_vlan(device, (uint16_t)id, in);
	if (!error)
		return COMMAND_OK;
	command_print("%s: %s\n", name, network_error_text(error));
	return COMMAND_FAILED;
}

static enum command_result command_vlan(int argc, char **argv)
{
	if (argc == 4)
		return change(argv[1], argv[2], argv[3]);
	if (argc > 2 || (argc == 2 && strcmp(argv[1], "list")))
		return COMMAND_USAGE;
	for (struct network_device *device = network_first(); device; device = device->next)
		print_vlans(device);
	return COMMAND_OK;
}

COMMAND(vlan, "vlan [list] | add DEVICE ID | del DEVICE ID",
	"VLANs whose frames a network device lets in", command_vlan);
