/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI tables, good ones and those that lie about lengths, checksums and links. */
#include "drivers/platform/acpi.h"
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

static struct platform result;

static int set_up(void **state)
{
	(void)state;
	host_reset();
	firmware_reset();
	memset(&result, 0, sizeof(result));
	return 0;
}

static void tables_are_found_by_rsdt_and_xsdt(void **state)
{
	static const uint8_t body[] = {1, 2, 3};

	(void)state;
	firmware_table("ABCD", body, sizeof(body));
	firmware_table("SSDT", body, sizeof(body));
	firmware_table("SSDT", body, 2);
	assert_true(acpi_init(firmware_root("RSDT")));
	assert_int_equal(acpi_length(acpi_find("ABCD", 0)), 39);
	assert_int_equal(acpi_find("ABCD", 0)[38], 3);
	assert_int_equal(acpi_length(acpi_find("SSDT", 1)), 38);
	assert_null(acpi_find("SSDT", 2));
	assert_null(acpi_find("ABCE", 0));
	assert_true(acpi_init(firmware_root("XSDT")));
	assert_non_null(acpi_find("ABCD", 0));
	assert_int_equal(host_log_count(), 0);
}

static void the_rsdp_is_searched_where_a_bios_puts_it(void **state)
{
	struct host_region *bios = host_mmio_region(0xe0000, 0x20000, NULL, NULL);
	uint64_t rsdp;

	(void)state;
	firmware_table("ABCD", NULL, 0);
	rsdp = firmware_root("RSDT");
	assert_false(acpi_init(0));
	memcpy(bios->memory + 0x1fff0 - 16, firmware_bytes(rsdp), 32);
	assert_true(acpi_init(0));
	/* One with a bad checksum in front of it is passed over. */
	memcpy(bios->memory + 0x100, firmware_bytes(rsdp), 32);
	bios->memory[0x100 + 10]++;
	assert_true(acpi_init(0));
	assert_non_null(acpi_find("ABCD", 0));
	/* Off the 16-byte boundary it does not count. */
	memset(bios->memory, 0, 0x20000);
	memcpy(bios->memory + 0x108, firmware_bytes(rsdp), 32);
	assert_false(acpi_init(0));
}

static void a_bad_rsdp_is_none(void **state)
{
	uint64_t rsdp;

	(void)state;
	firmware_table("ABCD", NULL, 0);
	rsdp = firmware_root("RSDT");
	firmware_bytes(rsdp)[8]++;
	assert_false(acpi_init(rsdp));
	assert_false(acpi_init(0x12345678));
}

static void a_bad_extension_falls_back_to_the_rsdt(void **state)
{
	uint64_t old, rsdp;

	(void)state;
	firmware_table("ABCD", NULL, 0);
	old = firmware_root("RSDT");
	rsdp = firmware_root("XSDT");
	memcpy(firmware_bytes(rsdp) + 16, firmware_bytes(old) + 16, 4);
	firmware_checksum(firmware_bytes(rsdp), 20, 8);
	firmware_bytes(rsdp)[33]++; /* reserved, but summed */
	assert_true(acpi_init(rsdp));
	assert_non_null(acpi_find("ABCD", 0));
	assert_true(host_log_has("extension"));
}

static void bad_tables_are_left_out(void **state)
{
	uint64_t sum, shorter, longer, huge;
	uint32_t length;

	(void)state;
	sum = firmware_table("SUMM", "x", 1);
	shorter = firmware_table("SHRT", "x", 1);
	longer = firmware_table("LONG", "x", 1);
	huge = firmware_table("HUGE", "x", 1);
	firmware_table("GOOD", "x", 1);
	firmware_root_add(0);
	firmware_root_add(0x1000);
	firmware_bytes(sum)[36]++;
	length = 35;
	memcpy(firmware_bytes(shorter) + 4, &length, 4);
	length = 38; /* one byte more than there is */
	memcpy(firmware_bytes(longer) + 4, &length, 4);
	length = UINT32_MAX;
	memcpy(firmware_bytes(huge) + 4, &length, 4);
	assert_true(acpi_init(firmware_root("RSDT")));
	assert_non_null(acpi_find("GOOD", 0));
	assert_null(acpi_find("SUMM", 0));
	assert_null(acpi_find("SHRT", 0));
	assert_null(acpi_find("LONG", 0));
	assert_null(acpi_find("HUGE", 0));
	assert_true(host_log_has("SUMM"));
	assert_int_equal(host_log_count(), 5);
}

