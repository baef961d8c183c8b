/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables: found, checked (length, checksum) and mapped once; and as much of AML as can be had
 * without an interpreter (aml.c): static objects of static devices.
 *
 * Table pointers stay valid for ever. Everything after acpi_init() may be called in any context, but
 * the order inside tables is the firmware's, so callers bound what they take.
 */
#ifndef DRIVERS_PLATFORM_ACPI_H
#define DRIVERS_PLATFORM_ACPI_H

#include "kernel/platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACPI_HEADER_SIZE 36

/* Looks for the tables: at `rsdp`, or when that is 0 where a BIOS puts them. False when there are none. */
bool acpi_init(uint64_t rsdp);

/*
 * The table with that signature, or NULL; `instance` counts from 0 among several. At least
 * ACPI_HEADER_SIZE bytes; acpi_length() has been checked against what is mapped.
 */
const uint8_t *acpi_find(const char *signature, unsigned int instance);
uint32_t acpi_length(const uint8_t *table);

/* -- What the tables say: madt.c and fadt.c fill `platform`. False when there is no such table. */
bool madt_read(struct platform *into);
bool fadt_read(struct platform *into);
bool hpet_read(struct platform *into);

/* -- MCFG: where PCI Express configuration space is. */
struct acpi_mcfg {
	uint64_t address; /* of bus 0, even when first_bus is another */
	uint16_t segment;
	uint8_t first_bus, last_bus;
};
/* The entry number `index`; false when there are no more. */
bool acpi_mcfg_entry(unsigned int index, struct acpi_mcfg *entry);

/*
 * -- Devices of the DSDT and the SSDTs, as far as their objects are static: Name(_CRS, Buffer) and
 * such. What a method computes is not seen. Objects that a later Scope() adds to a device come in a
 * second call with the same name.
 */
#define ACPI_ID_MAX 9

struct acpi_device {
	char name[5];		       /* the last segment: "PCI0" */
	char hardware_id[ACPI_ID_MAX]; /* "PNP0A08", "LNRO0005"; empty: none */
	const uint8_t *resources;      /* _CRS, or NULL */
	size_t resources_length;
	const uint8_t *routing; /* the elements of the package _PRT, or NULL */
	size_t routing_length;
	bool has_config_base; /* _CBA: ECAM of this host bridge */
	uint64_t config_base;
	uint64_t segment;  /* _SEG, or 0 */
	uint64_t base_bus; /* _BBN, or 0 */
};

/* Until the function returns false. */
void acpi_each_device(bool (*function)(void *context, const struct acpi_device *device),
		      void *context);

/* The package _S5_: the sleep types of both PM1 control registers. */
bool acpi_s5(uint8_t *type_a, uint8_t *type_b);

/* One resource of a _CRS (ACPI 6.4, 6.4). Only kinds that somebody here uses; the others are skipped. */
enum acpi_resource_type {
	ACPI_RESOURCE_MEMORY,	     /* fixed: registers of the device itself */
	ACPI_RESOURCE_INTERRUPT,     /* extended interrupt; start is the global system interrupt */
	ACPI_RESOURCE_WINDOW_MEMORY, /* address spaces: what a bridge passes on */
	ACPI_RESOURCE_WINDOW_IO,
	ACPI_RESOURCE_WINDOW_BUS,
};

struct acpi_resource {
	enum acpi_resource_type type;
	uint64_t start, length;
	bool level, active_low; /* interrupts */
};

/* Steps through a _CRS; *position is 0 to start. False at the end or at the first broken descriptor. */
bool acpi_resource_next(const uint8_t *resources, size_t length, size_t *position,
			struct acpi_resource *resource);

/* virtio over MMIO: devices LNRO0005 with one fixed memory range and one interrupt. */
struct acpi_virtio_mmio {
	uint64_t address, length;
	uint32_t gsi;
	bool level, active_low;
};
void acpi_virtio_mmio_each(bool (*function)(void *context, const struct acpi_virtio_mmio *device),
			   void *context);

/*
 * The global system interrupt of a PCI pin (0 INTA ... 3) of a device on a root bus, by a static _PRT
 * of the host bridge. False when no such table says.
 */
bool acpi_pci_route(uint16_t segment, uint8_t bus, uint8_t device, uint8_t pin,
		    struct acpi_resource *route);

/* Inside the aml.c reader, exported for its tests: all devices of one block of AML. */
void aml_each_device(const uint8_t *aml, size_t length,
		     bool (*function)(void *context, const struct acpi_device *device),
		     void *context);
bool aml_s5(const uint8_t *aml, size_t length, uint8_t *type_a, uint8_t *type_b);
/* A constant (Zero, One, Byte, Word, DWord, QWord). Returns its length in bytes, or 0. */
size_t aml_integer(const uint8_t *aml, size_t length, uint64_t *value);
/* A PkgLength: its own length in bytes, or 0; *package counts from its first byte. */
size_t aml_package_length(const uint8_t *aml, size_t length, size_t *package);

#endif
