/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model_ring.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER 2
#define STATUS_DRIVER_OK 4
#define STATUS_FEATURES_OK 8
#define STATUS_NEEDS_RESET 64
#define STATUS_FAILED 128
#define NO_VECTOR 0xffff

void virtio_model_violation(struct virtio_model *model, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (!model->violations++)
		vsnprintf(model->violation, sizeof(model->violation), format, arguments);
	va_end(arguments);
}

static void reset_queue(struct virtio_model *model, unsigned int index)
{
	struct model_queue *queue = &model->queues[index];
	struct model_queue fresh = {
		.size_max = queue->size_max,
		.size = queue->size_max,
		.notify_off = queue->notify_off,
		.vector = NO_VECTOR,
		.kicks = queue->kicks,
		.interrupts = queue->interrupts,
	};

	*queue = fresh;
	memset(model->packed_counts[index], 0, sizeof(model->packed_counts[index]));
}

static void reset(struct virtio_model *model)
{
	memset(model->accepted, 0, sizeof(model->accepted));
	model->device_select = model->driver_select = 0;
	model->queue_select = 0;
	model->config_vector = NO_VECTOR;
	model->isr = 0;
	for (unsigned int i = 0; i < MODEL_QUEUES; i++) {
		reset_queue(model, i);
	}
}

static void poll(void *context)
{
	struct virtio_model *model = context;

	if (model->process && model->status & STATUS_DRIVER_OK &&
	    !(model->status & STATUS_NEEDS_RESET))
		model->process(model);
}

void virtio_model_init(struct virtio_model *model, uint32_t type, unsigned int queue_count,
		       uint16_t queue_size)
{
	memset(model, 0, sizeof(*model));
	model->type = type;
	model->queue_count = queue_count;
	model->config_length = MODEL_CONFIG_DEFAULT;
	model->vectors_max = NO_VECTOR;
	for (unsigned int i = 0; i < queue_count; i++) {
		model->queues[i].size_max = queue_size;
		model->queues[i].notify_off = (uint16_t)i;
	}
	virtio_model_offer(model, MODEL_VERSION_1, true);
	virtio_model_offer(model, MODEL_EVENT_IDX, true);
	virtio_model_offer(model, MODEL_INDIRECT, true);
	reset(model);
	host_model(poll, model);
}

void virtio_model_offer(struct virtio_model *model, unsigned int bit, bool offer)
{
	if (offer)
		model->offered[bit / 32] |= MODEL_FEATURE(bit);
	else
		model->offered[bit / 32] &= ~MODEL_FEATURE(bit);
}

bool virtio_model_accepted(const struct virtio_model *model, unsigned int bit)
{
	return model->accepted[bit / 32] & MODEL_FEATURE(bit);
}

void virtio_model_record(struct virtio_model *model, enum model_space space, uint32_t offset,
			 uint64_t value)
{
	if (model->trace_count < MODEL_TRACE)
		model->trace[model->trace_count++] = (struct model_write){space, offset, value};
}

/* -- Status (2.1, 3.1.1) */

void virtio_model_status_write(struct virtio_model *model, uint8_t status)
{
	if (!status) {
		model->resets++;
		model->reset_left = model->reset_reads;
		reset(model);
		if (!model->reset_left && !model->reset_never)
			model->status = 0;
		return;
	}
	if (model->status & ~status & ~STATUS_NEEDS_RESET)
		virtio_model_violation(model, "status went from %02x to %02x", model->status,
				       status);
	if (status & STATUS_DRIVER && !(status & STATUS_ACKNOWLEDGE))
		virtio_model_violation(model, "DRIVER without ACKNOWLEDGE");
	if (status & STATUS_FEATURES_OK && !(model->status & STATUS_DRIVER))
		virtio_model_violation(model, "FEATURES_OK without DRIVER");
	if (model->legacy && status & STATUS_FEATURES_OK)
		virtio_model_violation(model, "FEATURES_OK to a legacy device");
	if (status & STATUS_DRIVER_OK && !model->legacy && !(model->status & STATUS_FEATURES_OK))
		virtio_model_violation(model, "DRIVER_OK without FEATURES_OK");
	if (status & STATUS_FEATURES_OK && !(model->status & STATUS_FEATURES_OK)) {
		for (unsigned int i = 0; i < 4; i++)
			if (model->accepted[i] & ~model->offered[i])
				virtio_model_violation(model,
						       "accepted %08x of word %u, offered %08x",
						       model->accepted[i], i, model->offered[i]);
		if (model->refuse_features)
			status &= (uint8_t)~STATUS_FEATURES_OK;
	}
	model->status = (uint8_t)(status | (model->status & STATUS_NEEDS_RESET));
}

uint8_t virtio_model_status_read(struct virtio_model *model)
{
	if (model->reset_left && !--model->reset_left && !model->reset_never)
		model->status = 0;
	return model->status;
}

