/* SPDX-License-Identifier: BSD-2-Clause */
/* Static objects in AML: packages and names whose lengths are not those of the table. */
#include "drivers/pci/internal.h"
#include "drivers/platform/acpi.h"
#include "tests/device/firmware_model.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define AML_MAX 2048

static const uint8_t *start;
static size_t total;

static void inside(const uint8_t *bytes, size_t length, const char *what)
{
	if (bytes)
		fuzz_check(bytes >= start && bytes <= start + total &&
				   length <= (size_t)(start + total - bytes),
			   "%s lies outside of the table", what);
}

static bool look(void *context, const struct acpi_device *device)
{
	unsigned int *count = context;
	struct acpi_resource resource;
	size_t position = 0;

	fuzz_check(memchr(device->name, 0, sizeof(device->name)) &&
			   memchr(device->hardware_id, 0, sizeof(device->hardware_id)),
		   "a name without end");
	inside(device->resources, device->resources_length, "_CRS");
	inside(device->routing, device->routing_length, "_PRT");
	while (device->resources && acpi_resource_next(device->resources, device->resources_length,
						       &position, &resource))
		fuzz_check(position <= device->resources_length, "a resource behind the end");
	return ++*count < 100;
}

static bool virtio(void *context, const struct acpi_virtio_mmio *device)
{
	unsigned int *count = context;

	(void)device;
	return ++*count < 100;
}

void fuzz_target(void)
{
	unsigned int count = 0;
	uint8_t a, b, pin = fuzz_byte();
	struct acpi_resource route;
	uint64_t value;
	size_t package;

	start = fuzz_rest(AML_MAX, &total);
	aml_each_device(start, total, look, &count);
	(void)aml_s5(start, total, &a, &b);
	fuzz_check(aml_integer(start, total, &value) <= total, "an integer longer than the table");
	package = 0;
	fuzz_check(aml_package_length(start, total, &package) <= total, "a length of a length");

	firmware_reset();
	firmware_dsdt(start, total);
	if (!acpi_init(firmware_root("XSDT")))
		return;
	acpi_virtio_mmio_each(virtio, &count);
	(void)acpi_s5(&a, &b);
	(void)acpi_pci_route(0, 0, pin >> 3, pin & 3, &route);
}
