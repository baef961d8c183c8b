/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device's side of a virtqueue, whatever the format: what device types use
 * (virtio_model_ring.c), and the packed ring by itself (virtio_model_packed.c).
 */
#ifndef TESTS_DEVICE_VIRTIO_MODEL_RING_H
#define TESTS_DEVICE_VIRTIO_MODEL_RING_H

#include "tests/device/virtio_model.h"

#define MODEL_NOTIFY_ON_EMPTY 24
#define MODEL_ANY_LAYOUT 27
#define MODEL_RING_PACKED 34
#define MODEL_IN_ORDER 35
#define MODEL_NOTIFICATION_DATA 38
#define MODEL_NOTIF_CONFIG_DATA 39
#define MODEL_RING_RESET 40

/* With NOTIF_CONFIG_DATA queue 0 is notified by this, queue 1 by the next number. */
#define MODEL_NOTIF_CONFIG_BASE 0x4200u

struct model_packed_desc {
	uint64_t address;
	uint32_t length;
	uint16_t id, flags;
};

/* As model_split_* in virtio_model.h, for the format that was negotiated. */
bool model_ring_pop(struct virtio_model *model, unsigned int queue, struct model_chain *chain);
/* Takes back what was popped last. */
void model_ring_unpop(struct virtio_model *model, unsigned int queue,
		      const struct model_chain *chain);
/* `ahead` counts up from 0 between two model_ring_show(). */
void model_ring_fill(struct virtio_model *model, unsigned int queue, unsigned int ahead,
		     uint32_t id, uint32_t length);
void model_ring_show(struct virtio_model *model, unsigned int queue, unsigned int count);
void model_ring_interrupt(struct virtio_model *model, unsigned int queue);
void model_ring_push(struct virtio_model *model, unsigned int queue, uint32_t id, uint32_t length);
void model_ring_want_kicks(struct virtio_model *model, unsigned int queue, bool want);
/* Where the driver's next buffer will be, as NOTIFICATION_DATA has it. */
uint16_t model_ring_next(struct virtio_model *model, unsigned int queue);

/* Whether a buffer is available. */
bool model_ring_waits(struct virtio_model *model, unsigned int queue);
/* The interrupt of a queue, which is due. */
void model_ring_send(struct virtio_model *model, unsigned int queue);

/* Starts an empty chain. */
void model_ring_chain(struct model_chain *chain);
/* Adds one piece to a chain; false when it is not the driver's memory, or not allowed there. */
bool model_ring_append(struct virtio_model *model, struct model_chain *chain, uint64_t address,
		       uint32_t length, bool writable);

/* The chain is whole, or not `good`: what faults do then. Returns `good`. */
bool model_ring_popped(struct virtio_model *model, unsigned int queue, struct model_chain *chain,
		       bool good);

/* Whether the parts of a queue are aligned and in memory. */
bool model_split_usable(const struct virtio_model *model, unsigned int queue);
bool model_split_waits(struct virtio_model *model, unsigned int queue);
bool model_packed_usable(const struct virtio_model *model, unsigned int queue);
bool model_packed_waits(struct virtio_model *model, unsigned int queue);

/* -- The packed ring: virtio_model_packed.c */
bool model_packed_pop(struct virtio_model *model, unsigned int queue, struct model_chain *chain);
void model_packed_unpop(struct virtio_model *model, unsigned int queue,
			const struct model_chain *chain);
void model_packed_fill(struct virtio_model *model, unsigned int queue, unsigned int ahead,
		       uint32_t id, uint32_t length);
void model_packed_show(struct virtio_model *model, unsigned int queue, unsigned int count);
void model_packed_interrupt(struct virtio_model *model, unsigned int queue);
void model_packed_want_kicks(struct virtio_model *model, unsigned int queue, bool want);
uint16_t model_packed_next(struct virtio_model *model, unsigned int queue);
/* An entry of the ring, to look at and to lie in. */
struct model_packed_desc *model_packed_entry(struct virtio_model *model, unsigned int queue,
					     uint64_t place);

#endif
