/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtqueue as drivers use it, whatever the ring's format (virtio 1.4, 2.6 to 2.9).
 *
 *	virtqueue_add(vq, segments, out, in, token)	lend a buffer; several may follow
 *	virtqueue_kick(vq)				show them to the device: at most one kick
 *	...
 *	while ((token = virtqueue_take(vq, &length)))	what the device has used
 *		...
 *	if (virtqueue_interrupts_on(vq, 1))		sleep? true: not yet, take again
 *		...
 *
 * Where many buffers of one segment come and go, virtqueue_add_each() and virtqueue_take_each() do
 * the same for all of them in one call, at a third of the instructions.
 *
 * Who may call: one thread at a time for a queue, or code under one lock. virtqueue_interrupt()
 * comes from interrupt handlers at any moment and touches nothing but `armed` and counters.
 *
 * The device may write anything into the ring. What is needed later stands in private memory; what
 * the device says is read once and checked. A queue whose device broke the rules is `broken` for
 * good: nothing is added or taken any more, and after the device's reset virtqueue_detach() returns
 * what was lent.
 *
 * A ring knows no registers: the transport gives `notify`. It knows no device either: the core
 * gives `failed`.
 */
#ifndef DRIVERS_VIRTIO_RINGS_VIRTQUEUE_H
#define DRIVERS_VIRTIO_RINGS_VIRTQUEUE_H

#include "kernel/facts/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTQUEUE_SIZE_MAX 32768u
#define VIRTQUEUE_NAME_MAX 24

struct virtqueue;

/* A piece of DMA memory as the device sees it; `length` is not 0. */
struct virtqueue_segment {
	uint64_t address;
	uint32_t length;
};

/* A buffer of one segment, which the device writes. `token` is not NULL. */
struct virtqueue_buffer {
	struct virtqueue_segment segment;
	void *token;
};

/* A buffer that the device has used, and how many bytes it wrote to it. */
struct virtqueue_used {
	void *token;
	uint32_t length;
};

struct virtqueue_counters {
	uint64_t added; /* buffers */
	uint64_t taken;
	uint64_t kicks;		  /* notifications to the device */
	uint64_t kicks_avoided;	  /* virtqueue_kick() with new buffers that needed none */
	uint64_t interrupts;	  /* that were asked for */
	uint64_t interrupts_idle; /* that nobody had asked for */
	uint64_t polled;	  /* times that a timer found what an interrupt was wanted for */
	uint64_t indirect;	  /* buffers that went through an indirect table */
	uint64_t lengths_ignored; /* read-only buffers that the device claims to have written to */
};

struct virtqueue_operations {
	const char *format; /* "split", "packed" */
	int (*add)(struct virtqueue *vq, const struct virtqueue_segment *segments,
		   unsigned int out_count, unsigned int in_count, void *token);
	unsigned int (*add_each)(struct virtqueue *vq, const struct virtqueue_buffer *buffers,
				 unsigned int count);
	/* Shows what was added to the device. True: it wants to be notified. */
	bool (*publish)(struct virtqueue *vq);
	/* Where the next buffer will be shown, as NOTIFICATION_DATA wants it (2.9). */
	uint16_t (*next)(const struct virtqueue *vq);
	void *(*take)(struct virtqueue *vq, uint32_t *length);
	unsigned int (*take_each)(struct virtqueue *vq, struct virtqueue_used *used,
				  unsigned int max);
	bool (*has_used)(const struct virtqueue *vq);
	void (*interrupts_off)(struct virtqueue *vq);
	bool (*interrupts_on)(struct virtqueue *vq, unsigned int after);
	void *(*detach)(struct virtqueue *vq);
	/* As it was when it was created. The device does not use it, nothing is lent. */
	void (*rewind)(struct virtqueue *vq);
	void (*destroy)(struct virtqueue *vq);
	void (*describe)(const struct virtqueue *vq, struct facts *facts);
};

struct virtqueue {
	/* Set by the ring format. */
	const struct virtqueue_operations *operations;
	uint16_t index; /* in the device */
	uint16_t size;	/* descriptors */
	uint16_t free;	/* of these, how many a driver may still use */
	bool broken;	/* set through virtqueue_break() */
	/* The three areas as the device sees them (2.6). */
	uint64_t descriptor_area, driver_area, device_area;

	/* Set by the core and the transport before the device is live. */
	bool live;   /* DRIVER_OK is set: the device may be notified */
	bool armed;  /* an interrupt is wanted; also read by handlers */
	bool polled; /* there are none: `armed` is read by a timer, the device is never asked */
	void (*notify)(struct virtqueue *vq);
	volatile void *notify_address;
	uint16_t notify_value; /* the index, or what the device wants instead (NOTIF_CONFIG_DATA) */
	uint16_t vector;       /* MSI-X table entry, for describe() */
	void (*failed)(struct virtqueue *vq);
	void *device;	  /* the core's */
	unsigned int cpu; /* that takes its interrupt, where it has one of its own */

	/* Set by the driver. */
	char name[VIRTQUEUE_NAME_MAX];		/* "receive0" */
	void (*callback)(struct virtqueue *vq); /* interrupt context; NULL: never any interrupt */
	void *context;

	struct virtqueue_counters counters;
};

