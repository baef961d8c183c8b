/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers at the width that a case asks for, and no other. */
#include "kernel/x86/io.h"
#include "tests/conformance/guest/guest.h"

static uint64_t ones(unsigned int width)
{
	return UINT64_MAX >> (64 - 8 * width);
}

static bool inside(const struct conformance_target *target, enum conformance_space space,
		   uint32_t offset, unsigned int width)
{
	return (unsigned int)space < SPACES && width <= target->length[space] &&
	       offset <= target->length[space] - width;
}

static uint64_t memory_read(volatile uint8_t *place, unsigned int width)
{
	switch (width) {
	case 1:
		return mmio_read8(place);
	case 2:
		return mmio_read16(place);
	case 4:
		return mmio_read32(place);
	default:
		return mmio_read64(place);
	}
}

static void memory_write(volatile uint8_t *place, unsigned int width, uint64_t value)
{
	switch (width) {
	case 1:
		mmio_write8(place, (uint8_t)value);
		break;
	case 2:
		mmio_write16(place, (uint16_t)value);
		break;
	case 4:
		mmio_write32(place, (uint32_t)value);
		break;
	default:
		mmio_write64(place, value);
	}
}

/* Neither ports nor configuration space have an access of 8 bytes: the caller makes two. */
static uint32_t port_read(uint16_t port, unsigned int width)
{
	return width == 1 ? port_read8(port) : width == 2 ? port_read16(port) : port_read32(port);
}

static void port_write(uint16_t port, unsigned int width, uint32_t value)
{
	if (width == 1)
		port_write8(port, (uint8_t)value);
	else if (width == 2)
		port_write16(port, (uint16_t)value);
	else
		port_write32(port, value);
}

/* An offset that is not a multiple of the width reads as ones here: no way to configuration space has it. */
static uint32_t config_read(const struct pci_function *function, uint32_t offset,
			    unsigned int width)
{
	return width == 1   ? pci_read8(function, offset)
	       : width == 2 ? pci_read16(function, offset)
			    : pci_read32(function, offset);
}

static void config_write(const struct pci_function *function, uint32_t offset, unsigned int width,
			 uint32_t value)
{
	if (width == 1)
		pci_write8(function, offset, (uint8_t)value);
	else if (width == 2)
		pci_write16(function, offset, (uint16_t)value);
	else
		pci_write32(function, offset, value);
}

uint64_t guest_read(struct conformance_target *target, enum conformance_space space,
		    uint32_t offset, unsigned int width)
{
	struct guest_target *guest = guest_of(target);
	const struct guest_place *place = &guest->places[space];

	if (!inside(target, space, offset, width))
		return ones(width);
	if (place->memory)
		return memory_read(place->memory + offset, width);
	if (width == 8)
		return guest_read(target, space, offset, 4) |
		       guest_read(target, space, offset + 4, 4) << 32;
	if (space == SPACE_PCI)
		return config_read(guest->function, offset, width);
	return port_read((uint16_t)(place->port + offset), width);
}

void guest_write(struct conformance_target *target, enum conformance_space space, uint32_t offset,
		 unsigned int width, uint64_t value)
{
	struct guest_target *guest = guest_of(target);
	const struct guest_place *place = &guest->places[space];

	if (!inside(target, space, offset, width))
		return;
	/* What is waited for from now on is new: guest_pause() begins with quick looks. */
	guest->waiting = false;
	if (place->memory) {
		memory_write(place->memory + offset, width, value);
	} else if (width == 8) {
		guest_write(target, space, offset, 4, (uint32_t)value);
		guest_write(target, space, offset + 4, 4, value >> 32);
	} else if (space == SPACE_PCI) {
		config_write(guest->function, offset, width, (uint32_t)value);
	} else {
		port_write((uint16_t)(place->port + offset), width, (uint32_t)value);
	}
}
