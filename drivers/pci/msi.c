/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI (PCI 3.0, 6.8.1): one message for a function that has no MSI-X. */
#include "drivers/pci/internal.h"
#include "drivers/pci/msix.h"

#include <errno.h>

#define MSI_CONTROL 2
#define MSI_ADDRESS 4
#define MSI_ADDRESS_UPPER 8
#define CONTROL_ENABLE 0x0001u
#define CONTROL_MESSAGES 0x0070u /* how many we use, as a power of two: one */
#define CONTROL_WIDE 0x0080u
#define CONTROL_MASKABLE 0x0100u

int msi_enable(struct pci_function *function, const struct interrupt *interrupt)
{
	unsigned int capability = pci_capability_find(function, PCI_CAPABILITY_MSI, 0);
	struct interrupt_message message;
	unsigned int data, end;
	uint16_t control;

	if (!capability)
		return -ENODEV;
	control = pci_read16(function, capability + MSI_CONTROL);
	data = capability + (control & CONTROL_WIDE ? 12 : 8);
	end = data + (control & CONTROL_MASKABLE ? 8 : 2);
	interrupt_message(interrupt, &message);
	if (end > PCI_CONFIG_SIZE || (message.address >> 32 && !(control & CONTROL_WIDE)) ||
	    message.data > UINT16_MAX)
		return -ENODEV;
	control &= (uint16_t) ~(CONTROL_ENABLE | CONTROL_MESSAGES);
	pci_write16(function, capability + MSI_CONTROL, control);
	pci_write32(function, capability + MSI_ADDRESS, (uint32_t)message.address);
	if (control & CONTROL_WIDE)
		pci_write32(function, capability + MSI_ADDRESS_UPPER,
			    (uint32_t)(message.address >> 32));
	pci_write16(function, data, (uint16_t)message.data);
	if (control & CONTROL_MASKABLE)
		pci_write32(function, data + 4, 0);
	pci_line_disable(function, true);
	pci_write16(function, capability + MSI_CONTROL, control | CONTROL_ENABLE);
	return 0;
}

void msi_hold(const struct pci_function *function, bool hold)
{
	unsigned int capability = pci_capability_find(function, PCI_CAPABILITY_MSI, 0);
	uint16_t control;

	if (!capability)
		return;
	control = pci_read16(function, capability + MSI_CONTROL);
	pci_write16(function, capability + MSI_CONTROL,
		    (uint16_t)(hold ? control & ~CONTROL_ENABLE : control | CONTROL_ENABLE));
}

void msi_disable(struct pci_function *function)
{
	if (!pci_capability_find(function, PCI_CAPABILITY_MSI, 0))
		return;
	msi_hold(function, true);
	pci_line_disable(function, false);
}
