/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the core share; neither drivers nor transports use it. */
#ifndef DRIVERS_VIRTIO_CORE_H
#define DRIVERS_VIRTIO_CORE_H

#include "drivers/virtio/virtio.h"

/* Steps 2 to 6 of 3.1.1, after the reset. Without a driver for its type only step 2, and 0. */
int virtio_negotiate(struct virtio_device *device);

/* Status bits are only ever added, but by a reset (2.1.1). */
void virtio_status_add(struct virtio_device *device, uint8_t bits);

/* DEVICE_NEEDS_RESET (2.1.2): true when the device has set it, and is broken by that now. Any context. */
bool virtio_asks_for_reset(struct virtio_device *device);

/* Its driver has taken it, and can start it again: it is recovered from here on when it breaks. */
void virtio_recovery_add(struct virtio_device *device);
/* The count of interrupts begins (storm.c): the device has its queues. */
void virtio_storm_start(struct virtio_device *device);
/* Polling instead of interrupts (poll.c): from DRIVER_OK on; stopping one that is not polled is nothing. */
void virtio_poll_start(struct virtio_device *device);
void virtio_poll_stop(struct virtio_device *device);

#endif
