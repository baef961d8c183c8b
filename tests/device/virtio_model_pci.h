/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtio model on PCI without the legacy interface (virtio 1.4, 4.1): BAR 4 has the structures
 * at the places below, BAR 1 has MSI-X. A test may change the capabilities in pci.config before it
 * boots.
 */
#ifndef TESTS_DEVICE_VIRTIO_MODEL_PCI_H
#define TESTS_DEVICE_VIRTIO_MODEL_PCI_H

#include "tests/device/pci_model.h"
#include "tests/device/virtio_model.h"

#define MODEL_PCI_BAR 4
#define MODEL_PCI_BAR_ADDRESS 0x8000000000ull
#define MODEL_PCI_BAR_SIZE 0x4000u
#define MODEL_PCI_COMMON 0x0000u
#define MODEL_PCI_ISR 0x1000u
#define MODEL_PCI_DEVICE 0x2000u
#define MODEL_PCI_NOTIFY 0x3000u
#define MODEL_PCI_SHARED 0x1800u /* behind the ISR */
#define MODEL_PCI_MULTIPLIER 4u
#define MODEL_PCI_MSIX_BAR 1
#define MODEL_PCI_MSIX_ADDRESS 0xfe000000ull

/* The legacy interface, where there is one: virtio_model_legacy.c */
#define MODEL_PCI_LEGACY_PORT 0xc000u
#define MODEL_PCI_LEGACY_SIZE 0x80u

struct virtio_model_pci {
	struct pci_model pci;
	struct virtio_model *model;
	/* Offsets of the capabilities. */
	unsigned int common, notify, isr, device;
	const struct host_region_operations *port; /* the legacy interface's, or NULL */
	bool early_msix;			   /* MSI-X was on at DRIVER_OK */
};

/* Puts the model on bus 0 as the given device; vectors 0: without MSI-X. */
void virtio_model_pci_init(struct virtio_model_pci *pci, struct virtio_model *model, uint8_t device,
			   unsigned int vectors);

/* Adds the capability that reaches the BARs through configuration space (4.1.4.9). */
void virtio_model_pci_window(struct virtio_model_pci *pci);

/* Adds vendor data (4.1.4.8) and two regions of shared memory (4.1.4.7), which are not used. */
void virtio_model_pci_extras(struct virtio_model_pci *pci);

/*
 * Makes it transitional: a legacy interface in I/O BAR 0, revision 0 and an ID of that kind. Which
 * of the two the driver uses shows by its first access to a status; model->legacy follows. With
 * `only` the structures of the modern interface are gone.
 */
void virtio_model_pci_legacy(struct virtio_model_pci *pci, bool only);

/* Sends an interrupt in the way that the function is set to. */
void virtio_model_pci_interrupt(struct virtio_model *model, int queue);

#endif
