/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio devices on the PCI bus: which functions they are, and what lspci says about them. */
#include "drivers/virtio/transports/pci.h"

#include "kernel/console/log.h"
#include "kernel/options/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "virtio"

/* 4.1.2: transitional devices say their type as subsystem, the others by their device ID. */
static uint32_t type_of(const struct pci_function *function)
{
	if (function->device_id >= VIRTIO_PCI_DEVICE_MODERN)
		return function->device_id - VIRTIO_PCI_DEVICE_MODERN;
	return function->subsystem_id;
}

static bool check_transport(const char *value)
{
	return option_one_of(value, "modern|legacy");
}

OPTION(virtio_transport, "virtio.transport", "modern|legacy",
       "the interface of PCI devices that have both (default: modern)", check_transport);

/* The modern interface is preferred; virtio.transport= insists on one. */
static int find_interface(struct virtio_pci *pci)
{
	const char *wanted = option_get("virtio.transport", NULL);
	int error = -ENODEV;

	if (!wanted || !strcmp(wanted, "modern"))
		error = virtio_pci_modern_init(pci);
	if (error == -ENODEV && (!wanted || !strcmp(wanted, "legacy")))
		error = virtio_pci_legacy_init(pci);
	if (error == -ENODEV && wanted)
		log_error("%s: refused, virtio.transport insists on %s, which it does not have",
			  pci->function->name, wanted);
	else if (error == -ENODEV)
		log_notice("%s: a virtio device without an interface that can be used",
			   pci->function->name);
	return error;
}

bool virtio_pci_present(const struct virtio_device *device)
{
	const struct virtio_pci *pci = device->transport_data;

	return pci_read16(pci->function, 0x00) != 0xffff; /* vendor */
}

void virtio_pci_memory_access(struct virtio_device *device, bool allowed)
{
	struct pci_function *function = virtio_pci_of(device)->function;

	if (allowed)
		pci_enable(function);
	else
		pci_disable(function);
}

static int virtio_pci_probe(struct pci_function *function)
{
	struct virtio_pci *pci = calloc(1, sizeof(*pci));
	int error;

	if (!pci)
		return -ENOMEM;
	pci->function = function;
	pci->device.transport_data = pci;
	pci->device.type = type_of(function);
	pci->device.vendor = function->subsystem_vendor_id;
	sniprintf(pci->device.bus_name, sizeof(pci->device.bus_name), "%s", function->name);
	pci_enable(function);
	error = find_interface(pci);
	if (error) {
		pci_disable(function);
		free(pci);
		return error;
	}
	function->driver_data = pci;
	virtio_device_add(&pci->device);
	return 0;
}

static void virtio_pci_shutdown(struct pci_function *function)
{
	struct virtio_pci *pci = function->driver_data;

	if (!pci)
		return;
	virtio_shutdown(&pci->device);
	pci_disable(function);
}

static const struct pci_match matches[] = {
	{VIRTIO_PCI_VENDOR, VIRTIO_PCI_DEVICE_TRANSITIONAL, VIRTIO_PCI_DEVICE_LAST},
	{0, 0, 0},
};

PCI_DRIVER(virtio) = {
	.name = "virtio-pci",
	.matches = matches,
	.probe = virtio_pci_probe,
	.shutdown = virtio_pci_shutdown,
};
