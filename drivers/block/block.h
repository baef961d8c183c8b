/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block devices: disks and their partitions, between the drivers and whoever reads and writes.
 *
 * With threads, the simple way: block_read() and its relatives sleep until it is done.
 *
 *	error = block_read(device, sector, buffer, sectors);
 *
 * Without, and with many in flight: the caller fills in a request, whose memory and data stay
 * untouched until done() is called.
 *
 *	request->device = device;	request->operation = BLOCK_READ;
 *	request->sector = 2048;		request->segments = &segment;	(DMA memory)
 *	request->done = my_done;	request->segment_count = 1;
 *	block_add(request);		any number of them
 *	block_kick(device);		the device hears of all of them at once
 *
 * done() is called exactly once for each block_add(), whatever happens, with the result in
 * request->error. It comes from the interrupt handler of the queue, from a thread, or from
 * block_add() itself when the request cannot be, always with no lock held and perhaps with
 * interrupts off: it does not sleep or allocate; it may add and kick requests. Requests of a device
 * end in any order. A flush covers what was done() before it was added.
 *
 * Errors: -EINVAL malformed, or against the limits; -ENOSPC beyond the end; -EROFS; -EOPNOTSUPP;
 * -EFAULT memory that a device cannot reach; -EIO the device says so, lied, or broke; -ETIMEDOUT it did
 * not answer in `block.timeout` seconds, and was reset for it.
 *
 * A device has one queue or several; a request goes to the one of the CPU that adds it. Each has a
 * lock, which interrupt handlers take too, and everything between add and done happens under it:
 * waiting (the device's queue is full, or it is being reset) -> running -> finished -> done().
 *
 * Sectors are 512 bytes everywhere, whatever the device's block size.
 */
#ifndef DRIVERS_BLOCK_BLOCK_H
#define DRIVERS_BLOCK_BLOCK_H

#include "kernel/console/log_limit.h"
#include "kernel/facts/facts.h"
#include "kernel/thread/thread.h"
#include "kernel/time/timer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_SECTOR 512u
#define BLOCK_NAME_MAX 24
#define BLOCK_SERIAL_MAX 21 /* 20 characters */
#define BLOCK_TYPE_MAX 40
#define BLOCK_LABEL_MAX 40
#define BLOCK_QUEUES_MAX 64u

struct block_device;
struct block_queue;

enum block_operation {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH, /* what was written is on the medium */
	BLOCK_DISCARD,
	BLOCK_WRITE_ZEROES,
	BLOCK_SECURE_ERASE,
	BLOCK_IDENTIFY, /* reads 20 bytes: the serial number */
	BLOCK_LIFETIME, /* reads 6 bytes: wear */
	BLOCK_OPERATIONS
};

#define BLOCK_CAN(operation) (1u << (operation))

struct block_segment {
	void *data;
	uint32_t length; /* bytes, not 0 */
};

struct block_request {
	/* The caller's, not to be changed until done(). */
	struct block_device *device;
	enum block_operation operation;
	bool unmap;	  /* WRITE_ZEROES may give the blocks back */
	uint64_t sector;  /* of `device` */
	uint64_t sectors; /* READ and WRITE: set from the segments */
	const struct block_segment *segments;
	unsigned int segment_count;
	void (*done)(struct block_request *request);
	void *context;
	int error; /* the result: 0 or a negative errno */

	/* The layer's. */
	uint64_t place;		   /* sector of the disk */
	struct block_queue *queue; /* whose list it is on */
	struct block_request *next, *previous;
	uint64_t started; /* clock_monotonic() */
	bool running;	  /* the driver has it */
	bool expired;	  /* it was not answered in time */
};

struct block_limits {
	uint32_t operations;	      /* BLOCK_CAN() of each that there is */
	uint32_t block_size;	      /* bytes; sectors and lengths are multiples of it */
	uint32_t physical_block_size; /* bytes */
	uint32_t alignment_offset;    /* bytes: where the first physical block starts */
	uint32_t io_min, io_optimal;  /* bytes; 0: not said */
	uint32_t segments_max;	      /* of a request */
	uint32_t segment_max;	      /* bytes: what a driver cuts segments into */
	uint32_t bytes_max;	      /* of a request */
	uint32_t memory_align;	      /* bytes: of a segment's address and length */
	uint32_t discard_max, zeroes_max, erase_max; /* sectors of a request */
	uint32_t discard_align, erase_align; /* sectors: what the device likes; 0: not said */
	bool zeroes_unmap;		     /* WRITE_ZEROES may unmap */
};

struct block_geometry { /* of old; all 0: not said */
	uint16_t cylinders;
	uint8_t heads, sectors;
};

struct block_lifetime { /* as JEDEC's eMMC says it */
	uint16_t pre_eol;
	uint16_t type_a, type_b; /* tenths that are used up */
};

struct block_counters {
	uint64_t requests[BLOCK_OPERATIONS];
	uint64_t bytes_read, bytes_written;
	uint64_t errors;
	uint64_t waited; /* requests that found the device's queue full */
};

struct block_list {
	struct block_request *first, *last;
};

struct block_queue {
	struct block_device *disk;
	unsigned int index;
	void *driver_data;
	struct spinlock lock;
	bool stopped; /* nothing is started or reaped: the device is being reset */
	struct block_list waiting, running, finished;
	unsigned int depth; /* requests that run */
	struct block_counters counters;
};

#define BLOCK_DONE 1 /* what start() returns when the device is not needed for that */

/* What a disk's driver does. */
struct block_operations {
	/*
	 * Lends the request to the device, which does not see it before kick(). 0; -EBUSY: the
	 * queue is full (some requests run) or waits for a reset, and it will be tried again, when one
	 * of them ends or at block_interrupt(); BLOCK_DONE: it was done at once; others: the request
	 * ends with that. Under the queue's lock.
	 */
	int (*start)(struct block_queue *queue, struct block_request *request);
	/* Shows the device all that was started: one notification. Under the queue's lock. */
	void (*kick)(struct block_queue *queue);
	/*
	 * block_finish() for each request that the device has done, and asks for the next
	 * interrupt. How many they were. Under the queue's lock.
	 */
	unsigned int (*reap)(struct block_queue *queue);
	/* A request was not answered in time: resets the device. Any context, no lock held. */
	void (*timed_out)(struct block_device *disk);
	/* After block_changed(), in the layer's thread. NULL: what changes does so by a reset, which looks itself. */
	void (*changed)(struct block_device *disk);
	/* Write-back (true) or write-through. 0, -EOPNOTSUPP, -EIO. Thread context. May be NULL. */
	int (*set_write_cache)(struct block_device *disk, bool on);
	/* Doorbell writes and interrupts so far. */
	void (*costs)(struct block_device *disk, uint64_t *kicks, uint64_t *interrupts);
	void (*describe)(struct block_device *disk, struct facts *facts); /* may be NULL */
};

struct block_device {
	/* Set by the driver; of a partition, by the layer. */
	const struct block_operations *operations;
	void *driver_data;
	const char *driver_name; /* "virtio_blk" */
	const char *bus_name;
	const char *prefix; /* "vd": names are vda, vdb ... */
	uint64_t sectors;   /* changes when it is resized */
	bool read_only;
	bool write_cache; /* it may lose what was not flushed */
	struct block_limits limits;
	struct block_geometry geometry;
	struct block_queue *queues;
	unsigned int queue_count;

	/* The layer's. */
	struct block_device *next; /* of all disks, or of the disk's partitions */
	char name[BLOCK_NAME_MAX];
	struct block_device *disk; /* itself, or what it is a part of */
	bool dead;		   /* for good: everything ends with -EIO */
	uint32_t events;
	struct timer watch;
	bool watching;
	uint64_t interrupts_missed; /* requests that were found done without an interrupt */
	uint64_t timeouts, resizes;
	struct log_limit resizes_said;
	struct wait_queue waiters; /* of those who wait for a request of the disk */
	struct mutex bounce_lock;
	void *bounce;
	uint64_t bytes_copied;
	/* What was found on it; complete once `scanned`. */
	bool scanned;
	char serial[BLOCK_SERIAL_MAX];
	bool has_lifetime;
	struct block_lifetime lifetime;
	const char *table; /* "gpt", "mbr", or NULL */
	struct block_device *partitions;

	/* Of a partition. */
	unsigned int number;
	uint64_t first; /* sector of the disk */
	char type[BLOCK_TYPE_MAX], label[BLOCK_LABEL_MAX];
};

/* -- Finding one */
struct block_device *block_first(void); /* disk, then ->next */
struct block_device *block_find(const char *name);
/* Waits until serial numbers and partitions of all disks are read, or a few seconds. Thread. */
void block_settle(void);

static inline bool block_can(const struct block_device *device, enum block_operation operation)
{
	return device->disk->limits.operations & BLOCK_CAN(operation);
}

/* -- Asynchronous, as told above. Any context. */
void block_add(struct block_request *request);
/* Of what the same CPU has added. */
void block_kick(struct block_device *device);

/*
 * -- Synchronous, for any length. Memory that a device cannot reach is copied through a buffer, and
 * the bytes are counted. Each piece ends by the time-out and the reset that follows it. Thread context.
 */
int block_read(struct block_device *device, uint64_t sector, void *buffer, uint64_t sectors);
int block_write(struct block_device *device, uint64_t sector, const void *buffer, uint64_t sectors);
int block_flush(struct block_device *device);
/* BLOCK_DISCARD, BLOCK_WRITE_ZEROES (`unmap`: the blocks may be given back) or BLOCK_SECURE_ERASE. */
int block_clear(struct block_device *device, enum block_operation operation, uint64_t sector,
		uint64_t sectors, bool unmap);
/* Adds one request, kicks, and sleeps until it is done; its error. done and context are used. */
int block_wait(struct block_request *request);
int block_set_write_cache(struct block_device *device, bool on);

/* Sums over the disk's queues. */
void block_counters(const struct block_device *disk, struct block_counters *sum);

/* -- For drivers */

/*
 * Gives the disk its queues; driver_data of each is the driver's to set. 0 or -ENOMEM. Thread. Until
 * block_start() they are stopped.
 */
int block_queues_create(struct block_device *disk, unsigned int count);
/* Before block_register() only. */
void block_queues_destroy(struct block_device *disk);
/* Names it and makes it known; the structure lives for ever. Thread context. */
void block_register(struct block_device *disk);

/* The queue's interrupt came: reaps, starts what waits, calls done(). Any context. */
void block_interrupt(struct block_queue *queue);
/* Ends a request that start() took. Under the queue's lock; done() comes after it is released. */
void block_finish(struct block_request *request, int error);
uint64_t block_lock(struct block_queue *queue);
/* Also calls done() of what was finished. */
void block_unlock(struct block_queue *queue, uint64_t flags);

/*
 * While a queue, or all of them with the device, is reset: nothing more is started or reaped; what
 * waits goes on waiting.
 */
void block_queue_stop(struct block_queue *queue);
void block_queue_start(struct block_queue *queue);
void block_stop(struct block_device *disk);
void block_start(struct block_device *disk);
/* It does not come back: what waits, and all that is asked of it from now on, ends with -EIO. */
void block_dead(struct block_device *disk);

/* Has operations->changed() called by the layer's thread. Any context. */
void block_changed(struct block_device *disk);
/* From there: the capacity may be another one; says so in one line. */
void block_set_capacity(struct block_device *disk, uint64_t sectors);

/* Does what is due, as the layer's thread would: for tests on the host, where there is none. */
void block_service(void);

/* -- Between the layer's files */
const char *block_size_text(uint64_t bytes, char *text, size_t size); /* "1.5G", as lsblk has it */
void block_scan(struct block_device *disk); /* serial number, partitions */
void block_watch_init(struct block_device *disk);

#endif
