/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts without end: a device that interrupts much more often than it gives buffers back is broken, so
 * that whoever drives it gets it silenced by a reset, and in the end given up.
 *
 * Looking costs one addition for an interrupt; what came of so many is asked only then.
 */
#include "drivers/virtio/core.h"

#include "drivers/virtio/transports/transport.h"
#include "kernel/console/log.h"
#include "kernel/time/clock.h"

#define LOG_AREA "virtio"

#define STORM_INTERRUPTS 10000u
/* More slowly than that they hurt nobody. */
#define STORM_TIME (20 * NANOSECONDS_PER_SECOND)
/* An interrupt comes for a buffer at least; some too many are not worth a reset. */
#define STORM_PER_BUFFER 16u

static uint64_t buffers_taken(const struct virtio_device *device)
{
	uint64_t taken = 0;

	for (unsigned int i = 0; i < device->queue_count; i++)
		taken += device->queues[i]->counters.taken;
	return taken;
}

void virtio_storm_start(struct virtio_device *device)
{
	device->storm =
		(struct virtio_storm){.since = clock_monotonic(), .taken = buffers_taken(device)};
}

static __attribute__((noinline, cold)) void look(struct virtio_device *device)
{
	uint64_t time = clock_monotonic() - device->storm.since;
	uint64_t buffers = buffers_taken(device) - device->storm.taken;

	virtio_storm_start(device);
	if (time > STORM_TIME || buffers > STORM_INTERRUPTS / STORM_PER_BUFFER)
		return;
	log_error("%s (%s): %u interrupts in %llu ms, for %llu buffers", device->bus_name,
		  device->name, STORM_INTERRUPTS,
		  (unsigned long long)(time / NANOSECONDS_PER_MILLISECOND),
		  (unsigned long long)buffers);
	virtio_device_break(device, "interrupts without end");
}

bool virtio_interrupt(struct virtio_device *device)
{
	if (device->recovery.broken)
		return false;
	if (++device->storm.interrupts >= STORM_INTERRUPTS)
		look(device);
	return true;
}
