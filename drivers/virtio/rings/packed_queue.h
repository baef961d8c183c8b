/* SPDX-License-Identifier: BSD-2-Clause */
/* What the driver's side of a packed virtqueue remembers: for packed.c and packed_add.c alone. */
#ifndef DRIVERS_VIRTIO_RINGS_PACKED_QUEUE_H
#define DRIVERS_VIRTIO_RINGS_PACKED_QUEUE_H

#include "drivers/virtio/rings/formats.h"
#include "drivers/virtio/rings/packed.h"
#include "drivers/virtio/rings/tables.h"

/* A place in the ring. */
struct place {
	uint16_t offset;
	bool wrap; /* the wrap counter in this lap */
};

struct packed_queue {
	struct virtqueue vq;

	struct packed_desc *desc;
	le32 *driver_event; /* which interrupts we want */
	le32 *device_event; /* which notifications the device wants */

	struct virtqueue_slot *slots;
	struct virtqueue_slot_more *more;
	uint16_t free_id; /* the head of the list; with IN_ORDER the next in turn */
	uint16_t next_id; /* IN_ORDER: of the buffer that is due next */
	struct place avail, used;
	uint16_t hidden;	   /* descriptors that were added and not shown */
	struct place hidden_first; /* the first of these, and its flags */
	uint16_t hidden_flags;
	uint16_t hidden_buffers, lent; /* buffers: not shown, and shown */
	uint16_t detached;	       /* slots that virtqueue_detach() has looked at */
	bool event_idx, in_order, strong;
	bool plain; /* neither IN_ORDER nor ORDER_PLATFORM */

	/* IN_ORDER: a used descriptor that stands for several buffers. */
	uint16_t batch; /* how many of them were not taken yet, the last one included */
	uint32_t batch_length;

	struct indirect_tables tables;
	size_t block_size;
};

static inline struct packed_queue *packed_of(struct virtqueue *vq)
{
	return (struct packed_queue *)((char *)vq - offsetof(struct packed_queue, vq));
}

static inline const struct packed_queue *packed_of_const(const struct virtqueue *vq)
{
	return (const struct packed_queue *)((const char *)vq - offsetof(struct packed_queue, vq));
}

/* `count` is at most the ring's size. */
static inline void advance(const struct packed_queue *queue, struct place *place,
			   unsigned int count)
{
	unsigned int offset = place->offset + count;

	if (offset >= queue->vq.size) {
		offset -= queue->vq.size;
		place->wrap = !place->wrap;
	}
	place->offset = (uint16_t)offset;
}

/* packed_add.c: the operations `add` and `add_each`. */
int packed_ring_add(struct virtqueue *vq, const struct virtqueue_segment *segments,
		    unsigned int out_count, unsigned int in_count, void *token);
unsigned int packed_ring_add_each(struct virtqueue *vq, const struct virtqueue_buffer *buffers,
				  unsigned int count);

#endif
