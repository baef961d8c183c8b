/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the PCI transport share (virtio 1.4, 4.1). */
#ifndef DRIVERS_VIRTIO_TRANSPORTS_PCI_H
#define DRIVERS_VIRTIO_TRANSPORTS_PCI_H

#include "drivers/pci/msix.h"
#include "drivers/pci/pci.h"
#include "drivers/virtio/transports/transport.h"

#define VIRTIO_PCI_VENDOR 0x1af4u
#define VIRTIO_PCI_DEVICE_TRANSITIONAL 0x1000u
#define VIRTIO_PCI_DEVICE_MODERN 0x1040u
#define VIRTIO_PCI_DEVICE_LAST 0x107fu

#define VIRTIO_MSI_NO_VECTOR 0xffffu

#define VIRTIO_ISR_QUEUE 1u
#define VIRTIO_ISR_CONFIG 2u

/* A mapped structure; `registers` NULL: the device has none. */
struct virtio_pci_region {
	volatile uint8_t *registers;
	uint32_t length; /* of what is mapped */
	unsigned int bar;
};

struct virtio_pci {
	struct virtio_device device;
	struct pci_function *function;

	/* pci_modern.c */
	struct virtio_pci_region common, notify, isr, config;
	uint32_t notify_multiplier;

	uint16_t port; /* pci_legacy.c: the first of its registers */

	/* pci_interrupts.c */
	struct msix msix;
	bool msix_enabled;
	struct interrupt **interrupts; /* one for each MSI-X entry in use, or the line's alone */
	unsigned int interrupt_count;
	/* How a layout tells the device about vectors; the result is what it reads back. */
	uint16_t (*config_vector)(struct virtio_pci *pci, uint16_t vector);
	uint16_t (*queue_vector)(struct virtio_pci *pci, unsigned int index, uint16_t vector);
	uint8_t (*isr_read)(struct virtio_pci *pci);
};

static inline struct virtio_pci *virtio_pci_of(struct virtio_device *device)
{
	return device->transport_data;
}

/*
 * Finds the structures of a device that is not legacy and maps them. 0; -ENODEV: it has none of the
 * first, so it is a legacy device; other: it has, and they cannot be used (one log line).
 */
int virtio_pci_modern_init(struct virtio_pci *pci);
void virtio_pci_modern_exit(struct virtio_pci *pci);

/* The legacy interface in an I/O BAR. 0; -ENODEV: it has none, or none that can be used. */
int virtio_pci_legacy_init(struct virtio_pci *pci);

/* The transport's `present`: configuration space answers (PCI Express 2.3.2: all ones when nobody does). */
bool virtio_pci_present(const struct virtio_device *device);
/* The transport's memory_access: bus mastering. */
void virtio_pci_memory_access(struct virtio_device *device, bool allowed);

/* The transport's interrupts_connect, interrupts_release and config_poll. */
int virtio_pci_interrupts_connect(struct virtio_device *device, enum virtio_interrupts wanted);
bool virtio_pci_config_poll(struct virtio_device *device);
void virtio_pci_interrupts_release(struct virtio_device *device);
void virtio_pci_interrupts_offered(struct virtio_device *device, char *text, size_t size);
void virtio_pci_interrupts_describe(struct virtio_device *device, struct facts *facts);

#endif
