/* SPDX-License-Identifier: BSD-2-Clause */
/* The windows of PCI-to-PCI bridges (PCI-to-PCI Bridge 1.2, 3.2.5.6 to 3.2.5.10). */
#include "drivers/pci/internal.h"

#include <errno.h>

#define IO_STEP 0x1000u
#define MEMORY_STEP 0x100000u
#define TYPE_MASK 0xfu
#define TYPE_WIDE 1u /* 32-bit I/O, 64-bit prefetchable memory */

static bool io_read(const struct pci_function *bridge, uint64_t *start, uint64_t *end)
{
	uint8_t base = pci_read8(bridge, PCI_IO_BASE), limit = pci_read8(bridge, PCI_IO_LIMIT);

	*start = (uint64_t)(base & ~TYPE_MASK) << 8;
	*end = ((uint64_t)(limit & ~TYPE_MASK) << 8) + IO_STEP;
	/* Ports above 16 bits do not exist on x86, whatever the upper registers say. */
	return base || limit;
}

static bool prefetch_read(const struct pci_function *bridge, uint64_t *start, uint64_t *end)
{
	uint16_t base = pci_read16(bridge, PCI_PREFETCH_BASE);
	uint16_t limit = pci_read16(bridge, PCI_PREFETCH_LIMIT);

	*start = (uint64_t)(base & ~TYPE_MASK) << 16;
	*end = (uint64_t)(limit & ~TYPE_MASK) << 16;
	if ((base & TYPE_MASK) == TYPE_WIDE) {
		*start |= (uint64_t)pci_read32(bridge, PCI_PREFETCH_BASE_UPPER) << 32;
		*end |= (uint64_t)pci_read32(bridge, PCI_PREFETCH_LIMIT_UPPER) << 32;
	}
	*end += MEMORY_STEP;
	return base || limit;
}

bool pci_bridge_window_read(const struct pci_function *bridge, enum pci_bridge_window kind,
			    uint64_t *start, uint64_t *length)
{
	uint64_t end;
	bool exists = true;

	if (kind == PCI_BRIDGE_IO) {
		exists = io_read(bridge, start, &end);
	} else if (kind == PCI_BRIDGE_PREFETCH) {
		exists = prefetch_read(bridge, start, &end);
	} else {
		*start = (uint64_t)(pci_read16(bridge, PCI_MEMORY_BASE) & ~TYPE_MASK) << 16;
		end = ((uint64_t)(pci_read16(bridge, PCI_MEMORY_LIMIT) & ~TYPE_MASK) << 16) +
		      MEMORY_STEP;
	}
	/* After a reset all registers are 0, which would be a window at 0: nobody means that. */
	if (!exists || !*start || end <= *start)
		return false;
	*length = end - *start;
	return true;
}

/*
 * Base above limit. What a bridge has after a reset is open at 0, and it would keep what a device
 * behind it writes to the first memory there.
 */
void pci_bridge_window_close(const struct pci_function *bridge, enum pci_bridge_window kind)
{
	if (kind == PCI_BRIDGE_IO) {
		pci_write8(bridge, PCI_IO_BASE, 0xf0);
		pci_write8(bridge, PCI_IO_LIMIT, 0);
		return;
	}
	pci_write16(bridge, kind == PCI_BRIDGE_MEMORY ? PCI_MEMORY_BASE : PCI_PREFETCH_BASE,
		    0xfff0);
	pci_write16(bridge, kind == PCI_BRIDGE_MEMORY ? PCI_MEMORY_LIMIT : PCI_PREFETCH_LIMIT, 0);
}

static int io_write(const struct pci_function *bridge, uint64_t start, uint64_t last)
{
	if (last > UINT16_MAX)
		return -EINVAL;
	pci_write8(bridge, PCI_IO_BASE, (uint8_t)(start >> 8 & 0xf0));
	pci_write8(bridge, PCI_IO_LIMIT, (uint8_t)(last >> 8 & 0xf0));
	pci_write16(bridge, PCI_IO_BASE_UPPER, 0);
	pci_write16(bridge, PCI_IO_LIMIT_UPPER, 0);
	return 0;
}

static int prefetch_write(const struct pci_function *bridge, uint64_t start, uint64_t last)
{
	bool wide = (pci_read16(bridge, PCI_PREFETCH_BASE) & TYPE_MASK) == TYPE_WIDE;

	if (last > UINT32_MAX && !wide)
		return -EINVAL;
	pci_write16(bridge, PCI_PREFETCH_BASE, (uint16_t)(start >> 16 & 0xfff0));
	pci_write16(bridge, PCI_PREFETCH_LIMIT, (uint16_t)(last >> 16 & 0xfff0));
	if (wide) {
		pci_write32(bridge, PCI_PREFETCH_BASE_UPPER, (uint32_t)(start >> 32));
		pci_write32(bridge, PCI_PREFETCH_LIMIT_UPPER, (uint32_t)(last >> 32));
	}
	return 0;
}

int pci_bridge_window_write(const struct pci_function *bridge, enum pci_bridge_window kind,
			    uint64_t start, uint64_t length)
{
	uint64_t last = start + length - 1, got_start, got_length;
	int error = 0;

	if (kind == PCI_BRIDGE_IO) {
		error = io_write(bridge, start, last);
	} else if (kind == PCI_BRIDGE_PREFETCH) {
		error = prefetch_write(bridge, start, last);
	} else if (last > UINT32_MAX) {
		error = -EINVAL;
	} else {
		pci_write16(bridge, PCI_MEMORY_BASE, (uint16_t)(start >> 16 & 0xfff0));
		pci_write16(bridge, PCI_MEMORY_LIMIT, (uint16_t)(last >> 16 & 0xfff0));
	}
	if (error)
		return error;
	/* A bridge without that window keeps zeroes. */
	if (!pci_bridge_window_read(bridge, kind, &got_start, &got_length) || got_start != start ||
	    got_length != length)
		return -EINVAL;
	return 0;
}
