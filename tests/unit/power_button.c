/* SPDX-License-Identifier: BSD-2-Clause */
/* The power button of ACPI's fixed hardware: what the tables may say of it, and its registers. */
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

#define FADT_SIZE 244
#define EVENTS 0x600u
#define CONTROL 0x604u
#define SMI 0xb2u
#define SCI 9
#define BUTTON 0x100u
#define SCI_ENABLED 1u

static uint8_t fadt[FADT_SIZE - ACPI_HEADER_SIZE];
static struct boot_info boot;
static struct {
	uint16_t status, enable, control;
	uint8_t smi;
	bool stuck; /* its status is not taken back */
} chip;
static unsigned int presses;

static uint64_t chip_read(void *context, uint64_t offset, unsigned int width)
{
	(void)context;
	assert_int_equal(width, 2);
	return offset == 0 ? chip.status : offset == 2 ? chip.enable : chip.control;
}

static void chip_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)context;
	assert_int_equal(width, 2);
	assert_int_not_equal(offset, 4);
	if (offset == 0)
		chip.status &= chip.stuck ? UINT16_MAX : (uint16_t)~value;
	else
		chip.enable = (uint16_t)value;
}

static void smi_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)context;
	(void)offset;
	assert_int_equal(width, 1);
	chip.smi = (uint8_t)value;
	chip.control |= SCI_ENABLED;
}

static void put(unsigned int offset, uint32_t value, unsigned int bytes)
{
	memcpy(fadt + offset - ACPI_HEADER_SIZE, &value, bytes);
}

/* The extended address of a register. */
static void put_extended(unsigned int offset, uint8_t space, uint64_t address)
{
	fadt[offset - ACPI_HEADER_SIZE] = space;
	memcpy(fadt + offset - ACPI_HEADER_SIZE + 4, &address, 8);
}

