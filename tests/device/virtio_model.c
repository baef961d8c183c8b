/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model.h"

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

static void reset(struct virtio_model *model)
{
	memset(model->accepted, 0, sizeof(model->accepted));
	model->device_select = model->driver_select = 0;
	model->queue_select = 0;
	model->config_vector = NO_VECTOR;
	model->isr = 0;
	for (unsigned int i = 0; i < MODEL_QUEUES; i++) {
		struct model_queue *queue = &model->queues[i];
		struct model_queue fresh = {
			.size_max = queue->size_max,
			.size = queue->size_max,
			.notify_off = queue->notify_off,
			.vector = NO_VECTOR,
			.kicks = queue->kicks,
			.interrupts = queue->interrupts,
		};

		*queue = fresh;
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
	if (status & STATUS_DRIVER_OK && !(model->status & STATUS_FEATURES_OK))
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

void virtio_model_notify(struct virtio_model *model, uint32_t index)
{
	if (index >= model->queue_count) {
		virtio_model_violation(model, "queue %u was notified", index);
		return;
	}
	if (!(model->status & STATUS_DRIVER_OK))
		virtio_model_violation(model, "queue %u was notified before DRIVER_OK", index);
	model->queues[index].kicked = true;
	model->queues[index].kicks++;
}