void virtio_model_driver_feature(struct virtio_model *model, uint32_t value)
{
	if (model->status & STATUS_FEATURES_OK)
		virtio_model_violation(model, "features written after FEATURES_OK");
	if (model->driver_select < 4)
		model->accepted[model->driver_select] = value;
}

/* -- Configuration */

uint64_t virtio_model_config_read(struct virtio_model *model, uint32_t offset, unsigned int width)
{
	uint64_t value = 0;

	if (offset + width > model->config_length || offset + width > MODEL_CONFIG) {
		virtio_model_violation(model, "configuration read at %u, %u bytes", offset, width);
		return UINT64_MAX;
	}
	memcpy(&value, model->config + offset, width);
	return value;
}

void virtio_model_config_write(struct virtio_model *model, uint32_t offset, unsigned int width,
			       uint64_t value)
{
	for (unsigned int i = 0; i < width; i++) {
		if (offset + i >= model->config_length || !model->config_writable[offset + i]) {
			virtio_model_violation(model, "configuration was written at %u, %u bytes",
					       offset, width);
			return;
		}
		model->config[offset + i] = (uint8_t)(value >> 8 * i);
	}
}

void virtio_model_configure(struct virtio_model *model, unsigned int offset, const void *data,
			    unsigned int length)
{
	memcpy(model->config + offset, data, length);
	model->generation++;
	if (model->status & STATUS_DRIVER_OK)
		model->interrupt(model, -1);
}

void virtio_model_needs_reset(struct virtio_model *model)
{
	model->status |= STATUS_NEEDS_RESET;
	if (model->status & STATUS_DRIVER_OK)
		model->interrupt(model, -1);
}

/* -- Queues */

struct model_queue *virtio_model_selected(struct virtio_model *model)
{
	return model->queue_select < model->queue_count ? &model->queues[model->queue_select]
							: NULL;
}

/* Which queue a doorbell's value means: its index, or what the device gave for it. */
static uint32_t queue_of(struct virtio_model *model, uint32_t value)
{
	if (!virtio_model_accepted(model, MODEL_NOTIF_CONFIG_DATA))
		return value;
	return value - MODEL_NOTIF_CONFIG_BASE;
}

void virtio_model_notify(struct virtio_model *model, uint32_t value)
{
	bool data = virtio_model_accepted(model, MODEL_NOTIFICATION_DATA);
	uint32_t index = queue_of(model, data ? value & 0xffff : value);

	if (index >= model->queue_count) {
		virtio_model_violation(model, "queue %u was notified", index);
		return;
	}
	if (!(model->status & STATUS_DRIVER_OK))
		virtio_model_violation(model, "queue %u was notified before DRIVER_OK", index);
	if (!model->queues[index].enabled)
		virtio_model_violation(model, "queue %u was notified and is not enabled", index);
	else if (data && value >> 16 != model_ring_next(model, index))
		virtio_model_violation(model, "queue %u: notified with %04x, next is %04x", index,
				       value >> 16, model_ring_next(model, index));
	model->queues[index].kicked = true;
	model->queues[index].kicks++;
}

void virtio_model_queue_reset_write(struct virtio_model *model, uint32_t value)
{
	struct model_queue *queue = virtio_model_selected(model);

	if (value != 1 || !queue || !queue->enabled ||
	    !virtio_model_accepted(model, MODEL_RING_RESET)) {
		virtio_model_violation(model, "queue_reset was written with %u", value);
		return;
	}
	model->queue_resets++;
	if (model->queue_reset_ignored)
		return;
	reset_queue(model, model->queue_select);
	queue->reset_left = 1 + model->reset_reads;
}

uint32_t virtio_model_queue_reset_read(struct virtio_model *model)
{
	struct model_queue *queue = virtio_model_selected(model);

	if (!queue || !queue->reset_left)
		return 0;
	if (!model->queue_reset_never)
		queue->reset_left--;
	return queue->reset_left != 0;
}

void virtio_model_size_write(struct virtio_model *model, uint32_t value)
{
	struct model_queue *queue = virtio_model_selected(model);
	bool packed = virtio_model_accepted(model, MODEL_RING_PACKED);

	if (!value || value > queue->size_max || (!packed && (value & (value - 1))))
		virtio_model_violation(model, "queue size %u", value);
	queue->size = (uint16_t)value;
}

void virtio_model_legacy_queue(struct virtio_model *model, uint32_t page, uint32_t page_size,
			       uint32_t align)
{
	struct model_queue *queue = virtio_model_selected(model);

	if (!queue)
		return;
	queue->enabled = page != 0;
	queue->desc = (uint64_t)page * page_size;
	/* 2.7.2 */
	queue->driver = queue->desc + 16ull * queue->size;
	queue->device = (queue->driver + 6 + 2ull * queue->size + align - 1) / align * align;
}
