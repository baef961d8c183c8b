/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/firmware_model.h"

#include "tests/device/host.h"

#include <string.h>

#define FIRST_ADDRESS 0x07f00000
#define STEP 0x10000
#define PLACES_MAX 64
#define HEADER 36

static struct host_region *places[PLACES_MAX];
static unsigned int place_count;
static uint64_t root[PLACES_MAX];
static unsigned int root_count;

void firmware_reset(void)
{
	place_count = 0;
	root_count = 0;
}

uint64_t firmware_place(const void *bytes, size_t length)
{
	uint64_t address = FIRST_ADDRESS + (uint64_t)place_count * STEP;

	if (place_count == PLACES_MAX || length > STEP)
		host_abort("no place for a table of %zu bytes", length);
	places[place_count] = host_mmio_region(address, length, NULL, NULL);
	memcpy(places[place_count++]->memory, bytes, length);
	return address;
}

uint8_t *firmware_bytes(uint64_t address)
{
	return places[(address - FIRST_ADDRESS) / STEP]->memory;
}

void firmware_checksum(uint8_t *bytes, size_t length, size_t place)
{
	uint8_t sum = 0;

	bytes[place] = 0;
	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[place] = (uint8_t)-sum;
}

uint64_t firmware_table_alone(const char *signature, const void *body, size_t length)
{
	static uint8_t table[STEP];
	uint32_t total = (uint32_t)(HEADER + length);

	if (total > sizeof(table))
		host_abort("a table of %zu bytes", length);
	memset(table, 0, HEADER);
	memcpy(table, signature, 4);
	memcpy(table + 4, &total, 4);
	table[8] = 5; /* revision */
	memcpy(table + 10, "SIDE  MODEL   ", 14);
	if (length)
		memcpy(table + HEADER, body, length);
	firmware_checksum(table, total, 9);
	return firmware_place(table, total);
}

void firmware_root_add(uint64_t address)
{
	root[root_count++] = address;
}

uint64_t firmware_table(const char *signature, const void *body, size_t length)
{
	uint64_t address = firmware_table_alone(signature, body, length);

	firmware_root_add(address);
	return address;
}

uint64_t firmware_root(const char *signature)
{
	uint8_t body[8 * PLACES_MAX] = {0}, rsdp[36] = "RSD PTR ";
	bool extended = !strcmp(signature, "XSDT");
	size_t width = extended ? 8 : 4;
	uint64_t address;
	uint32_t length = sizeof(rsdp);

	for (unsigned int i = 0; i < root_count; i++)
		memcpy(body + i * width, &root[i], width);
	address = firmware_table_alone(signature, body, root_count * width);
	rsdp[15] = extended ? 2 : 0;
	if (!extended)
		memcpy(rsdp + 16, &address, 4);
	firmware_checksum(rsdp, 20, 8);
	memcpy(rsdp + 20, &length, 4);
	if (extended)
		memcpy(rsdp + 24, &address, 8);
	firmware_checksum(rsdp, sizeof(rsdp), 32);
	return firmware_place(rsdp, sizeof(rsdp));
}

void firmware_dsdt(const uint8_t *aml, size_t length)
{
	uint8_t fadt[148 - HEADER] = {0};
	uint64_t address = firmware_table_alone("DSDT", aml, length);

	memcpy(fadt + (140 - HEADER), &address, 8);
	firmware_table("FACP", fadt, sizeof(fadt));
}
