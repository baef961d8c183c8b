/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/pci/msix.h"

#include "drivers/pci/internal.h"
#include "kernel/console/log.h"
#include "kernel/x86/io.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define LOG_AREA "pci"

#define MSIX_CONTROL 2
#define MSIX_TABLE 4
#define MSIX_PENDING 8
#define CONTROL_COUNT 0x07ffu
#define CONTROL_MASK_ALL 0x4000u
#define CONTROL_ENABLE 0x8000u
#define PLACE_BAR 7u

#define ENTRY_SIZE 16
#define ENTRY_ADDRESS 0
#define ENTRY_ADDRESS_UPPER 4
#define ENTRY_DATA 8
#define ENTRY_CONTROL 12
#define ENTRY_MASKED 1u

static uint32_t table_size(const struct msix *msix)
{
	return msix->count * ENTRY_SIZE;
}

static uint32_t pending_size(const struct msix *msix)
{
	return (msix->count + 63) / 64 * 8;
}

static void control_change(const struct msix *msix, uint16_t set, uint16_t clear)
{
	uint16_t control = pci_read16(msix->function, msix->capability + MSIX_CONTROL);

	pci_write16(msix->function, msix->capability + MSIX_CONTROL,
		    (uint16_t)((control & ~clear) | set));
}

/* The device may not use INTx while it has MSI-X; the bit says so to those that use it all the same. */
void pci_line_disable(const struct pci_function *function, bool disable)
{
	uint16_t command = pci_read16(function, PCI_COMMAND);

	pci_write16(function, PCI_COMMAND,
		    (uint16_t)(disable ? command | PCI_COMMAND_INTERRUPT_DISABLE
				       : command & ~PCI_COMMAND_INTERRUPT_DISABLE));
}

void msix_disable(const struct pci_function *function)
{
	struct msix msix = {
		.function = (struct pci_function *)function,
		.capability = pci_capability_find(function, PCI_CAPABILITY_MSIX, 0),
	};

	if (!msix.capability)
		return;
	control_change(&msix, 0, CONTROL_ENABLE | CONTROL_MASK_ALL);
	pci_line_disable(function, false);
}

static bool overlap(const struct msix *msix)
{
	return msix->table_bar == msix->pending_bar &&
	       msix->table_offset < (uint64_t)msix->pending_offset + pending_size(msix) &&
	       msix->pending_offset < (uint64_t)msix->table_offset + table_size(msix);
}

static int check(const struct msix *msix, const char *what, unsigned int bar, uint32_t offset,
		 uint32_t size)
{
	const struct pci_bar *place = bar < PCI_BARS_MAX ? &msix->function->bars[bar] : NULL;

	if (!place || !pci_bar_is_memory(place)) {
		log_warning("%s: MSI-X %s is in BAR %u, which is no memory BAR",
			    msix->function->name, what, bar);
		return -EINVAL;
	}
	if (size > place->size || offset > place->size - size) {
		log_warning("%s: MSI-X %s of %" PRIu32 " bytes at 0x%" PRIx32
			    " does not lie in BAR %u of 0x%" PRIx64,
			    msix->function->name, what, size, offset, bar, place->size);
		return -EINVAL;
	}
	return 0;
}

static unsigned int entries_at(const struct pci_function *function, unsigned int capability)
{
	return (pci_read16(function, capability + MSIX_CONTROL) & CONTROL_COUNT) + 1;
}

unsigned int msix_entries(const struct pci_function *function)
{
	unsigned int capability = pci_capability_find(function, PCI_CAPABILITY_MSIX, 0);

	return capability ? entries_at(function, capability) : 0;
}

static int read_places(struct msix *msix)
{
	struct pci_function *function = msix->function;
	uint32_t table = pci_read32(function, msix->capability + MSIX_TABLE);
	uint32_t pending = pci_read32(function, msix->capability + MSIX_PENDING);

	msix->count = entries_at(function, msix->capability);
	msix->table_bar = table & PLACE_BAR;
	msix->table_offset = table & ~PLACE_BAR;
	msix->pending_bar = pending & PLACE_BAR;
	msix->pending_offset = pending & ~PLACE_BAR;
	if (check(msix, "table", msix->table_bar, msix->table_offset, table_size(msix)) ||
	    check(msix, "pending bits", msix->pending_bar, msix->pending_offset,
		  pending_size(msix)))
		return -EINVAL;
	if (overlap(msix)) {
		log_warning("%s: MSI-X table and pending bits overlap", function->name);
		return -EINVAL;
	}
	return 0;
}

