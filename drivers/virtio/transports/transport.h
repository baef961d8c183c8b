/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a transport does for the core (virtio 1.4, chapter 4). A transport knows registers and
 * interrupts, and of a ring only where its three areas lie.
 */
#ifndef DRIVERS_VIRTIO_TRANSPORTS_TRANSPORT_H
#define DRIVERS_VIRTIO_TRANSPORTS_TRANSPORT_H

#include "drivers/virtio/virtio.h"

struct virtio_transport {
	const char *name; /* "pci modern", "mmio 2" */

	/* Device status. Writing 0 starts a reset; the core waits for 0 to be read. Any context. */
	uint8_t (*status_read)(struct virtio_device *device);
	void (*status_write)(struct virtio_device *device, uint8_t status);

	/* Offered bits [32 * word, 32 * word + 31]. */
	uint32_t (*features_read)(struct virtio_device *device, unsigned int word);
	/* All accepted bits at once, so that a transport may choose the order of the words. */
	void (*features_write)(struct virtio_device *device,
			       const struct virtio_features *features);

	/* Device configuration. `width` divides offset and length; inside config_length. Any
	 * context. */
	void (*config_read)(struct virtio_device *device, unsigned int offset, void *buffer,
			    unsigned int length, unsigned int width);
	unsigned int (*config_length)(struct virtio_device *device);
	uint32_t (*config_generation)(struct virtio_device *device);

	/* The largest size of a queue; 0: there is no such queue. */
	uint32_t (*queue_size_max)(struct virtio_device *device, unsigned int index);
	/*
	 * Makes interrupts for configuration changes and for the queues that exist now
	 * (device->queues), before they are enabled, and sets device->interrupt_mode. 0, or -ENODEV
	 * when there is no way.
	 */
	int (*interrupts_connect)(struct virtio_device *device);
	void (*interrupts_release)(struct virtio_device *device);
	/*
	 * Tells the device about a ring, gives it notify and notify_address, and enables it. 0 or a
	 * negative errno after one log line.
	 */
	int (*queue_enable)(struct virtio_device *device, struct virtqueue *vq);

	/* More facts, may be NULL. */
	void (*describe)(struct virtio_device *device, struct facts *facts);
};

/* What a transport's interrupt handlers call. Interrupt context. */
void virtio_config_interrupt(struct virtio_device *device);
/* Each queue that has used buffers and waits for them: for interrupts that several queues share. */
void virtio_queues_interrupt(struct virtio_device *device);

#endif
