/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways to configuration space: ports, ECAM by MCFG and by _CBA, and machines that have none. */
#include "drivers/pci/internal.h"
#include "drivers/platform/acpi.h"
#include "kernel/platform.h"
#include "tests/device/firmware_model.h"
#include "tests/device/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <string.h>

#define ECAM 0xb0000000
#define BUS_SIZE 0x100000

/* What stands at ports 0xcf8 to 0xcff. */
static struct {
	uint32_t address;
	bool keeps;		/* the address register works */
	uint32_t registers[64]; /* of 00:02.0 */
	unsigned int last_width;
} ports;

static struct boot_info boot;
static const struct pci_function two = {.address.device = 2}, three = {.address.device = 3};

static uint64_t port_read(void *context, uint64_t offset, unsigned int width)
{
	uint32_t value;

	(void)context;
	if (offset < 4)
		return ports.keeps ? ports.address : UINT32_MAX;
	ports.last_width = width;
	if ((ports.address & 0x80ffff00) != (0x80000000 | 2 << 11))
		return UINT32_MAX;
	value = ports.registers[(ports.address & 0xfc) / 4] >> 8 * (offset - 4);
	return width == 4 ? value : value & ((1u << 8 * width) - 1);
}

static void port_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)context;
	if (offset < 4) {
		assert_int_equal(width, 4);
		ports.address = (uint32_t)value;
	} else {
		ports.last_width = width;
		memcpy((uint8_t *)&ports.registers[(ports.address & 0xfc) / 4] + offset - 4, &value,
		       width);
	}
}

static const struct host_region_operations port_operations = {port_read, port_write};

static int set_up(void **state)
{
	(void)state;
	host_reset();
	firmware_reset();
	pci_forget_functions();
	pci_access_forget();
	pci_ecam_forget();
	memset(&ports, 0, sizeof(ports));
	ports.keeps = true;
	ports.registers[0] = 0x56781234;
	memset(&boot, 0, sizeof(boot));
	platform_init(&boot); /* and forgets older tables */
	host_log_clear();
	return 0;
}

static void without_any_way_all_reads_are_ones(void **state)
{
	(void)state;
	pci_cf8_init();
	pci_ecam_init();
	assert_int_equal(pci_read32(&two, 0), UINT32_MAX);
	assert_int_equal(pci_read16(&two, 0), 0xffff);
	assert_int_equal(pci_read8(&two, 0), 0xff);
	pci_write32(&two, 0, 0);
	assert_int_equal(host_log_count(), 0);
}

static void ports_are_used_when_they_answer(void **state)
{
	struct pci_function elsewhere = {.address = {.segment = 1, .device = 2}};

	(void)state;
	host_port_region(0xcf8, 8, &port_operations, NULL);
	pci_cf8_init();
	assert_int_equal(pci_read32(&two, 0), 0x56781234);
	assert_int_equal(pci_read16(&two, 2), 0x5678);
	assert_int_equal(pci_read8(&two, 1), 0x12);
	assert_int_equal(ports.last_width, 1);
	pci_write16(&two, 6, 0xabcd);
	assert_int_equal(ports.registers[1], 0xabcd0000);
	assert_int_equal(ports.last_width, 2);
	pci_write8(&two, 4, 0x55);
	assert_int_equal(ports.registers[1], 0xabcd0055);
	assert_int_equal(pci_read32(&three, 0), UINT32_MAX);
	assert_int_equal(pci_read32(&elsewhere, 0), UINT32_MAX);
	/* No register there, and none at odd places. */
	assert_int_equal(pci_read32(&two, 0x100), UINT32_MAX);
	assert_int_equal(pci_read32(&two, 2), UINT32_MAX);
	assert_int_equal(pci_read16(&two, 1), 0xffff);
	assert_int_equal(pci_read8(&two, 4096), 0xff);
}

static void ports_that_keep_nothing_are_not_pci(void **state)
{
	(void)state;
	host_port_region(0xcf8, 8, &port_operations, NULL);
	ports.keeps = false;
	pci_cf8_init();
	assert_null(pci_access_find(two.address));
	/* Nor is an address register with an empty bus behind it. */
	ports.keeps = true;
	ports.registers[0] = UINT32_MAX;
	pci_cf8_init();
	assert_null(pci_access_find(two.address));
}

static uint8_t *ecam_memory(uint64_t address)
{
	uint8_t *memory = host_mmio_region(address, BUS_SIZE, NULL, NULL)->memory;

	memset(memory, 0xff, BUS_SIZE);
	memcpy(memory + (2 << 15), "\x34\x12\x78\x56", 4);
	return memory;
}

static void use_mcfg(uint64_t address, uint8_t first_bus, uint8_t last_bus)
{
	uint8_t body[8 + 16] = {0};

	memcpy(body + 8, &address, 8);
	body[8 + 10] = first_bus;
	body[8 + 11] = last_bus;
	firmware_table("MCFG", body, sizeof(body));
	assert_true(acpi_init(firmware_root("RSDT")));
	pci_ecam_init();
}

