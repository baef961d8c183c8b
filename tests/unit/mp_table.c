/* SPDX-License-Identifier: BSD-2-Clause */
/* The MultiProcessor tables, as qboot and others leave them, and damaged. */
#include "drivers/platform/mp_table.h"
#include "kernel/platform.h"
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

#define BASE_MEMORY 0x9fc00
#define HEADER 44

static struct platform result;
static struct host_region *area;

static const uint8_t
	entries[] =
		{
			0,    0,    0x14, 3,   0,   0,	 0,    0,    0, 0, 0,
			0,    0,    0,	  0,   0,   0,	 0,    0,    0, /* boot CPU */
			0,    1,    0x14, 1,   0,   0,	 0,    0,    0, 0, 0,
			0,    0,    0,	  0,   0,   0,	 0,    0,    0, /* another */
			0,    2,    0x14, 0,   0,   0,	 0,    0,    0, 0, 0,
			0,    0,    0,	  0,   0,   0,	 0,    0,    0, /* off */
			1,    0,    'P',  'C', 'I', ' ', ' ',  ' ',  1, 1, 'I',
			'S',  'A',  ' ',  ' ', ' ', 2,	 2,    0x11, 1, 0, 0,
			0xc0, 0xfe, 3,	  0,   0,   0,	 1,    0,    2, 2, /* the timer on input 2 */
			3,    0,    0,	  0,   1,   1,	 2,    1,	   /* plain */
			3,    0,    0x0f, 0,   1,   9,	 2,    9,	   /* level, low */
			3,    3,    0,	  0,   1,   0,	 2,    0,	   /* ExtINT */
			3,    0,    0x0f, 0,   0,   4,	 2,    10,	   /* PCI */
			4,    1,    0,	  0,   0,   0,	 0xff, 1,
};

static int set_up(void **state)
{
	(void)state;
	host_reset();
	memset(&result, 0, sizeof(result));
	area = host_mmio_region(BASE_MEMORY, 1024, NULL, NULL);
	return 0;
}

static void place_table(size_t entry_bytes)
{
	uint8_t *pointer = area->memory, *header = pointer + 16;
	uint32_t address = BASE_MEMORY + 16;
	uint16_t length = (uint16_t)(HEADER + entry_bytes);

	memset(pointer, 0, 16 + HEADER);
	memcpy(pointer, "_MP_", 4);
	memcpy(pointer + 4, &address, 4);
	pointer[8] = 1;
	pointer[9] = 4;
	firmware_checksum(pointer, 16, 10);
	memcpy(header, "PCMP", 4);
	memcpy(header + 4, &length, 2);
	header[36 + 3] = 0xfe;
	header[36 + 2] = 0xe0;
	memcpy(header + HEADER, entries, entry_bytes);
	firmware_checksum(header, length, 7);
}

static void the_table_is_read(void **state)
{
	(void)state;
	place_table(sizeof(entries)); /* the count of entries in it is 0, as qboot leaves it */
	assert_true(mp_table_read(&result));
	assert_int_equal(result.cpu_count, 2);
	assert_int_equal(result.apic_ids[1], 1);
	assert_int_equal(result.lapic_address, 0xfee00000);
	assert_int_equal(result.ioapic_count, 1);
	assert_int_equal(result.ioapics[0].address, 0xfec00000);
	assert_int_equal(result.override_count, 2);
	assert_int_equal(result.overrides[0].irq, 0);
	assert_int_equal(result.overrides[0].gsi, 2);
	assert_true(result.overrides[1].level && result.overrides[1].active_low);
}

static void a_table_in_the_ebda_is_found(void **state)
{
	struct host_region *bios_data = host_mmio_region(0x40e, 2, NULL, NULL);
	struct host_region *ebda = host_mmio_region(0x9f000, 1024, NULL, NULL);
	uint8_t *pointer;

	(void)state;
	bios_data->memory[0] = 0x00;
	bios_data->memory[1] = 0x9f;
	place_table(sizeof(entries));
	pointer = ebda->memory + 0x20;
	memcpy(pointer, area->memory, 16);
	area->memory[0] = 'x';
	assert_true(mp_table_read(&result));
	assert_int_equal(result.cpu_count, 2);
}

