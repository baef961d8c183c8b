/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio over PCI by the legacy interface (virtio 1.4, 4.1.4.10 and 4.1.5.1.3.1): a block of registers
 * in I/O BAR 0, with the device's configuration behind it. There are 32 feature bits, one size for
 * each queue, one block of memory for its three parts, and no generation of the configuration.
 */
#include "drivers/virtio/transports/pci.h"

#include "kernel/console/log.h"
#include "kernel/x86/io.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "virtio"

#define LEGACY_BAR 0
#define LEGACY_DEVICE_FEATURES 0
#define LEGACY_DRIVER_FEATURES 4
#define LEGACY_QUEUE_PFN 8
#define LEGACY_QUEUE_SIZE 12
#define LEGACY_QUEUE_SELECT 14
#define LEGACY_QUEUE_NOTIFY 16
#define LEGACY_STATUS 18
#define LEGACY_ISR 19
/* These two are there only while MSI-X is enabled; the configuration moves behind them. */
#define LEGACY_CONFIG_VECTOR 20
#define LEGACY_QUEUE_VECTOR 22
#define LEGACY_CONFIG 20
#define LEGACY_CONFIG_MSIX 24

#define PAGE_SHIFT 12
#define MSIX_CONTROL 2
#define MSIX_CONTROL_ENABLE 0x8000u

static uint16_t port_of(struct virtio_device *device)
{
	return virtio_pci_of(device)->port;
}

static uint8_t legacy_status_read(struct virtio_device *device)
{
	return port_read8(port_of(device) + LEGACY_STATUS);
}

static void legacy_status_write(struct virtio_device *device, uint8_t status)
{
	port_write8(port_of(device) + LEGACY_STATUS, status);
}

static uint32_t legacy_features_read(struct virtio_device *device, unsigned int word)
{
	return word ? 0 : port_read32(port_of(device) + LEGACY_DEVICE_FEATURES);
}

static void legacy_features_write(struct virtio_device *device,
				  const struct virtio_features *features)
{
	port_write32(port_of(device) + LEGACY_DRIVER_FEATURES, features->words[0]);
}

/* -- Configuration */

static uint16_t config_port(struct virtio_device *device)
{
	struct virtio_pci *pci = virtio_pci_of(device);

	return (uint16_t)(pci->port + (pci->msix_enabled ? LEGACY_CONFIG_MSIX : LEGACY_CONFIG));
}

static void legacy_config_read(struct virtio_device *device, unsigned int offset, void *buffer,
			       unsigned int length, unsigned int width)
{
	uint16_t port = (uint16_t)(config_port(device) + offset);
	uint8_t *bytes = buffer;

	for (unsigned int i = 0; i + width <= length; i += width) {
		uint32_t value = width == 1   ? port_read8(port)
				 : width == 2 ? port_read16(port)
					      : port_read32(port);
		memcpy(bytes + i, &value, width);
		port = (uint16_t)(port + width);
	}
}

static void legacy_config_write(struct virtio_device *device, unsigned int offset, uint32_t value,
				unsigned int width)
{
	uint16_t port = (uint16_t)(config_port(device) + offset);

	if (width == 1)
		port_write8(port, (uint8_t)value);
	else
		port_write32(port, value);
}

/* Its length is not said: what is left of the BAR. */
static unsigned int legacy_config_length(struct virtio_device *device)
{
	struct virtio_pci *pci = virtio_pci_of(device);

	return (unsigned int)pci->function->bars[LEGACY_BAR].size - LEGACY_CONFIG_MSIX;
}

static uint16_t legacy_config_vector(struct virtio_pci *pci, uint16_t vector)
{
	port_write16(pci->port + LEGACY_CONFIG_VECTOR, vector);
	return port_read16(pci->port + LEGACY_CONFIG_VECTOR);
}

static uint16_t legacy_queue_vector(struct virtio_pci *pci, unsigned int index, uint16_t vector)
{
	port_write16(pci->port + LEGACY_QUEUE_SELECT, (uint16_t)index);
	port_write16(pci->port + LEGACY_QUEUE_VECTOR, vector);
	return port_read16(pci->port + LEGACY_QUEUE_VECTOR);
}

static uint8_t legacy_isr_read(struct virtio_pci *pci)
{
	return port_read8(pci->port + LEGACY_ISR);
}

/* -- Queues */

static uint32_t legacy_queue_size_max(struct virtio_device *device, unsigned int index)
{
	port_write16(port_of(device) + LEGACY_QUEUE_SELECT, (uint16_t)index);
	return port_read16(port_of(device) + LEGACY_QUEUE_SIZE);
}

static void legacy_notify(struct virtqueue *vq)
{
	port_write16(port_of(vq->device) + LEGACY_QUEUE_NOTIFY, vq->notify_value);
}

static int legacy_queue_enable(struct virtio_device *device, struct virtqueue *vq)
{
	uint16_t port = port_of(device);

	port_write16(port + LEGACY_QUEUE_SELECT, vq->index);
	if (port_read32(port + LEGACY_QUEUE_PFN)) {
		log_error("%s (%s): queue %u is in use already", device->bus_name, device->name,
			  vq->index);
		return -EBUSY;
	}
	vq->notify = legacy_notify;
	vq->notify_value = vq->index;
	port_write32(port + LEGACY_QUEUE_PFN, (uint32_t)(vq->descriptor_area >> PAGE_SHIFT));
	return 0;
}

static const struct virtio_transport legacy_transport = {
	.name = "pci legacy",
	.legacy = true,
	.queue_size_fixed = true,
	.status_read = legacy_status_read,
	.status_write = legacy_status_write,
	.memory_access = virtio_pci_memory_access,
	.present = virtio_pci_present,
	.features_read = legacy_features_read,
	.features_write = legacy_features_write,
	.config_read = legacy_config_read,
	.config_write = legacy_config_write,
	.config_length = legacy_config_length,
	.config_poll = virtio_pci_config_poll,
	.queue_size_max = legacy_queue_size_max,
	.interrupts_connect = virtio_pci_interrupts_connect,
	.interrupts_release = virtio_pci_interrupts_release,
	.interrupts_offered = virtio_pci_interrupts_offered,
	.queue_enable = legacy_queue_enable,
	.describe = virtio_pci_interrupts_describe,
};

/* Firmware may have left it enabled, and the configuration would be where we do not look. */
static void disable_msix(struct pci_function *function)
{
	unsigned int capability = pci_capability_find(function, PCI_CAPABILITY_MSIX, 0);
	uint16_t control;

	if (!capability)
		return;
	control = pci_read16(function, capability + MSIX_CONTROL);
	if (control & MSIX_CONTROL_ENABLE)
		pci_write16(function, capability + MSIX_CONTROL,
			    (uint16_t)(control & ~MSIX_CONTROL_ENABLE));
}

int virtio_pci_legacy_init(struct virtio_pci *pci)
{
	/* 4.1.2.3: only devices with a transitional ID have it, and revision 0. */
	if (pci->function->device_id >= VIRTIO_PCI_DEVICE_MODERN || pci->function->revision != 0)
		return -ENODEV;
	pci->port = pci_bar_port(pci->function, LEGACY_BAR, LEGACY_CONFIG_MSIX);
	if (!pci->port)
		return -ENODEV;
	disable_msix(pci->function);
	pci->device.transport = &legacy_transport;
	pci->config_vector = legacy_config_vector;
	pci->queue_vector = legacy_queue_vector;
	pci->isr_read = legacy_isr_read;
	return 0;
}