static int set_up(void **state)
{
	static const struct host_region_operations registers = {chip_read, chip_write};
	static const struct host_region_operations smi = {NULL, smi_write};

	(void)state;
	host_reset();
	firmware_reset();
	memset(&boot, 0, sizeof(boot));
	memset(fadt, 0, sizeof(fadt));
	memset(&chip, 0, sizeof(chip));
	chip.control = SCI_ENABLED;
	presses = 0;
	put(46, SCI, 2);
	put(56, EVENTS, 4);
	put(64, CONTROL, 4);
	put(88, 4, 1);
	host_port_region(EVENTS, 6, &registers, NULL);
	host_port_region(SMI, 1, &smi, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	power_button_stop();
	return 0;
}

static void on_press(void)
{
	presses++;
}

/* The machine with the table as it is now; whether it has a button. */
static bool start_of(size_t length)
{
	firmware_table("FACP", fadt, length - ACPI_HEADER_SIZE);
	boot.rsdp = firmware_root("RSDT");
	platform_init(&boot);
	host_log_clear();
	return power_button_start(on_press);
}

static bool start(void)
{
	return start_of(FADT_SIZE);
}

static void a_press_is_told(void **state)
{
	(void)state;
	chip.status = BUTTON | 0x20; /* from before, and another's */
	chip.enable = 0x20;
	assert_true(start());
	assert_int_equal(chip.status, 0x20);
	assert_int_equal(chip.enable, BUTTON | 0x20);
	assert_int_equal(host_interrupt_line(SCI), 0); /* another's reason */
	assert_int_equal(chip.status, 0x20);
	assert_int_equal(presses, 0);
	for (unsigned int i = 1; i < 3; i++) {
		chip.status |= BUTTON;
		assert_int_equal(host_interrupt_line(SCI), 1);
		assert_int_equal(chip.status, 0x20);
		assert_int_equal(presses, i);
	}
	power_button_stop();
	assert_int_equal(chip.enable, 0x20);
	assert_int_equal(host_interrupts(), 0);
	assert_int_equal(chip.smi, 0);
}

static void the_firmware_hands_its_registers_over(void **state)
{
	(void)state;
	chip.control = 0;
	put(48, SMI, 4);
	put(52, 0xf1, 1);
	assert_true(start());
	assert_int_equal(chip.smi, 0xf1);
	assert_int_equal(chip.enable, BUTTON);
}

static void the_second_block_counts_too(void **state)
{
	(void)state;
	put(56, 0, 4);
	put(60, EVENTS, 4);
	assert_true(start());
	assert_int_equal(platform.pm1a_status.address, 0);
	chip.status = BUTTON;
	assert_int_equal(host_interrupt_line(SCI), 1);
	assert_int_equal(presses, 1);
}

/* Told, but not claimed: a line that such a chip keeps up is held back, or nothing else would run any more. */
static void a_button_that_stays(void **state)
{
	(void)state;
	assert_true(start());
	chip.stuck = true;
	chip.status = BUTTON;
	assert_int_equal(host_interrupt_line(SCI), 0);
	assert_int_equal(presses, 1);
	chip.stuck = false;
	assert_int_equal(host_interrupt_line(SCI), 1);
	assert_int_equal(presses, 2);
}

static void no_interrupt_no_button(void **state)
{
	(void)state;
	host_interrupt_limit(0);
	assert_false(start());
	assert_true(host_log_has("the power button does nothing"));
	assert_int_equal(chip.enable, 0);
}

/* An extended address counts before the old one, and each half of the block is as long as it is said to be. */
static void where_the_registers_are(void **state)
{
	(void)state;
	put(88, 8, 1);
	put_extended(148, 1, 0x700);
	host_interrupt_limit(0);
	(void)start();
	assert_int_equal(platform.pm1a_status.address, 0x700);
	assert_int_equal(platform.pm1a_enable.address, 0x704);
	assert_int_equal(platform.pm1a_enable.space, PLATFORM_SPACE_PORT);
	assert_int_equal(platform.pm1a_enable.width, 2);
	set_up(NULL);
	put_extended(148, 0, 0xfed00000);
	host_interrupt_limit(0);
	(void)start();
	assert_int_equal(platform.pm1a_enable.address, 0xfed00002);
	assert_int_equal(platform.pm1a_enable.space, PLATFORM_SPACE_MEMORY);
}

static void tables_without_a_button(void **state)
{
	static const struct {
		unsigned int offset, bytes;
		uint32_t value;
	} changes[] = {
		{112, 4, 1u << 4},  /* a button of AML's */
		{112, 4, 1u << 20}, /* reduced hardware */
		{46, 2, 0},	    /* the timer's interrupt */
		{56, 4, 0},	    /* no block */
		{56, 4, 0xfffd},    /* that reaches beyond the ports */
		{56, 4, 0x10000},   /* no port */
		{88, 1, 0},	    /* no length */
		{88, 1, 3},	    /* not two bytes for each half */
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		set_up(NULL);
		put(changes[i].offset, changes[i].value, changes[i].bytes);
		assert_false(start());
		assert_false(platform.power_button);
		assert_int_equal(host_interrupts(), 0);
	}
	/* Beyond the end of what can be addressed. */
	set_up(NULL);
	put(56, 0, 4);
	put_extended(148, 0, UINT64_MAX - 2);
	assert_false(start());
	/* Cut anywhere, it has one or has none. */
	for (size_t length = ACPI_HEADER_SIZE; length < FADT_SIZE; length++) {
		set_up(NULL);
		(void)start_of(length);
		assert_int_equal(platform.power_button, length > 88);
		power_button_stop();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_press_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_firmware_hands_its_registers_over, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_second_block_counts_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_button_that_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_interrupt_no_button, set_up, tear_down),
		cmocka_unit_test_setup_teardown(where_the_registers_are, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tables_without_a_button, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("power_button", tests, NULL, NULL);
}
