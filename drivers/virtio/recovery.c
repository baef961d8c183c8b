/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that broke are brought back by one thread: reset, taken from their driver, and given to it
 * again (virtio 1.4, 2.1.2 and 3.1.1).
 *
 * Breaking is noticed anywhere, also in interrupt handlers, and only sets flags there. An attempt
 * that fails is repeated later, and a device that breaks again soon after it came back uses up the
 * same attempts; one that ran for a while has them all again.
 */
#include "drivers/virtio/core.h"

#include "drivers/virtio/transports/transport.h"
#include "kernel/console/log.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"

#include <errno.h>

#define LOG_AREA "virtio"

#define WORKER_STACK (32u << 10)
/* A device that ran so long has left its trouble behind. */
#define RUNNING_WELL (30 * NANOSECONDS_PER_SECOND)

/* Before each attempt: from the break, or from the end of the attempt before. */
static const uint64_t pauses[VIRTIO_RECOVERY_ATTEMPTS] = {
	0,
	100 * NANOSECONDS_PER_MILLISECOND,
	500 * NANOSECONDS_PER_MILLISECOND,
	2 * NANOSECONDS_PER_SECOND,
	5 * NANOSECONDS_PER_SECOND,
};

static struct wait_queue worker_wait = WAIT_QUEUE_INIT;
static bool work;
/* Held for an attempt, so that virtio_shutdown() finds the device in one piece. */
static struct mutex attempt_lock = MUTEX_INIT;

static void give_up(struct virtio_device *device)
{
	device->given_up = true;
	log_error("%s (%s): given up, it %s", device->bus_name, device->name, device->failure);
	if (!device->stopped && device->driver->stop) {
		device->driver->stop(device);
		device->stopped = true;
	}
	virtio_status_add(device, VIRTIO_STATUS_FAILED);
	if (device->driver->given_up)
		device->driver->given_up(device);
}

static int attempt(struct virtio_device *device)
{
	const struct virtio_driver *driver = device->driver;
	int error = virtio_reset(device); /* step 1 */

	if (error)
		return error;
	if (!device->stopped) {
		driver->stop(device);
		device->stopped = true;
	}
	virtio_queues_destroy(device);
	/* From here on it may break anew; that is noticed by the next round. */
	__atomic_store_n(&device->broken, false, __ATOMIC_SEQ_CST);
	error = virtio_negotiate(device);
	if (error)
		return error;
	/* An interrupt may come, and break it, before start() has returned. */
	device->stopped = false;
	error = driver->start(device);
	if (error) {
		device->stopped = true;
		return error;
	}
	if (!device->broken) /* again, meanwhile */
		device->failure = NULL;
	device->running_since = clock_monotonic();
	device->recoveries++;
	log_notice("%s (%s): reset, and running again", device->bus_name, device->name);
	return 0;
}

static void schedule(struct virtio_device *device)
{
	uint64_t now = clock_monotonic();

	if (device->attempts >= VIRTIO_RECOVERY_ATTEMPTS) {
		give_up(device);
		return;
	}
	device->next_attempt = now + pauses[device->attempts];
}

/* One device: an attempt if it is due. */
static void look_after(struct virtio_device *device)
{
	int error;

	if (!device->next_attempt) {
		/* It broke just now. */
		if (clock_monotonic() - device->running_since >= RUNNING_WELL)
			device->attempts = 0;
		schedule(device);
		if (device->given_up)
			return;
	}
	if (clock_monotonic() < device->next_attempt)
		return;
	device->next_attempt = 0;
	device->attempts++;
	error = attempt(device);
	if (!error)
		return;
	device->broken = true;
	if (!device->failure)
		device->failure = "could not be started again";
	if (error == -ENODEV)
		give_up(device); /* it was taken away */
	else
		schedule(device);
}

static bool needs_care(const struct virtio_device *device)
{
	return __atomic_load_n(&device->broken, __ATOMIC_SEQ_CST) && device->driven &&
	       !device->given_up && !device->shut_down && device->driver->start;
}

uint64_t virtio_recover(void)
{
	uint64_t next = UINT64_MAX;

	for (struct virtio_device *device = virtio_first(); device; device = device->next) {
		if (!needs_care(device))
			continue;
		mutex_lock(&attempt_lock);
		if (needs_care(device)) /* the lock may have been waited for */
			look_after(device);
		mutex_unlock(&attempt_lock);
		if (needs_care(device) && device->next_attempt < next)
			next = device->next_attempt;
	}
	return next;
}

static void worker(void *unused)
{
	(void)unused;
	for (;;) {
		uint64_t next;

		__atomic_store_n(&work, false, __ATOMIC_SEQ_CST);
		next = virtio_recover();
		(void)wait_event_deadline(&worker_wait, __atomic_load_n(&work, __ATOMIC_SEQ_CST),
					  next);
	}
}

void virtio_recovery_start(void)
{
	static const struct thread_options options = {.stack_size = WORKER_STACK};
	static bool started;
	struct thread *thread;

	if (started)
		return;
	started = true;
	thread = thread_create("virtio", worker, NULL, &options);
	if (thread)
		thread_detach(thread);
	else
		log_notice("no thread to recover broken devices");
}

void virtio_recovery_wake(void)
{
	__atomic_store_n(&work, true, __ATOMIC_SEQ_CST);
	wait_wake(&worker_wait);
}

void virtio_shutdown(struct virtio_device *device)
{
	device->shut_down = true;
	mutex_lock(&attempt_lock);
	virtio_poll_stop(device);
	virtio_reset(device);
	device->transport->interrupts_release(device);
	mutex_unlock(&attempt_lock);
}
