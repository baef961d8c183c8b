/* SPDX-License-Identifier: BSD-2-Clause */
/* Base address registers (PCI 3.0, 6.2.5.1): sized at enumeration, mapped when a driver wants them. */
#include "drivers/pci/internal.h"
#include "kernel/console/log.h"
#include "kernel/memory/map.h"
#include "kernel/platform.h"

#include <inttypes.h>

#define LOG_AREA "pci"

#define BAR_IO 1u
#define BAR_TYPE(value) ((value) >> 1 & 3)
#define BAR_TYPE_32 0
#define BAR_TYPE_64 2
#define BAR_PREFETCH 8u

/*
 * Of larger BARs only the beginning is mapped: registers are there, and what comes after (frame buffers,
 * shared memory) would only cost page tables.
 */
#define MAPPED_MAX (64ull << 20)

static unsigned int bar_offset(unsigned int bar)
{
	return PCI_BAR0 + 4 * bar;
}

static unsigned int bar_count(const struct pci_function *function)
{
	return function->header_type == PCI_HEADER_NORMAL    ? 6
	       : function->header_type == PCI_HEADER_BRIDGE  ? 2
	       : function->header_type == PCI_HEADER_CARDBUS ? 1
							     : 0;
}

/* The bits that stay 0 are the size; the others must be one run of ones up to bit `width` - 1. */
static uint64_t size_of_mask(uint64_t mask, uint64_t all)
{
	uint64_t size = mask & -mask;

	return size && (mask | (size - 1)) == all ? size : 0;
}

static uint32_t probe(const struct pci_function *function, unsigned int bar)
{
	uint32_t before = pci_read32(function, bar_offset(bar)), mask;

	pci_write32(function, bar_offset(bar), UINT32_MAX);
	mask = pci_read32(function, bar_offset(bar));
	pci_write32(function, bar_offset(bar), before);
	return mask;
}

static void size_io(struct pci_function *function, unsigned int number, uint32_t value)
{
	struct pci_bar *bar = &function->bars[number];
	uint32_t mask = probe(function, number) & ~3u;

	/* The upper half may be hardwired to 0: ports have 16 bits. */
	bar->type = PCI_BAR_IO;
	bar->size = size_of_mask(mask & 0xffff, 0xffff);
	bar->address = value & 0xfffc;
}

/* Returns how many registers it took. */
static unsigned int size_memory(struct pci_function *function, unsigned int number, uint32_t value,
				unsigned int count)
{
	struct pci_bar *bar = &function->bars[number];
	uint32_t mask = probe(function, number) & ~0xfu;

	bar->prefetchable = value & BAR_PREFETCH;
	if (BAR_TYPE(value) != BAR_TYPE_64) {
		bar->type = PCI_BAR_MEMORY32;
		bar->size = size_of_mask(mask, UINT32_MAX);
		bar->address = value & ~0xfu;
		return 1;
	}
	if (number + 1 >= count) {
		log_warning("%s: BAR %u says 64 bits, but is the last: ignored", function->name,
			    number);
		return 1;
	}
	bar->type = PCI_BAR_MEMORY64;
	function->bars[number + 1].type = PCI_BAR_UPPER_HALF;
	bar->size = size_of_mask((uint64_t)probe(function, number + 1) << 32 | mask, UINT64_MAX);
	bar->address =
		(uint64_t)pci_read32(function, bar_offset(number + 1)) << 32 | (value & ~0xfu);
	return 2;
}

static void check(struct pci_function *function, unsigned int number, uint32_t value)
{
	struct pci_bar *bar = &function->bars[number];

	if (!bar->size) {
		/* A register of zeroes is a BAR that is not there. */
		if (value)
			log_warning("%s: BAR %u has no size that can be: ignored", function->name,
				    number);
		if (bar->type == PCI_BAR_MEMORY64)
			function->bars[number + 1].type = PCI_BAR_NONE;
		*bar = (struct pci_bar){.type = PCI_BAR_NONE};
		return;
	}
	if (bar->address % bar->size || bar->address + (bar->size - 1) < bar->address) {
		log_warning("%s: BAR %u at 0x%" PRIx64 " is not aligned to its size",
			    function->name, number, bar->address);
		bar->address = 0;
	}
	if (pci_bar_is_memory(bar) && bar->address &&
	    platform_range_is_memory(bar->address, bar->size)) {
		log_warning("%s: BAR %u at 0x%" PRIx64 " lies on memory", function->name, number,
			    bar->address);
		bar->address = 0;
	}
}

