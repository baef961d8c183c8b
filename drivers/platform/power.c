/* SPDX-License-Identifier: BSD-2-Clause */
/* Switching off and resetting (ACPI 6.4, 4.8.3 and 7.4). What code leaves with which status is kernel/exit's. */
#include "drivers/platform/acpi.h"
#include "kernel/console/log.h"
#include "kernel/platform.h"
#include "kernel/time/clock.h"
#include "kernel/x86/io.h"

#define LOG_AREA "power"

#define PM1_SCI_ENABLED (1u << 0)
#define PM1_SLEEP_TYPE_SHIFT 10
#define PM1_SLEEP_TYPE_MASK (7u << PM1_SLEEP_TYPE_SHIFT)
#define PM1_SLEEP_ENABLE (1u << 13)
#define SLEEP_TYPE_SHIFT 2
#define SLEEP_ENABLE (1u << 5)

#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_BUSY (1u << 1)
#define KEYBOARD_PULSE_RESET 0xfe

/* A machine that obeys is gone long before. */
#define LEAVE_WAIT (50 * NANOSECONDS_PER_MILLISECOND)

/* 4.8.2.5: the firmware owns the PM registers until it is asked for them. */
void platform_acpi_enable(void)
{
	uint32_t value;

	if (!platform.smi_command_port || !platform.acpi_enable ||
	    !platform_register_read(&platform.pm1a_control, &value) || (value & PM1_SCI_ENABLED))
		return;
	port_write8(platform.smi_command_port, platform.acpi_enable);
	for (unsigned int i = 0; i < 100; i++) {
		if (platform_register_read(&platform.pm1a_control, &value) &&
		    (value & PM1_SCI_ENABLED))
			return;
		clock_spin(NANOSECONDS_PER_MILLISECOND);
	}
}

static void pm1_sleep(const struct platform_register *reg, uint8_t type)
{
	uint32_t value;

	if (!platform_register_read(reg, &value))
		return;
	value &= ~(PM1_SLEEP_TYPE_MASK | PM1_SLEEP_ENABLE);
	value |= (uint32_t)type << PM1_SLEEP_TYPE_SHIFT;
	platform_register_write(reg, value | PM1_SLEEP_ENABLE);
}

void platform_power_off(void)
{
	uint8_t type_a, type_b;

	/* Not before: to find it is to go through all that the firmware says of its devices. */
	if (!acpi_s5(&type_a, &type_b))
		return;
	if (platform.pm1a_control.address) {
		platform_acpi_enable();
		pm1_sleep(&platform.pm1a_control, type_a);
		pm1_sleep(&platform.pm1b_control, type_b);
		clock_spin(LEAVE_WAIT);
	}
	if (platform_register_write(&platform.sleep_control,
				    (uint32_t)type_a << SLEEP_TYPE_SHIFT | SLEEP_ENABLE))
		clock_spin(LEAVE_WAIT);
	log_debug("ACPI S5 did not switch this machine off");
}

void platform_reset(void)
{
	if (platform_register_write(&platform.reset, platform.reset_value))
		clock_spin(LEAVE_WAIT);
	if (!platform.keyboard_controller)
		return;
	/* An absent controller reads as ones, busy for ever, so the wait is short. */
	for (unsigned int i = 0; i < 100 && (port_read8(KEYBOARD_COMMAND) & KEYBOARD_BUSY); i++)
		clock_spin(10 * NANOSECONDS_PER_MICROSECOND);
	port_write8(KEYBOARD_COMMAND, KEYBOARD_PULSE_RESET);
	clock_spin(LEAVE_WAIT);
}
