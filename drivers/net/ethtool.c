/* SPDX-License-Identifier: BSD-2-Clause */
/* The command `ethtool`: what a network device's driver knows, in the words of the Linux tool. */
#include "drivers/net/network.h"
#include "kernel/shell/command.h"

#include <string.h>

struct counter {
	const char *name;
	size_t offset;
};

#define COUNTER(field)                                                                             \
	{                                                                                          \
#field, offsetof(struct network_statistics, field)                                 \
	}

static const struct counter counters[] = {
	COUNTER(receive_packets),  COUNTER(receive_bytes),    COUNTER(receive_dropped),
	COUNTER(receive_errors),   COUNTER(transmit_packets), COUNTER(transmit_bytes),
	COUNTER(transmit_dropped), COUNTER(transmit_errors),  COUNTER(kicks),
	COUNTER(interrupts),	   COUNTER(bytes_copied),     COUNTER(polls),
};

static void print_driver(const struct network_device *device)
{
	command_print("driver: %s\n", device->driver_name);
	command_print("bus-info: %s\n", device->bus_name);
	command_print("supports-statistics: yes\n");
}

static void print_statistics(struct network_device *device)
{
	struct network_statistics statistics;

	network_statistics(device, &statistics);
	command_print("NIC statistics:\n");
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		uint64_t value;

		memcpy(&value, (const char *)&statistics + counters[i].offset, sizeof(value));
		command_print("     %s: %llu\n", counters[i].name, (unsigned long long)value);
	}
}

static void print_settings(const struct network_device *device)
{
	const uint8_t *mac = device->mac;

	command_print("Settings for %s:\n", device->name);
	command_print("\tPermanent address: %02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1],
		      mac[2], mac[3], mac[4], mac[5]);
	command_print("\tMTU: %u\n", device->mtu);
	command_print("\tQueue pairs: %u\n", device->queue_pairs);
	command_print("\tTransmit checksums: %s\n", device->checksum_transmit ? "device" : "stack");
	command_print("\tLink detected: %s\n", device->link_up ? "yes" : "no");
}

static enum command_result command_ethtool(int argc, char **argv)
{
	const char *option = argc == 3 ? argv[1] : "";
	struct network_device *device;

	if (argc < 2 || argc > 3 || (argc == 3 && strcmp(option, "-i") && strcmp(option, "-S")))
		return COMMAND_USAGE;
	device = network_find(argv[argc - 1]);
	if (!device) {
		command_print("%s: no such device\n", argv[argc - 1]);
		return COMMAND_FAILED;
	}
	if (!strcmp(option, "-i"))
		print_driver(device);
	else if (!strcmp(option, "-S"))
		print_statistics(device);
	else
		print_settings(device);
	return COMMAND_OK;
}

COMMAND(ethtool, "ethtool [-i|-S] DEVICE", "settings, driver or counters of a network device",
	command_ethtool);