static void ecam_reaches_all_4096_bytes(void **state)
{
	uint8_t *memory = ecam_memory(ECAM);
	struct pci_function next_bus = {.address = {.bus = 1, .device = 2}};
	struct pci_function beyond = {.address = {.bus = 2, .device = 2}};

	(void)state;
	use_mcfg(ECAM, 0, 1);
	assert_int_equal(pci_read32(&two, 0), 0x56781234);
	memory[(2 << 15) + 0xfff] = 0x99;
	assert_int_equal(pci_read8(&two, 0xfff), 0x99);
	pci_write16(&two, 0x100, 0x1122);
	assert_int_equal(memory[(2 << 15) + 0x100], 0x22);
	assert_int_equal(pci_read8(&two, 0x1000), 0xff);
	/* This one cannot be mapped here, that one is not in the table. */
	assert_int_equal(pci_read32(&next_bus, 0), UINT32_MAX);
	assert_int_equal(pci_read32(&beyond, 0), UINT32_MAX);
	assert_true(host_log_has("bus 01"));
	assert_true(pci_ecam_overlaps(ECAM + BUS_SIZE, 1));
	assert_false(pci_ecam_overlaps(ECAM + 2 * BUS_SIZE, 0x1000));
	assert_false(pci_ecam_overlaps(ECAM - 0x1000, 0x1000));
}

static void ecam_comes_before_the_ports(void **state)
{
	(void)state;
	ecam_memory(ECAM);
	host_port_region(0xcf8, 8, &port_operations, NULL);
	use_mcfg(ECAM, 0, 255);
	pci_cf8_init();
	assert_string_equal(pci_access_find(two.address)->name, "ECAM");
}

static void a_window_whose_table_begins_later(void **state)
{
	uint8_t *memory = ecam_memory(ECAM + 4 * BUS_SIZE); /* where bus 4 is */
	struct pci_function function = {.address = {.bus = 4, .device = 2}};

	(void)state;
	(void)memory;
	use_mcfg(ECAM, 4, 7);
	assert_int_equal(pci_read16(&function, 0), 0x1234);
	assert_int_equal(pci_read16(&two, 0), 0xffff);
}

static void a_table_that_points_at_memory_is_ignored(void **state)
{
	uint8_t *memory = ecam_memory(ECAM);

	(void)state;
	boot.memory[boot.memory_count++] = (struct boot_memory){0, 0xc0000000, BOOT_MEMORY_USABLE};
	use_mcfg(ECAM, 0, 255);
	assert_null(pci_access_find(two.address));
	assert_int_equal(memory[2 << 15], 0x34);
	assert_true(host_log_has("nothing answers"));
}

static void a_table_that_points_at_nothing_is_ignored(void **state)
{
	uint8_t *memory = ecam_memory(ECAM);

	(void)state;
	memset(memory, 0xff, BUS_SIZE);
	use_mcfg(ECAM, 0, 255);
	assert_null(pci_access_find(two.address));
}

static void entries_that_cannot_be(void **state)
{
	static const struct {
		uint64_t address;
		uint8_t first, last;
	} entries[] = {
		{0, 0, 255}, {ECAM + 0x1000, 0, 255}, {ECAM, 5, 4}, {0xfffffffffff00000, 0, 255}};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		set_up(NULL);
		use_mcfg(entries[i].address, entries[i].first, entries[i].last);
		assert_null(pci_access_find(two.address));
		assert_int_equal(host_log_count(), 1);
	}
}

static void without_mcfg_the_host_bridge_says_where(void **state)
{
	/* Device(PCI0) { Name(_HID, EISAID("PNP0A08")) Method(_CBA) { Return(0xb0000000) } } */
	static const uint8_t aml[] = {
		0x5b, 0x82, 0x1c, 'P',	'C',  'I',  '0',  0x08, '_',  'H',
		'I',  'D',  0x0c, 0x41, 0xd0, 0x0a, 0x08, 0x14, 0x0c, '_',
		'C',  'B',  'A',  0x00, 0xa4, 0x0c, 0x00, 0x00, 0x00, 0xb0,
	};

	(void)state;
	ecam_memory(ECAM);
	firmware_dsdt(aml, sizeof(aml));
	assert_true(acpi_init(firmware_root("XSDT")));
	pci_ecam_init();
	assert_int_equal(pci_read32(&two, 0), 0x56781234);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_any_way_all_reads_are_ones, set_up),
		cmocka_unit_test_setup(ports_are_used_when_they_answer, set_up),
		cmocka_unit_test_setup(ports_that_keep_nothing_are_not_pci, set_up),
		cmocka_unit_test_setup(ecam_reaches_all_4096_bytes, set_up),
		cmocka_unit_test_setup(ecam_comes_before_the_ports, set_up),
		cmocka_unit_test_setup(a_window_whose_table_begins_later, set_up),
		cmocka_unit_test_setup(a_table_that_points_at_memory_is_ignored, set_up),
		cmocka_unit_test_setup(a_table_that_points_at_nothing_is_ignored, set_up),
		cmocka_unit_test_setup(entries_that_cannot_be, set_up),
		cmocka_unit_test_setup(without_mcfg_the_host_bridge_says_where, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
