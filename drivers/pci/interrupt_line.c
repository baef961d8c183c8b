/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INTx: which interrupt line a function's pin is.
 *
 * Where the host bridge has a static routing table (_PRT) in ACPI, as on QEMU's microvm with pcie=on,
 * that says it. Elsewhere (pc, q35: there it is computed by methods, and no interpreter is here) the
 * register Interrupt Line has the ISA interrupt that firmware routed the pin to, and the chipset raises
 * that I/O APIC input also when the PIC is masked.
 */
#include "drivers/pci/internal.h"
#include "drivers/pci/msix.h"
#include "drivers/platform/acpi.h"

#include <errno.h>

#define ISA_INTERRUPTS 16

int pci_interrupt_line(const struct pci_function *function, struct interrupt_line *line)
{
	const struct pci_function *top = function;
	struct acpi_resource route;
	uint8_t pin;

	if (!function->interrupt_pin)
		return -ENODEV;
	/* Each bridge turns the pins by the device number (PCI-to-PCI Bridge 1.2, 9.1). */
	pin = function->interrupt_pin - 1;
	for (; top->parent; top = top->parent)
		pin = (uint8_t)((pin + top->address.device) % 4);
	if (acpi_pci_route(top->address.segment, top->address.bus, top->address.device, pin, &route)) {
		*line = (struct interrupt_line){ .gsi = (uint32_t)route.start,
						 .level = route.level,
						 .active_low = route.active_low };
		return 0;
	}
	/* 0 is the timer's and 255 means none: neither is ever a device's. */
	if (!function->interrupt_line || function->interrupt_line >= ISA_INTERRUPTS)
		return -ENODEV;
	interrupt_isa_line(function->interrupt_line, line);
	line->level = true;
	return 0;
}
