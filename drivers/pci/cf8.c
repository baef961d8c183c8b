/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration mechanism #1 (PCI 3.0, 3.2.2.3.2): an address in port 0xcf8, data in 0xcfc. */
#include "drivers/pci/internal.h"
#include "kernel/console/log.h"
#include "kernel/thread/spinlock.h"
#include "kernel/x86/io.h"

#define LOG_AREA "pci"

#define ADDRESS_PORT 0xcf8
#define DATA_PORT 0xcfc
#define ENABLE 0x80000000u

/* Address and data are two accesses; interrupt handlers may read configuration space too. */
static struct spinlock lock = SPINLOCK_INIT;

static bool cf8_covers(const struct pci_access *access, struct pci_address address)
{
	(void)access;
	return address.segment == 0;
}

static uint16_t select_register(struct pci_address address, unsigned int offset)
{
	port_write32(ADDRESS_PORT, ENABLE | (uint32_t)address.bus << 16 |
					   (uint32_t)address.device << 11 |
					   (uint32_t)address.function << 8 | (offset & 0xfcu));
	return (uint16_t)(DATA_PORT + (offset & 3));
}

static uint32_t cf8_read(const struct pci_access *access, struct pci_address address,
			 unsigned int offset, unsigned int width)
{
	uint64_t flags = spin_lock(&lock);
	uint16_t port = select_register(address, offset);
	uint32_t value = width == 1   ? port_read8(port)
			 : width == 2 ? port_read16(port)
				      : port_read32(port);

	(void)access;
	spin_unlock(&lock, flags);
	return value;
}

static void cf8_write(const struct pci_access *access, struct pci_address address,
		      unsigned int offset, unsigned int width, uint32_t value)
{
	uint64_t flags = spin_lock(&lock);
	uint16_t port = select_register(address, offset);

	(void)access;
	if (width == 1)
		port_write8(port, (uint8_t)value);
	else if (width == 2)
		port_write16(port, (uint16_t)value);
	else
		port_write32(port, value);
	spin_unlock(&lock, flags);
}

static struct pci_access cf8 = {
	.name = "CF8",
	.covers = cf8_covers,
	.read = cf8_read,
	.write = cf8_write,
};

/* The register keeps what is written to it, and bus 0 has something: a machine without it fails one. */
static bool cf8_answers(void)
{
	struct pci_address address = {0};
	uint64_t flags = spin_lock(&lock);
	uint32_t before = port_read32(ADDRESS_PORT), kept;

	port_write32(ADDRESS_PORT, ENABLE);
	kept = port_read32(ADDRESS_PORT);
	port_write32(ADDRESS_PORT, before);
	spin_unlock(&lock, flags);
	if (kept != ENABLE)
		return false;
	for (address.device = 0; address.device < 32; address.device++) {
		uint32_t id = cf8_read(&cf8, address, PCI_VENDOR_ID, 4);

		if (id != UINT32_MAX && (id & 0xffff) != 0)
			return true;
	}
	return false;
}

void pci_cf8_init(void)
{
	if (!cf8_answers())
		return;
	pci_access_register(&cf8);
	log_info("configuration space by ports 0xcf8 and 0xcfc");
}