static void size_rom(struct pci_function *function)
{
	unsigned int offset = function->header_type == PCI_HEADER_BRIDGE ? PCI_BRIDGE_ROM : PCI_ROM;
	uint32_t before, mask;

	if (function->header_type > PCI_HEADER_BRIDGE)
		return;
	before = pci_read32(function, offset);
	/* All but the bit that turns it on. */
	pci_write32(function, offset, PCI_ROM_ADDRESS);
	mask = pci_read32(function, offset) & PCI_ROM_ADDRESS;
	pci_write32(function, offset, before);
	function->rom_size = (uint32_t)size_of_mask(mask, UINT32_MAX);
}

void pci_bars_size(struct pci_function *function)
{
	unsigned int count = bar_count(function), used;
	uint16_t command = pci_read16(function, PCI_COMMAND);

	/* While a register holds the probe's ones the device must not decode them. */
	pci_write16(function, PCI_COMMAND,
		    (uint16_t)(command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY)));
	for (unsigned int number = 0; number < count; number += used) {
		uint32_t value = pci_read32(function, bar_offset(number));

		used = 1;
		if (value & BAR_IO)
			size_io(function, number, value);
		else
			used = size_memory(function, number, value, count);
		check(function, number, value);
	}
	size_rom(function);
	pci_write16(function, PCI_COMMAND, command);
}

void pci_bar_set(struct pci_function *function, unsigned int number, uint64_t address)
{
	struct pci_bar *bar = &function->bars[number];
	uint16_t command = pci_read16(function, PCI_COMMAND);

	pci_write16(function, PCI_COMMAND,
		    (uint16_t)(command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY)));
	pci_write32(function, bar_offset(number), (uint32_t)address);
	if (bar->type == PCI_BAR_MEMORY64)
		pci_write32(function, bar_offset(number + 1), (uint32_t)(address >> 32));
	pci_write16(function, PCI_COMMAND, command);
	bar->address = address;
}

/* A BAR without an address would answer at 0. */
static uint16_t spaces_of(const struct pci_function *function)
{
	uint16_t spaces = 0;

	if (function->header_type == PCI_HEADER_BRIDGE)
		return PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	for (unsigned int i = 0; i < PCI_BARS_MAX; i++) {
		const struct pci_bar *bar = &function->bars[i];

		if (bar->address && bar->type == PCI_BAR_IO)
			spaces |= PCI_COMMAND_IO;
		if (bar->address && pci_bar_is_memory(bar))
			spaces |= PCI_COMMAND_MEMORY;
	}
	return spaces;
}

void pci_enable(struct pci_function *function)
{
	/* The bridges above must pass both directions on. */
	for (; function; function = function->parent)
		pci_write16(function, PCI_COMMAND,
			    pci_read16(function, PCI_COMMAND) | spaces_of(function) |
				    PCI_COMMAND_MASTER);
}

void pci_disable(struct pci_function *function)
{
	pci_write16(function, PCI_COMMAND,
		    (uint16_t)(pci_read16(function, PCI_COMMAND) & ~PCI_COMMAND_MASTER));
}

volatile void *pci_bar_map(struct pci_function *function, unsigned int number, uint64_t offset,
			   uint64_t length)
{
	struct pci_bar *bar = number < PCI_BARS_MAX ? &function->bars[number] : NULL;
	uint64_t mapped;

	if (!bar || !pci_bar_is_memory(bar) || !bar->address) {
		log_warning("%s: BAR %u is not an assigned memory BAR", function->name, number);
		return NULL;
	}
	mapped = bar->size < MAPPED_MAX ? bar->size : MAPPED_MAX;
	if (!length || length > mapped || offset > mapped - length) {
		log_warning("%s: 0x%" PRIx64 " bytes at 0x%" PRIx64
			    " do not lie in BAR %u of 0x%" PRIx64,
			    function->name, length, offset, number, bar->size);
		return NULL;
	}
	if (!bar->mapping) {
		bar->mapping = map_mmio(bar->address, mapped);
		if (!bar->mapping) {
			log_warning("%s: BAR %u at 0x%" PRIx64 " cannot be mapped", function->name,
				    number, bar->address);
			return NULL;
		}
	}
	bar->mapping_users++;
	return (volatile uint8_t *)bar->mapping + offset;
}

void pci_bar_unmap(struct pci_function *function, unsigned int number)
{
	struct pci_bar *bar = number < PCI_BARS_MAX ? &function->bars[number] : NULL;

	/* The mapping stays for the next user: addresses are not given out twice, so each costs tables. */
	if (bar && bar->mapping_users)
		bar->mapping_users--;
}

uint16_t pci_bar_port(const struct pci_function *function, unsigned int number, uint64_t length)
{
	const struct pci_bar *bar = number < PCI_BARS_MAX ? &function->bars[number] : NULL;

	if (!bar || bar->type != PCI_BAR_IO || !bar->address || length > bar->size)
		return 0;
	return (uint16_t)bar->address;
}
