/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways to reach configuration space, in the order of their registration, and the accessors. */
#include "drivers/pci/internal.h"

static struct pci_access *first_access;

void pci_access_register(struct pci_access *access)
{
	struct pci_access **link = &first_access;

	while (*link)
		link = &(*link)->next;
	access->next = NULL;
	*link = access;
}

void pci_access_forget(void)
{
	first_access = NULL;
}

const struct pci_access *pci_access_find(struct pci_address address)
{
	if (address.device > 31 || address.function > 7)
		return NULL;
	for (const struct pci_access *access = first_access; access; access = access->next)
		if (access->covers(access, address))
			return access;
	return NULL;
}

static const struct pci_access *access_for(struct pci_address address, unsigned int offset,
					   unsigned int width)
{
	const struct pci_access *access;

	if (offset % width || offset >= PCI_CONFIG_SIZE_EXTENDED)
		return NULL;
	access = pci_access_find(address);
	if (!access || (offset >= PCI_CONFIG_SIZE && !access->extended))
		return NULL;
	return access;
}

uint32_t pci_config_read(struct pci_address address, unsigned int offset, unsigned int width)
{
	const struct pci_access *access = access_for(address, offset, width);
	uint32_t ones = width == 4 ? UINT32_MAX : (1u << 8 * width) - 1;

	return access ? access->read(access, address, offset, width) & ones : ones;
}

void pci_config_write(struct pci_address address, unsigned int offset, unsigned int width,
		      uint32_t value)
{
	const struct pci_access *access = access_for(address, offset, width);

	if (access)
		access->write(access, address, offset, width, value);
}

uint8_t pci_read8(const struct pci_function *function, unsigned int offset)
{
	return (uint8_t)pci_config_read(function->address, offset, 1);
}

uint16_t pci_read16(const struct pci_function *function, unsigned int offset)
{
	return (uint16_t)pci_config_read(function->address, offset, 2);
}

uint32_t pci_read32(const struct pci_function *function, unsigned int offset)
{
	return pci_config_read(function->address, offset, 4);
}

void pci_write8(const struct pci_function *function, unsigned int offset, uint8_t value)
{
	pci_config_write(function->address, offset, 1, value);
}

void pci_write16(const struct pci_function *function, unsigned int offset, uint16_t value)
{
	pci_config_write(function->address, offset, 2, value);
}

void pci_write32(const struct pci_function *function, unsigned int offset, uint32_t value)
{
	pci_config_write(function->address, offset, 4, value);
}