int msix_init(struct msix *msix, struct pci_function *function)
{
	memset(msix, 0, sizeof(*msix));
	msix->function = function;
	msix->capability = pci_capability_find(function, PCI_CAPABILITY_MSIX, 0);
	if (!msix->capability)
		return -ENODEV;
	/* The capability is 12 bytes long. */
	if (msix->capability > PCI_CONFIG_SIZE - 12) {
		log_warning("%s: MSI-X capability at 0x%x is cut off", function->name,
			    msix->capability);
		return -EINVAL;
	}
	if (read_places(msix))
		return -EINVAL;
	msix->table = pci_bar_map(function, msix->table_bar, msix->table_offset, table_size(msix));
	if (!msix->table)
		return -ENOMEM;
	msix->pending =
		pci_bar_map(function, msix->pending_bar, msix->pending_offset, pending_size(msix));
	if (!msix->pending) {
		pci_bar_unmap(function, msix->table_bar);
		msix->table = NULL;
		return -ENOMEM;
	}
	pci_write16(function, PCI_COMMAND, pci_read16(function, PCI_COMMAND) | PCI_COMMAND_MEMORY);
	/* Enabled under the mask of the whole function, until each entry has its own mask. */
	control_change(msix, CONTROL_ENABLE | CONTROL_MASK_ALL, 0);
	for (unsigned int entry = 0; entry < msix->count; entry++)
		msix_mask(msix, entry);
	pci_line_disable(function, true);
	control_change(msix, 0, CONTROL_MASK_ALL);
	return 0;
}

void msix_shutdown(struct msix *msix)
{
	if (!msix->table)
		return;
	for (unsigned int entry = 0; entry < msix->count; entry++)
		msix_mask(msix, entry);
	control_change(msix, 0, CONTROL_ENABLE | CONTROL_MASK_ALL);
	pci_line_disable(msix->function, false);
	pci_bar_unmap(msix->function, msix->table_bar);
	pci_bar_unmap(msix->function, msix->pending_bar);
	msix->table = msix->pending = NULL;
}

static volatile uint8_t *entry_place(const struct msix *msix, unsigned int entry)
{
	return msix->table + entry * ENTRY_SIZE;
}

static void entry_control(struct msix *msix, unsigned int entry, bool masked)
{
	volatile uint8_t *control;
	uint32_t value;

	if (entry >= msix->count || !msix->table)
		return;
	control = entry_place(msix, entry) + ENTRY_CONTROL;
	/* The other bits are reserved and kept. */
	value = mmio_read32(control);
	mmio_write32(control, masked ? value | ENTRY_MASKED : value & ~ENTRY_MASKED);
}

int msix_set(struct msix *msix, unsigned int entry, const struct interrupt *interrupt)
{
	struct interrupt_message message;
	volatile uint8_t *place;

	if (entry >= msix->count || !msix->table)
		return -EINVAL;
	interrupt_message(interrupt, &message);
	entry_control(msix, entry, true);
	place = entry_place(msix, entry);
	mmio_write32(place + ENTRY_ADDRESS, (uint32_t)message.address);
	mmio_write32(place + ENTRY_ADDRESS_UPPER, (uint32_t)(message.address >> 32));
	mmio_write32(place + ENTRY_DATA, message.data);
	return 0;
}

void msix_mask(struct msix *msix, unsigned int entry)
{
	entry_control(msix, entry, true);
}

void msix_unmask(struct msix *msix, unsigned int entry)
{
	entry_control(msix, entry, false);
}

bool msix_masked(const struct msix *msix, unsigned int entry)
{
	if (entry >= msix->count || !msix->table)
		return true;
	return mmio_read32(entry_place(msix, entry) + ENTRY_CONTROL) & ENTRY_MASKED;
}

bool msix_pending(const struct msix *msix, unsigned int entry)
{
	if (entry >= msix->count || !msix->table)
		return false;
	return mmio_read64(msix->pending + entry / 64 * 8) >> entry % 64 & 1;
}

void msix_mask_all(struct msix *msix, bool mask)
{
	if (!msix->table)
		return;
	control_change(msix, mask ? CONTROL_MASK_ALL : 0, mask ? 0 : CONTROL_MASK_ALL);
}
