/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a virtio device: initialisation in the order of 3.1.1, reset, failure. */
#include "drivers/virtio/core.h"

#include "drivers/virtio/transports/transport.h"
#include "kernel/console/log.h"
#include "kernel/memory/budget.h"
#include "kernel/options/options.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"
#include "kernel/x86/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "virtio"

/* Resets are done by the first read in most devices; some have I/O to wait for. */
#define RESET_SPIN NANOSECONDS_PER_MILLISECOND
#define RESET_PAUSE NANOSECONDS_PER_MILLISECOND
#define RESET_TIME (5 * NANOSECONDS_PER_SECOND)
/* A configuration that changes more often than this while it is read never stands still. */
#define GENERATION_TRIES 64
#define CONFIG_TWICE_MAX 128u

static struct virtio_device *devices;
static unsigned int device_count;

/*
 * What the core and the rings do for every driver. ACCESS_PLATFORM: addresses that we give are those
 * of the bus; where it has an IOMMU in front of the device, that lets them through as they are.
 */
static const uint8_t core_features[] = {
	VIRTIO_F_INDIRECT_DESC,	  VIRTIO_F_EVENT_IDX,	      VIRTIO_F_VERSION_1,
	VIRTIO_F_ACCESS_PLATFORM, VIRTIO_F_RING_PACKED,	      VIRTIO_F_IN_ORDER,
	VIRTIO_F_ORDER_PLATFORM,  VIRTIO_F_RING_RESET,	      VIRTIO_F_NOTIFICATION_DATA,
	VIRTIO_F_ANY_LAYOUT,	  VIRTIO_F_NOTIF_CONFIG_DATA, VIRTIO_FEATURES_END,
};

struct virtio_device *virtio_first(void)
{
	return devices;
}

const char *virtio_type_name(uint32_t type)
{
	switch (type) {
	case VIRTIO_ID_NET:
		return "network";
	case VIRTIO_ID_BLOCK:
		return "block";
	case VIRTIO_ID_CONSOLE:
		return "console";
	case VIRTIO_ID_ENTROPY:
		return "entropy";
	case VIRTIO_ID_BALLOON:
		return "balloon";
	case VIRTIO_ID_SCSI:
		return "scsi";
	case VIRTIO_ID_RTC:
		return "rtc";
	case VIRTIO_ID_VSOCK:
		return "vsock";
	case VIRTIO_ID_IOMMU:
		return "iommu";
	case VIRTIO_ID_MEM:
		return "mem";
	case VIRTIO_ID_FS:
		return "fs";
	case VIRTIO_ID_PMEM:
		return "pmem";
	default:
		return NULL;
	}
}

/* -- Status */

void virtio_status_add(struct virtio_device *device, uint8_t bits)
{
	uint8_t status = device->transport->status_read(device);

	device->transport->status_write(device, status | bits); /* 2.1.1: no bit is taken back */
}

/* It may use what it was lent for as long as it likes: where the bus can keep it off, that ends it. */
static void reset_is_lost(struct virtio_device *device)
{
	if (!device->reset_failed) {
		log_error("%s (%s): does not come out of its reset", device->bus_name,
			  device->name);
		if (device->transport->memory_access)
			device->transport->memory_access(device, false);
	}
	device->recovery.failure = "does not come out of its reset";
	device->reset_failed = true;
}

int virtio_reset(struct virtio_device *device)
{
	uint64_t start = clock_monotonic();

	for (unsigned int i = 0; i < device->queue_count; i++)
		device->queues[i]->live = false;
	/* Its registers may read as anything then. Where it is, it cannot use what it was lent. */
	if (device->transport->present && !device->transport->present(device)) {
		device->recovery.failure = "is not there any more";
		device->reset_failed = false;
		return -ENODEV;
	}
	device->transport->status_write(device, 0);
	/* 2.4.2: the reset is over when the status reads 0. */
	while (device->transport->status_read(device) != 0) {
		uint64_t passed = clock_monotonic() - start;

		if (passed > RESET_TIME) {
			reset_is_lost(device);
			return -ETIMEDOUT;
		}
		if (passed < RESET_SPIN)
			cpu_relax();
		else
			thread_sleep(RESET_PAUSE);
	}
	if (device->reset_failed && device->transport->memory_access)
		device->transport->memory_access(device, true);
	device->reset_failed = false;
	return 0;
}

