/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of drivers/pci/ and their tests; drivers of devices do not include it. */
#ifndef DRIVERS_PCI_INTERNAL_H
#define DRIVERS_PCI_INTERNAL_H

#include "drivers/pci/pci.h"

/* Offsets in configuration space (PCI 3.0, 6.1; PCI-to-PCI Bridge 1.2, 3.2). */
#define PCI_VENDOR_ID 0x00
#define PCI_DEVICE_ID 0x02
#define PCI_COMMAND 0x04
#define PCI_STATUS 0x06
#define PCI_REVISION 0x08
#define PCI_CLASS 0x09
#define PCI_CACHE_LINE 0x0c
#define PCI_LATENCY_TIMER 0x0d
#define PCI_HEADER_TYPE 0x0e
#define PCI_BAR0 0x10
#define PCI_SUBSYSTEM_VENDOR_ID 0x2c
#define PCI_SUBSYSTEM_ID 0x2e
#define PCI_ROM 0x30
#define PCI_CAPABILITIES 0x34
#define PCI_INTERRUPT_LINE 0x3c
#define PCI_INTERRUPT_PIN 0x3d
#define PCI_MINIMUM_GRANT 0x3e
#define PCI_MAXIMUM_LATENCY 0x3f
#define PCI_PRIMARY_BUS 0x18
#define PCI_SECONDARY_BUS 0x19
#define PCI_SUBORDINATE_BUS 0x1a
#define PCI_SECONDARY_LATENCY 0x1b
#define PCI_SECONDARY_STATUS 0x1e
#define PCI_IO_BASE 0x1c
#define PCI_IO_LIMIT 0x1d
#define PCI_MEMORY_BASE 0x20
#define PCI_MEMORY_LIMIT 0x22
#define PCI_PREFETCH_BASE 0x24
#define PCI_PREFETCH_LIMIT 0x26
#define PCI_PREFETCH_BASE_UPPER 0x28
#define PCI_PREFETCH_LIMIT_UPPER 0x2c
#define PCI_IO_BASE_UPPER 0x30
#define PCI_IO_LIMIT_UPPER 0x32
#define PCI_BRIDGE_ROM 0x38
#define PCI_BRIDGE_CONTROL 0x3e
#define PCI_ROM_ENABLE 1u
#define PCI_ROM_ADDRESS 0xfffff800u

#define PCI_COMMAND_IO 0x0001
#define PCI_COMMAND_MEMORY 0x0002
#define PCI_COMMAND_MASTER 0x0004
#define PCI_COMMAND_INTERRUPT_DISABLE 0x0400
#define PCI_STATUS_CAPABILITIES 0x0010

#define PCI_CONFIG_HEADER_SIZE 64 /* the part whose layout is given */
#define PCI_HEADER_NORMAL 0
#define PCI_HEADER_BRIDGE 1
#define PCI_HEADER_CARDBUS 2
#define PCI_CLASS_BRIDGE 0x06
#define PCI_SUBCLASS_HOST 0x00
#define PCI_SUBCLASS_PCI 0x04

#define PCI_EXPRESS_FLAGS 2 /* in the capability: version and type of the port */
#define PCI_EXPRESS_TYPE(flags) ((flags) >> 4 & 0xf)
#define PCI_EXPRESS_LEGACY_ENDPOINT 1
#define PCI_EXPRESS_ROOT_PORT 4
#define PCI_EXPRESS_DOWNSTREAM_PORT 6
#define PCI_EXPRESS_TO_PCI 7

/* access.c */
const struct pci_access *pci_access_find(struct pci_address address);
uint32_t pci_config_read(struct pci_address address, unsigned int offset, unsigned int width);
void pci_config_write(struct pci_address address, unsigned int offset, unsigned int width,
		      uint32_t value);
void pci_access_forget(void); /* tests */

/* ecam.c, cf8.c: register what there is. */
void pci_ecam_init(void);
void pci_cf8_init(void);
/* True when [start, start + length) touches a configuration window. */
bool pci_ecam_overlaps(uint64_t start, uint64_t length);
void pci_ecam_forget(void); /* tests */

/* enumerate.c: finds what is on and behind the root bus `bus` of the segment, up to `last_bus`. */
void pci_enumerate(uint16_t segment, uint8_t bus, uint8_t last_bus);
void pci_forget_functions(void); /* tests */
bool pci_bus_known(uint16_t segment, uint8_t bus);

/* bar.c */
void pci_bars_size(struct pci_function *function);
/* Writes the register and remembers it. */
void pci_bar_set(struct pci_function *function, unsigned int bar, uint64_t address);
static inline bool pci_bar_is_memory(const struct pci_bar *bar)
{
	return bar->type == PCI_BAR_MEMORY32 || bar->type == PCI_BAR_MEMORY64;
}

/* windows.c: the ranges of a root bus out of which BARs may be given. */
enum pci_window_type { PCI_WINDOW_IO, PCI_WINDOW_MEMORY, PCI_WINDOW_TYPES };
struct pci_window {
	enum pci_window_type type;
	uint16_t segment;
	uint8_t bus;
	uint64_t start, length;
};
#define PCI_WINDOWS_MAX 64
unsigned int pci_windows_find(struct pci_window *windows, unsigned int limit);
/* Calls pci_enumerate() for each root bus that is known. */
void pci_roots_each(void (*function)(uint16_t segment, uint8_t bus, uint8_t last_bus));

/* assign.c: gives addresses to the BARs that have none, and windows to the bridges above them. */
void pci_assign(const struct pci_window *windows, unsigned int count);
/* bridge.c: the windows of a PCI-to-PCI bridge. */
enum pci_bridge_window {
	PCI_BRIDGE_IO,
	PCI_BRIDGE_MEMORY,
	PCI_BRIDGE_PREFETCH,
	PCI_BRIDGE_WINDOWS
};
/* False when it is closed or the bridge has none of that kind. */
bool pci_bridge_window_read(const struct pci_function *bridge, enum pci_bridge_window kind,
			    uint64_t *start, uint64_t *length);
/* Nothing passes through it. A bridge that has none of that kind ignores it. */
void pci_bridge_window_close(const struct pci_function *bridge, enum pci_bridge_window kind);
/* -EINVAL: the bridge cannot have this one. Start and length are multiples of the granularity. */
int pci_bridge_window_write(const struct pci_function *bridge, enum pci_bridge_window kind,
			    uint64_t start, uint64_t length);

/* capability.c: one walk that warns of what is wrong. */
void pci_capabilities_check(const struct pci_function *function);

/* names.c: NULL when not known. */
const char *pci_base_class_name(uint8_t class_code);
const char *pci_class_name(uint8_t class_code, uint8_t subclass);
const char *pci_interface_name(uint8_t class_code, uint8_t subclass, uint8_t programming_interface);
const char *pci_vendor_name(uint16_t vendor_id);
const char *pci_device_name(uint16_t vendor_id, uint16_t device_id);

/* lspci_capability.c: the capability lines of `lspci -v`; detail for -vv. */
void lspci_capabilities(const struct pci_function *function, bool detail, bool names, bool numbers);
/* lspci.c: "Vendor Device", with or instead of numbers, as -n and -nn want it. */
void lspci_print_device(uint16_t vendor_id, uint16_t device_id, bool names, bool numbers);
void lspci_print_subsystem(uint16_t vendor_id, uint16_t id, bool names, bool numbers);

#endif
