/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI: configuration access, the devices that were found, their BARs and capabilities.
 *
 *	boot:    pci_init()		finds the ways to reach configuration space, enumerates all buses,
 *					assigns what firmware left unassigned
 *		 pci_bind_drivers()	offers each function to the drivers of the table
 *	driver:  pci_enable(), pci_bar_map(), pci_capability_find(), msix_init() ...
 *
 * All of it runs in thread context. Configuration accessors are safe from any context.
 */
#ifndef DRIVERS_PCI_PCI_H
#define DRIVERS_PCI_PCI_H

#include "kernel/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_BARS_MAX 6
#define PCI_NAME_MAX 16 /* "0000:00:1f.7" */
#define PCI_CONFIG_SIZE 256
#define PCI_CONFIG_SIZE_EXTENDED 4096

struct pci_address {
	uint16_t segment;
	uint8_t bus;
	uint8_t device;
	uint8_t function;
};

enum pci_bar_type {
	PCI_BAR_NONE,
	PCI_BAR_IO,
	PCI_BAR_MEMORY32,
	PCI_BAR_MEMORY64,
	PCI_BAR_UPPER_HALF
};

struct pci_bar {
	enum pci_bar_type type;
	bool prefetchable;
	uint64_t address; /* as the CPU sees it; 0: is not or could not be assigned */
	uint64_t size;	  /* bytes, a power of two; 0: not implemented */
	/* How often and where it is mapped: owned by bar.c. */
	volatile void *mapping;
	unsigned int mapping_users;
};

struct pci_driver;

struct pci_function {
	struct pci_function *next;   /* in the order of their addresses */
	struct pci_function *parent; /* the bridge it is behind, or NULL */
	struct pci_address address;
	char name[PCI_NAME_MAX]; /* "00:03.0" */
	uint16_t vendor_id, device_id, subsystem_vendor_id, subsystem_id;
	uint8_t class_code, subclass, programming_interface, revision;
	uint8_t header_type;   /* without the multi-function bit */
	uint8_t interrupt_pin; /* 1 INTA ... 4, 0 none */
	uint8_t interrupt_line;
	uint8_t secondary_bus, subordinate_bus; /* of bridges */
	bool extended_config;			/* offsets 0x100 and above can be read */
	struct pci_bar bars[PCI_BARS_MAX];
	uint32_t rom_size;		 /* 0: no expansion ROM */
	const struct pci_driver *driver; /* bound to it, or NULL */
	void *driver_data;
};

/* -- Configuration space. An access outside it, or to no function, reads all ones and writes nothing. */
uint8_t pci_read8(const struct pci_function *function, unsigned int offset);
uint16_t pci_read16(const struct pci_function *function, unsigned int offset);
uint32_t pci_read32(const struct pci_function *function, unsigned int offset);
void pci_write8(const struct pci_function *function, unsigned int offset, uint8_t value);
void pci_write16(const struct pci_function *function, unsigned int offset, uint16_t value);
void pci_write32(const struct pci_function *function, unsigned int offset, uint32_t value);

/*
 * A way to reach configuration space (ECAM, CF8, a model device). `width` is 1, 2 or 4 and the offset
 * is a multiple of it. The first registered way that covers an address is used.
 */
struct pci_access {
	const char *name;
	bool extended;
	bool (*covers)(const struct pci_access *access, struct pci_address address);
	uint32_t (*read)(const struct pci_access *access, struct pci_address address,
			 unsigned int offset, unsigned int width);
	void (*write)(const struct pci_access *access, struct pci_address address,
		      unsigned int offset, unsigned int width, uint32_t value);
	void *context;
	struct pci_access *next;
};
void pci_access_register(struct pci_access *access);

/*
 * -- Enumeration. pci_init() needs platform_init(). A driver's probe may start threads; pci_shutdown()
 * calls each bound driver's shutdown, then takes messages and bus mastering away from all functions but
 * bridges, before the machine is handed on.
 */
void pci_init(void);
void pci_bind_drivers(void);
void pci_shutdown(void);
/* The first function, then each ->next. */
struct pci_function *pci_first(void);
struct pci_function *pci_find(struct pci_address address);
/* "[[ssss:]bb:]dd.f" as lspci -s takes it; 0 or -EINVAL. */
int pci_parse_address(const char *text, struct pci_address *address);

/* -- What drivers use */
/* Turns on I/O and memory decoding and bus mastering / turns bus mastering off. */
void pci_enable(struct pci_function *function);
void pci_disable(struct pci_function *function);
/*
 * Maps [offset, offset + length) of a memory BAR. NULL, with a log line, when the BAR is not a memory
 * BAR, is not assigned, or is smaller than that. The whole BAR is mapped by its first user, and stays
 * so; each pci_bar_map() has its pci_bar_unmap().
 */
volatile void *pci_bar_map(struct pci_function *function, unsigned int bar, uint64_t offset,
			   uint64_t length);
void pci_bar_unmap(struct pci_function *function, unsigned int bar);
/* The first port of an I/O BAR, or 0 when it is not one or is smaller than `length`. */
uint16_t pci_bar_port(const struct pci_function *function, unsigned int bar, uint64_t length);

/*
 * Walks. Each returns an offset in configuration space or 0. `after` is 0 to start, then the offset
 * returned before. They end on loops and on pointers outside the space; pci_init() has said so in one
 * warning for each function. Low bits of pointers, which are reserved, are ignored.
 */
unsigned int pci_capability_find(const struct pci_function *function, uint8_t id,
				 unsigned int after);
unsigned int pci_extended_capability_find(const struct pci_function *function, uint16_t id,
					  unsigned int after);
/* All capabilities whatever their id, for lspci; the id is stored. */
unsigned int pci_capability_next(const struct pci_function *function, unsigned int after,
				 uint8_t *id);
unsigned int pci_extended_capability_next(const struct pci_function *function, unsigned int after,
					  uint16_t *id);

#define PCI_CAPABILITY_POWER 0x01
#define PCI_CAPABILITY_MSI 0x05
#define PCI_CAPABILITY_VENDOR 0x09
#define PCI_CAPABILITY_SUBSYSTEM 0x0d
#define PCI_CAPABILITY_EXPRESS 0x10
#define PCI_CAPABILITY_MSIX 0x11

/* -- Drivers. probe() returns 0 when it took the function; -ENODEV: not mine; other: was mine, failed. */
struct pci_match {
	uint16_t vendor_id;
	uint16_t device_first, device_last;
};

struct pci_driver {
	const char *name;
	const struct pci_match *matches; /* ends with vendor_id 0 */
	int (*probe)(struct pci_function *function);
	/* Stops the device before the machine is handed to somebody else; may be NULL. */
	void (*shutdown)(struct pci_function *function);
};

TABLE_DECLARE(pci_drivers, struct pci_driver);
#define PCI_DRIVER(identifier) TABLE_ENTRY(pci_drivers, struct pci_driver, pci_driver_##identifier)

#endif