static void the_default_configuration(void **state)
{
	(void)state;
	place_table(0);
	area->memory[11] = 5;
	firmware_checksum(area->memory, 16, 10);
	assert_true(mp_table_read(&result));
	assert_int_equal(result.cpu_count, 2);
	assert_int_equal(result.ioapics[0].address, 0xfec00000);
	assert_int_equal(result.overrides[0].gsi, 2);
}

static void several_io_apics_follow_each_other(void **state)
{
	static const uint8_t two[] = {
		0, 0, 0x14, 3, 0,    0, 0, 0, 0,    0,	  0, 0, 0,    0, 0, 0, 0,    0,
		0, 0, 2,    2, 0x11, 1, 0, 0, 0xc0, 0xfe, 2, 3, 0x11, 1, 0, 0, 0xc1, 0xfe,
	};
	struct host_region *first = host_mmio_region(0xfec00000, 0x1000, NULL, NULL);

	(void)state;
	first->memory[0x12] = 31; /* the version register of one with 32 inputs */
	place_table(0);
	memcpy(area->memory + 16 + HEADER, two, sizeof(two));
	area->memory[20] = HEADER + sizeof(two);
	firmware_checksum(area->memory + 16, HEADER + sizeof(two), 7);
	assert_true(mp_table_read(&result));
	assert_int_equal(result.ioapic_count, 2);
	assert_int_equal(result.ioapics[1].gsi_base, 32);
}

/* A CPU must not be started twice, nor its number be counted for two. */
static void a_cpu_is_there_once(void **state)
{
	(void)state;
	place_table(sizeof(entries));
	area->memory[16 + HEADER + 20 + 1] = 0; /* the second CPU's APIC, which is the first's */
	firmware_checksum(area->memory + 16, HEADER + sizeof(entries), 7);
	assert_true(mp_table_read(&result));
	assert_int_equal(result.cpu_count, 1);
	assert_int_equal(result.apic_ids[0], 0);
	assert_true(host_log_has("APIC 0 is in the table twice"));
}

static void bad_tables_are_none(void **state)
{
	(void)state;
	assert_false(mp_table_read(&result));
	place_table(sizeof(entries));
	area->memory[10]++; /* the pointer's checksum */
	assert_false(mp_table_read(&result));
	place_table(sizeof(entries));
	area->memory[16 + 7]++; /* the table's */
	assert_false(mp_table_read(&result));
	assert_true(host_log_has("checksum"));
	place_table(sizeof(entries));
	area->memory[16] = 'Q';
	assert_false(mp_table_read(&result));
	place_table(sizeof(entries));
	area->memory[4] = 0xff; /* leads elsewhere */
	area->memory[6] = 0xff;
	firmware_checksum(area->memory, 16, 10);
	assert_false(mp_table_read(&result));
	place_table(sizeof(entries));
	area->memory[21] = 0xff; /* longer than what is there */
	assert_false(mp_table_read(&result));
	place_table(sizeof(entries));
	area->memory[20] = 3; /* shorter than its header */
	area->memory[21] = 0;
	assert_false(mp_table_read(&result));
}

static void tables_cut_inside_an_entry(void **state)
{
	(void)state;
	for (size_t length = 0; length < sizeof(entries); length++) {
		set_up(NULL);
		place_table(length);
		mp_table_read(&result);
		assert_true(result.cpu_count <= 2);
	}
}

static void random_entries(void **state)
{
	(void)state;
	srand(1);
	for (unsigned int round = 0; round < 2000; round++) {
		set_up(NULL);
		place_table(sizeof(entries));
		for (int i = rand() % 6; i >= 0; i--)
			area->memory[16 + HEADER + (size_t)rand() % sizeof(entries)] =
				(uint8_t)rand();
		firmware_checksum(area->memory + 16, HEADER + sizeof(entries), 7);
		mp_table_read(&result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_table_is_read, set_up),
		cmocka_unit_test_setup(a_table_in_the_ebda_is_found, set_up),
		cmocka_unit_test_setup(the_default_configuration, set_up),
		cmocka_unit_test_setup(several_io_apics_follow_each_other, set_up),
		cmocka_unit_test_setup(a_cpu_is_there_once, set_up),
		cmocka_unit_test_setup(bad_tables_are_none, set_up),
		cmocka_unit_test_setup(tables_cut_inside_an_entry, set_up),
		cmocka_unit_test_setup(random_entries, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
