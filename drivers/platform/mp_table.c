/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/platform/mp_table.h"

#include "drivers/platform/table_read.h"
#include "kernel/console/log.h"
#include "kernel/memory/map.h"
#include "kernel/x86/io.h"

#include <inttypes.h>
#include <string.h>

#define LOG_AREA "mp"

#define POINTER_SIGNATURE 0x5f504d5fu /* "_MP_" */
#define POINTER_SIZE 16
#define HEADER_SIZE 44
#define TABLE_SIZE_MAX 0xffffu
#define BUSES_MAX 64
#define ENTRY_CPU 0
#define ENTRY_BUS 1
#define ENTRY_IOAPIC 2
#define ENTRY_INTERRUPT 3
#define ENTRY_LOCAL 4
#define INTERRUPT_VECTORED 0
#define CPU_ENABLED 1
#define IOAPIC_ENABLED 1
#define FEATURE_IMCR 0x80
#define IOAPIC_INPUTS_DEFAULT 24

struct reader {
	struct platform *into;
	uint8_t isa_bus[256 / 8]; /* bit set: that bus is ISA */
};

/* How many inputs this I/O APIC has; its version register says. */
static uint32_t ioapic_inputs(uint64_t address)
{
	volatile uint8_t *registers = map_mmio(address, 0x20);
	uint32_t version;

	if (!registers)
		return IOAPIC_INPUTS_DEFAULT;
	mmio_write32(registers, 1);
	version = mmio_read32(registers + 0x10);
	unmap_mmio(registers, 0x20);
	return version == UINT32_MAX ? IOAPIC_INPUTS_DEFAULT : (version >> 16 & 0xff) + 1;
}

static void ioapic_add(struct platform *into, uint8_t id, uint64_t address)
{
	uint32_t base = 0;

	if (into->ioapic_count == PLATFORM_IOAPICS_MAX || !address) {
		log_warning("I/O APIC %u at 0x%" PRIx64 " ignored", id, address);
		return;
	}
	/* These tables know no global numbers: they are in the order of the table. */
	if (into->ioapic_count) {
		const struct platform_ioapic *last = &into->ioapics[into->ioapic_count - 1];

		base = last->gsi_base + ioapic_inputs(last->address);
	}
	into->ioapics[into->ioapic_count++] =
		(struct platform_ioapic){.id = id, .address = address, .gsi_base = base};
}

/* 4.3.4: an ISA interrupt and the I/O APIC input where it arrives. */
static void interrupt_add(struct reader *reader, const uint8_t *entry)
{
	struct platform *into = reader->into;
	uint16_t flags = table_read16(entry + 2);
	uint8_t bus = entry[4], irq = entry[5], id = entry[6], input = entry[7];

	if (entry[1] != INTERRUPT_VECTORED || !(reader->isa_bus[bus / 8] & 1u << bus % 8) ||
	    irq > 15)
		return;
	for (unsigned int i = 0; i < into->ioapic_count; i++) {
		struct platform_override override = {.irq = irq};

		if (into->ioapics[i].id != id && id != 0xff)
			continue;
		override.gsi = into->ioapics[i].gsi_base + input;
		override.active_low = (flags & 3) == 3;
		override.level = (flags >> 2 & 3) == 3;
		/* The table names every line; only what is not plain is an override. */
		if (override.gsi == irq && !override.active_low && !override.level)
			return;
		if (into->override_count == PLATFORM_OVERRIDES_MAX)
			return;
		into->overrides[into->override_count++] = override;
		return;
	}
}

static void cpu_add(struct platform *into, uint8_t apic_id)
{
	for (unsigned int i = 0; i < into->cpu_count; i++) {
		if (into->apic_ids[i] != apic_id)
			continue;
		log_warning("CPU with the APIC %u is in the table twice", apic_id);
		return;
	}
	if (into->cpu_count == PLATFORM_CPUS_MAX)
		into->cpus_lost++;
	else
		into->apic_ids[into->cpu_count++] = apic_id;
}

