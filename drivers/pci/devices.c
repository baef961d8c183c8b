/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of emulated devices: facts, and their part of the command `devices`. */
#include "drivers/devices.h"
#include "drivers/pci/device.h"
#include "drivers/pci/internal.h"
#include "kernel/facts/facts.h"
#include "kernel/thread/thread.h"

#include <string.h>

#define CLASS_STORAGE 0x01
#define CLASS_NETWORK 0x02
#define VENDOR_VIRTIO 0x1af4

static const char *state_of(const struct pci_device *device)
{
	if (device->recovery.given_up)
		return "given up";
	if (device->recovery.shut_down)
		return "stopped";
	return device->recovery.broken ? "waits for a reset" : "driven";
}

static void describe(struct facts *facts)
{
	fact_list(facts, "devices");
	for (struct pci_device *device = pci_device_first(); device; device = device->next) {
		fact_item(facts);
		fact_text(facts, "bus", device->function->name);
		fact_text(facts, "driver", device->module);
		fact_text(facts, "state", state_of(device));
		if (device->recovery.failure)
			fact_text(facts, "failure", device->recovery.failure);
		fact_text(facts, "interrupt_mode", device->interrupt_mode);
		fact_number(facts, "interrupts", pci_device_interrupts(device));
		fact_number(facts, "recoveries", device->recovery.recoveries);
		fact_number(facts, "register_reads", device->register_reads);
		fact_number(facts, "register_writes", device->register_writes);
		fact_end(facts);
	}
	fact_end(facts);
}

FACTS(emulated, "emulated", 51, describe);

static void print_name(const struct pci_function *function)
{
	const char *class_name = pci_class_name(function->class_code, function->subclass);
	const char *vendor = pci_vendor_name(function->vendor_id);
	const char *name = pci_device_name(function->vendor_id, function->device_id);

	if (!class_name)
		class_name = pci_base_class_name(function->class_code);
	command_print("%s: %s: ", function->name, class_name ? class_name : "device");
	if (vendor && name)
		command_print("%s %s", vendor, name);
	else
		command_print("%04x:%04x", function->vendor_id, function->device_id);
}

static void print_device(const struct pci_device *device, bool brief)
{
	print_name(device->function);
	command_print(", driver %s, %s, interrupts %s\n", device->module, state_of(device),
		      device->interrupt_mode);
	if (device->recovery.failure)
		command_print("    %s\n", device->recovery.failure);
	if (device->recovery.recoveries)
		command_print("    recovered %llu times\n",
			      (unsigned long long)device->recovery.recoveries);
	if (brief)
		return;
	command_print("    register reads %llu, writes %llu, interrupts %llu\n",
		      (unsigned long long)device->register_reads,
		      (unsigned long long)device->register_writes,
		      (unsigned long long)pci_device_interrupts(device));
	if (device->operations->print)
		device->operations->print((struct pci_device *)(uintptr_t)device);
}

/* A network or storage device that somebody may be missing. */
static bool is_undriven(const struct pci_function *function)
{
	return !function->driver && function->vendor_id != VENDOR_VIRTIO &&
	       (function->class_code == CLASS_NETWORK || function->class_code == CLASS_STORAGE);
}

static unsigned int print_all(bool brief)
{
	unsigned int count = 0;

	for (struct pci_device *device = pci_device_first(); device; device = device->next) {
		print_device(device, brief);
		thread_yield(); /* a list is long, and its console slow */
		count++;
	}
	for (struct pci_function *function = pci_first(); function; function = function->next) {
		if (!is_undriven(function))
			continue;
		print_name(function);
		command_print(", no driver\n");
		count++;
	}
	return count;
}

static struct pci_device *find(const char *name)
{
	for (struct pci_device *device = pci_device_first(); device; device = device->next)
		if (!strcmp(device->function->name, name))
			return device;
	return NULL;
}

static bool has(const char *name)
{
	return find(name) != NULL;
}

static enum command_result reset(const char *name, const char *queue)
{
	struct pci_device *device = find(name);

	if (queue) {
		command_print("%s: has no queue that can be reset alone\n", name);
		return COMMAND_FAILED;
	}
	if (pci_device_reset(device)) {
		command_print("%s: is %s\n", name, state_of(device));
		return COMMAND_FAILED;
	}
	return COMMAND_OK;
}

DEVICE_KIND(emulated) = {.order = 20, .print = print_all, .has = has, .reset = reset};
