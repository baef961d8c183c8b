/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of the virtio devices: facts, and their part of the command `devices`. */
#include "drivers/devices.h"
#include "drivers/virtio/transports/transport.h"
#include "drivers/virtio/virtio.h"
#include "kernel/console/log.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "kernel/thread/thread.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "virtio"

static const char *type_name(const struct virtio_device *device)
{
	const char *name = virtio_type_name(device->type);

	return name ? name : "unknown";
}

static const char *state_of(const struct virtio_device *device)
{
	if (device->recovery.given_up)
		return "given up";
	if (device->recovery.broken)
		return device->recovery.next_attempt ? "waits for a reset" : "broken";
	if (device->recovery.failure)
		return "failed";
	if (device->recovery.shut_down)
		return "stopped";
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
	if (device->recovery.failure)
		fact_text(facts, "failure", device->recovery.failure);
	virtio_features_describe(facts, "offered", device->type, &device->offered);
	virtio_features_describe(facts, "features", device->type, &device->negotiated);
	fact_text(facts, "interrupt_mode", device->interrupt_mode);
	fact_number(facts, "recoveries", device->recovery.recoveries);
	fact_flag(facts, "polled", device->polled);
	fact_number(facts, "polls", device->poll.count);
	fact_number(facts, "config_interrupts", device->config_interrupts);
	if (device->transport->describe)
		device->transport->describe(device, facts);
	fact_list(facts, "queues");
	virtio_queues_hold();
	for (unsigned int i = 0; i < device->queue_count; i++) {
		fact_item(facts);
		virtqueue_describe(device->queues[i], facts);
		fact_end(facts);
	}
	virtio_queues_release();
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
	unsigned long long interrupts = counters->interrupts + counters->interrupts_idle;

	command_print(
		"    queue %u: %s, %s, size %u, free %u%s; added %llu, taken %llu, kicks %llu,"
		" interrupts %llu, polled %llu\n",
		vq->index, vq->name, vq->operations->format, vq->size, vq->free,
		vq->broken ? ", broken" : "", (unsigned long long)counters->added,
		(unsigned long long)counters->taken, (unsigned long long)counters->kicks,
		interrupts, (unsigned long long)counters->polled);
}

static struct virtio_device *find_device(const char *name)
{
	for (struct virtio_device *device = virtio_first(); device; device = device->next)
		if (!strcmp(device->name, name) || !strcmp(device->bus_name, name))
			return device;
	return NULL;
}

static enum command_result reset_queue(struct virtio_device *device, unsigned int index)
{
	switch (virtio_queue_renew(device, index)) {
	case 0:
		return COMMAND_OK;
	case -ENOTSUP:
		command_print("%s: queue %u cannot be reset alone, the whole device is\n",
			      device->name, index);
		return COMMAND_OK;
	case -ENOENT:
		command_print("%s: has no queue %u\n", device->name, index);
		return COMMAND_FAILED;
	default:
		command_print("%s: queue %u was not reset: the device %s\n", device->name, index,
			      device->recovery.failure ? device->recovery.failure : "is stopped");
		return COMMAND_FAILED;
	}
}

static enum command_result reset_device(const char *name, const char *queue)
{
	struct virtio_device *device = find_device(name);
	uint64_t index = 0;

	if (queue && !option_parse_number(queue, &index))
		return COMMAND_USAGE;
	if (!device || !device->driven || index > UINT16_MAX) {
		command_print("%s: no such device, or nothing drives it\n", name);
		return COMMAND_FAILED;
	}
	if (!queue) {
		if (!device->driver->start) {
			command_print("%s: its driver cannot start it again\n", device->name);
			return COMMAND_FAILED;
		}
		log_notice("%s (%s): is reset by hand", device->bus_name, device->name);
		/* The attempts are limited for devices that break again and again by themselves. */
		recovery_renew(&device->recovery);
		virtio_device_break(device, "was reset by hand");
		return COMMAND_OK;
	}
	return reset_queue(device, (unsigned int)index);
}

static void print_device(struct virtio_device *device, bool brief)
{
	command_print("%s: %s, %s at %s, driver %s, %s, interrupts %s\n", device->name,
		      type_name(device), device->transport->name, device->bus_name,
		      device->driver ? device->driver->name : "none", state_of(device),
		      device->interrupt_mode);
	if (device->recovery.failure)
		command_print("    %s\n", device->recovery.failure);
	if (device->recovery.recoveries)
		command_print("    recovered %llu times\n",
			      (unsigned long long)device->recovery.recoveries);
	if (!device->driver || brief)
		return;
	print_features(device);
	virtio_queues_hold();
	for (unsigned int i = 0; i < device->queue_count; i++)
		print_queue(device->queues[i]);
	virtio_queues_release();
}

static unsigned int print_all(bool brief)
{
	unsigned int count = 0;

	for (struct virtio_device *device = virtio_first(); device; device = device->next) {
		print_device(device, brief);
		thread_yield(); /* a list is long, and its console slow */
		count++;
	}
	return count;
}

static bool has(const char *name)
{
	return find_device(name) != NULL;
}

DEVICE_KIND(virtio) = {.order = 10, .print = print_all, .has = has, .reset = reset_device};
