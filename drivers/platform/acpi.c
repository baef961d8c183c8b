/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds, checks and maps the ACPI tables (ACPI 6.4, 5.2). A table whose length or checksum is wrong
 * is left out with one warning: what depends on it falls back to the next source.
 */
#include "drivers/platform/acpi.h"

#include "drivers/platform/table_read.h"
#include "kernel/console/log.h"
#include "kernel/memory/map.h"

#include <inttypes.h>
#include <string.h>

#define LOG_AREA "acpi"

#define TABLES_MAX 64
#define TABLE_SIZE_MAX (4u << 20)	     /* a DSDT with thousands of devices is well below */
#define RSDP_SIGNATURE 0x2052545020445352ull /* "RSD PTR " */
#define RSDP_SIZE_1 20
#define RSDP_SIZE_2 36

static const uint8_t *tables[TABLES_MAX];
static unsigned int table_count;

uint32_t acpi_length(const uint8_t *table)
{
	return table_read32(table + 4);
}

/* For log lines: what firmware gave as a signature may be anything. */
static void printable(const uint8_t *signature, char text[5])
{
	for (int i = 0; i < 4; i++)
		text[i] = signature[i] >= 0x20 && signature[i] < 0x7f ? (char)signature[i] : '?';
	text[4] = '\0';
}

/* Maps and checks one table; NULL when it is not to be used. */
static const uint8_t *table_map(uint64_t address)
{
	const uint8_t *header, *table;
	uint32_t length;
	char name[5];

	if (!address)
		return NULL;
	header = map_firmware(address, ACPI_HEADER_SIZE);
	if (!header) {
		log_warning("table at 0x%" PRIx64 " cannot be mapped", address);
		return NULL;
	}
	length = acpi_length(header);
	printable(header, name);
	unmap_firmware(header, ACPI_HEADER_SIZE);
	if (length < ACPI_HEADER_SIZE || length > TABLE_SIZE_MAX) {
		log_warning("table %s at 0x%" PRIx64 " has the length %" PRIu32 ": ignored", name,
			    address, length);
		return NULL;
	}
	table = map_firmware(address, length);
	if (!table) {
		log_warning("table %s at 0x%" PRIx64 " cannot be mapped", name, address);
		return NULL;
	}
	/* The length is read again, so that what was mapped is what is used. */
	if (acpi_length(table) != length || !table_checksum_good(table, length)) {
		log_warning("table %s at 0x%" PRIx64 " has a wrong checksum: ignored", name,
			    address);
		unmap_firmware(table, length);
		return NULL;
	}
	return table;
}

static void table_add(const uint8_t *table)
{
	if (!table)
		return;
	if (table_count == TABLES_MAX) {
		log_warning("more than %u tables: the rest is ignored", TABLES_MAX);
		return;
	}
	tables[table_count++] = table;
}

const uint8_t *acpi_find(const char *signature, unsigned int instance)
{
	for (unsigned int i = 0; i < table_count; i++)
		if (!memcmp(tables[i], signature, 4) && instance-- == 0)
			return tables[i];
	return NULL;
}

/* RSDT or XSDT: a header and table addresses of 4 or 8 bytes. */
static bool root_table_read(uint64_t address, const char *signature, unsigned int width)
{
	const uint8_t *root = table_map(address);
	uint32_t entries;

	if (!root)
		return false;
	if (memcmp(root, signature, 4)) {
		log_warning("0x%" PRIx64 " is not the %s", address, signature);
		unmap_firmware(root, acpi_length(root));
		return false;
	}
	entries = (acpi_length(root) - ACPI_HEADER_SIZE) / width;
	for (uint32_t i = 0; i < entries && table_count < TABLES_MAX - 1; i++) {
		const uint8_t *entry = root + ACPI_HEADER_SIZE + (size_t)i * width;

		table_add(table_map(width == 8 ? table_read64(entry) : table_read32(entry)));
	}
	unmap_firmware(root, acpi_length(root));
	return true;
}

