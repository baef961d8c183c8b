/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a transport does for the core (virtio 1.4, chapter 4). A transport knows registers and
 * interrupts, and of a ring only where its three areas lie.
 */
#ifndef DRIVERS_VIRTIO_TRANSPORTS_TRANSPORT_H
#define DRIVERS_VIRTIO_TRANSPORTS_TRANSPORT_H

#include "drivers/virtio/virtio.h"

/* How a device is to interrupt. */
enum virtio_interrupts {
	VIRTIO_INTERRUPTS_BEST,	     /* the first of these that can be had, but POLL */
	VIRTIO_INTERRUPTS_PER_QUEUE, /* each queue, and configuration changes, have their own */
	VIRTIO_INTERRUPTS_SHARED,    /* a message for all queues */
	VIRTIO_INTERRUPTS_LINE,
	VIRTIO_INTERRUPTS_POLL, /* none at all */
};

struct virtio_transport {
	const char *name;      /* "pci modern", "pci legacy", "mmio 2", "mmio 1" */
	bool legacy;	       /* no VERSION_1, no FEATURES_OK; rings in the legacy layout */
	bool queue_size_fixed; /* the driver cannot choose a smaller one */

	/* Device status. Writing 0 starts a reset; the core waits for 0 to be read. Any context. */
	uint8_t (*status_read)(struct virtio_device *device);
	void (*status_write)(struct virtio_device *device, uint8_t status);

	/*
	 * Whether the device may reach memory at all. Taken from one that does not come out of its
	 * reset, and given back when it does. NULL: the bus has no such switch. Thread context.
	 */
	void (*memory_access)(struct virtio_device *device, bool allowed);
	/* Whether the bus still has the device. NULL: it cannot be taken away. Context: any. */
	bool (*present)(const struct virtio_device *device);

	/* Offered bits [32 * word, 32 * word + 31]. */
	uint32_t (*features_read)(struct virtio_device *device, unsigned int word);
	/* All accepted bits at once, so that a transport may choose the order of the words. */
	void (*features_write)(struct virtio_device *device,
			       const struct virtio_features *features);

	/* Device configuration. `width` divides offset and length; inside config_length. Any
	 * context. */
	void (*config_read)(struct virtio_device *device, unsigned int offset, void *buffer,
			    unsigned int length, unsigned int width);
	/* One field of `width` bytes, aligned; inside config_length. Thread context. */
	void (*config_write)(struct virtio_device *device, unsigned int offset, uint32_t value,
			     unsigned int width);
	unsigned int (*config_length)(struct virtio_device *device);
	/* NULL: there is none. */
	uint32_t (*config_generation)(struct virtio_device *device);
	/* Whether it changed since the last time; for polling, without interrupts. Any context. */
	bool (*config_poll)(struct virtio_device *device);

	/* The largest size of a queue; 0: there is no such queue. */
	uint32_t (*queue_size_max)(struct virtio_device *device, unsigned int index);
	/*
	 * Makes interrupts for configuration changes and for the queues that exist now
	 * (device->queues), before they are enabled, and sets device->interrupt_mode. 0, or a
	 * negative errno when there is no way, or none that is `wanted`. POLL always works.
	 */
	int (*interrupts_connect)(struct virtio_device *device, enum virtio_interrupts wanted);
	void (*interrupts_release)(struct virtio_device *device);
	/* What the device has to interrupt with, in words, for one that cannot do what is wanted. */
	void (*interrupts_offered)(struct virtio_device *device, char *text, size_t size);
	/*
	 * Tells the device about a ring, gives it notify and notify_address, and enables it. 0 or a
	 * negative errno after one log line.
	 */
	int (*queue_enable)(struct virtio_device *device, struct virtqueue *vq);

	/*
	 * Resets one queue and waits until that is over (RING_RESET); enabling makes it live again.
	 * 0, -ETIMEDOUT or -EIO. NULL: cannot.
	 */
	int (*queue_reset)(struct virtio_device *device, struct virtqueue *vq);
	/* Takes features away that the transport cannot; may be NULL. */
	void (*features_limit)(struct virtio_device *device, struct virtio_features *wanted);

	/* More facts, may be NULL. */
	void (*describe)(struct virtio_device *device, struct facts *facts);
};

/*
 * What a transport's interrupt handlers call. Interrupt context.
 *
 * First, once: counts the interrupt, of which too many for nothing break the device. False: it is broken, and
 * whatever it says is none of our business.
 */
bool virtio_interrupt(struct virtio_device *device);
void virtio_config_interrupt(struct virtio_device *device);
/* Each queue that has used buffers and waits for them: for interrupts that several queues share. */
void virtio_queues_interrupt(struct virtio_device *device);

#endif
