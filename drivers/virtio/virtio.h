/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtio core, between device drivers and transports (virtio 1.4, chapters 2 and 3).
 *
 * A transport finds a device, fills in `struct virtio_device` and calls virtio_device_add(). The
 * core walks through initialisation (3.1.1) and calls the driver where a driver has something to
 * say:
 *
 *	1-3  reset, ACKNOWLEDGE, DRIVER
 *	4    features: what the device offers, the driver lists, and the user allows;
 *	     driver->validate() may read configuration and take some away
 *	5-6  FEATURES_OK, and whether the device agrees
 *	7    driver->probe(): reads configuration, virtio_queues_create(), lends buffers
 *	8    the driver calls virtio_driver_ok(), then kicks
 *
 * When something fails the device gets FAILED and is left alone.
 *
 * A device that breaks the rules, or says NEEDS_RESET, becomes `broken`: one log line, its queues
 * stop, driver->broken() is called, from whatever context noticed. Then a thread recovers it
 * (drivers/recovery.h), when its driver has stop() and start():
 *
 *	reset; driver->stop(): buffers are taken back, I/O in flight fails; the queues go;
 *	steps 1 to 6 again; driver->start(): step 7 and 8 again with the same driver_data
 *
 * A few attempts are made, each later than the one before; then the device is `given_up`.
 *
 * Everything here is called in thread context unless it says otherwise.
 */
#ifndef DRIVERS_VIRTIO_VIRTIO_H
#define DRIVERS_VIRTIO_VIRTIO_H

#include "drivers/recovery.h"
#include "drivers/virtio/features.h"
#include "drivers/virtio/rings/virtqueue.h"
#include "kernel/facts/facts.h"
#include "kernel/table.h"
#include "kernel/time/timer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTIO_NAME_MAX 12 /* "virtio0" */
#define VIRTIO_BUS_NAME_MAX 24

/* Device types (chapter 5). */
#define VIRTIO_ID_NET 1
#define VIRTIO_ID_BLOCK 2
#define VIRTIO_ID_CONSOLE 3
#define VIRTIO_ID_ENTROPY 4
#define VIRTIO_ID_BALLOON 5
#define VIRTIO_ID_SCSI 8
#define VIRTIO_ID_RTC 17
#define VIRTIO_ID_VSOCK 19
#define VIRTIO_ID_IOMMU 23
#define VIRTIO_ID_MEM 24
#define VIRTIO_ID_FS 26
#define VIRTIO_ID_PMEM 27

/* Device status (2.1). */
#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER 2u
#define VIRTIO_STATUS_DRIVER_OK 4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_SUSPEND 16u
#define VIRTIO_STATUS_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED 128u

struct virtio_device;
struct virtio_transport;

struct virtio_driver {
	const char *name;	 /* "virtio_net" */
	uint32_t device_type;	 /* VIRTIO_ID_* */
	const uint8_t *features; /* bits of the device type that it implements, up to
				    VIRTIO_FEATURES_END */
	/* Takes wanted features away that the device's configuration makes unusable; may be NULL.
	 */
	void (*validate)(struct virtio_device *device, struct virtio_features *wanted);
	/* 0, or a negative errno after one log line; what it allocated it has released. */
	int (*probe)(struct virtio_device *device);
	/* The device says that its configuration changed. Interrupt context. May be NULL. */
	void (*config_changed)(struct virtio_device *device);
	/* The device broke. Any context: sets a flag, wakes a thread. May be NULL. */
	void (*broken)(struct virtio_device *device);
	/*
	 * Recovery; both NULL when the driver has none. They run in the thread that recovers devices (CPU
	 * 0), once probe() has returned 0, and never both at once.
	 *
	 * stop(): the device was reset, and uses nothing of ours any more. Takes back what is lent
	 * (virtqueue_detach()), fails I/O in flight, forgets the queues: they are gone when it
	 * returns, and nobody may ask for more before start(). With device->reset_failed the device
	 * did not reset and may still write: I/O fails all the same, but memory that the device may
	 * write is not used again, and there is no start().
	 *
	 * start(): features are negotiated anew and may be fewer. Reads configuration,
	 * virtio_queues_create(), lends buffers, virtio_driver_ok(), kicks. 0, or a negative errno
	 * after one log line and with everything of its own released but driver_data; it will be
	 * tried again. After queues were created the device must be reset before their buffers are
	 * taken back: virtio_queues_create() did that itself when it failed.
	 *
	 * given_up(): no more attempts, the device stays stopped. May be NULL.
	 */
	void (*stop)(struct virtio_device *device);
	int (*start)(struct virtio_device *device);
	void (*given_up)(struct virtio_device *device);
	/*
	 * Renews one queue while the others run: virtio_queue_reset(), buffers back, I/O of this
	 * queue failed, virtio_queue_resume(), new buffers. 0 or a negative errno. Thread context.
	 * NULL: the whole device is reset instead. The device is not recovered meanwhile: no wait goes
	 * on after it broke.
	 */
	int (*queue_reset)(struct virtio_device *device, struct virtqueue *vq);
	/* More facts; may be NULL. */
	void (*describe)(struct virtio_device *device, struct facts *facts);
};

