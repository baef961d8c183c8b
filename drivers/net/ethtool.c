/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command `ethtool`: what a network device's driver knows, and what can be changed, in the words
 * and the format of the Linux tool.
 */
#include "drivers/net/network.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "kernel/version.h"

#include <errno.h>
#include <string.h>

#define FEATURES_MAX 32

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
	COUNTER(receive_joined),   COUNTER(transmit_cut),     COUNTER(transmit_cut_into),
};

/* Per queue, with the names of Linux's driver where it has the same. */
#define QUEUE_COUNTER(direction, text, field)                                                      \
	{                                                                                          \
		direction, text, offsetof(struct network_queue_statistics, field)                  \
	}

static const struct queue_counter {
	const char *direction, *name;
	size_t offset;
} queue_counters[] = {
	QUEUE_COUNTER("rx", "packets", receive_packets),
	QUEUE_COUNTER("rx", "bytes", receive_bytes),
	QUEUE_COUNTER("rx", "kicks", receive_kicks),
	QUEUE_COUNTER("rx", "interrupts", receive_interrupts),
	QUEUE_COUNTER("rx", "hashes", hashes),
	QUEUE_COUNTER("tx", "packets", transmit_packets),
	QUEUE_COUNTER("tx", "bytes", transmit_bytes),
	QUEUE_COUNTER("tx", "kicks", transmit_kicks),
};

static const char *yes_or_no(bool value)
{
	return value ? "yes" : "no";
}

static enum command_result print_driver(struct network_device *device, char **words)
{
	/* Linux names PCI functions with their domain. */
	bool pci = strchr(device->bus_name, ':') && strchr(device->bus_name, '.');

	(void)words;
	command_print("driver: %s\n", device->driver_name);
	command_print("version: %s\n", RINGSIDE_VERSION);
	command_print("firmware-version: \nexpansion-rom-version: \n");
	command_print("bus-info: %s%s\n", pci ? "0000:" : "", device->bus_name);
	command_print("supports-statistics: yes\n");
	command_print("supports-test: no\nsupports-eeprom-access: no\n");
	command_print("supports-register-dump: no\nsupports-priv-flags: no\n");
	return COMMAND_OK;
}

static void print_queue_counters(struct network_device *device, unsigned int queue)
{
	struct network_queue_statistics statistics;

	device->operations->queue_statistics(device, queue, &statistics);
	for (size_t i = 0; i < sizeof(queue_counters) / sizeof(queue_counters[0]); i++) {
		const struct queue_counter *counter = &queue_counters[i];
		uint64_t value;

		memcpy(&value, (const char *)&statistics + counter->offset, sizeof(value));
		command_print("     %s_queue_%u_%s: %llu\n", counter->direction, queue,
			      counter->name, (unsigned long long)value);
	}
}

static enum command_result print_statistics(struct network_device *device, char **words)
{
	struct network_statistics statistics;

	(void)words;
	network_statistics(device, &statistics);
	command_print("NIC statistics:\n");
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		uint64_t value;

		memcpy(&value, (const char *)&statistics + counters[i].offset, sizeof(value));
		command_print("     %s: %llu\n", counters[i].name, (unsigned long long)value);
	}
	for (unsigned int i = 0; device->operations->queue_statistics && i < device->queue_pairs;
	     i++)
		print_queue_counters(device, i);
	return COMMAND_OK;
}

static struct network_information information_of(struct network_device *device)
{
	struct network_information information = {.speed = NETWORK_SPEED_UNKNOWN,
						  .duplex = NETWORK_DUPLEX_UNKNOWN};

	if (device->operations->information)
		device->operations->information(device, &information);
	return information;
}

static enum command_result print_settings(struct network_device *device, char **words)
{
	struct network_information information = information_of(device);

