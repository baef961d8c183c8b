/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions about the static devices of the ACPI name space, and resource descriptors (ACPI 6.4, 6.4). */
#include "drivers/platform/acpi.h"
#include "drivers/platform/table_read.h"

#include <string.h>

#define SSDTS_MAX 32

#define SMALL_END 0x0f
#define LARGE_MEMORY32_FIXED 0x86
#define LARGE_DWORD 0x87
#define LARGE_WORD 0x88
#define LARGE_INTERRUPT 0x89
#define LARGE_QWORD 0x8a

struct relay {
	bool (*function)(void *context, const struct acpi_device *device);
	void *context;
	bool stopped;
};

static bool relay_device(void *context, const struct acpi_device *device)
{
	struct relay *relay = context;

	if (!relay->function(relay->context, device))
		relay->stopped = true;
	return !relay->stopped;
}

void acpi_each_device(bool (*function)(void *context, const struct acpi_device *device),
		      void *context)
{
	struct relay relay = {.function = function, .context = context};
	const uint8_t *table = acpi_find("DSDT", 0);

	for (unsigned int i = 0; i < SSDTS_MAX && !relay.stopped; i++) {
		if (table)
			aml_each_device(table + ACPI_HEADER_SIZE,
					acpi_length(table) - ACPI_HEADER_SIZE, relay_device,
					&relay);
		table = acpi_find("SSDT", i);
		if (!table)
			return;
	}
}

bool acpi_s5(uint8_t *type_a, uint8_t *type_b)
{
	const uint8_t *table = acpi_find("DSDT", 0);

	for (unsigned int i = 0; i < SSDTS_MAX; i++) {
		if (table && aml_s5(table + ACPI_HEADER_SIZE, acpi_length(table) - ACPI_HEADER_SIZE,
				    type_a, type_b))
			return true;
		table = acpi_find("SSDT", i);
		if (!table)
			return false;
	}
	return false;
}

/* Address space descriptors (6.4.3.5): minimum, maximum, translation and length of `width` bytes. */
static bool window(const uint8_t *body, size_t size, unsigned int width,
		   struct acpi_resource *resource)
{
	uint64_t field[5]; /* granularity, minimum, maximum, translation, length */

	if (size < 3 + 5 * (size_t)width)
		return false;
	for (unsigned int i = 0; i < 5; i++) {
		const uint8_t *place = body + 3 + (size_t)i * width;

		field[i] = width == 2	? table_read16(place)
			   : width == 4 ? table_read32(place)
					: table_read64(place);
	}
	/* A window that is shifted between the two sides is nothing that x86 machines of today have. */
	if (!field[4] || field[3] || field[1] + (field[4] - 1) < field[1])
		return false;
	switch (body[0]) {
	case 0:
		resource->type = ACPI_RESOURCE_WINDOW_MEMORY;
		break;
	case 1:
		resource->type = ACPI_RESOURCE_WINDOW_IO;
		break;
	case 2:
		resource->type = ACPI_RESOURCE_WINDOW_BUS;
		break;
	default:
		return false;
	}
	resource->start = field[1];
	resource->length = field[4];
	return true;
}

static bool large_item(uint8_t tag, const uint8_t *body, size_t size,
		       struct acpi_resource *resource)
{
	memset(resource, 0, sizeof(*resource));
	switch (tag) {
	case LARGE_MEMORY32_FIXED:
		if (size < 9)
			return false;
		resource->type = ACPI_RESOURCE_MEMORY;
		resource->start = table_read32(body + 1);
		resource->length = table_read32(body + 5);
		return resource->length != 0;
	case LARGE_INTERRUPT:
		if (size < 6 || !body[1])
			return false;
		resource->type = ACPI_RESOURCE_INTERRUPT;
		resource->start = table_read32(body + 2);
		resource->length = 1;
		resource->level = !(body[0] & 2);
		resource->active_low = body[0] & 4;
		return true;
	case LARGE_WORD:
		return window(body, size, 2, resource);
	case LARGE_DWORD:
		return window(body, size, 4, resource);
	case LARGE_QWORD:
		return window(body, size, 8, resource);
	}
	return false;
}

bool acpi_resource_next(const uint8_t *resources, size_t length, size_t *position,
			struct acpi_resource *resource)
{
	while (*position < length) {
		const uint8_t *item = resources + *position;
		size_t left = length - *position, header = 1, size;

		if (item[0] & 0x80) {
			header = 3;
			if (left < header)
				return false;
			size = table_read16(item + 1);
		} else {
			if ((item[0] >> 3 & 0x0f) == SMALL_END)
				return false;
			size = item[0] & 7;
		}
		if (size > left - header)
			return false;
		*position += header + size;
		if (large_item(item[0], item + header, size, resource))
			return true;
	}
	return false;
}

