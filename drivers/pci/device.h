/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What drivers of emulated PCI devices (rtl8139, e1000, IDE, AHCI) share: the interrupt, the list, and
 * what it takes to bring a device back that broke (drivers/recovery.h).
 *
 *	probe: fill in module, function, operations
 *	       start the device, with interrupts off
 *	       pci_device_add(device, use_message)	connects the interrupt; known to `devices` now
 *	       let interrupts through
 *
 *	running -> pci_device_break() -> bus mastering off, stop() -> start() -> running
 *	                                       ^------- later ----------' fails: given up in the end
 *
 * pci_device_break() may be called anywhere, also in the interrupt handler. Stopping and starting is
 * done by one thread.
 */
#ifndef DRIVERS_PCI_DEVICE_H
#define DRIVERS_PCI_DEVICE_H

#include "drivers/pci/pci.h"
#include "drivers/recovery.h"
#include "kernel/time/timer.h"
#include "kernel/x86/interrupt.h"

#include <stdbool.h>
#include <stdint.h>

/* Interrupts that nobody gets to work on: the device does not take its line back. */
#define PCI_DEVICE_UNSERVED_MAX 10000u
/* So many for an answer are not worth a reset. */
#define PCI_DEVICE_PER_ANSWER 16u
#define PCI_DEVICE_LINES_MAX 2

struct pci_device;

struct pci_device_operations {
	/* `line`: which of them, 0 where there is one. Interrupt context. */
	enum interrupt_result (*interrupt)(struct pci_device *device, unsigned int line);
	/*
	 * The device can reach no memory any more: takes back all that was lent to it. Thread context,
	 * as what follows.
	 */
	void (*stop)(struct pci_device *device);
	/*
	 * Resets the device and lets it run. 0 or a negative errno. After the last of the attempts
	 * (recovery_last_attempt()) there is no other one.
	 */
	int (*start)(struct pci_device *device);
	/* It does not come back. May be NULL. */
	void (*given_up)(struct pci_device *device);
	/* More lines for `devices`, each with 4 blanks in front. May be NULL. */
	void (*print)(struct pci_device *device);
};

struct pci_device_line {
	struct pci_device *device;
	struct interrupt *interrupt;
	unsigned int index;
};

struct pci_device {
	/* The driver's. */
	const char *module; /* as Linux calls it: "e1000" */
	struct pci_function *function;
	const struct pci_device_operations *operations;

	/* This layer's. */
	struct pci_device *next;
	struct pci_device_line lines[PCI_DEVICE_LINES_MAX];
	unsigned int line_count;
	const char *interrupt_mode; /* "msi", "intx", "isa", "poll", "none" */
	struct timer poll;
	struct recovery recovery;
	uint32_t unserved;
	/* Accesses to its registers, counted by the driver. */
	uint64_t register_reads, register_writes;
};

/*
 * Connects the interrupt (a message if `message` says that the driver can do with one, and the
 * function has it; else its line; else a timer), and lists the device. The function's driver_data
 * becomes the device. Thread context.
 */
void pci_device_add(struct pci_device *device, bool message);
/* The same with ISA interrupts, for IDE in compatibility mode: edge-triggered, not shared. */
void pci_device_add_isa(struct pci_device *device, const uint8_t *irqs, unsigned int count);
struct pci_device *pci_device_first(void);

/* "does not answer": as in "it does not answer". The first reason stays. Context: any. */
void pci_device_break(struct pci_device *device, const char *failure);
/* The same, asked for by a user. 0, or -ENODEV: it is stopped for good. Thread context. */
int pci_device_reset(struct pci_device *device);
/* The interrupts so far were worked on. Context: any. */
static inline void pci_device_served(struct pci_device *device)
{
	__atomic_store_n(&device->unserved, 0, __ATOMIC_RELAXED);
}
/* Something of what it was asked for is done, as interrupts say; PCI_DEVICE_PER_ANSWER of them are allowed for that. Context: any. */
void pci_device_answered(struct pci_device *device);

/* A pci_driver's shutdown, for functions whose driver_data is such a device. */
void pci_device_shutdown(struct pci_function *function);

/* How many devices a module has, for MODULE(). */
struct module;
unsigned int pci_device_count(const struct module *module);
uint64_t pci_device_interrupts(const struct pci_device *device);

#endif
