/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The power button of the fixed hardware (ACPI 6.4, 4.8.2.2 and 4.8.3.1): a bit of the PM1 status registers, and the system
 * control interrupt. Other reasons for that interrupt are not enabled, and none of ours.
 */
#include "kernel/console/log.h"
#include "kernel/platform.h"
#include "kernel/x86/interrupt.h"

#include <inttypes.h>
#include <stddef.h>

#define LOG_AREA "power"
#define CPU 0
#define BUTTON (1u << 8) /* in status and enable registers alike */

static struct {
	struct interrupt *interrupt;
	void (*pressed)(void);
} button;

static bool is_pressed(const struct platform_register *status)
{
	uint32_t value;

	return platform_register_read(status, &value) && (value & BUTTON);
}

/* The other bits are for whoever enabled them: a one takes its bit back. */
static bool take_back(const struct platform_register *status)
{
	if (!is_pressed(status))
		return false;
	platform_register_write(status, BUTTON);
	return true;
}

static enum interrupt_result on_interrupt(void *context)
{
	bool pressed = take_back(&platform.pm1a_status);

	(void)context;
	pressed |= take_back(&platform.pm1b_status);
	if (!pressed)
		return INTERRUPT_NONE;
	button.pressed();
	/* A bit that stays keeps the line up for ever: nobody's, so that it is held back (interrupt.c). */
	return is_pressed(&platform.pm1a_status) || is_pressed(&platform.pm1b_status)
		       ? INTERRUPT_NONE
		       : INTERRUPT_HANDLED;
}

/* 5.2.9 and 5.2.15.5: level, active low and shared, unless the MADT says otherwise. */
static struct interrupt_line control_line(void)
{
	struct interrupt_line line = {.gsi = platform.sci, .level = true, .active_low = true};

	for (unsigned int i = 0; i < platform.override_count; i++)
		if (platform.overrides[i].irq == platform.sci)
			interrupt_isa_line(platform.sci, &line);
	return line;
}

static void enable(const struct platform_register *reg, bool on)
{
	uint32_t value;

	if (platform_register_read(reg, &value))
		platform_register_write(reg, on ? value | BUTTON : value & ~BUTTON);
}

bool power_button_start(void (*pressed)(void))
{
	struct interrupt_line line = control_line();

	if (!platform.power_button || button.interrupt)
		return false;
	button.pressed = pressed;
	button.interrupt = interrupt_allocate(CPU, "power button", on_interrupt, NULL);
	if (!button.interrupt || interrupt_connect_line(button.interrupt, &line)) {
		log_notice("the power button does nothing: its interrupt, line %" PRIu32
			   ", cannot be had",
			   line.gsi);
		interrupt_free(button.interrupt);
		button.interrupt = NULL;
		return false;
	}
	platform_acpi_enable();
	/* What was pressed before is not for us. */
	(void)take_back(&platform.pm1a_status);
	(void)take_back(&platform.pm1b_status);
	enable(&platform.pm1a_enable, true);
	enable(&platform.pm1b_enable, true);
	return true;
}

void power_button_stop(void)
{
	if (!button.interrupt)
		return;
	enable(&platform.pm1a_enable, false);
	enable(&platform.pm1b_enable, false);
	interrupt_free(button.interrupt);
	button.interrupt = NULL;
}