struct virtio_search {
	bool (*function)(void *context, const struct acpi_virtio_mmio *device);
	void *context;
};

static bool virtio_device(void *context, const struct acpi_device *device)
{
	struct virtio_search *search = context;
	struct acpi_virtio_mmio found = {0};
	struct acpi_resource resource;
	bool interrupt = false;
	size_t position = 0;

	if (strcmp(device->hardware_id, "LNRO0005") || !device->resources)
		return true;
	while (acpi_resource_next(device->resources, device->resources_length, &position,
				  &resource)) {
		if (resource.type == ACPI_RESOURCE_MEMORY && !found.length) {
			found.address = resource.start;
			found.length = resource.length;
		} else if (resource.type == ACPI_RESOURCE_INTERRUPT && !interrupt) {
			interrupt = true;
			found.gsi = (uint32_t)resource.start;
			found.level = resource.level;
			found.active_low = resource.active_low;
		}
	}
	return !found.length || !interrupt || search->function(search->context, &found);
}

void acpi_virtio_mmio_each(bool (*function)(void *context, const struct acpi_virtio_mmio *device),
			   void *context)
{
	struct virtio_search search = {function, context};

	acpi_each_device(virtio_device, &search);
}

struct route_search {
	uint16_t segment;
	uint8_t bus, device, pin;
	bool found, by_name;
	uint8_t link[4];
	struct acpi_resource *route;
};

/* An element of _PRT (6.2.13): { address, pin, link device or 0, index or interrupt }. */
static bool route_element(struct route_search *search, const uint8_t *aml, size_t length)
{
	uint64_t address, pin, index;
	size_t size;
	bool by_name;

	if (length < 1)
		return false;
	aml++, length--; /* the number of elements */
	size = aml_integer(aml, length, &address);
	if (!size)
		return false;
	aml += size, length -= size;
	size = aml_integer(aml, length, &pin);
	if (!size || (address >> 16) != search->device || pin != search->pin)
		return false;
	aml += size, length -= size;
	by_name = length >= 4 && aml[0] != 0;
	if (by_name)
		memcpy(search->link, aml, 4);
	size = by_name ? 4 : 1;
	if (length <= size || !aml_integer(aml + size, length - size, &index))
		return false;
	search->found = true;
	search->by_name = by_name;
	/* Without a link device: PCI's own kind, level and active low. */
	*search->route = (struct acpi_resource){.type = ACPI_RESOURCE_INTERRUPT,
						.start = index,
						.length = 1,
						.level = true,
						.active_low = true};
	return true;
}

static bool route_table(void *context, const struct acpi_device *device)
{
	struct route_search *search = context;
	size_t position = 0;

	if (!device->routing || memcmp(device->hardware_id, "PNP0A0", 6) ||
	    device->segment != search->segment || device->base_bus != search->bus)
		return true;
	while (position < device->routing_length) {
		const uint8_t *aml = device->routing + position;
		size_t left = device->routing_length - position, package, own;

		if (aml[0] != 0x12) /* PackageOp */
			return true;
		own = aml_package_length(aml + 1, left - 1, &package);
		if (!own)
			return true;
		if (route_element(search, aml + 1 + own, package - own))
			return false;
		position += 1 + package;
	}
	return true;
}

static bool route_link(void *context, const struct acpi_device *device)
{
	struct route_search *search = context;
	struct acpi_resource resource;
	size_t position = 0;

	if (memcmp(device->name, search->link, 4) || !device->resources)
		return true;
	while (acpi_resource_next(device->resources, device->resources_length, &position,
				  &resource)) {
		if (resource.type == ACPI_RESOURCE_INTERRUPT) {
			*search->route = resource;
			search->by_name = false;
			return false;
		}
	}
	return true;
}

bool acpi_pci_route(uint16_t segment, uint8_t bus, uint8_t device, uint8_t pin,
		    struct acpi_resource *route)
{
	struct route_search search = {
		.segment = segment, .bus = bus, .device = device, .pin = pin, .route = route};

	acpi_each_device(route_table, &search);
	if (search.found && search.by_name)
		acpi_each_device(route_link, &search);
	return search.found && !search.by_name;
}
