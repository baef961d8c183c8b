/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the firmware's tables say about the machine, in one structure that the kernel reads: CPUs
 * and interrupt controllers (ACPI's MADT, else the MP tables, else one CPU and the customary
 * addresses), clocks, and how to switch off.
 *
 *	platform_init(boot_info)	once, in thread context or before threads exist, when map_firmware()
 *					and malloc() work
 *	platform.cpu_count ...		read by anybody afterwards
 *
 * The kernel says here what it wants to know; drivers/platform/ finds it out.
 *
 * Nothing in here is trusted by its numbers alone: the kernel still looks whether the I/O APIC
 * answers and whether the CPU starts.
 */
#ifndef KERNEL_PLATFORM_H
#define KERNEL_PLATFORM_H

#include "boot/boot_info.h"

#include <stdbool.h>
#include <stdint.h>

#define PLATFORM_CPUS_MAX 512
#define PLATFORM_IOAPICS_MAX 16
#define PLATFORM_OVERRIDES_MAX 32

#define PLATFORM_LAPIC_DEFAULT 0xfee00000u
#define PLATFORM_IOAPIC_DEFAULT 0xfec00000u

struct platform_ioapic {
	uint64_t address;
	uint32_t gsi_base; /* the global system interrupt of its input 0 */
	uint8_t id;
};

/* A legacy ISA interrupt that does not arrive as itself, edge-triggered and active high. */
struct platform_override {
	uint8_t irq;
	uint32_t gsi;
	bool level;
	bool active_low;
};

enum platform_source { PLATFORM_SOURCE_NONE, PLATFORM_SOURCE_ACPI, PLATFORM_SOURCE_MP };

enum platform_space { PLATFORM_SPACE_MEMORY, PLATFORM_SPACE_PORT };

/* A register that a table describes (ACPI's generic address); address 0: there is none. */
struct platform_register {
	uint64_t address;
	enum platform_space space;
	uint8_t width;		/* bytes */
	volatile void *mapping; /* of memory; made by platform_init(), so that a panic can use it */
};

struct platform {
	enum platform_source cpu_source;
	bool acpi; /* there are ACPI tables */
	unsigned int cpu_count;
	unsigned int cpus_lost; /* enabled, but beyond the limit above */
	uint32_t apic_ids[PLATFORM_CPUS_MAX];
	uint64_t lapic_address;
	unsigned int ioapic_count;
	struct platform_ioapic ioapics[PLATFORM_IOAPICS_MAX];
	unsigned int override_count;
	struct platform_override overrides[PLATFORM_OVERRIDES_MAX];
	bool pic_present; /* a pair of 8259 to be masked; true when no table says */

	/* Clocks. */
	uint64_t hpet_address; /* 0: none */
	struct platform_register pm_timer;
	bool pm_timer_32bit; /* else 24 bits */
	bool rtc_absent;
	uint8_t rtc_century; /* the CMOS index of the century, or 0 */

	/* Leaving; used by power.c. */
	bool hardware_reduced; /* ACPI without the fixed PM registers */
	struct platform_register pm1a_control, pm1b_control;
	struct platform_register sleep_control, sleep_status;
	struct platform_register reset;
	uint8_t reset_value;
	uint16_t smi_command_port; /* 0: ACPI mode is always on */
	uint8_t acpi_enable;
	/* The power button of the fixed hardware: power_button.c. */
	bool power_button;
	uint16_t sci; /* the system control interrupt, as an ISA interrupt or global one */
	struct platform_register pm1a_status, pm1a_enable, pm1b_status, pm1b_enable;
	bool keyboard_controller; /* may be asked for a reset; true when no table says */
};

extern struct platform platform;

/* Keeps the pointer: the memory map is asked again when PCI looks for room. */
void platform_init(const struct boot_info *boot_info);

/* True when any of [start, start + length) is memory or otherwise spoken for by the memory map. */
bool platform_range_used(uint64_t start, uint64_t length);

/*
 * True when any of it is memory that we or the firmware use: nothing that a device could answer at.
 */
bool platform_range_is_memory(uint64_t start, uint64_t length);

/*
 * The next address at or after `address` where the memory map's claim on that place ends; `address`
 * itself when nothing claims it.
 */
uint64_t platform_range_end(uint64_t address);
/* Where the first claim at or after `address` starts; `limit` when that is not below it. */
uint64_t platform_next_range(uint64_t address, uint64_t limit);

/* False when there is no such register. Context: any. */
bool platform_register_write(const struct platform_register *reg, uint32_t value);
bool platform_register_read(const struct platform_register *reg, uint32_t *value);

/*
 * Power (power.c). Each tries what the tables offer, waits a moment after each attempt, and returns
 * only when nothing worked: then reset, then cpu_triple_fault(). Context: any, also in a panic.
 */
void platform_power_off(void); /* ACPI S5: PM1 control, or the hardware-reduced sleep register */
void platform_reset(void);     /* ACPI's reset register, then the keyboard controller */

/* Takes the PM registers over from the firmware, where it still has them. Waits 100 ms at most. Context: any. */
void platform_acpi_enable(void);

/*
 * Has pressed() called, in interrupt context, each time that the power button is. False: the tables name no button of the
 * fixed hardware, or its interrupt cannot be had, which is said. Thread context.
 */
bool power_button_start(void (*pressed)(void));
/* As the firmware left it. Thread context. */
void power_button_stop(void);

/*
 * QEMU's isa-debug-exit (debug_exit.c): ends QEMU with status (code << 1) | 1. Returns when it is
 * not there. debug_exit_present(): see there how that is known.
 */
bool debug_exit_present(void);
void debug_exit(uint8_t code);

#endif
