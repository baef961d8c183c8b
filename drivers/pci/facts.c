/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI functions as facts: for the status page, /status.json and the shell. */
#include "kernel/facts/facts.h"

#include "drivers/pci/internal.h"

static const char *class_text(const struct pci_function *function)
{
	const char *name = pci_class_name(function->class_code, function->subclass);

	if (!name)
		name = pci_base_class_name(function->class_code);
	return name ? name : "unknown";
}

static void describe_bars(struct facts *facts, const struct pci_function *function)
{
	fact_list(facts, "bars");
	for (unsigned int i = 0; i < PCI_BARS_MAX; i++) {
		const struct pci_bar *bar = &function->bars[i];

		if (bar->type == PCI_BAR_NONE || bar->type == PCI_BAR_UPPER_HALF)
			continue;
		fact_item(facts);
		fact_number(facts, "bar", i);
		fact_text(facts, "type",
			  bar->type == PCI_BAR_IO	  ? "ports"
			  : bar->type == PCI_BAR_MEMORY64 ? "memory 64-bit"
							  : "memory 32-bit");
		fact_flag(facts, "prefetchable", bar->prefetchable);
		if (bar->address)
			fact_hex(facts, "address", bar->address);
		else
			fact_none(facts, "address");
		fact_bytes(facts, "size", bar->size);
		fact_end(facts);
	}
	fact_end(facts);
}

static void describe_interrupts(struct facts *facts, const struct pci_function *function)
{
	unsigned int msix = pci_capability_find(function, PCI_CAPABILITY_MSIX, 0);
	unsigned int msi = pci_capability_find(function, PCI_CAPABILITY_MSI, 0);
	uint16_t control;

	if (msix) {
		control = pci_read16(function, msix + 2);
		fact_object(facts, "msix");
		fact_flag(facts, "enabled", control & 0x8000);
		fact_flag(facts, "masked", control & 0x4000);
		fact_number(facts, "count", (control & 0x7ffu) + 1);
		fact_end(facts);
	}
	if (msi) {
		control = pci_read16(function, msi + 2);
		fact_object(facts, "msi");
		fact_flag(facts, "enabled", control & 1);
		fact_number(facts, "count", 1u << (control >> 1 & 7));
		fact_end(facts);
	}
}

static void describe_pci(struct facts *facts)
{
	fact_list(facts, "functions");
	for (const struct pci_function *function = pci_first(); function;
	     function = function->next) {
		const char *vendor = pci_vendor_name(function->vendor_id);
		const char *device = pci_device_name(function->vendor_id, function->device_id);

		fact_item(facts);
		fact_text(facts, "address", function->name);
		fact_format(facts, "id", "%04x:%04x", function->vendor_id, function->device_id);
		fact_text(facts, "class", class_text(function));
		fact_format(facts, "name", "%s%s%s", vendor ? vendor : "",
			    vendor && device ? " " : "", device ? device : "");
		fact_number(facts, "revision", function->revision);
		if (function->driver)
			fact_text(facts, "driver", function->driver->name);
		else
			fact_none(facts, "driver");
		describe_bars(facts, function);
		describe_interrupts(facts, function);
		fact_end(facts);
	}
	fact_end(facts);
}
FACTS(pci, "pci", 40, describe_pci);