static void entry_read(struct reader *reader, const uint8_t *entry)
{
	struct platform *into = reader->into;

	switch (entry[0]) {
	case ENTRY_CPU:
		if (entry[3] & CPU_ENABLED)
			cpu_add(into, entry[1]);
		break;
	case ENTRY_BUS:
		if (!memcmp(entry + 2, "ISA   ", 6) || !memcmp(entry + 2, "EISA  ", 6))
			reader->isa_bus[entry[1] / 8] |= (uint8_t)(1u << entry[1] % 8);
		break;
	case ENTRY_IOAPIC:
		if (entry[3] & IOAPIC_ENABLED)
			ioapic_add(into, entry[1], table_read32(entry + 4));
		break;
	case ENTRY_INTERRUPT:
		interrupt_add(reader, entry);
		break;
	}
}

static bool table_read(struct platform *into, const uint8_t *table, uint32_t length)
{
	struct reader reader = {.into = into};
	uint32_t position = HEADER_SIZE;

	if (table_read32(table + 36))
		into->lapic_address = table_read32(table + 36);
	/* By the length alone: the count of entries in the header is left 0 by some firmware (qboot). */
	while (position < length) {
		uint32_t size;

		if (table[position] > ENTRY_LOCAL) {
			log_warning("table: entry at offset %" PRIu32
				    " is none: the rest is ignored",
				    position);
			break;
		}
		size = table[position] == ENTRY_CPU ? 20 : 8;
		if (size > length - position) {
			log_warning("table ends inside the entry at offset %" PRIu32, position);
			break;
		}
		entry_read(&reader, table + position);
		position += size;
	}
	return into->cpu_count != 0;
}

static bool table_map_and_read(struct platform *into, uint64_t address)
{
	const uint8_t *table = map_firmware(address, HEADER_SIZE);
	uint32_t length;
	bool good;

	if (!table)
		return false;
	length = table_read16(table + 4);
	good = !memcmp(table, "PCMP", 4) && length >= HEADER_SIZE && length <= TABLE_SIZE_MAX;
	unmap_firmware(table, HEADER_SIZE);
	if (!good) {
		log_warning("no configuration table at 0x%" PRIx64, address);
		return false;
	}
	table = map_firmware(address, length);
	if (!table)
		return false;
	good = table_read16(table + 4) == length && table_checksum_good(table, length);
	if (!good)
		log_warning("configuration table at 0x%" PRIx64 " has a wrong checksum", address);
	else
		good = table_read(into, table, length);
	unmap_firmware(table, length);
	return good;
}

/* Chapter 5: two CPUs and one I/O APIC at the customary addresses, the timer on input 2. */
static bool default_configuration(struct platform *into)
{
	into->cpu_count = 2;
	into->apic_ids[0] = 0;
	into->apic_ids[1] = 1;
	ioapic_add(into, 2, PLATFORM_IOAPIC_DEFAULT);
	into->overrides[into->override_count++] = (struct platform_override){.irq = 0, .gsi = 2};
	return true;
}

static bool pointer_read(struct platform *into, const uint8_t *pointer)
{
	uint64_t address = table_read32(pointer + 4);

	if (pointer[8] != 1 || !table_checksum_good(pointer, POINTER_SIZE))
		return false;
	if (pointer[11])
		return default_configuration(into);
	return address && table_map_and_read(into, address);
}

static bool area_search(struct platform *into, uint64_t start, size_t length)
{
	const uint8_t *area = map_firmware(start, length);
	bool found = false;

	if (!area)
		return false;
	for (size_t offset = 0; !found && offset + POINTER_SIZE <= length; offset += 16)
		if (table_read32(area + offset) == POINTER_SIGNATURE)
			found = pointer_read(into, area + offset);
	unmap_firmware(area, length);
	return found;
}

/* Chapter 4: the first KiB of the EBDA, the last KiB of base memory, the BIOS area. */
bool mp_table_read(struct platform *into)
{
	const uint8_t *bios_data = map_firmware(0x40e, 2);
	uint64_t ebda = 0;

	if (bios_data) {
		ebda = (uint64_t)table_read16(bios_data) << 4;
		unmap_firmware(bios_data, 2);
	}
	if (ebda >= 0x80000 && ebda < 0x9fc00 && area_search(into, ebda, 1024))
		return true;
	return area_search(into, 0x9fc00, 1024) || area_search(into, 0xf0000, 0x10000);
}
