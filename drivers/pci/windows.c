/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root buses and their windows: what the host bridges' static _CRS objects in ACPI say, else bus 0 and
 * the largest gap of the memory map below 4 GiB.
 */
#include "drivers/pci/internal.h"
#include "drivers/platform/acpi.h"
#include "kernel/console/log.h"
#include "kernel/platform.h"

#include <inttypes.h>
#include <string.h>

#define LOG_AREA "pci"

#define ROOTS_MAX 32
#define MEMORY_FIRST 0x01000000ull /* below are ISA devices and the BIOS */
#define MEMORY_END 0xfec00000ull   /* above are the APICs and the firmware */
#define IO_FIRST 0xc000		   /* below are ISA devices and the chipset's own ports */
#define IO_LAST 0xffff

struct root {
	uint16_t segment;
	uint8_t bus;
};

struct roots {
	unsigned int count;
	struct root entries[ROOTS_MAX];
};

static void root_add(struct roots *roots, uint16_t segment, uint8_t bus)
{
	for (unsigned int i = 0; i < roots->count; i++)
		if (roots->entries[i].segment == segment && roots->entries[i].bus == bus)
			return;
	if (roots->count < ROOTS_MAX)
		roots->entries[roots->count++] = (struct root){segment, bus};
}

static bool is_host_bridge(const struct acpi_device *device)
{
	return (!strcmp(device->hardware_id, "PNP0A03") ||
		!strcmp(device->hardware_id, "PNP0A08")) &&
	       device->segment <= UINT16_MAX && device->base_bus <= UINT8_MAX;
}

static bool root_of_device(void *context, const struct acpi_device *device)
{
	struct acpi_resource resource;
	size_t position = 0;
	uint8_t bus = (uint8_t)device->base_bus;

	if (!is_host_bridge(device))
		return true;
	while (device->resources && acpi_resource_next(device->resources, device->resources_length,
						       &position, &resource)) {
		if (resource.type != ACPI_RESOURCE_WINDOW_BUS || resource.start > UINT8_MAX)
			continue;
		bus = (uint8_t)resource.start;
		break;
	}
	root_add(context, (uint16_t)device->segment, bus);
	return true;
}

void pci_roots_each(void (*function)(uint16_t segment, uint8_t bus, uint8_t last_bus))
{
	struct roots roots = {.count = 0};

	root_add(&roots, 0, 0);
	acpi_each_device(root_of_device, &roots);
	for (unsigned int i = 0; i < roots.count; i++) {
		const struct root *root = &roots.entries[i];
		uint8_t last_bus = UINT8_MAX;

		/*
		 * A root ends where the next one begins. What its window says of the end is how far the
		 * firmware came, and where it did nothing (qboot) that is the root bus alone.
		 */
		for (unsigned int j = 0; j < roots.count; j++) {
			const struct root *other = &roots.entries[j];

			if (other->segment == root->segment && other->bus > root->bus &&
			    other->bus <= last_bus)
				last_bus = other->bus - 1;
		}
		function(root->segment, root->bus, last_bus);
	}
}

struct search {
	struct pci_window *windows;
	unsigned int count, limit;
};

static void window_add(struct search *search, struct pci_window window)
{
	uint64_t first = window.type == PCI_WINDOW_IO ? IO_FIRST : MEMORY_FIRST;
	uint64_t end = window.start + window.length;

	if (window.type == PCI_WINDOW_IO && end > IO_LAST + 1)
		end = IO_LAST + 1;
	if (window.start < first)
		window.start = first;
	if (end <= window.start || search->count == search->limit)
		return;
	window.length = end - window.start;
	search->windows[search->count++] = window;
	log_debug("window of %04x:%02x: %s 0x%" PRIx64 " to 0x%" PRIx64, window.segment, window.bus,
		  window.type == PCI_WINDOW_IO ? "ports" : "memory", window.start, end - 1);
}

static bool windows_of_device(void *context, const struct acpi_device *device)
{
	struct search *search = context;
	struct acpi_resource resource;
	size_t position = 0;
	uint8_t bus = (uint8_t)device->base_bus;

	if (!is_host_bridge(device) || !device->resources)
		return true;
	while (acpi_resource_next(device->resources, device->resources_length, &position,
				  &resource)) {
		/* The buses come first, when they come. */
		if (resource.type == ACPI_RESOURCE_WINDOW_BUS && resource.start <= UINT8_MAX)
			bus = (uint8_t)resource.start;
		if (resource.type != ACPI_RESOURCE_WINDOW_MEMORY &&
		    resource.type != ACPI_RESOURCE_WINDOW_IO)
			continue;
		window_add(search,
			   (struct pci_window){.type = resource.type == ACPI_RESOURCE_WINDOW_IO
							       ? PCI_WINDOW_IO
							       : PCI_WINDOW_MEMORY,
					       .segment = (uint16_t)device->segment,
					       .bus = bus,
					       .start = resource.start,
					       .length = resource.length});
	}
	return true;
}

/* The largest range below the APICs that the memory map leaves free. */
static struct pci_window largest_gap(void)
{
	struct pci_window best = {.type = PCI_WINDOW_MEMORY};
	uint64_t address = MEMORY_FIRST;

	for (unsigned int i = 0; i <= BOOT_MEMORY_MAX && address < MEMORY_END; i++) {
		uint64_t start = platform_range_end(address);
		uint64_t end = platform_next_range(start, MEMORY_END);

		if (start < end && end - start > best.length) {
			best.start = start;
			best.length = end - start;
		}
		address = end > address ? end : address + 1;
	}
	return best;
}

unsigned int pci_windows_find(struct pci_window *windows, unsigned int limit)
{
	struct search search = {.windows = windows, .limit = limit};
	bool memory = false, io = false;

	acpi_each_device(windows_of_device, &search);
	for (unsigned int i = 0; i < search.count; i++) {
		if (windows[i].segment || windows[i].bus)
			continue;
		memory |= windows[i].type == PCI_WINDOW_MEMORY;
		io |= windows[i].type == PCI_WINDOW_IO;
	}
	if (!memory)
		window_add(&search, largest_gap());
	/* A host bridge that says what its windows are has no other ports than it says. */
	if (!memory && !io)
		window_add(&search, (struct pci_window){.type = PCI_WINDOW_IO,
							.start = IO_FIRST,
							.length = IO_LAST + 1 - IO_FIRST});
	return search.count;
}