void virtio_device_break(struct virtio_device *device, const char *reason)
{
	if (!recovery_break(&device->recovery, reason))
		return;
	for (unsigned int i = 0; i < device->queue_count; i++)
		device->queues[i]->broken = true;
	if (device->driver && device->driver->broken)
		device->driver->broken(device);
	recovery_wake(&device->recovery);
}

bool virtio_asks_for_reset(struct virtio_device *device)
{
	if (!(device->transport->status_read(device) & VIRTIO_STATUS_NEEDS_RESET) ||
	    device->recovery.broken)
		return false;
	log_error("%s (%s): asks for a reset", device->bus_name, device->name);
	virtio_device_break(device, "asked for a reset");
	return true;
}

void virtio_config_interrupt(struct virtio_device *device)
{
	device->config_interrupts++;
	if (virtio_asks_for_reset(device))
		return;
	if (device->driver && device->driver->config_changed)
		device->driver->config_changed(device);
}

/* -- Configuration */

static int never_stands_still(const struct virtio_device *device)
{
	log_error("%s (%s): the configuration does not stand still", device->bus_name,
		  device->name);
	return -EIO;
}

/* 2.5.4: legacy devices have no generation; what is read twice the same is taken to be true. */
static int read_twice(struct virtio_device *device, unsigned int offset, void *buffer,
		      unsigned int length, unsigned int width)
{
	uint8_t again[CONFIG_TWICE_MAX];

	if (length > sizeof(again))
		return -EINVAL;
	device->transport->config_read(device, offset, buffer, length, width);
	for (unsigned int try = 0; try < GENERATION_TRIES; try++) {
		device->transport->config_read(device, offset, again, length, width);
		if (!memcmp(buffer, again, length))
			return 0;
		memcpy(buffer, again, length);
	}
	return never_stands_still(device);
}

int virtio_config_read(struct virtio_device *device, unsigned int offset, void *buffer,
		       unsigned int length, unsigned int width)
{
	const struct virtio_transport *transport = device->transport;
	unsigned int limit = transport->config_length(device);
	uint32_t before, after;

	if (offset > limit || length > limit - offset)
		return -EINVAL;
	if (!transport->config_generation)
		return read_twice(device, offset, buffer, length, width);
	/* 2.5.1: read again until the generation before and after is the same. */
	for (unsigned int try = 0; try < GENERATION_TRIES; try++) {
		before = transport->config_generation(device);
		transport->config_read(device, offset, buffer, length, width);
		after = transport->config_generation(device);
		if (before == after)
			return 0;
	}
	return never_stands_still(device);
}

#define CONFIG_READ(bits)                                                                          \
	uint##bits##_t virtio_config_read##bits(struct virtio_device *device, unsigned int offset) \
	{                                                                                          \
		unsigned int limit = device->transport->config_length(device);                     \
		uint##bits##_t value = (uint##bits##_t) ~0u;                                       \
		if (offset <= limit && sizeof(value) <= limit - offset)                            \
			device->transport->config_read(device, offset, &value, sizeof(value),      \
						       sizeof(value));                             \
		return value;                                                                      \
	}

CONFIG_READ(8)
CONFIG_READ(16)
CONFIG_READ(32)

#define CONFIG_WRITE(bits)                                                                         \
	void virtio_config_write##bits(struct virtio_device *device, unsigned int offset,          \
				       uint##bits##_t value)                                       \
	{                                                                                          \
		unsigned int limit = device->transport->config_length(device);                     \
		if (offset <= limit && sizeof(value) <= limit - offset)                            \
			device->transport->config_write(device, offset, value, sizeof(value));     \
	}

CONFIG_WRITE(8)
CONFIG_WRITE(32)

/* -- Initialisation */

static const struct virtio_driver *find_driver(uint32_t type)
{
	TABLE_FOREACH (virtio_drivers, struct virtio_driver, driver)
		if (driver->device_type == type)
			return driver;
	return NULL;
}

static void want(struct virtio_features *wanted, const uint8_t *bits,
		 const struct virtio_features *offered)
{
	for (; *bits != VIRTIO_FEATURES_END; bits++)
		if (virtio_features_has(offered, *bits))
			virtio_features_set(wanted, *bits);
}