struct virtqueue_parameters {
	uint16_t index;
	uint16_t size;		   /* the format's rules were applied by virtqueue_usable_size() */
	unsigned int segments_max; /* the longest buffer, in segments; 1 saves indirect tables */
	/* as negotiated */
	bool packed, event_idx, indirect, in_order, order_platform;
	uint32_t
		legacy_align; /* 0, or the split ring in the one block of 2.7.2, used ring so aligned */
};

/* The largest size not above `wanted` that the format can have; 0: none. */
uint16_t virtqueue_usable_size(bool packed, uint32_t wanted);

/* NULL when there is no memory. Thread context. */
struct virtqueue *virtqueue_create(const struct virtqueue_parameters *parameters);
/* The device must not know the ring any more. Thread context. NULL is ignored. */
void virtqueue_destroy(struct virtqueue *vq);

/* Marks it broken, once, and tells the core. The caller has said why in one log line. */
void virtqueue_break(struct virtqueue *vq);

/* Ring state and counters. */
void virtqueue_describe(const struct virtqueue *vq, struct facts *facts);

/*
 * Lends a buffer of `out_count` segments that the device reads, followed by `in_count` that it
 * writes. The device sees it at the next kick. `token` is not NULL. 0; -ENOSPC: too few free
 * descriptors; -EINVAL: no segments, or more than the queue is long; -EIO: broken.
 */
static inline int virtqueue_add(struct virtqueue *vq, const struct virtqueue_segment *segments,
				unsigned int out_count, unsigned int in_count, void *token)
{
	return vq->operations->add(vq, segments, out_count, in_count, token);
}

/*
 * Lends `count` buffers, one after the other. Returns how many: fewer when descriptors run out, none when
 * the queue is broken.
 */
static inline unsigned int virtqueue_add_each(struct virtqueue *vq,
					      const struct virtqueue_buffer *buffers,
					      unsigned int count)
{
	return vq->operations->add_each(vq, buffers, count);
}

/* Notifies the device, whether it asked for that or not. Nothing happens when it is not running. */
static inline void virtqueue_notify(struct virtqueue *vq)
{
	if (!vq->live || vq->broken)
		return;
	vq->counters.kicks++;
	vq->notify(vq);
}

/*
 * Shows the device all that was added since the last kick and notifies it if it asked for that.
 * True when it was notified. Before DRIVER_OK nothing happens: kick again afterwards.
 */
static inline bool virtqueue_kick(struct virtqueue *vq)
{
	if (!vq->live || !vq->operations->publish(vq))
		return false;
	vq->counters.kicks++;
	vq->notify(vq);
	return true;
}

/*
 * The token of the next used buffer, in the device's order, and how many bytes the device wrote to
 * it (checked against the buffer). NULL: none, or broken.
 */
static inline void *virtqueue_take(struct virtqueue *vq, uint32_t *length)
{
	return vq->operations->take(vq, length);
}

/*
 * The next used buffers, at most `max`. Returns how many; fewer when there are no more, or when the
 * queue broke behind them. Those that came are the caller's, whatever becomes of the queue.
 */
static inline unsigned int virtqueue_take_each(struct virtqueue *vq, struct virtqueue_used *used,
					       unsigned int max)
{
	return vq->operations->take_each(vq, used, max);
}

/* True when take would return something (or find out that the device lies). Context: any. */
static inline bool virtqueue_has_used(const struct virtqueue *vq)
{
	return vq->operations->has_used(vq);
}

/* How many more descriptors can be added. */
static inline unsigned int virtqueue_free(const struct virtqueue *vq)
{
	return vq->free;
}

/* A hint to the device: it may interrupt nevertheless, and then nothing happens. Context: any. */
static inline void virtqueue_interrupts_off(struct virtqueue *vq)
{
	if (!vq->armed)
		return;
	__atomic_store_n(&vq->armed, false, __ATOMIC_RELAXED);
	if (!vq->polled)
		vq->operations->interrupts_off(vq);
}

/*
 * Asks for one interrupt when `after` more buffers are used than were taken (1: the next; without
 * EVENT_IDX it may come earlier). True: so many are used already, and interrupts stay off.
 */
static inline bool virtqueue_interrupts_on(struct virtqueue *vq, unsigned int after)
{
	__atomic_store_n(&vq->armed, true, __ATOMIC_RELAXED);
	if (vq->polled ? !vq->operations->has_used(vq) : !vq->operations->interrupts_on(vq, after))
		return false;
	virtqueue_interrupts_off(vq);
	return true;
}

/* What a notification says with NOTIFICATION_DATA (2.9). For transports. */
static inline uint32_t virtqueue_notification(const struct virtqueue *vq)
{
	return (uint32_t)vq->operations->next(vq) << 16 | vq->notify_value;
}

/* After the device's reset: the token of each buffer that was never taken, then NULL. */
static inline void *virtqueue_detach(struct virtqueue *vq)
{
	return vq->operations->detach(vq);
}

/* Tells the driver what it was armed for. Context: interrupt. */
static inline void virtqueue_wake(struct virtqueue *vq)
{
	virtqueue_interrupts_off(vq);
	vq->callback(vq);
}

/* What a transport calls when the queue's interrupt came. Context: interrupt. */
static inline void virtqueue_interrupt(struct virtqueue *vq)
{
	if (!__atomic_load_n(&vq->armed, __ATOMIC_RELAXED)) {
		vq->counters.interrupts_idle++;
		return;
	}
	vq->counters.interrupts++;
	virtqueue_wake(vq);
}

#endif
