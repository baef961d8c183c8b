/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/platform.h"

#include "drivers/platform/acpi.h"
#include "drivers/platform/mp_table.h"
#include "drivers/platform/smbios.h"
#include "kernel/console/log.h"
#include "kernel/memory/map.h"
#include "kernel/x86/io.h"

#include <inttypes.h>
#include <string.h>

#define LOG_AREA "platform"

struct platform platform;

static const struct boot_info *boot;

static void register_map(struct platform_register *reg)
{
	if (reg->address && reg->space == PLATFORM_SPACE_MEMORY)
		reg->mapping = map_mmio(reg->address, reg->width);
}

/* What one source said about CPUs is forgotten before the next one is asked. */
static void forget_cpus(struct platform *into)
{
	into->cpu_count = into->cpus_lost = into->ioapic_count = into->override_count = 0;
	into->lapic_address = PLATFORM_LAPIC_DEFAULT;
	into->pic_present = true;
}

void platform_init(const struct boot_info *boot_info)
{
	struct platform *into = &platform;

	boot = boot_info;
	memset(into, 0, sizeof(*into));
	into->keyboard_controller = true;
	smbios_init(boot_info->efi.smbios3, boot_info->efi.smbios);
	into->acpi = acpi_init(boot_info->rsdp);
	if (into->acpi) {
		fadt_read(into);
		hpet_read(into);
		register_map(&into->pm1a_control);
		register_map(&into->pm1b_control);
		register_map(&into->pm1a_status);
		register_map(&into->pm1a_enable);
		register_map(&into->pm1b_status);
		register_map(&into->pm1b_enable);
		register_map(&into->pm_timer);
		register_map(&into->sleep_control);
		register_map(&into->sleep_status);
		register_map(&into->reset);
	}
	forget_cpus(into);
	if (into->acpi && madt_read(into)) {
		into->cpu_source = PLATFORM_SOURCE_ACPI;
	} else {
		forget_cpus(into);
		if (mp_table_read(into)) {
			into->cpu_source = PLATFORM_SOURCE_MP;
		} else {
			forget_cpus(into);
			into->cpu_source = PLATFORM_SOURCE_NONE;
		}
	}
	if (into->cpu_source == PLATFORM_SOURCE_NONE) {
		/* One CPU, whose number the kernel asks itself, and the customary I/O APIC. */
		log_warning("no ACPI or MP tables: one CPU, I/O APIC at 0x%x",
			    PLATFORM_IOAPIC_DEFAULT);
		into->ioapic_count = 1;
		into->ioapics[0].address = PLATFORM_IOAPIC_DEFAULT;
	}
	if (into->cpus_lost)
		log_warning("%u CPUs are more than %u and stay off", into->cpus_lost,
			    PLATFORM_CPUS_MAX);
	log_info("%s: %u CPUs, %u I/O APICs, %u overrides",
		 into->cpu_source == PLATFORM_SOURCE_ACPI ? "ACPI"
		 : into->cpu_source == PLATFORM_SOURCE_MP ? "MP tables"
							  : "defaults",
		 into->cpu_count, into->ioapic_count, into->override_count);
}

/* The map entry that claims something in [start, start + length), or NULL. */
static const struct boot_memory *claim(uint64_t start, uint64_t length)
{
	for (unsigned int i = 0; boot && i < boot->memory_count; i++) {
		const struct boot_memory *entry = &boot->memory[i];

		if (entry->length && start <= entry->start + (entry->length - 1) &&
		    entry->start <= start + (length - 1))
			return entry;
	}
	return NULL;
}

bool platform_range_used(uint64_t start, uint64_t length)
{
	return length && claim(start, length) != NULL;
}

bool platform_range_is_memory(uint64_t start, uint64_t length)
{
	for (unsigned int i = 0; boot && length && i < boot->memory_count; i++) {
		const struct boot_memory *entry = &boot->memory[i];

		if (entry->length && entry->type != BOOT_MEMORY_RESERVED &&
		    start <= entry->start + (entry->length - 1) &&
		    entry->start <= start + (length - 1))
			return true;
	}
	return false;
}

uint64_t platform_range_end(uint64_t address)
{
	/* Entries may touch or overlap, so again after each, at most once for each entry. */
	for (unsigned int i = 0; boot && i < boot->memory_count; i++) {
		const struct boot_memory *entry = claim(address, 1);

		if (!entry || entry->start + entry->length <= address)
			break;
		address = entry->start + entry->length;
	}
	return address;
}

uint64_t platform_next_range(uint64_t address, uint64_t limit)
{
	if (claim(address, 1))
		return address;
	for (unsigned int i = 0; boot && i < boot->memory_count; i++) {
		const struct boot_memory *entry = &boot->memory[i];

		if (entry->length && entry->start >= address && entry->start < limit)
			limit = entry->start;
	}
	return limit;
}

bool platform_register_write(const struct platform_register *reg, uint32_t value)
{
	uint16_t port = (uint16_t)reg->address;

	if (!reg->address || (reg->space == PLATFORM_SPACE_MEMORY && !reg->mapping))
		return false;
	switch (reg->width) {
	case 1:
		if (reg->mapping)
			mmio_write8(reg->mapping, (uint8_t)value);
		else
			port_write8(port, (uint8_t)value);
		return true;
	case 2:
		if (reg->mapping)
			mmio_write16(reg->mapping, (uint16_t)value);
		else
			port_write16(port, (uint16_t)value);
		return true;
	}
	if (reg->mapping)
		mmio_write32(reg->mapping, value);
	else
		port_write32(port, value);
	return true;
}

bool platform_register_read(const struct platform_register *reg, uint32_t *value)
{
	uint16_t port = (uint16_t)reg->address;

	if (!reg->address || (reg->space == PLATFORM_SPACE_MEMORY && !reg->mapping))
		return false;
	switch (reg->width) {
	case 1:
		*value = reg->mapping ? mmio_read8(reg->mapping) : port_read8(port);
		return true;
	case 2:
		*value = reg->mapping ? mmio_read16(reg->mapping) : port_read16(port);
		return true;
	}
	*value = reg->mapping ? mmio_read32(reg->mapping) : port_read32(port);
	return true;
}