	(void)words;
	command_print("Settings for %s:\n", device->name);
	command_print("\tSupported ports: [  ]\n");
	command_print("\tSupported link modes:   Not reported\n");
	command_print("\tSupported pause frame use: No\n");
	command_print("\tSupports auto-negotiation: No\n");
	command_print("\tSupported FEC modes: Not reported\n");
	command_print("\tAdvertised link modes:  Not reported\n");
	command_print("\tAdvertised pause frame use: No\n");
	command_print("\tAdvertised auto-negotiation: No\n");
	command_print("\tAdvertised FEC modes: Not reported\n");
	if (information.speed == NETWORK_SPEED_UNKNOWN)
		command_print("\tSpeed: Unknown!\n");
	else
		command_print("\tSpeed: %uMb/s\n", (unsigned int)information.speed);
	if (information.duplex == NETWORK_DUPLEX_UNKNOWN)
		command_print("\tDuplex: Unknown! (255)\n");
	else
		command_print("\tDuplex: %s\n", information.duplex ? "Full" : "Half");
	command_print("\tAuto-negotiation: off\n\tPort: Other\n\tPHYAD: 0\n"
		      "\tTransceiver: internal\n");
	command_print("\tLink detected: %s\n", yes_or_no(device->link_up));
	return COMMAND_OK;
}

static enum command_result print_address(struct network_device *device, char **words)
{
	const uint8_t *mac = device->permanent_mac;

	(void)words;
	command_print("Permanent address: %02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1], mac[2],
		      mac[3], mac[4], mac[5]);
	return COMMAND_OK;
}

static enum command_result print_features(struct network_device *device, char **words)
{
	struct network_feature features[FEATURES_MAX];
	unsigned int count = 0;

	(void)words;
	command_print("Features for %s:\n", device->name);
	if (device->operations->features)
		count = device->operations->features(device, features, FEATURES_MAX);
	for (unsigned int i = 0; i < count; i++)
		command_print("%s: %s%s\n", features[i].name, features[i].on ? "on" : "off",
			      features[i].fixed ? " [fixed]" : "");
	return COMMAND_OK;
}

static void print_rings_of(unsigned int receive, unsigned int transmit)
{
	command_print("RX:\t\t%u\nRX Mini:\tn/a\nRX Jumbo:\tn/a\nTX:\t\t%u\n", receive, transmit);
}

static enum command_result print_rings(struct network_device *device, char **words)
{
	struct network_information information = information_of(device);

	(void)words;
	command_print("Ring parameters for %s:\nPre-set maximums:\n", device->name);
	print_rings_of(information.receive_ring_max, information.transmit_ring_max);
	command_print("Current hardware settings:\n");
	print_rings_of(information.receive_ring, information.transmit_ring);
	command_print("RX Buf Len:\t\tn/a\nCQE Size:\t\tn/a\nTX Push:\toff\n");
	return COMMAND_OK;
}

static enum command_result print_channels(struct network_device *device, char **words)
{
	(void)words;
	command_print("Channel parameters for %s:\nPre-set maximums:\n", device->name);
	command_print("RX:\t\tn/a\nTX:\t\tn/a\nOther:\t\tn/a\nCombined:\t%u\n",
		      device->queue_pairs);
	command_print("Current hardware settings:\n");
	command_print("RX:\t\tn/a\nTX:\t\tn/a\nOther:\t\tn/a\nCombined:\t%u\n",
		      device->queue_pairs_active);
	return COMMAND_OK;
}

#define TABLE_COLUMNS 8u

static void print_table(const struct network_steering *steering)
{
	if (!steering->table_length)
		command_print("Operation not supported\n");
	for (unsigned int i = 0; i < steering->table_length; i++) {
		bool last =
			i % TABLE_COLUMNS == TABLE_COLUMNS - 1 || i + 1 == steering->table_length;

		if (i % TABLE_COLUMNS == 0)
			command_print("%5u: ", i);
		command_print(" %5u%s", steering->table[i], last ? "\n" : "");
	}
}

static enum command_result print_steering(struct network_device *device, char **words)
{
	struct network_steering steering = {0};

