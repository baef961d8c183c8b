/* SPDX-License-Identifier: BSD-2-Clause */
/* What the ring formats have in common: choice of the format, sizes, failure, description. */
#include "drivers/virtio/rings/virtqueue.h"

#include "drivers/virtio/rings/formats.h"
#include "kernel/console/log.h"

#define LOG_AREA "virtio"

uint16_t virtqueue_usable_size(bool packed, uint32_t wanted)
{
	uint32_t size = wanted < VIRTQUEUE_SIZE_MAX ? wanted : VIRTQUEUE_SIZE_MAX;

	if (packed)
		return (uint16_t)size;
	/* 2.7: a split queue's size is a power of two. */
	while (size & (size - 1))
		size &= size - 1;
	return (uint16_t)size;
}

struct virtqueue *virtqueue_create(const struct virtqueue_parameters *parameters)
{
	return parameters->packed ? packed_create(parameters) : split_create(parameters);
}

void virtqueue_destroy(struct virtqueue *vq)
{
	if (vq)
		vq->operations->destroy(vq);
}

void virtqueue_break(struct virtqueue *vq)
{
	if (vq->broken)
		return;
	vq->broken = true;
	if (vq->failed)
		vq->failed(vq);
}

bool virtqueue_length_is_good(struct virtqueue *vq, uint32_t *written, uint32_t writable)
{
	if (*written <= writable)
		return true;
	if (!writable) {
		/*
		 * Several back ends report what they have read here. It says nothing and harms
		 * nobody.
		 */
		vq->counters.lengths_ignored++;
		*written = 0;
		return true;
	}
	log_error("%s: the device wrote %u bytes to a buffer of %u", vq->name, *written, writable);
	virtqueue_break(vq);
	return false;
}

void virtqueue_describe(const struct virtqueue *vq, struct facts *facts)
{
	const struct virtqueue_counters *counters = &vq->counters;

	fact_number(facts, "index", vq->index);
	fact_text(facts, "name", vq->name);
	fact_text(facts, "format", vq->operations->format);
	fact_number(facts, "size", vq->size);
	fact_number(facts, "free", vq->free);
	fact_flag(facts, "broken", vq->broken);
	fact_flag(facts, "interrupt_wanted", vq->armed);
	vq->operations->describe(vq, facts);
	fact_number(facts, "added", counters->added);
	fact_number(facts, "taken", counters->taken);
	fact_number(facts, "kicks", counters->kicks);
	fact_number(facts, "kicks_avoided", counters->kicks_avoided);
	fact_number(facts, "interrupts", counters->interrupts);
	fact_number(facts, "interrupts_idle", counters->interrupts_idle);
	fact_number(facts, "polled", counters->polled);
	fact_number(facts, "indirect", counters->indirect);
	fact_number(facts, "lengths_ignored", counters->lengths_ignored);
}