TABLE_DECLARE(virtio_drivers, struct virtio_driver);
#define VIRTIO_DRIVER(identifier)                                                                  \
	TABLE_ENTRY(virtio_drivers, struct virtio_driver, virtio_driver_##identifier)

struct virtio_device {
	/* Set by the transport. */
	const struct virtio_transport *transport;
	void *transport_data;
	uint32_t type; /* VIRTIO_ID_* */
	uint32_t vendor;
	char bus_name[VIRTIO_BUS_NAME_MAX]; /* "00:03.0", "mmio@feb02e00" */
	/* "msix", "msix-shared", "msix-one", "intx", "line", "poll", "none" */
	const char *interrupt_mode;

	/* The core's. */
	struct virtio_device *next;
	char name[VIRTIO_NAME_MAX];
	const struct virtio_driver *driver; /* NULL: nobody drives it */
	void *driver_data;
	struct virtio_features offered;
	struct virtio_features negotiated;
	struct virtqueue **queues;
	unsigned int queue_count;
	bool driven;	   /* probe() returned 0 */
	bool reset_failed; /* the last reset did not end: it may still use our memory */
	struct recovery recovery;
	uint64_t config_interrupts;
	struct virtio_storm {
		uint32_t interrupts;
		uint64_t since, taken; /* clock_monotonic() and buffers, when the count began */
	} storm;
	bool polled; /* its queues and configuration are looked at by a timer */
	struct virtio_poll {
		struct timer timer;
		uint64_t period, next_config; /* clock_monotonic() */
		uint64_t count;
		bool running;
	} poll;
};

/* Puts the device on the list and looks for its driver. The structure lives for ever. */
void virtio_device_add(struct virtio_device *device);
struct virtio_device *virtio_first(void);

/* "network device", or NULL for a type without a name here. */
const char *virtio_type_name(uint32_t type);

static inline bool virtio_has(const struct virtio_device *device, unsigned int feature)
{
	return virtio_features_has(&device->negotiated, feature);
}

/*
 * Reads device configuration, all of it in one generation (2.5.1), each field with the width that
 * `width` says (1, 2 or 4; 8-byte fields are two of 4). 0; -EINVAL: outside the configuration
 * space; -EIO: it did not stand still.
 */
int virtio_config_read(struct virtio_device *device, unsigned int offset, void *buffer,
		       unsigned int length, unsigned int width);

/* One field that is one access, so that it has no generation. Any context. All ones when there is
 * none. */
uint8_t virtio_config_read8(struct virtio_device *device, unsigned int offset);
uint16_t virtio_config_read16(struct virtio_device *device, unsigned int offset);
uint32_t virtio_config_read32(struct virtio_device *device, unsigned int offset);
/* One field that the specification lets the driver write; nothing when there is none. */
void virtio_config_write8(struct virtio_device *device, unsigned int offset, uint8_t value);
void virtio_config_write32(struct virtio_device *device, unsigned int offset, uint32_t value);

/* Whether the device has the queue. */
bool virtio_queue_exists(struct virtio_device *device, unsigned int index);

/* The largest size that it can have, of those that the user allows; 0: there is no such queue. */
unsigned int virtio_queue_size_max(struct virtio_device *device, unsigned int index);

/* What a driver wants of one queue. */
struct virtio_queue_request {
	const char *name;
	uint16_t size_wanted; /* descriptors at most; the device and virtio.queue_size= may lower it
			       */
	unsigned int segments_max;		/* the longest buffer */
	void (*callback)(struct virtqueue *vq); /* interrupt context; NULL: no interrupts */
	void *context;
	uint16_t index;	  /* in the device; 0: as in the array (queues need not be without gaps) */
	unsigned int cpu; /* whose interrupt it is, where each queue has one of its own */
};

/*
 * Creates and enables queues 0 to count - 1, and their interrupts. 0 or a negative errno after one
 * log line; then nothing of it is left but the device's reset to do, which the core does.
 */
int virtio_queues_create(struct virtio_device *device, const struct virtio_queue_request *requests,
			 unsigned int count);

/*
 * Between these two no device's queues are freed: for whoever describes them while a device that broke is recovered.
 * Short; nothing that recovery may wait for is asked of anybody meanwhile. Thread context.
 */
void virtio_queues_hold(void);
void virtio_queues_release(void);

/* How many queues of a kind to use of those that the device offers (virtio.queues=). At least 1. */
unsigned int virtio_queues_allowed(unsigned int offered);

/*
 * Resets one queue while the others run (2.6.1.1). After 0 the device has let go of it:
 * virtqueue_detach() returns what was lent, then virtio_queue_resume() makes the queue new, and it
 * may be filled and kicked. When the device cannot do it, it is broken by this and recovered as a
 * whole, and the error says so. Thread context.
 */
int virtio_queue_reset(struct virtqueue *vq);
int virtio_queue_resume(struct virtqueue *vq);

/*
 * The same through the driver's queue_reset(), for the queue that has this index now; the device is not recovered
 * meanwhile. 0; -ENOENT: there is no such queue; -ENOTSUP: the driver has none, or the device no RING_RESET, and the
 * whole device is being reset instead; other: the device was or is broken. Thread context.
 */
int virtio_queue_renew(struct virtio_device *device, unsigned int index);

/* Sets DRIVER_OK: from here on the queues may be kicked. */
void virtio_driver_ok(struct virtio_device *device);

/*
 * Resets the device and waits until it says so (2.4). After 0 it touches no memory of ours any
 * more. -ETIMEDOUT after one log line.
 */
int virtio_reset(struct virtio_device *device);

/* Frees the queues, after virtio_reset(). */
void virtio_queues_destroy(struct virtio_device *device);

/*
 * Before the machine is handed to somebody else: the device is reset and not recovered any more.
 * Its queues and their memory stay. For transports.
 */
void virtio_shutdown(struct virtio_device *device);

/* Marks the device broken, once. The caller has logged why; `reason` is static. Any context. */
void virtio_device_break(struct virtio_device *device, const char *reason);

#endif