	(void)words;
	if (device->operations->steering)
		device->operations->steering(device, &steering);
	command_print("RX flow hash indirection table for %s with %u RX ring(s):\n", device->name,
		      device->queue_pairs_active);
	print_table(&steering);
	command_print("RSS hash key:\n");
	if (!steering.key_length)
		command_print("Operation not supported\n");
	for (unsigned int i = 0; i < steering.key_length; i++)
		command_print("%02x%s", steering.key[i], i + 1 < steering.key_length ? ":" : "\n");
	command_print("RSS hash function:\n    toeplitz: %s\n    xor: off\n    crc32: off\n",
		      steering.key_length ? "on" : "off");
	return COMMAND_OK;
}

/* Says what an operation that failed means. */
static enum command_result result_of(const struct network_device *device, int error)
{
	if (!error)
		return COMMAND_OK;
	command_print("%s: %s\n", device->name, network_error_text(error));
	return COMMAND_FAILED;
}

static enum command_result set_channels(struct network_device *device, char **words)
{
	uint64_t count;

	if (strcmp(words[0], "combined") || !option_parse_number(words[1], &count))
		return COMMAND_USAGE;
	if (!device->operations->set_queue_pairs)
		return result_of(device, -EOPNOTSUPP);
	if (count > device->queue_pairs)
		return result_of(device, -EINVAL);
	return result_of(device, device->operations->set_queue_pairs(device, (unsigned int)count));
}

/* The short names that ethtool takes for its legacy flags. */
static const struct {
	const char *word, *name;
} short_names[] = {
	{"rx", "rx-checksumming"},
	{"tx", "tx-checksumming"},
	{"sg", "scatter-gather"},
	{"tso", "tcp-segmentation-offload"},
	{"gso", "generic-segmentation-offload"},
	{"gro", "generic-receive-offload"},
	{"lro", "large-receive-offload"},
	{"rxvlan", "rx-vlan-offload"},
	{"txvlan", "tx-vlan-offload"},
	{"ntuple", "ntuple-filters"},
	{"rxhash", "receive-hashing"},
};

static enum command_result set_feature(struct network_device *device, char **words)
{
	const char *name = words[0];

	if (strcmp(words[1], "on") && strcmp(words[1], "off"))
		return COMMAND_USAGE;
	for (size_t i = 0; i < sizeof(short_names) / sizeof(short_names[0]); i++)
		if (!strcmp(name, short_names[i].word))
			name = short_names[i].name;
	if (!device->operations->set_feature)
		return result_of(device, -EOPNOTSUPP);
	return result_of(device,
			 device->operations->set_feature(device, name, !strcmp(words[1], "on")));
}

static const struct way {
	const char *option; /* "": none */
	int words;	    /* behind the device's name */
	enum command_result (*run)(struct network_device *device, char **words);
} ways[] = {
	{"", 0, print_settings},   {"-i", 0, print_driver},   {"-S", 0, print_statistics},
	{"-k", 0, print_features}, {"-g", 0, print_rings},    {"-l", 0, print_channels},
	{"-P", 0, print_address},  {"-x", 0, print_steering}, {"-L", 2, set_channels},
	{"-K", 2, set_feature},
};

static enum command_result command_ethtool(int argc, char **argv)
{
	const char *option = argc > 1 && argv[1][0] == '-' ? argv[1] : "";
	int first = *option ? 2 : 1; /* the device's name */

	if (argc <= first)
		return COMMAND_USAGE;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct network_device *device;

		if (strcmp(ways[i].option, option) || argc != first + 1 + ways[i].words)
			continue;
		device = network_find(argv[first]);
		if (device)
			return ways[i].run(device, argv + first + 1);
		command_print("%s: no such device\n", argv[first]);
		return COMMAND_FAILED;
	}
	return COMMAND_USAGE;
}

COMMAND(ethtool,
	"ethtool [-i|-S|-k|-g|-l|-x|-P] DEVICE | -L DEVICE combined N | -K DEVICE FEATURE on|off",
	"settings, driver, counters, offloads, rings, channels or steering of a network device",
	command_ethtool);
