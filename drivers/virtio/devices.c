/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of the virtio devices: facts, and the command `devices`. */
#include "drivers/virtio/transports/transport.h"
#include "drivers/virtio/virtio.h"
#include "kernel/shell/command.h"

#include <string.h>

static const char *type_name(const struct virtio_device *device)
{
	const char *name = virtio_type_name(device->type);

	return name ? name : "unknown";
}

static const char *state_of(const struct virtio_device *device)
{
	if (device->given_up)
		return "given up";
	if (device->broken)
		return device->next_attempt ? "waits for a reset" : "broken";
	if (device->failure)
		return "failed";
	return device->driver ? "driven" : "no driver";
}

static void describe_device(struct virtio_device *device, struct facts *facts)
{
	fact_text(facts, "name", device->name);
	fact_text(facts, "bus", device->bus_name);
	fact_number(facts, "type", device->type);
	fact_text(facts, "type_name", type_name(device));
	fact_text(facts, "transport", device->transport->name);
	if (device->driver)
		fact_text(facts, "driver", device->driver->name);
	else
		fact_none(facts, "driver");
	fact_text(facts, "state", state_of(device));
	if (device->failure)
		fact_text(facts, "failure", device->failure);
	virtio_features_describe(facts, "offered", device->type, &device->offered);
	virtio_features_describe(facts, "features", device->type, &device->negotiated);
	fact_text(facts, "interrupt_mode", device->interrupt_mode);
	fact_number(facts, "recoveries", device->recoveries);
	fact_number(facts, "config_interrupts", device->config_interrupts);
	if (device->transport->describe)
		device->transport->describe(device, facts);
	fact_list(facts, "queues");
	for (unsigned int i = 0; i < device->queue_count; i++) {
		fact_item(facts);
		virtqueue_describe(device->queues[i], facts);
		fact_end(facts);
	}
	fact_end(facts);
	if (device->driver && device->driver->describe)
		device->driver->describe(device, facts);
}

static void describe(struct facts *facts)
{
	fact_list(facts, "devices");
	for (struct virtio_device *device = virtio_first(); device; device = device->next) {
		fact_item(facts);
		describe_device(device, facts);
		fact_end(facts);
	}
	fact_end(facts);
}

FACTS(virtio, "virtio", 50, describe);

static void print_features(const struct virtio_device *device)
{
	command_print("    features:");
	for (unsigned int bit = 0; bit < VIRTIO_FEATURE_BITS; bit++) {
		const char *name = virtio_feature_name(device->type, bit);

		if (!virtio_features_has(&device->negotiated, bit))
			continue;
		if (name)
			command_print(" %s", name);
		else
			command_print(" bit%u", bit);
	}
	command_print("\n");
}

static void print_queue(const struct virtqueue *vq)
{
	const struct virtqueue_counters *counters = &vq->counters;

	command_print(
		"    queue %u: %s, %s, size %u, free %u%s; added %llu, taken %llu, kicks %llu,"
		" interrupts %llu\n",
		vq->index, vq->name, vq->operations->format, vq->size, vq->free,
		vq->broken ? ", broken" : "", (unsigned long long)counters->added,
		(unsigned long long)counters->taken, (unsigned long long)counters->kicks,
		(unsigned long long)counters->interrupts);
}

static enum command_result command_devices(int argc, char **argv)
{
	struct virtio_device *device = virtio_first();

	(void)argv;
	if (argc != 1)
		return COMMAND_USAGE;
	if (!device)
		command_print("no virtio devices\n");
	for (; device; device = device->next) {
		command_print("%s: %s, %s at %s, driver %s, %s, interrupts %s\n", device->name,
			      type_name(device), device->transport->name, device->bus_name,
			      device->driver ? device->driver->name : "none", state_of(device),
			      device->interrupt_mode);
		if (device->failure)
			command_print("    %s\n", device->failure);
		if (!device->driver)
			continue;
		print_features(device);
		for (unsigned int i = 0; i < device->queue_count; i++)
			print_queue(device->queues[i]);
	}
	return COMMAND_OK;
}

COMMAND(devices, "devices", "the virtio devices, their features and queues", command_devices);
