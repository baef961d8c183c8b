/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message-signalled interrupts: MSI-X (PCI 3.0, 6.8.2), and MSI for devices that have only that.
 *
 *	msix_init()	   finds the capability; checks table and pending bits against their BARs; maps
 *			   them; masks every entry; enables the function with all entries masked
 *	msix_set()	   programs one entry with an interrupt, masked
 *	msix_unmask()	   lets it through
 *	msix_shutdown()	   masks all, disables
 *
 * An entry is always masked while it is written. Context: thread for init and shutdown, any for the
 * rest (mask, unmask and pending are single register accesses).
 */
#ifndef DRIVERS_PCI_MSIX_H
#define DRIVERS_PCI_MSIX_H

#include "drivers/pci/pci.h"
#include "kernel/x86/interrupt.h"

#include <stdbool.h>
#include <stdint.h>

struct msix {
	struct pci_function *function;
	unsigned int capability; /* its offset */
	unsigned int count;	 /* entries in the table, 1 to 2048 */
	unsigned int table_bar, pending_bar;
	uint32_t table_offset, pending_offset;
	volatile uint8_t *table;   /* 16 bytes an entry */
	volatile uint8_t *pending; /* one bit an entry, in 64-bit words */
};

/*
 * 0; -ENODEV: no such capability; -EINVAL: it points outside its BARs (one log line says how);
 * -ENOMEM: could not be mapped.
 */
int msix_init(struct msix *msix, struct pci_function *function);
void msix_shutdown(struct msix *msix);
/* How many entries the function's table has; 0: it has no MSI-X. */
unsigned int msix_entries(const struct pci_function *function);

/* -EINVAL when `entry` is not in the table. */
int msix_set(struct msix *msix, unsigned int entry, const struct interrupt *interrupt);
void msix_mask(struct msix *msix, unsigned int entry);
void msix_unmask(struct msix *msix, unsigned int entry);
bool msix_masked(const struct msix *msix, unsigned int entry);
bool msix_pending(const struct msix *msix, unsigned int entry);
/* The mask bit of the whole function. */
void msix_mask_all(struct msix *msix, bool mask);

/* Turns MSI-X off for a function of which nothing else is known; it may have none. */
void msix_disable(const struct pci_function *function);

/* One MSI message for the whole function. 0, -ENODEV. */
int msi_enable(struct pci_function *function, const struct interrupt *interrupt);
/* No message comes until it is let go on; what would have come meanwhile is lost. Context: any. */
void msi_hold(const struct pci_function *function, bool hold);
void msi_disable(struct pci_function *function);

/* Whether the function may raise INTx at all; MSI-X takes care of it itself. Thread context. */
void pci_line_disable(const struct pci_function *function, bool disable);

/* INTx of this function as an interrupt line: 0, or -ENODEV when it has no pin or no route. */
int pci_interrupt_line(const struct pci_function *function, struct interrupt_line *line);

#endif
