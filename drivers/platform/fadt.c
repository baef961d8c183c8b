/* SPDX-License-Identifier: BSD-2-Clause */
/* The FADT (ACPI 6.4, 5.2.9): PM registers, reset, what legacy devices there are; and the HPET table. */
#include "drivers/platform/acpi.h"
#include "drivers/platform/table_read.h"

#include <string.h>

#define FADT_SCI_INTERRUPT 46
#define FADT_SCI_COMMAND 48
#define FADT_ACPI_ENABLE 52
#define FADT_PM1A_EVENT 56
#define FADT_PM1B_EVENT 60
#define FADT_PM1A_CONTROL 64
#define FADT_PM1B_CONTROL 68
#define FADT_PM_TIMER 76
#define FADT_PM1_EVENT_LENGTH 88
#define FADT_CENTURY 108
#define FADT_BOOT_ARCHITECTURE 109
#define FADT_FLAGS 112
#define FADT_RESET_REGISTER 116
#define FADT_RESET_VALUE 128
#define FADT_X_PM1A_EVENT 148
#define FADT_X_PM1B_EVENT 160
#define FADT_X_PM1A_CONTROL 172
#define FADT_X_PM1B_CONTROL 184
#define FADT_X_PM_TIMER 208
#define FADT_SLEEP_CONTROL 244
#define FADT_SLEEP_STATUS 256

#define FLAG_POWER_BUTTON_METHOD (1u << 4) /* a device of AML's, or none, and no fixed one */
#define FLAG_PM_TIMER_32BIT (1u << 8)
#define FLAG_RESET_SUPPORTED (1u << 10)
#define FLAG_HARDWARE_REDUCED (1u << 20)
#define BOOT_8042 (1u << 1)
#define BOOT_NO_CMOS_RTC (1u << 5)
#define REVISION_BOOT_ARCHITECTURE 3

#define EVENT_WIDTH 2

#define HPET_ADDRESS 40

/* Fields beyond the table's end read as 0: older firmware has shorter tables. */
static uint8_t field8(const uint8_t *fadt, uint32_t offset)
{
	return acpi_length(fadt) > offset ? fadt[offset] : 0;
}

static uint32_t field32(const uint8_t *fadt, uint32_t offset)
{
	return acpi_length(fadt) >= offset + 4 ? table_read32(fadt + offset) : 0;
}

/* A generic address structure (5.2.3.2): space, bits, offset, access size, address. */
static bool register_read(const uint8_t *table, uint32_t offset, struct platform_register *reg)
{
	const uint8_t *place = table + offset;

	memset(reg, 0, sizeof(*reg));
	if (acpi_length(table) < offset + 12)
		return false;
	if (place[0] > 1 || !table_read64(place + 4))
		return false;
	if (place[0] == 1 && table_read64(place + 4) > UINT16_MAX)
		return false;
	reg->space = place[0] == 1 ? PLATFORM_SPACE_PORT : PLATFORM_SPACE_MEMORY;
	reg->address = table_read64(place + 4);
	reg->width = place[3] >= 1 && place[3] <= 3 ? (uint8_t)(1u << (place[3] - 1))
		     : place[1] == 16		    ? 2
		     : place[1] == 32		    ? 4
						    : 1;
	return true;
}

/* A register of the fixed hardware: its extended address, else the old port number. */
static void fixed_register(const uint8_t *fadt, uint32_t extended, uint32_t old, uint8_t width,
			   struct platform_register *reg)
{
	uint32_t port = field32(fadt, old);

	if (!register_read(fadt, extended, reg) && port && port <= UINT16_MAX) {
		reg->address = port;
		reg->space = PLATFORM_SPACE_PORT;
	}
	reg->width = width;
}

/*
 * A block of event registers (4.8.3.1): its first half is status, the other enable. We use the first two bytes of each.
 */
static void event_registers(const uint8_t *fadt, uint32_t extended, uint32_t old,
			    struct platform_register *status, struct platform_register *enable)
{
	uint8_t half = field8(fadt, FADT_PM1_EVENT_LENGTH) / 2;
	struct platform_register block;
	uint64_t last;

	memset(&block, 0, sizeof(block));
	fixed_register(fadt, extended, old, EVENT_WIDTH, &block);
	if (!block.address || half < EVENT_WIDTH ||
	    __builtin_add_overflow(block.address, 2u * half - 1, &last) ||
	    (block.space == PLATFORM_SPACE_PORT && last > UINT16_MAX))
		return;
	*status = *enable = block;
	enable->address += half;
}

static void power_button(const uint8_t *fadt, uint32_t flags, struct platform *into)
{
	event_registers(fadt, FADT_X_PM1A_EVENT, FADT_PM1A_EVENT, &into->pm1a_status,
			&into->pm1a_enable);
	event_registers(fadt, FADT_X_PM1B_EVENT, FADT_PM1B_EVENT, &into->pm1b_status,
			&into->pm1b_enable);
	into->sci = (uint16_t)(field8(fadt, FADT_SCI_INTERRUPT) |
			       field8(fadt, FADT_SCI_INTERRUPT + 1) << 8);
	/* Interrupt 0 is the timer's. */
	into->power_button = !(flags & FLAG_POWER_BUTTON_METHOD) && into->sci &&
			     (into->pm1a_status.address || into->pm1b_status.address);
}

bool fadt_read(struct platform *into)
{
	const uint8_t *fadt = acpi_find("FACP", 0);
	uint32_t flags, command;

	if (!fadt)
		return false;
	flags = field32(fadt, FADT_FLAGS);
	into->hardware_reduced = flags & FLAG_HARDWARE_REDUCED;
	if (!into->hardware_reduced) {
		fixed_register(fadt, FADT_X_PM1A_CONTROL, FADT_PM1A_CONTROL, 2,
			       &into->pm1a_control);
		fixed_register(fadt, FADT_X_PM1B_CONTROL, FADT_PM1B_CONTROL, 2,
			       &into->pm1b_control);
		fixed_register(fadt, FADT_X_PM_TIMER, FADT_PM_TIMER, 4, &into->pm_timer);
		into->pm_timer_32bit = flags & FLAG_PM_TIMER_32BIT;
		command = field32(fadt, FADT_SCI_COMMAND);
		into->smi_command_port = command <= UINT16_MAX ? (uint16_t)command : 0;
		into->acpi_enable = field8(fadt, FADT_ACPI_ENABLE);
		power_button(fadt, flags, into);
	}
	register_read(fadt, FADT_SLEEP_CONTROL, &into->sleep_control);
	register_read(fadt, FADT_SLEEP_STATUS, &into->sleep_status);
	if (flags & FLAG_RESET_SUPPORTED)
		register_read(fadt, FADT_RESET_REGISTER, &into->reset);
	into->reset_value = field8(fadt, FADT_RESET_VALUE);
	into->rtc_century = field8(fadt, FADT_CENTURY);
	/* The flags of what is absent exist since revision 3; an older table has no opinion. */
	if (fadt[8] >= REVISION_BOOT_ARCHITECTURE) {
		uint8_t architecture = field8(fadt, FADT_BOOT_ARCHITECTURE);

		into->keyboard_controller = architecture & BOOT_8042;
		into->rtc_absent = architecture & BOOT_NO_CMOS_RTC;
	}
	return true;
}

bool hpet_read(struct platform *into)
{
	const uint8_t *hpet = acpi_find("HPET", 0);
	struct platform_register reg;

	if (!hpet || !register_read(hpet, HPET_ADDRESS, &reg) || reg.space != PLATFORM_SPACE_MEMORY)
		return false;
	into->hpet_address = reg.address;
	return true;
}
