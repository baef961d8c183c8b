/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio devices of a machine, as far as results depend on them. */
#include "drivers/virtio/transports/transport.h"
#include "drivers/virtio/virtio.h"
#include "kernel/bench/bench.h"

static void describe_queues(const struct virtio_device *device, struct facts *facts)
{
	fact_list(facts, "queues");
	virtio_queues_hold();
	for (unsigned int i = 0; i < device->queue_count; i++) {
		const struct virtqueue *vq = device->queues[i];

		if (!vq)
			continue;
		fact_item(facts);
		fact_text(facts, "name", vq->name);
		fact_text(facts, "format", vq->operations->format);
		fact_number(facts, "size", vq->size);
		fact_end(facts);
	}
	virtio_queues_release();
	fact_end(facts);
}

static void describe(struct facts *facts)
{
	fact_list(facts, "devices");
	for (struct virtio_device *device = virtio_first(); device; device = device->next) {
		const char *type = virtio_type_name(device->type);

		fact_item(facts);
		fact_text(facts, "name", device->name);
		fact_text(facts, "bus", device->bus_name);
		fact_text(facts, "type", type ? type : "unknown");
		fact_text(facts, "transport", device->transport->name);
		fact_text(facts, "interrupt_mode", device->interrupt_mode);
		virtio_features_describe(facts, "features", device->type, &device->negotiated);
		describe_queues(device, facts);
		fact_end(facts);
	}
	fact_end(facts);
}
BENCH_ENVIRONMENT(virtio, describe);
