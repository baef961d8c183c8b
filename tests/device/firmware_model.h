/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Firmware tables in host memory, where map_firmware() finds them. Each table is a region of exactly its
 * length, so that the sanitizer sees a reader that goes beyond it.
 *
 *	firmware_reset();
 *	firmware_table("APIC", body, sizeof(body));
 *	acpi_init(firmware_root("RSDT"));
 */
#ifndef TESTS_DEVICE_FIRMWARE_MODEL_H
#define TESTS_DEVICE_FIRMWARE_MODEL_H

#include <stddef.h>
#include <stdint.h>

/* After host_reset(). */
void firmware_reset(void);

/* Bytes of the test's, at an address that it gets back; and those bytes again, to change them. */
uint64_t firmware_place(const void *bytes, size_t length);
uint8_t *firmware_bytes(uint64_t address);

/* Header and body, with a good checksum. firmware_table() also puts it into the root table. */
uint64_t firmware_table_alone(const char *signature, const void *body, size_t length);
uint64_t firmware_table(const char *signature, const void *body, size_t length);
void firmware_root_add(uint64_t address);

/* Makes byte `place` of `length` bytes such that their sum is 0. */
void firmware_checksum(uint8_t *bytes, size_t length, size_t place);

/* The root table "RSDT" or "XSDT", and an RSDP that leads to it, whose address is returned. */
uint64_t firmware_root(const char *signature);

/* A FADT that names the DSDT with this AML, both with good checksums. */
void firmware_dsdt(const uint8_t *aml, size_t length);

#endif
