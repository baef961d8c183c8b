/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Targets on the PCI bus: the interface of virtio 1 by its capabilities (virtio 1.4, 4.1.4), and the legacy
 * one in I/O BAR 0 (4.1.4.10). A transitional function has both, and so is two targets: the second is called
 * "00:03.0/legacy".
 */
#define LOG_AREA "conform"
#include "drivers/pci/pci.h"

#include "kernel/console/log.h"
#include "kernel/options/options.h"
#include "tests/conformance/guest/guest.h"

#include <stdio.h>
#include <string.h>

#define VENDOR 0x1af4u
#define DEVICE_TRANSITIONAL 0x1000u
#define DEVICE_MODERN 0x1040u
#define DEVICE_LAST 0x107fu
#define MSIX_CONTROL 2
#define MSIX_CONTROL_ENABLE 0x8000u
#define MSIX_ENTRY_SIZE 16u

/* The virtio capability. */
#define CAP_LENGTH 2
#define CAP_TYPE 3
#define CAP_BAR 4
#define CAP_OFFSET 8
#define CAP_SIZE 12
#define CAP_MULTIPLIER 16
#define CAP_BYTES 16

#define TYPE_COMMON 1
#define TYPE_NOTIFY 2
#define TYPE_ISR 3
#define TYPE_DEVICE 4

#define LEGACY_BYTES 20u

static uint32_t type_of(const struct pci_function *function)
{
	return function->device_id >= DEVICE_MODERN ? function->device_id - DEVICE_MODERN
						    : function->subsystem_id;
}

static volatile uint8_t *map(struct guest_target *guest, unsigned int bar, uint64_t offset,
			     uint64_t length)
{
	volatile void *memory = pci_bar_map(guest->function, bar, offset, length);

	/* One user is enough to keep it. */
	if (memory && guest->bars_mapped & 1u << bar)
		pci_bar_unmap(guest->function, bar);
	if (memory)
		guest->bars_mapped |= 1u << bar;
	return memory;
}

static void unmap(struct guest_target *guest)
{
	for (unsigned int bar = 0; bar < PCI_BARS_MAX; bar++)
		if (guest->bars_mapped & 1u << bar)
			pci_bar_unmap(guest->function, bar);
	guest->bars_mapped = 0;
}

/* The structure that the capability at `at` is about; the first of each type that can be used is used. */
static void find_structure(struct guest_target *guest, unsigned int at)
{
	static const enum conformance_space spaces[] = {[TYPE_COMMON] = SPACE_COMMON,
							[TYPE_NOTIFY] = SPACE_NOTIFY,
							[TYPE_ISR] = SPACE_ISR,
							[TYPE_DEVICE] = SPACE_DEVICE};
	const struct pci_function *function = guest->function;
	uint8_t type = pci_read8(function, at + CAP_TYPE), bar = pci_read8(function, at + CAP_BAR);
	uint32_t offset = pci_read32(function, at + CAP_OFFSET);
	uint32_t length = pci_read32(function, at + CAP_SIZE);
	enum conformance_space space;
	volatile uint8_t *memory;

	if (pci_read8(function, at + CAP_LENGTH) < CAP_BYTES || type < TYPE_COMMON ||
	    type > TYPE_DEVICE || bar >= PCI_BARS_MAX || !length)
		return;
	space = spaces[type];
	if (guest->target.length[space] || offset >= function->bars[bar].size)
		return;
	if (length > function->bars[bar].size - offset)
		length = (uint32_t)(function->bars[bar].size - offset);
	memory = map(guest, bar, offset, length);
	if (!memory)
		return;
	guest->places[space].memory = memory;
	guest->target.length[space] = length;
	if (type == TYPE_NOTIFY)
		guest->target.notify_multiplier = pci_read32(function, at + CAP_MULTIPLIER);
}