/* The DSDT is not in the root table: the FADT has its address, twice. */
static void dsdt_add(void)
{
	const uint8_t *fadt = acpi_find("FACP", 0);
	uint64_t address = 0;

	if (!fadt)
		return;
	if (acpi_length(fadt) >= 148)
		address = table_read64(fadt + 140); /* X_DSDT */
	if (!address && acpi_length(fadt) >= 44)
		address = table_read32(fadt + 40);
	table_add(table_map(address));
}

static bool rsdp_good(const uint8_t *rsdp)
{
	return table_read64(rsdp) == RSDP_SIGNATURE && table_checksum_good(rsdp, RSDP_SIZE_1);
}

/* An RSDP in [start, start + length), on a 16-byte boundary; its address or 0. */
static uint64_t rsdp_scan(uint64_t start, size_t length)
{
	const uint8_t *area = map_firmware(start, length);
	uint64_t found = 0;

	if (!area)
		return 0;
	for (size_t offset = 0; !found && offset + RSDP_SIZE_1 <= length; offset += 16)
		if (rsdp_good(area + offset))
			found = start + offset;
	unmap_firmware(area, length);
	return found;
}

/* ACPI 6.4, 5.2.5.1: the first KiB of the EBDA, then the BIOS area. */
static uint64_t rsdp_search(void)
{
	const uint8_t *bios_data = map_firmware(0x40e, 2);
	uint64_t ebda = 0, found = 0;

	if (bios_data) {
		ebda = (uint64_t)table_read16(bios_data) << 4;
		unmap_firmware(bios_data, 2);
	}
	if (ebda >= 0x80000 && ebda <= 0x9fc00)
		found = rsdp_scan(ebda, 1024);
	return found ? found : rsdp_scan(0xe0000, 0x20000);
}

static bool rsdp_read(uint64_t address)
{
	const uint8_t *rsdp = map_firmware(address, RSDP_SIZE_1);
	uint64_t rsdt, xsdt = 0;
	bool extended;

	if (!rsdp || !rsdp_good(rsdp)) {
		log_warning("no RSDP at 0x%" PRIx64, address);
		return false;
	}
	rsdt = table_read32(rsdp + 16);
	extended = rsdp[15] >= 2;
	unmap_firmware(rsdp, RSDP_SIZE_1);
	if (extended) {
		rsdp = map_firmware(address, RSDP_SIZE_2);
		if (rsdp && table_checksum_good(rsdp, RSDP_SIZE_2))
			xsdt = table_read64(rsdp + 24);
		else
			log_warning("the RSDP's extension has a wrong checksum: ignored");
		if (rsdp)
			unmap_firmware(rsdp, RSDP_SIZE_2);
	}
	if (xsdt && root_table_read(xsdt, "XSDT", 8))
		return true;
	return rsdt && root_table_read(rsdt, "RSDT", 4);
}

bool acpi_init(uint64_t rsdp)
{
	table_count = 0;
	if (!rsdp || !rsdp_read(rsdp)) {
		rsdp = rsdp_search();
		if (!rsdp || !rsdp_read(rsdp))
			return false;
	}
	dsdt_add();
	for (unsigned int i = 0; i < table_count; i++) {
		char name[5];

		printable(tables[i], name);
		log_debug("table %s, %" PRIu32 " bytes", name, acpi_length(tables[i]));
	}
	return table_count != 0;
}

bool acpi_mcfg_entry(unsigned int index, struct acpi_mcfg *entry)
{
	const uint8_t *mcfg = acpi_find("MCFG", 0);
	const uint8_t *place;

	/* PCI Firmware 3.2, 4.1.2: 8 reserved bytes after the header, then entries of 16. */
	if (!mcfg || acpi_length(mcfg) < ACPI_HEADER_SIZE + 8 ||
	    index >= (acpi_length(mcfg) - ACPI_HEADER_SIZE - 8) / 16)
		return false;
	place = mcfg + ACPI_HEADER_SIZE + 8 + (size_t)index * 16;
	*entry = (struct acpi_mcfg){
		.address = table_read64(place),
		.segment = table_read16(place + 8),
		.first_bus = place[10],
		.last_bus = place[11],
	};
	return true;
}
