/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of network devices, and what is known about each. */
#include "drivers/net/network.h"

#include "drivers/net/buffers.h"
#include "kernel/console/log.h"
#include "kernel/memory/budget.h"
#include "kernel/random/random.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOG_AREA "net"

/* What the stack takes for each device and for each of its pairs of queues, before the first frame. */
#define STACK_MEMORY (32u << 10)
#define STACK_MEMORY_PAIR (40u << 10)

static struct network_device *devices;
static unsigned int device_count;

void network_register(struct network_device *device)
{
	unsigned int asked = network_buffers_asked();
	struct network_device **link = &devices;

	while (*link)
		link = &(*link)->next;
	sniprintf(device->name, sizeof(device->name), "eth%u", device_count++);
	for (unsigned int i = 0; i < NETWORK_QUEUES_MAX; i++)
		wait_queue_init(&device->queues[i].wait);
	device->next = NULL;
	*link = device;
	memory_budget_keep(STACK_MEMORY + (uint64_t)device->queue_pairs * STACK_MEMORY_PAIR);
	log_info("%s: %s at %s, %02x:%02x:%02x:%02x:%02x:%02x, MTU %u, link %s", device->name,
		 device->driver_name, device->bus_name, device->mac[0], device->mac[1],
		 device->mac[2], device->mac[3], device->mac[4], device->mac[5], device->mtu,
		 device->link_up ? "up" : "down");
	/* What is shared between pairs of queues need not come out even. */
	if (device->receive_buffers + device->queue_pairs <= asked)
		log_error(
			"%s: has %u receive buffers: the %u of net.buffers= would leave too little memory",
			device->name, device->receive_buffers, asked);
}

struct network_device *network_first(void)
{
	return devices;
}

struct network_device *network_find(const char *name)
{
	for (struct network_device *device = devices; device; device = device->next)
		if (!strcmp(device->name, name))
			return device;
	return NULL;
}

void network_mac_set(struct network_device *device, const uint8_t mac[6])
{
	static const uint8_t zero[6];

	memcpy(device->mac, mac, 6);
	if (mac[0] & 1 || !memcmp(mac, zero, 6)) {
		log_warning("%s: its address is not one of a station, a random one is used",
			    device->bus_name);
		random_bytes(device->mac, 6);
		device->mac[0] = (uint8_t)((device->mac[0] & ~1u) | 2u); /* locally administered */
	}
	memcpy(device->permanent_mac, device->mac, 6);
}

unsigned int network_plain_features(struct network_device *device, struct network_feature *features,
				    unsigned int room)
{
	const struct network_feature all[] = {
		{"rx-checksumming", device->checksum_receive, true},
		{"tx-checksumming", device->checksum_transmit, false},
		{"\ttx-checksum-ip-generic", device->checksum_transmit, true},
		{"scatter-gather", device->segments_max > 1, false},
		{"\ttx-scatter-gather", device->segments_max > 1, true},
		{"tcp-segmentation-offload", device->cuts != 0, false},
		{"generic-segmentation-offload", false, true},
		{"generic-receive-offload", false, true},
		{"large-receive-offload", false, true},
		{"rx-vlan-offload", false, true},
		{"tx-vlan-offload", false, true},
		{"rx-vlan-filter", false, true},
	};
	unsigned int count = sizeof(all) / sizeof(all[0]);

	if (count > room)
		count = room;
	memcpy(features, all, count * sizeof(all[0]));
	return count;
}

const char *network_error_text(int error)
{
	return error == -EOPNOTSUPP ? "Operation not supported"
	       : error == -EINVAL   ? "Invalid argument"
	       : error == -ENETDOWN ? "Network is down"
	       : error == -EIO	    ? "the device refuses"
				    : "the device did not answer";
}

void network_notify(struct network_device *device, unsigned int queue, uint32_t events)
{
	__atomic_fetch_or(&device->queues[queue].events, events, __ATOMIC_SEQ_CST);
	wait_wake(&device->queues[queue].wait);
}

void network_statistics(struct network_device *device, struct network_statistics *statistics)
{
	memset(statistics, 0, sizeof(*statistics));
	device->operations->statistics(device, statistics);
	if (device->stack_bytes_copied)
		statistics->bytes_copied += *device->stack_bytes_copied;
	if (device->stack_receive_dropped)
		statistics->receive_dropped += *device->stack_receive_dropped;
	if (device->stack_transmit_dropped)
		statistics->transmit_dropped += *device->stack_transmit_dropped;
}

/* Not bytes_copied: those are the stack's doing, and among its facts. */
static void describe_statistics(struct network_device *device, struct facts *facts)
{
	struct network_statistics statistics;

	network_statistics(device, &statistics);
	fact_object(facts, "statistics");
	fact_number(facts, "receive_packets", statistics.receive_packets);
	fact_number(facts, "receive_bytes", statistics.receive_bytes);
	fact_number(facts, "receive_dropped", statistics.receive_dropped);
	fact_number(facts, "receive_errors", statistics.receive_errors);
	fact_number(facts, "transmit_packets", statistics.transmit_packets);
	fact_number(facts, "transmit_bytes", statistics.transmit_bytes);
	fact_number(facts, "transmit_dropped", statistics.transmit_dropped);
	fact_number(facts, "transmit_errors", statistics.transmit_errors);
	fact_number(facts, "kicks", statistics.kicks);
	fact_number(facts, "interrupts", statistics.interrupts);
	fact_number(facts, "polls", statistics.polls);
	fact_number(facts, "receive_joined", statistics.receive_joined);
	fact_number(facts, "transmit_cut", statistics.transmit_cut);
	fact_number(facts, "transmit_cut_into", statistics.transmit_cut_into);
	fact_end(facts);
}

static void describe(struct facts *facts)
{
	fact_list(facts, "devices");
	for (struct network_device *device = devices; device; device = device->next) {
		fact_item(facts);
		fact_text(facts, "name", device->name);
		fact_text(facts, "driver", device->driver_name);
		fact_text(facts, "bus", device->bus_name);
		fact_format(facts, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", device->mac[0],
			    device->mac[1], device->mac[2], device->mac[3], device->mac[4],
			    device->mac[5]);
		fact_number(facts, "mtu", device->mtu);
		fact_flag(facts, "link_up", device->link_up);
		fact_flag(facts, "checksum_transmit", device->checksum_transmit);
		fact_number(facts, "queue_pairs", device->queue_pairs_active);
		fact_number(facts, "queue_pairs_max", device->queue_pairs);
		if (device->operations->describe)
			device->operations->describe(device, facts);
		describe_statistics(device, facts);
		fact_end(facts);
	}
	fact_end(facts);
}

FACTS(network_devices, "network_devices", 60, describe);
