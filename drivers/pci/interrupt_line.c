/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INTx: which interrupt line a function's pin is. Asked in this order:
 *
 *	a static routing table (_PRT) of the host bridge in ACPI: QEMU's microvm with pcie=on, and others
 *	the chipset's own routing registers, for QEMU's pc and q35: there _PRT is computed by methods, and
 *		no interpreter is here. Firmware's word is not enough: qboot writes another number into
 *		Interrupt Line than the one that its routing registers lead to
 *	the register Interrupt Line: the ISA interrupt that firmware routed the pin to
 *
 * An ISA interrupt raises its I/O APIC input also when the PICs are masked.
 */
#include "drivers/pci/internal.h"
#include "drivers/pci/msix.h"
#include "drivers/platform/acpi.h"

#include <errno.h>

#define ISA_INTERRUPTS 16

#define VENDOR_INTEL 0x8086
#define SUBSYSTEM_QEMU 0x1af4
#define DEVICE_PIIX3 0x7000
#define DEVICE_PIIX4 0x7110
#define DEVICE_ICH9 0x2918
#define ROUTE_OFF 0x80

/* QEMU wires the slots of pc one further for each device, from PIRQ A at device 1. */
static uint8_t piix_route_register(uint8_t device, uint8_t pin)
{
	return (uint8_t)(0x60 + (pin + device + 3) % 4);
}

/*
 * q35: devices 0 to 24 have PIRQ E to H in turn; 25 to 31 are the chipset's own, with the reset values of
 * its routing; 30 is the bridge to PCI, again E to H.
 */
static uint8_t ich9_route_register(uint8_t device, uint8_t pin)
{
	if (device < 25)
		return (uint8_t)(0x68 + (pin + device) % 4);
	return (uint8_t)((device == 30 ? 0x68 : 0x60) + pin);
}

/* The ISA interrupt that the chipset makes of a pin on bus 0, or -ENODEV. */
static int chipset_route(uint8_t device, uint8_t pin)
{
	for (const struct pci_function *router = pci_first(); router; router = router->next) {
		uint8_t place, route;

		if (router->vendor_id != VENDOR_INTEL || router->address.segment ||
		    router->address.bus || router->subsystem_vendor_id != SUBSYSTEM_QEMU)
			continue;
		if (router->device_id == DEVICE_PIIX3 || router->device_id == DEVICE_PIIX4)
			place = piix_route_register(device, pin);
		else if (router->device_id == DEVICE_ICH9)
			place = ich9_route_register(device, pin);
		else
			continue;
		route = pci_read8(router, place);
		return route && route < ISA_INTERRUPTS && !(route & ROUTE_OFF) ? route : -ENODEV;
	}
	return -ENODEV;
}

int pci_interrupt_line(const struct pci_function *function, struct interrupt_line *line)
{
	const struct pci_function *top = function;
	struct acpi_resource route;
	int irq = -ENODEV;
	uint8_t pin;

	if (!function->interrupt_pin)
		return -ENODEV;
	/* Each bridge turns the pins by the device number (PCI-to-PCI Bridge 1.2, 9.1). */
	pin = function->interrupt_pin - 1;
	for (; top->parent; top = top->parent)
		pin = (uint8_t)((pin + top->address.device) % 4);
	if (acpi_pci_route(top->address.segment, top->address.bus, top->address.device, pin,
			   &route)) {
		*line = (struct interrupt_line){.gsi = (uint32_t)route.start,
						.level = route.level,
						.active_low = route.active_low};
		return 0;
	}
	if (!top->address.segment && !top->address.bus)
		irq = chipset_route(top->address.device, pin);
	/* 0 is the timer's and 255 means none: neither is ever a device's. */
	if (irq < 0 && function->interrupt_line && function->interrupt_line < ISA_INTERRUPTS)
		irq = function->interrupt_line;
	if (irq < 0)
		return -ENODEV;
	interrupt_isa_line((unsigned int)irq, line);
	/* Whatever ISA says: PCI's lines are level-triggered. */
	line->level = true;
	return 0;
}
