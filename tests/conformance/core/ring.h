/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The suite's own rings, raw: everything in them can be written by a case, and the easy way through them
 * (ring_add, ring_kick, ring_wait) is the same for split (virtio 1.4, 2.7) and packed (2.8).
 *
 * Nothing of drivers/virtio is used here: a mistake there must not hide one of the device.
 */
#ifndef TESTS_CONFORMANCE_CORE_RING_H
#define TESTS_CONFORMANCE_CORE_RING_H

#include "tests/conformance/target.h"

#define DESCRIPTOR_NEXT 1u
#define DESCRIPTOR_WRITE 2u
#define DESCRIPTOR_INDIRECT 4u
#define DESCRIPTOR_AVAIL (1u << 7)
#define DESCRIPTOR_USED (1u << 15)

struct split_descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

struct packed_descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t id, flags;
};

struct split_used_element {
	uint32_t id, length;
};

_Static_assert(sizeof(struct split_descriptor) == 16, "2.7.5");
_Static_assert(sizeof(struct packed_descriptor) == 16, "2.8.13");
_Static_assert(sizeof(struct split_used_element) == 8, "2.7.8");

#define RING_CHAIN_MAX 1024

/* A used buffer. */
struct used {
	uint32_t id;	 /* what ring_add() returned */
	uint32_t length; /* that the device says it wrote */
};

struct ring {
	unsigned int index, size;
	bool packed;
	bool event_idx, indirect, in_order, notification_data;

	/* -- Split: shared memory. Written through ring_write16() and friends, so that the guard knows of it. */
	struct split_descriptor *descriptors;
	uint16_t *avail;	 /* flags, idx, ring[size], used_event */
	volatile uint16_t *used; /* flags, idx, then elements, then avail_event */
	uint16_t avail_idx;	 /* as published */
	uint16_t
		avail_pending; /* with what ring_add() put in and ring_publish() did not show yet */
	uint16_t used_seen;    /* used entries that were taken */

	/* -- Packed */
	volatile struct packed_descriptor *packed_ring;
	uint16_t *driver_event; /* off_wrap, flags */
	volatile uint16_t *device_event;
	uint16_t next_avail, next_used;	     /* places in the ring */
	bool avail_wrap, used_wrap;	     /* the wrap counters, both 1 at first */
	uint16_t first_hidden, hidden_flags; /* the head that is not published yet, and its flags */
	bool hidden;

	/* -- Both: descriptors (split) or ids (packed) that are free, first in first out. */
	uint16_t *free;
	unsigned int free_first, free_count;
	unsigned int room; /* descriptors that are free; packed: entries */
	uint16_t *counts;  /* by head or id: descriptors of the chain; 0: it is not in flight */
	uint16_t *next;	   /* split: by descriptor */
	uint16_t *order;   /* ids in flight, in the order they were added; first in first out */
	unsigned int order_first, order_count;
	bool in_batch; /* IN_ORDER: one used entry stood for all up to this id */
	struct used batch;
	uint64_t added, completed;
	/* Buffers that were published, and those of them before the last notification decision. */
	uint64_t shown, told;
	unsigned int fresh; /* entries since then */
};

struct segment {
	const void *data; /* in the arena */
	uint32_t length;
};

/* -- The easy way */

/* Puts a chain into the ring without showing it: `out` segments that the device reads, then `in` that it writes.
 * Returns its id. More than is free fails the case as one of the suite. */
uint16_t ring_add(struct conformance_target *t, struct ring *ring, const struct segment *segments,
		  unsigned int out, unsigned int in);
/* The same through an indirect table (one descriptor). */
uint16_t ring_add_indirect(struct conformance_target *t, struct ring *ring,
			   const struct segment *segments, unsigned int out, unsigned int in);
/* Shows all that was added. */
void ring_publish(struct conformance_target *t, struct ring *ring);
/* Rings the doorbell, always. */
void ring_notify(struct conformance_target *t, struct ring *ring);
/* Whether the device wants a notification for what was shown since the last call (flags or event index). */
bool ring_wants_notification(struct conformance_target *t, struct ring *ring);
/* Publish, and the doorbell if it is wanted. */
void ring_kick(struct conformance_target *t, struct ring *ring);
/* Takes the next used buffer. False: there is none now. An id that is not in flight fails the case. */
bool ring_take(struct conformance_target *t, struct ring *ring, struct used *used);
/* Waits for it; fails the case when none comes. */
struct used ring_wait(struct conformance_target *t, struct ring *ring);
/* How many used buffers the device has shown that were not taken (split: exact; packed: 0 or 1). */
unsigned int ring_pending(struct conformance_target *t, struct ring *ring);

/* -- Interrupt suppression. With EVENT_IDX: at the used buffer `after` further ones (0: the next). */
void ring_interrupts_off(struct conformance_target *t, struct ring *ring);
void ring_interrupts_on(struct conformance_target *t, struct ring *ring);
void ring_interrupts_after(struct conformance_target *t, struct ring *ring, unsigned int after);

/* -- The raw way, split */
void split_descriptor_write(struct conformance_target *t, struct ring *ring, unsigned int index,
			    uint64_t address, uint32_t length, uint16_t flags, uint16_t next);
/* avail.ring[place % size] = head; avail.idx = idx; avail.flags; used_event. */
void split_avail_write(struct conformance_target *t, struct ring *ring, uint16_t place,
		       uint16_t head);
void split_idx_write(struct conformance_target *t, struct ring *ring, uint16_t idx);
void split_flags_write(struct conformance_target *t, struct ring *ring, uint16_t flags);
void split_used_event_write(struct conformance_target *t, struct ring *ring, uint16_t event);
uint16_t split_used_flags(const struct ring *ring);
uint16_t split_used_idx(const struct ring *ring);
struct split_used_element split_used_read(const struct ring *ring, uint16_t place);
uint16_t split_avail_event(const struct ring *ring);
/* Bytes of the three parts (2.7). */
size_t split_descriptors_size(unsigned int size);
size_t split_avail_size(unsigned int size);
size_t split_used_size(unsigned int size);

/* -- The raw way, packed */
void packed_descriptor_write(struct conformance_target *t, struct ring *ring, unsigned int place,
			     uint64_t address, uint32_t length, uint16_t id, uint16_t flags);
struct packed_descriptor packed_descriptor_read(const struct ring *ring, unsigned int place);
/* AVAIL and USED as a driver writes them at a wrap counter. */
uint16_t packed_avail_flags(bool wrap);
void packed_driver_event_write(struct conformance_target *t, struct ring *ring, uint16_t off_wrap,
			       uint16_t flags);

/* -- The suite's: memory for a ring of `size` in the arena, empty. */
struct ring *ring_create(struct conformance_target *t, unsigned int index, unsigned int size,
			 uint64_t features);
/* Adds the ring's registers of shared memory to the dump. */
void ring_note(struct conformance_target *t, struct ring *ring);

#endif