/* What virtio.features= leaves, without what needs more than that. False: it insists on something else. */
static bool choose(struct virtio_device *device, struct virtio_features *wanted)
{
	virtio_features_close(device->type, wanted);
	if (!virtio_features_choose(device->type, device->bus_name, device->name, &device->offered,
				    wanted)) {
		device->recovery.failure = "lacks what virtio.features insists on";
		return false;
	}
	virtio_features_close(device->type, wanted);
	return true;
}

static int negotiate(struct virtio_device *device)
{
	const struct virtio_driver *driver = device->driver;
	struct virtio_features wanted = {{0}};

	/* Step 4. What is offered and not listed here is ignored (2.2.1). */
	want(&wanted, core_features, &device->offered);
	want(&wanted, driver->features, &device->offered);
	if (virtio_features_has(&wanted, VIRTIO_F_VERSION_1))
		virtio_features_clear(&wanted, VIRTIO_F_ANY_LAYOUT); /* goes without saying */
	if (device->transport->features_limit)
		device->transport->features_limit(device, &wanted);
	/* First, so that the driver does without what is of no use then. */
	if (!choose(device, &wanted))
		return -ENOTSUP;
	if (driver->validate) {
		driver->validate(device, &wanted);
		if (!choose(device, &wanted))
			return -ENOTSUP;
	}
	if (!device->transport->legacy && !virtio_features_has(&wanted, VIRTIO_F_VERSION_1)) {
		log_error("%s (%s): left alone, it has no VERSION_1", device->bus_name,
			  device->name);
		device->recovery.failure = "has no VERSION_1";
		return -ENOTSUP;
	}
	device->negotiated = wanted;
	device->transport->features_write(device, &device->negotiated);

	if (device->transport->legacy)
		return 0; /* 3.1.2: steps 5 and 6 are left out */
	virtio_status_add(device, VIRTIO_STATUS_FEATURES_OK); /* step 5 */
	/* Step 6 */
	if (!(device->transport->status_read(device) & VIRTIO_STATUS_FEATURES_OK)) {
		log_error("%s (%s): does not accept our choice of its features", device->bus_name,
			  device->name);
		device->recovery.failure = "does not accept our choice of its features";
		return -ENOTSUP;
	}
	return 0;
}

int virtio_negotiate(struct virtio_device *device)
{
	virtio_status_add(device, VIRTIO_STATUS_ACKNOWLEDGE); /* step 2 */
	for (unsigned int word = 0; word < VIRTIO_FEATURE_WORDS; word++)
		device->offered.words[word] = device->transport->features_read(device, word);
	device->driver = find_driver(device->type);
	if (!device->driver)
		return 0;
	virtio_status_add(device, VIRTIO_STATUS_DRIVER); /* step 3 */
	return negotiate(device);			 /* steps 4 to 6 */
}

void virtio_device_add(struct virtio_device *device)
{
	struct virtio_device **link = &devices;
	int error;

	while (*link)
		link = &(*link)->next;
	*link = device;
	sniprintf(device->name, sizeof(device->name), "virtio%u", device_count++);
	if (!device->interrupt_mode)
		device->interrupt_mode = "none";

	error = virtio_reset(device); /* step 1 */
	if (!error)
		error = virtio_negotiate(device); /* steps 2 to 6 */
	if (!error && device->driver) {
		/* Steps 7 and 8. */
		error = memory_budget() ? device->driver->probe(device) : -ENOMEM;
		device->driven = !error;
	}
	if (error) {
		/* Allocations are many, and nobody else says that one of them failed. */
		if (error == -ENOMEM) {
			log_error("%s (%s): left alone, there is no memory to drive it",
				  device->bus_name, device->name);
			if (!device->recovery.failure)
				device->recovery.failure = "no memory to drive it";
		}
		device->driver = NULL;
		if (!device->recovery.failure)
			device->recovery.failure = "initialisation failed";
		virtio_status_add(device, VIRTIO_STATUS_FAILED); /* 3.1.1: and nothing more */
	} else if (device->driver && device->driver->start) {
		virtio_recovery_add(device);
	}
	log_info("%s: %s, type %u (%s), %s, driver %s", device->bus_name, device->name,
		 device->type,
		 virtio_type_name(device->type) ? virtio_type_name(device->type) : "?",
		 device->transport->name, device->driver ? device->driver->name : "none");
}
