/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory-mapped configuration space (PCI Express 5.0, 7.2.2): 4 KiB for each function. Where it is says
 * the table MCFG, or, on machines without one (QEMU's microvm), the host bridge's _CBA object.
 *
 * A bus takes 1 MiB of address space and is mapped when it is first looked at, in thread context by the
 * enumeration; a bus that was not enumerated is not covered.
 */
#include "drivers/pci/internal.h"
#include "drivers/platform/acpi.h"
#include "kernel/console/log.h"
#include "kernel/memory/map.h"
#include "kernel/platform.h"
#include "kernel/x86/io.h"

#include <inttypes.h>
#include <stdlib.h>

#define LOG_AREA "pci"

#define BUS_SIZE 0x100000ull
#define WINDOWS_MAX 16
#define MAP_FAILED_BUS ((volatile uint8_t *)1)

struct ecam {
	uint64_t address; /* of bus 0 */
	uint16_t segment;
	uint8_t first_bus, last_bus;
	struct pci_access access;
	volatile uint8_t *buses[256];
};

static struct ecam *windows[WINDOWS_MAX];
static unsigned int window_count;

static bool ecam_covers(const struct pci_access *access, struct pci_address address)
{
	struct ecam *ecam = access->context;

	if (address.segment != ecam->segment || address.bus < ecam->first_bus ||
	    address.bus > ecam->last_bus)
		return false;
	if (!ecam->buses[address.bus]) {
		uint64_t place = ecam->address + address.bus * BUS_SIZE;

		ecam->buses[address.bus] = map_mmio(place, BUS_SIZE);
		if (!ecam->buses[address.bus]) {
			ecam->buses[address.bus] = MAP_FAILED_BUS;
			log_warning("configuration space of bus %02x at 0x%" PRIx64
				    " cannot be mapped",
				    address.bus, place);
		}
	}
	return ecam->buses[address.bus] != MAP_FAILED_BUS;
}

static volatile uint8_t *place_of(const struct pci_access *access, struct pci_address address,
				  unsigned int offset)
{
	const struct ecam *ecam = access->context;

	return ecam->buses[address.bus] + ((uint32_t)address.device << 15) +
	       ((uint32_t)address.function << 12) + offset;
}

static uint32_t ecam_read(const struct pci_access *access, struct pci_address address,
			  unsigned int offset, unsigned int width)
{
	volatile uint8_t *place = place_of(access, address, offset);

	return width == 1   ? mmio_read8(place)
	       : width == 2 ? mmio_read16(place)
			    : mmio_read32(place);
}

static void ecam_write(const struct pci_access *access, struct pci_address address,
		       unsigned int offset, unsigned int width, uint32_t value)
{
	volatile uint8_t *place = place_of(access, address, offset);

	if (width == 1)
		mmio_write8(place, (uint8_t)value);
	else if (width == 2)
		mmio_write16(place, (uint16_t)value);
	else
		mmio_write32(place, value);
}

bool pci_ecam_overlaps(uint64_t start, uint64_t length)
{
	for (unsigned int i = 0; i < window_count; i++) {
		uint64_t first = windows[i]->address + windows[i]->first_bus * BUS_SIZE;
		uint64_t end = windows[i]->address + (windows[i]->last_bus + 1) * BUS_SIZE;

		if (start < end && first < start + length)
			return true;
	}
	return false;
}

/* Usable memory at that place means that the table lies, and a write would hit somebody's data. */
static bool is_memory(const struct ecam *ecam)
{
	uint64_t start = ecam->address + ecam->first_bus * BUS_SIZE;

	uint64_t buses = 1u + ecam->last_bus - ecam->first_bus;

	return platform_range_is_memory(start, buses * BUS_SIZE);
}

static bool answers(const struct ecam *ecam)
{
	struct pci_address address = {.segment = ecam->segment, .bus = ecam->first_bus};

	if (!ecam_covers(&ecam->access, address))
		return false;
	for (address.device = 0; address.device < 32; address.device++) {
		uint32_t id = ecam_read(&ecam->access, address, PCI_VENDOR_ID, 4);

		if (id != UINT32_MAX && (id & 0xffff) != 0)
			return true;
	}
	return false;
}

static void ecam_add(const struct acpi_mcfg *entry, const char *source)
{
	struct ecam *ecam;

	if (window_count == WINDOWS_MAX || entry->last_bus < entry->first_bus || !entry->address ||
	    entry->address % BUS_SIZE || entry->address > UINT64_MAX - 256 * BUS_SIZE) {
		log_warning("%s: configuration space at 0x%" PRIx64
			    " of buses %02x to %02x ignored",
			    source, entry->address, entry->first_bus, entry->last_bus);
		return;
	}
	ecam = calloc(1, sizeof(*ecam));
	if (!ecam) {
		log_error("no memory for configuration space of segment %04x", entry->segment);
		return;
	}
	ecam->address = entry->address;
	ecam->segment = entry->segment;
	ecam->first_bus = entry->first_bus;
	ecam->last_bus = entry->last_bus;
	ecam->access = (struct pci_access){
		.name = "ECAM",
		.extended = true,
		.covers = ecam_covers,
		.read = ecam_read,
		.write = ecam_write,
		.context = ecam,
	};
	if (is_memory(ecam) || !answers(ecam)) {
		log_warning("%s: nothing answers as configuration space at 0x%" PRIx64, source,
			    entry->address);
		if (ecam->buses[ecam->first_bus] && ecam->buses[ecam->first_bus] != MAP_FAILED_BUS)
			unmap_mmio(ecam->buses[ecam->first_bus], BUS_SIZE);
		free(ecam);
		return;
	}
	windows[window_count++] = ecam;
	pci_access_register(&ecam->access);
	log_info("configuration space of %04x:%02x-%02x at 0x%" PRIx64 " (%s)", entry->segment,
		 entry->first_bus, entry->last_bus, entry->address, source);
}

static bool host_bridge(void *context, const struct acpi_device *device)
{
	struct acpi_mcfg entry = {.last_bus = 255};
	struct acpi_resource resource;
	size_t position = 0;

	(void)context;
	if (!device->has_config_base || device->segment > UINT16_MAX)
		return true;
	entry.address = device->config_base;
	entry.segment = (uint16_t)device->segment;
	while (device->resources && acpi_resource_next(device->resources, device->resources_length,
						       &position, &resource))
		if (resource.type == ACPI_RESOURCE_WINDOW_BUS && resource.start <= 255 &&
		    resource.length <= 256 - resource.start)
			entry.last_bus = (uint8_t)(resource.start + resource.length - 1);
	ecam_add(&entry, "_CBA");
	return true;
}

void pci_ecam_forget(void)
{
	while (window_count)
		free(windows[--window_count]);
}

void pci_ecam_init(void)
{
	struct acpi_mcfg entry;

	for (unsigned int i = 0; i < WINDOWS_MAX && acpi_mcfg_entry(i, &entry); i++)
		ecam_add(&entry, "MCFG");
	if (!window_count)
		acpi_each_device(host_bridge, NULL);
}
