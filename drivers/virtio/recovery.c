/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an attempt to bring a virtio device back is: reset, taken from its driver, and given to it again
 * (virtio 1.4, 2.1.2 and 3.1.1). When that is done stands in drivers/recovery.h.
 */
#include "drivers/virtio/core.h"

#include "drivers/virtio/transports/transport.h"

static struct virtio_device *device_of(struct recovery *recovery)
{
	return (struct virtio_device *)((char *)recovery -
					offsetof(struct virtio_device, recovery));
}

/* Its driver gives back what the device has: it must have let go of it, or be known not to. */
static void stop(struct virtio_device *device)
{
	if (device->recovery.stopped)
		return;
	device->driver->stop(device);
	device->recovery.stopped = true;
}

static void give_up(struct recovery *recovery)
{
	struct virtio_device *device = device_of(recovery);

	if (!recovery->stopped && !device->reset_failed)
		(void)virtio_reset(device);
	stop(device);
	virtio_status_add(device, VIRTIO_STATUS_FAILED);
	if (device->driver->given_up)
		device->driver->given_up(device);
}

static int attempt(struct recovery *recovery)
{
	struct virtio_device *device = device_of(recovery);
	int error = virtio_reset(device); /* step 1 */

	if (error)
		return error;
	stop(device);
	virtio_queues_destroy(device);
	recovery_begin(recovery);
	error = virtio_negotiate(device);
	if (error)
		return error;
	/* An interrupt may come, and break it, before start() has returned. */
	recovery->stopped = false;
	error = device->driver->start(device);
	if (error)
		recovery->stopped = true;
	return error;
}

void virtio_recovery_add(struct virtio_device *device)
{
	static const struct recovery_operations operations = {attempt, give_up};

	device->recovery.operations = &operations;
	device->recovery.place = device->bus_name;
	device->recovery.name = device->name;
	recovery_add(&device->recovery);
}

void virtio_shutdown(struct virtio_device *device)
{
	recovery_shut_down(&device->recovery);
	virtio_poll_stop(device);
	virtio_reset(device);
	device->transport->interrupts_release(device);
}
