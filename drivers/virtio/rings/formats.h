/* SPDX-License-Identifier: BSD-2-Clause */
/* What the ring formats have in common, and how virtqueue_create() and tests make one of them. */
#ifndef DRIVERS_VIRTIO_RINGS_FORMATS_H
#define DRIVERS_VIRTIO_RINGS_FORMATS_H

#include "drivers/virtio/rings/virtqueue.h"
#include "kernel/x86/io.h"

struct virtqueue *split_create(const struct virtqueue_parameters *parameters);
struct virtqueue *packed_create(const struct virtqueue_parameters *parameters);

enum slot_kind {
	SLOT_FREE,  /* nothing is lent under this id */
	SLOT_ONE,   /* one descriptor */
	SLOT_CHAIN, /* several, or one that came with them */
	SLOT_TABLE, /* one descriptor, which stands for an indirect table */
};

/*
 * What was lent under an id: with the split ring that of the first descriptor. 16 bytes, so that the
 * place of a slot is that of a descriptor; what few buffers need stands elsewhere.
 */
struct virtqueue_slot {
	void *token;
	uint32_t writable; /* bytes that the device may write */
	uint16_t next;	   /* in the chain, or in the free list */
	uint8_t kind;	   /* enum slot_kind */
};

/* What SLOT_CHAIN and SLOT_TABLE need. */
struct virtqueue_slot_more {
	uint16_t count; /* descriptors in the ring */
	uint16_t last;	/* split: the last of them */
	uint16_t table;
};

_Static_assert(sizeof(struct virtqueue_slot) == 16, "as a descriptor");

/*
 * Checks what the device says that it wrote to a buffer, after *written was read once. False: more
 * than it may; the queue is broken then. Of a buffer that it may only read *written becomes 0.
 */
bool virtqueue_length_is_good(struct virtqueue *vq, uint32_t *written, uint32_t writable);

/*
 * Order between what we write, or read, in memory. With ORDER_PLATFORM (6.1) the device is no
 * processor of this machine, and the barriers are the platform's strong ones.
 */
static inline void virtqueue_barrier_write(bool strong)
{
	if (strong)
		memory_barrier();
	else
		memory_barrier_write();
}

static inline void virtqueue_barrier_read(bool strong)
{
	if (strong)
		memory_barrier();
	else
		memory_barrier_read();
}

#endif
