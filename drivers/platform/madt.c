/* SPDX-License-Identifier: BSD-2-Clause */
/* The MADT (ACPI 6.4, 5.2.12): CPUs, I/O APICs, and where ISA interrupts arrive. */
#include "drivers/platform/acpi.h"
#include "drivers/platform/table_read.h"
#include "kernel/console/log.h"

#include <inttypes.h>

#define LOG_AREA "acpi"

#define MADT_ENTRIES 44 /* offset of the first one */
#define FLAG_PCAT_COMPAT 1u
#define CPU_ENABLED 1u

enum {
	ENTRY_LAPIC = 0,
	ENTRY_IOAPIC = 1,
	ENTRY_OVERRIDE = 2,
	ENTRY_LAPIC_ADDRESS = 5,
	ENTRY_X2APIC = 9
};

static void cpu_add(struct platform *into, uint32_t apic_id, uint32_t flags)
{
	if (!(flags & CPU_ENABLED))
		return;
	for (unsigned int i = 0; i < into->cpu_count; i++)
		if (into->apic_ids[i] == apic_id)
			return; /* told twice, as LAPIC and as x2APIC */
	if (into->cpu_count == PLATFORM_CPUS_MAX)
		into->cpus_lost++;
	else
		into->apic_ids[into->cpu_count++] = apic_id;
}

static void ioapic_add(struct platform *into, const uint8_t *entry)
{
	uint64_t address = table_read32(entry + 4);

	if (!address || into->ioapic_count == PLATFORM_IOAPICS_MAX) {
		log_warning("MADT: I/O APIC %u at 0x%" PRIx64 " ignored", entry[2], address);
		return;
	}
	into->ioapics[into->ioapic_count++] = (struct platform_ioapic){
		.id = entry[2],
		.address = address,
		.gsi_base = table_read32(entry + 8),
	};
}

static void override_add(struct platform *into, const uint8_t *entry)
{
	uint16_t flags = table_read16(entry + 8);

	/* Bus 0 is ISA, the only one that there is. */
	if (entry[2] != 0 || entry[3] > 15 || into->override_count == PLATFORM_OVERRIDES_MAX) {
		log_warning("MADT: override of interrupt %u on bus %u ignored", entry[3], entry[2]);
		return;
	}
	/* "Conforms to the bus" (0) is edge and high on ISA. */
	into->overrides[into->override_count++] = (struct platform_override){
		.irq = entry[3],
		.gsi = table_read32(entry + 4),
		.active_low = (flags & 3) == 3,
		.level = (flags >> 2 & 3) == 3,
	};
}

static void entry_read(struct platform *into, const uint8_t *entry, uint8_t length)
{
	switch (entry[0]) {
	case ENTRY_LAPIC:
		if (length >= 8)
			cpu_add(into, entry[3], table_read32(entry + 4));
		break;
	case ENTRY_X2APIC:
		if (length >= 16)
			cpu_add(into, table_read32(entry + 4), table_read32(entry + 8));
		break;
	case ENTRY_IOAPIC:
		if (length >= 12)
			ioapic_add(into, entry);
		break;
	case ENTRY_OVERRIDE:
		if (length >= 10)
			override_add(into, entry);
		break;
	case ENTRY_LAPIC_ADDRESS:
		if (length >= 12 && table_read64(entry + 4))
			into->lapic_address = table_read64(entry + 4);
		break;
	}
}

bool madt_read(struct platform *into)
{
	const uint8_t *madt = acpi_find("APIC", 0);
	uint32_t length, position = MADT_ENTRIES;

	if (!madt || acpi_length(madt) < MADT_ENTRIES)
		return false;
	length = acpi_length(madt);
	if (table_read32(madt + 36))
		into->lapic_address = table_read32(madt + 36);
	into->pic_present = table_read32(madt + 40) & FLAG_PCAT_COMPAT;
	while (length - position >= 2) {
		uint8_t size = madt[position + 1];

		if (size < 2 || size > length - position) {
			log_warning("MADT: entry at offset %" PRIu32
				    " has the length %u: the rest is ignored",
				    position, size);
			break;
		}
		entry_read(into, madt + position, size);
		position += size;
	}
	return into->cpu_count != 0;
}
