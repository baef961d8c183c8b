/* SPDX-License-Identifier: BSD-2-Clause */
/* SMBIOS tables as QEMU and OVMF leave them, and damaged. */
#include "drivers/platform/smbios.h"
#include "tests/device/firmware_model.h"
#include "tests/device/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t uuid[16] = {0x78, 0x56, 0x34, 0x12, 0xbc, 0x9a, 0xf0, 0xde,
				 1,    2,    3,	   4,	 5,    6,    7,	   8};
static struct smbios machine;
static uint8_t table[1024];
static uint32_t table_length;

static int set_up(void **state)
{
	(void)state;
	host_reset();
	firmware_reset();
	table_length = 0;
	return 0;
}

/* A structure with its formatted part behind the header, and strings that end with two zeroes. */
static void add(uint8_t type, const void *body, uint8_t length, const char *strings, size_t size)
{
	uint8_t *at = table + table_length;

	at[0] = type;
	at[1] = (uint8_t)(4 + length);
	at[2] = at[3] = 0;
	memcpy(at + 4, body, length);
	memcpy(at + 4 + length, strings, size);
	table_length += 4u + length + (uint32_t)size;
}

#define ADD(type, body, strings) add(type, body, sizeof(body), strings, sizeof(strings))

/* ADD's literal has one zero of its own, the second one is written out. */
static void usual_table(void)
{
	uint8_t system[23] = {1, 2, 3, 4};
	uint8_t chassis[9] = {1, 3, 0, 0, 2};

	memcpy(system + 4, uuid, 16);
	add(0, "", 0, "\0", 2);
	ADD(1, system, "QEMU\0Standard PC\0pc-q35-7.2\0S-1 \0");
	ADD(3, chassis, "maker\0asset-7\0");
	add(127, "", 0, "\0", 2);
}

static uint64_t entry_3(uint64_t address, uint32_t length)
{
	uint8_t entry[24] = {'_', 'S', 'M', '3', '_', 0, 24, 3, 0, 0, 1};

	memcpy(entry + 12, &length, 4);
	memcpy(entry + 16, &address, 8);
	firmware_checksum(entry, sizeof(entry), 5);
	return firmware_place(entry, sizeof(entry));
}

static void make_entry_2(uint8_t *entry, uint64_t address, uint32_t length, uint8_t minor)
{
	uint32_t at = (uint32_t)address;
	uint16_t size = (uint16_t)length;

	memset(entry, 0, 31);
	memcpy(entry, "_SM_", 4);
	entry[5] = 31;
	entry[6] = 2;
	entry[7] = minor;
	memcpy(entry + 16, "_DMI_", 5);
	memcpy(entry + 22, &size, 2);
	memcpy(entry + 24, &at, 4);
	firmware_checksum(entry + 16, 15, 5);
	firmware_checksum(entry, 31, 4);
}

static void expect_usual(void)
{
	static const uint8_t text_order[16] = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0,
					       1,    2,	   3,	 4,    5,    6,	   7,	 8};

	assert_true(machine.present);
	assert_string_equal(machine.manufacturer, "QEMU");
	assert_string_equal(machine.product, "Standard PC");
	assert_string_equal(machine.serial, "S-1");
	assert_string_equal(machine.asset, "asset-7");
	assert_true(machine.uuid_present);
	assert_memory_equal(machine.uuid, text_order, 16);
}

static void the_entry_point_of_version_3_is_read(void **state)
{
	(void)state;
	usual_table();
	assert_true(smbios_read(&machine,
				entry_3(firmware_place(table, table_length), table_length), 0));
	expect_usual();
	assert_int_equal(machine.major, 3);
}

static void the_bios_area_is_searched(void **state)
{
	struct host_region *bios = host_mmio_region(0xf0000, 0x10000, NULL, NULL);

	(void)state;
	usual_table();
	make_entry_2(bios->memory + 0x5a10, firmware_place(table, table_length), table_length, 8);
	assert_true(smbios_read(&machine, 0, 0));
	expect_usual();
	assert_int_equal(machine.minor, 8);
}

static void before_2_6_the_uuid_is_as_it_stands(void **state)
{
	uint8_t entry[31];

	(void)state;
	usual_table();
	make_entry_2(entry, firmware_place(table, table_length), table_length, 5);
	assert_true(smbios_read(&machine, 0, firmware_place(entry, sizeof(entry))));
	assert_memory_equal(machine.uuid, uuid, 16);
}

static void wrong_checksums_are_refused(void **state)
{
	uint64_t entry;

	(void)state;
	usual_table();
	entry = entry_3(firmware_place(table, table_length), table_length);
	firmware_bytes(entry)[8] ^= 1;
	assert_false(smbios_read(&machine, entry, 0));
	assert_false(machine.present);
	assert_string_equal(machine.product, "");
}

static void lengths_that_lie_are_refused(void **state)
{
	uint64_t place, entry;

	(void)state;
	usual_table();
	place = firmware_place(table, table_length);
	assert_false(smbios_read(&machine, entry_3(place, 0), 0));
	assert_false(smbios_read(&machine, entry_3(place, UINT32_MAX), 0));
	assert_false(smbios_read(&machine, entry_3(0, table_length), 0));
	entry = entry_3(place, table_length);
	firmware_bytes(entry)[6] = 255; /* its own */
	assert_false(smbios_read(&machine, entry, 0));
}

/* Each place where the table could end: what is whole is read, and nothing behind its end. */
static void a_table_that_is_cut_ends_there(void **state)
{
	(void)state;
	usual_table();
	for (uint32_t length = 6; length < table_length; length++) {
		host_reset();
		firmware_reset();
		(void)smbios_read(&machine, entry_3(firmware_place(table, length), length), 0);
		if (length < 60)
			assert_string_equal(machine.manufacturer, "");
	}
}

/* A string number without a string, a structure too short for its fields, strings of any bytes. */
static void strings_are_checked(void **state)
{
	static const uint8_t system[] = {9, 1, 255, 0};
	static char strings[300];

	(void)state;
	memset(strings, 'x', sizeof(strings) - 2);
	strings[0] = '\x1b';
	ADD(1, system, strings);
	assert_true(smbios_read(&machine,
				entry_3(firmware_place(table, table_length), table_length), 0));
	assert_string_equal(machine.manufacturer, "");
	assert_int_equal(strlen(machine.product), SMBIOS_STRING_MAX - 1);
	assert_int_equal(machine.product[0], '?');
	assert_string_equal(machine.version, "");
	assert_false(machine.uuid_present);
}

static void a_uuid_of_zeroes_is_none(void **state)
{
	uint8_t system[23] = {0};

	(void)state;
	ADD(1, system, "\0");
	assert_true(smbios_read(&machine,
				entry_3(firmware_place(table, table_length), table_length), 0));
	assert_false(machine.uuid_present);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_entry_point_of_version_3_is_read, set_up),
		cmocka_unit_test_setup(the_bios_area_is_searched, set_up),
		cmocka_unit_test_setup(before_2_6_the_uuid_is_as_it_stands, set_up),
		cmocka_unit_test_setup(wrong_checksums_are_refused, set_up),
		cmocka_unit_test_setup(lengths_that_lie_are_refused, set_up),
		cmocka_unit_test_setup(a_table_that_is_cut_ends_there, set_up),
		cmocka_unit_test_setup(strings_are_checked, set_up),
		cmocka_unit_test_setup(a_uuid_of_zeroes_is_none, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
