/* SPDX-License-Identifier: BSD-2-Clause */
/* SMBIOS: structures and strings that do not end where their table does. */
#include "drivers/platform/smbios.h"
#include "tests/device/firmware_model.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define TABLE_MAX 1024

static struct smbios machine;

static void check(const char *text)
{
	fuzz_check(memchr(text, 0, SMBIOS_STRING_MAX), "a text without end");
	for (; *text; text++)
		fuzz_check(*text >= ' ' && *text < 0x7f, "a text with %02x", (uint8_t)*text);
}

void fuzz_target(void)
{
	uint8_t entry[31] = {'_', 'S', 'M', '3', '_', 0, 24, 3, 0, 0, 1}, how = fuzz_byte(), *table;
	uint64_t address, point;
	uint32_t length32;
	uint16_t length16;
	size_t length;

	firmware_reset();
	table = fuzz_rest(TABLE_MAX, &length);
	if (!length)
		return;
	address = firmware_place(table, length);
	length32 = (uint32_t)length + (how & 4 ? 0x10000u : 0);
	length16 = (uint16_t)length;
	if (how & 1) {
		memcpy(entry + 12, &length32, 4);
		memcpy(entry + 16, &address, 8);
		if (how & 2)
			entry[6] = how;
		firmware_checksum(entry, 24, 5);
		point = firmware_place(entry, 24);
	} else {
		memset(entry, 0, sizeof(entry));
		memcpy(entry, "_SM_", 4);
		entry[5] = how & 2 ? how : 31;
		entry[6] = 2;
		entry[7] = how >> 5;
		memcpy(entry + 16, "_DMI_", 5);
		memcpy(entry + 22, &length16, 2);
		memcpy(entry + 24, &address, 4);
		firmware_checksum(entry + 16, 15, 5);
		firmware_checksum(entry, 31, 4);
		point = firmware_place(entry, 31);
	}
	memset(&machine, 0x5a, sizeof(machine));
	(void)smbios_read(&machine, how & 1 ? point : 0, how & 1 ? 0 : point);
	check(machine.manufacturer);
	check(machine.product);
	check(machine.version);
	check(machine.serial);
	check(machine.asset);
}
