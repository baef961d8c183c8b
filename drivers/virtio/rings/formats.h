/* SPDX-License-Identifier: BSD-2-Clause */
/* What the ring formats have in common, and how virtqueue_create() and tests make one of them. */
#ifndef DRIVERS_VIRTIO_RINGS_FORMATS_H
#define DRIVERS_VIRTIO_RINGS_FORMATS_H

#include "drivers/virtio/rings/virtqueue.h"
#include "kernel/x86/io.h"

struct virtqueue *split_create(const struct virtqueue_parameters *parameters);
struct virtqueue *packed_create(const struct virtqueue_parameters *parameters);

/*
 * Checks what the device says that it wrote to a buffer, after *written was read once. False: more
 * than it may; the queue is broken then. Of a buffer that it may only read *written becomes 0.
 */
bool virtqueue_length_is_good(struct virtqueue *vq, uint32_t *written, uint32_t writable);

/* The same of `written` bytes, which are in *length afterwards; almost always there is nothing to say. */
static inline bool virtqueue_take_length(struct virtqueue *vq, uint32_t *length, uint32_t written,
					 uint32_t writable)
{
	*length = written;
	return written <= writable || virtqueue_length_is_good(vq, length, writable);
}

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