static void a_root_table_that_contains_itself_ends(void **state)
{
	uint64_t rsdp, rsdt;

	(void)state;
	firmware_table("GOOD", NULL, 0);
	firmware_root_add(0); /* to be changed */
	rsdp = firmware_root("RSDT");
	rsdt = *(uint32_t *)(firmware_bytes(rsdp) + 16);
	memcpy(firmware_bytes(rsdt) + 40, &rsdt, 4);
	firmware_checksum(firmware_bytes(rsdt), 44, 9);
	assert_true(acpi_init(rsdp));
	assert_non_null(acpi_find("GOOD", 0));
	/* And one that is no root table at all. */
	firmware_bytes(rsdt)[0] = 'Q';
	firmware_checksum(firmware_bytes(rsdt), 44, 9);
	assert_false(acpi_init(rsdp));
}

static const uint8_t madt_body[] = {
	0x00, 0x10, 0xe0, 0xfe, 1, 0,	 0,    0, /* LAPIC address, PCAT_COMPAT */
	0,    8,    0,	  0,	1, 0,	 0,    0, /* CPU 0 */
	0,    8,    1,	  4,	1, 0,	 0,    0, /* CPU 4 */
	0,    8,    2,	  6,	2, 0,	 0,    0, /* not enabled */
	9,    16,   0,	  0,	0, 1,	 0,    0,    1,	   0, 0, 0, 3, 0, 0, 0, /* x2APIC 0x100 */
	9,    16,   0,	  0,	4, 0,	 0,    0,    1,	   0, 0, 0, 1, 0, 0, 0, /* 4 again */
	1,    12,   8,	  0,	0, 0,	 0xc0, 0xfe, 0,	   0, 0, 0,		/* I/O APIC */
	1,    12,   9,	  0,	0, 0,	 0xc1, 0xfe, 24,   0, 0, 0,		/* and another */
	2,    10,   0,	  0,	2, 0,	 0,    0,    0,	   0,			/* timer on 2 */
	2,    10,   0,	  9,	9, 0,	 0,    0,    0x0f, 0,			/* level, low */
	2,    10,   0,	  5,	5, 0,	 0,    0,    0x0d, 0,			/* level, high */
	2,    10,   0,	  99,	5, 0,	 0,    0,    0,	   0,	    /* no ISA interrupt */
	4,    6,    0xff, 0,	0, 1,				    /* NMI: not ours */
	5,    12,   0,	  0,	0, 0x20, 0xe0, 0xfe, 0,	   0, 0, 0, /* LAPIC address override */
	200,  3,    7,						    /* from the future */
};

static void madt_is_read(void **state)
{
	(void)state;
	firmware_table("APIC", madt_body, sizeof(madt_body));
	assert_true(acpi_init(firmware_root("RSDT")));
	assert_true(madt_read(&result));
	assert_int_equal(result.cpu_count, 3);
	assert_int_equal(result.apic_ids[1], 4);
	assert_int_equal(result.apic_ids[2], 0x100);
	assert_int_equal(result.lapic_address, 0xfee02000);
	assert_true(result.pic_present);
	assert_int_equal(result.ioapic_count, 2);
	assert_int_equal(result.ioapics[1].address, 0xfec10000);
	assert_int_equal(result.ioapics[1].gsi_base, 24);
	assert_int_equal(result.override_count, 3);
	assert_int_equal(result.overrides[0].gsi, 2);
	assert_false(result.overrides[0].level);
	assert_true(result.overrides[1].level && result.overrides[1].active_low);
	assert_true(result.overrides[2].level && !result.overrides[2].active_low);
}

/* Cut anywhere, and with any entry length, it neither reads beyond its end nor goes on for ever. */
static void madt_entries_with_wrong_lengths(void **state)
{
	static const uint8_t lengths[] = {0, 1, 2, 7, 255};

	(void)state;
	for (size_t i = 0; i <= sizeof(madt_body); i++) {
		set_up(NULL);
		firmware_table("APIC", madt_body, i);
		assert_true(acpi_init(firmware_root("RSDT")));
		madt_read(&result);
	}
	for (size_t i = 0; i < sizeof(lengths); i++) {
		uint8_t body[sizeof(madt_body)];

		set_up(NULL);
		memcpy(body, madt_body, sizeof(body));
		body[8 + 8 + 1] = lengths[i]; /* of the second CPU */
		firmware_table("APIC", body, sizeof(body));
		assert_true(acpi_init(firmware_root("RSDT")));
		assert_true(madt_read(&result));
		assert_true(result.cpu_count >= 1);
	}
}

static void madt_with_more_than_there_is_room_for(void **state)
{
	static uint8_t body[8 + 600 * 16];

	(void)state;
	for (uint32_t i = 0; i < 600; i++) {
		uint8_t *entry = body + 8 + (size_t)i * 16;

		entry[0] = 9;
		entry[1] = 16;
		memcpy(entry + 4, &i, 4);
		entry[8] = 1;
	}
	firmware_table("APIC", body, sizeof(body));
	assert_true(acpi_init(firmware_root("RSDT")));
	assert_true(madt_read(&result));
	assert_int_equal(result.cpu_count, PLATFORM_CPUS_MAX);
	assert_int_equal(result.cpus_lost, 600 - PLATFORM_CPUS_MAX);
}

