/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/ring_stand.h"

#include "kernel/memory/dma.h"
#include "tests/device/host.h"
#include "tests/device/virtio_model_ring.h"

#include <string.h>

struct ring_stand ring;

static void on_interrupt(struct virtio_model *model, int queue)
{
	if (model != &ring.model || queue)
		host_abort("an interrupt of queue %d", queue);
	virtqueue_interrupt(ring.vq);
}

static void on_call(struct virtqueue *vq)
{
	(void)vq;
	ring.called++;
}

static void on_notify(struct virtqueue *vq)
{
	(void)vq;
	ring.notified++;
}

static void on_failure(struct virtqueue *vq)
{
	(void)vq;
	ring.failed++;
}

static void accept(unsigned int feature, bool on)
{
	if (on)
		ring.model.accepted[feature / 32] |= MODEL_FEATURE(feature);
}

void ring_show(void)
{
	struct model_queue *queue = &ring.model.queues[0];

	queue->desc = ring.vq->descriptor_area;
	queue->driver = ring.vq->driver_area;
	queue->device = ring.vq->device_area;
	queue->size = ring.vq->size;
	queue->enabled = true;
}

void ring_open(const struct virtqueue_parameters *parameters)
{
	struct virtio_model *model = &ring.model;
	struct virtqueue *vq;

	host_reset();
	memset(&ring, 0, sizeof(ring));
	virtio_model_init(model, 4, 1, parameters->size);
	model->interrupt = on_interrupt;
	model->status = 15;
	accept(MODEL_VERSION_1, true);
	accept(MODEL_RING_PACKED, parameters->packed);
	accept(MODEL_EVENT_IDX, parameters->event_idx);
	accept(MODEL_INDIRECT, parameters->indirect);
	accept(MODEL_IN_ORDER, parameters->in_order);
	vq = virtqueue_create(parameters);
	if (!vq)
		host_abort("no queue of %u descriptors", parameters->size);
	vq->notify = on_notify;
	vq->callback = on_call;
	vq->failed = on_failure;
	vq->live = true;
	strcpy(vq->name, "test");
	ring.vq = vq;
	ring_show();
	ring.memory = dma_alloc(RING_SEGMENTS_MAX * RING_PIECE, NULL);
	if (!ring.memory)
		host_abort("no memory for segments");
}

void ring_close(void)
{
	if (ring.model.violations)
		host_abort("size %u: %s", ring.vq->size, ring.model.violation);
	virtqueue_destroy(ring.vq);
	dma_free(ring.memory, RING_SEGMENTS_MAX * RING_PIECE);
	if (host_dma_blocks())
		host_abort("memory of the queue is left");
}

int ring_chain(unsigned int out, unsigned int in, uintptr_t token)
{
	struct virtqueue_segment segments[RING_SEGMENTS_MAX];

	for (unsigned int i = 0; i < out + in; i++) {
		segments[i].address = dma_address(ring.memory) + RING_PIECE * i;
		segments[i].length = RING_PIECE;
	}
	return virtqueue_add(ring.vq, segments, out, in, (void *)token);
}