/* Any transport on PCI. MSI-X is off afterwards, and the line is not held back. */
static void find_common(struct guest_target *guest)
{
	struct conformance_target *target = &guest->target;
	struct pci_function *function = guest->function;
	uint16_t control;
	struct msix msix;

	target->length[SPACE_PCI] =
		function->extended_config ? PCI_CONFIG_SIZE_EXTENDED : PCI_CONFIG_SIZE;
	target->line = !pci_interrupt_line(function, &guest->line);
	/* It checks the table against its BAR, masks all entries, and turns MSI-X on. */
	if (msix_init(&msix, function))
		return;
	control = pci_read16(function, msix.capability + MSIX_CONTROL);
	pci_write16(function, msix.capability + MSIX_CONTROL,
		    (uint16_t)(control & ~MSIX_CONTROL_ENABLE));
	pci_line_disable(function, false);
	target->msix_capability = msix.capability;
	target->msix_count = msix.count;
	target->length[SPACE_MSIX_TABLE] = msix.count * MSIX_ENTRY_SIZE;
	target->length[SPACE_MSIX_PENDING] = (msix.count + 63) / 64 * 8;
	guest->places[SPACE_MSIX_TABLE].memory =
		map(guest, msix.table_bar, msix.table_offset, target->length[SPACE_MSIX_TABLE]);
	guest->places[SPACE_MSIX_PENDING].memory = map(guest, msix.pending_bar, msix.pending_offset,
						       target->length[SPACE_MSIX_PENDING]);
	pci_bar_unmap(function, msix.table_bar);
	pci_bar_unmap(function, msix.pending_bar);
}

/* False: it has no such interface. */
static bool find_modern(struct guest_target *guest)
{
	unsigned int at = 0;

	while ((at = pci_capability_find(guest->function, PCI_CAPABILITY_VENDOR, at)))
		find_structure(guest, at);
	if (guest->target.length[SPACE_COMMON] && guest->target.length[SPACE_NOTIFY] &&
	    guest->target.length[SPACE_ISR])
		return true;
	unmap(guest);
	return false;
}

static bool find_legacy(struct guest_target *guest)
{
	struct pci_function *function = guest->function;
	uint16_t port = pci_bar_port(function, 0, LEGACY_BYTES);

	if (function->device_id >= DEVICE_MODERN || function->revision || !port)
		return false;
	guest->places[SPACE_COMMON].port = port;
	guest->target.length[SPACE_COMMON] = (uint32_t)function->bars[0].size;
	return true;
}

static bool wanted(const char *interface)
{
	return !strcmp(option_get("virtio.transport", interface), interface);
}

static unsigned int add(const struct suite_options *options, struct guest_target *targets[],
			unsigned int count, struct pci_function *function,
			enum conformance_transport transport, bool second)
{
	unsigned int before = count;
	struct guest_target *guest;
	char name[PCI_NAME_MAX + 8];

	sniprintf(name, sizeof(name), "%s%s", function->name, second ? "/legacy" : "");
	guest = guest_target_add(targets, &count, type_of(function), name);
	if (!guest)
		return before;
	guest->function = function;
	guest->target.transport = transport;
	if (transport == TRANSPORT_PCI ? find_modern(guest) : find_legacy(guest)) {
		if (!options->list)
			find_common(guest);
		return count;
	}
	guest_target_release(guest);
	return before;
}

unsigned int guest_pci_find(const struct suite_options *options, struct guest_target *targets[],
			    unsigned int count)
{
	for (struct pci_function *function = pci_first(); function; function = function->next) {
		unsigned int before = count;

		if (function->vendor_id != VENDOR || function->device_id < DEVICE_TRANSITIONAL ||
		    function->device_id > DEVICE_LAST ||
		    !guest_claim(options, type_of(function), function->name))
			continue;
		if (!options->list) {
			guest_detach_function(function);
			pci_enable(function);
		}
		if (wanted("modern"))
			count = add(options, targets, count, function, TRANSPORT_PCI, false);
		if (wanted("legacy"))
			count = add(options, targets, count, function, TRANSPORT_PCI_LEGACY,
				    count > before);
		if (count == before)
			log_notice("%s: a virtio device without an interface that can be used",
				   function->name);
	}
	return count;
}
