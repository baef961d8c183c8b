/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices without interrupts: a timer looks at them instead. Queues are looked at in memory, which
 * costs nothing but the timer; as long as nothing comes the intervals grow. Configuration changes
 * cost an access to the device, and are looked for less often.
 */
#include "drivers/virtio/core.h"

#include "drivers/virtio/transports/transport.h"
#include "kernel/time/clock.h"

#define PERIOD_MIN (50 * NANOSECONDS_PER_MICROSECOND)
#define PERIOD_MAX (2 * NANOSECONDS_PER_MILLISECOND)
#define CONFIG_PERIOD (20 * NANOSECONDS_PER_MILLISECOND)

/* True when something had come. */
static bool poll_queues(struct virtio_device *device)
{
	bool found = false;

	for (unsigned int i = 0; i < device->queue_count; i++) {
		struct virtqueue *vq = device->queues[i];

		if (!vq->armed || !virtqueue_has_used(vq))
			continue;
		found = true;
		vq->counters.polled++;
		virtqueue_wake(vq);
	}
	return found;
}

/* NEEDS_RESET is no change that a transport shows; virtio_config_interrupt() tells them apart. */
static void poll_config(struct virtio_device *device)
{
	const struct virtio_transport *transport = device->transport;

	if (transport->config_poll(device) ||
	    transport->status_read(device) & VIRTIO_STATUS_NEEDS_RESET)
		virtio_config_interrupt(device);
}

/* Interrupt context */
static void poll_device(void *context)
{
	struct virtio_device *device = context;
	struct virtio_poll *poll = &device->poll;
	uint64_t now = clock_monotonic();

	if (device->recovery.broken)
		return; /* until virtio_driver_ok() */
	poll->count++;
	if (poll_queues(device))
		poll->period = PERIOD_MIN;
	else if (poll->period < PERIOD_MAX)
		poll->period *= 2;
	if (now >= poll->next_config) {
		poll->next_config = now + CONFIG_PERIOD;
		poll_config(device);
	}
	timer_arm(&poll->timer, now + poll->period);
}

void virtio_poll_start(struct virtio_device *device)
{
	struct virtio_poll *poll = &device->poll;
	uint64_t now = clock_monotonic();

	poll->timer = (struct timer)TIMER_INIT(poll_device, device);
	poll->period = PERIOD_MIN;
	poll->next_config = now + CONFIG_PERIOD;
	poll->running = true;
	timer_arm(&poll->timer, now + poll->period);
}

void virtio_poll_stop(struct virtio_device *device)
{
	if (device->poll.running)
		timer_cancel(&device->poll.timer);
	device->poll.running = false;
}