static void mcfg_entries(void **state)
{
	static const uint8_t body[8 + 16 + 16 + 9] = {
		[8 + 3] = 0xb0, [8 + 11] = 0xff, /* 0xb0000000, segment 0, 00-ff */
		[24 + 4] = 1,	[24 + 8] = 1,	 [24 + 11] = 0x3f, /* 4 GiB, segment 1, 00-3f */
	};
	struct acpi_mcfg entry;

	(void)state;
	firmware_table("MCFG", body, sizeof(body)); /* and part of a third */
	assert_true(acpi_init(firmware_root("RSDT")));
	assert_true(acpi_mcfg_entry(0, &entry));
	assert_int_equal(entry.address, 0xb0000000);
	assert_int_equal(entry.last_bus, 0xff);
	assert_true(acpi_mcfg_entry(1, &entry));
	assert_int_equal(entry.address, 0x100000000);
	assert_int_equal(entry.segment, 1);
	assert_false(acpi_mcfg_entry(2, &entry));
}

static void fadt_of_a_pc(void **state)
{
	uint8_t body[116 - 36] = {0};

	(void)state;
	body[48 - 36] = 0xb2;
	body[52 - 36] = 0xf1;
	body[64 - 36] = 0x04; /* PM1a control at 0x604 */
	body[65 - 36] = 0x06;
	body[76 - 36] = 0x08; /* PM timer at 0x608 */
	body[77 - 36] = 0x06;
	body[108 - 36] = 0x32;
	firmware_table("FACP", body, sizeof(body));
	assert_true(acpi_init(firmware_root("RSDT")));
	result.keyboard_controller = true;
	firmware_bytes(0x07f00000)[8] = 1; /* the revision, whose word counts only from 3 on */
	assert_true(fadt_read(&result));
	assert_int_equal(result.pm1a_control.address, 0x604);
	assert_int_equal(result.pm1a_control.width, 2);
	assert_int_equal(result.pm_timer.address, 0x608);
	assert_int_equal(result.smi_command_port, 0xb2);
	assert_int_equal(result.rtc_century, 0x32);
	assert_true(result.keyboard_controller);
	assert_false(result.hardware_reduced);
	assert_int_equal(result.reset.address, 0);
	assert_int_equal(result.sleep_control.address, 0);
}

static void fadt_of_reduced_hardware(void **state)
{
	uint8_t body[268 - 36] = {0};

	(void)state;
	body[112 - 36 + 1] = 1 << 2; /* reset register */
	body[112 - 36 + 2] = 1 << 4; /* hardware reduced */
	body[116 - 36 + 1] = 8;	     /* memory, 8 bits */
	body[116 - 36 + 4 + 3] = 0xfe;
	body[128 - 36] = 0x42;
	body[244 - 36 + 1] = 8;
	body[244 - 36 + 4 + 2] = 0xa0;
	body[64 - 36] = 4; /* what a reduced machine does not have */
	firmware_table("FACP", body, sizeof(body));
	assert_true(acpi_init(firmware_root("RSDT")));
	assert_true(fadt_read(&result));
	assert_true(result.hardware_reduced);
	assert_int_equal(result.reset.address, 0xfe000000);
	assert_int_equal(result.reset.space, PLATFORM_SPACE_MEMORY);
	assert_int_equal(result.reset.width, 1);
	assert_int_equal(result.reset_value, 0x42);
	assert_int_equal(result.sleep_control.address, 0xa00000);
	assert_int_equal(result.pm1a_control.address, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tables_are_found_by_rsdt_and_xsdt, set_up),
		cmocka_unit_test_setup(the_rsdp_is_searched_where_a_bios_puts_it, set_up),
		cmocka_unit_test_setup(a_bad_rsdp_is_none, set_up),
		cmocka_unit_test_setup(a_bad_extension_falls_back_to_the_rsdt, set_up),
		cmocka_unit_test_setup(bad_tables_are_left_out, set_up),
		cmocka_unit_test_setup(a_root_table_that_contains_itself_ends, set_up),
		cmocka_unit_test_setup(madt_is_read, set_up),
		cmocka_unit_test_setup(madt_entries_with_wrong_lengths, set_up),
		cmocka_unit_test_setup(madt_with_more_than_there_is_room_for, set_up),
		cmocka_unit_test_setup(mcfg_entries, set_up),
		cmocka_unit_test_setup(fadt_of_a_pc, set_up),
		cmocka_unit_test_setup(fadt_of_reduced_hardware, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
