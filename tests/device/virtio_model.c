/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model_ring.h"

#include "tests/device/faults.h"

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

static void reset_queue(struct virtio_model *model, unsigned int index, bool alone)
{
	struct model_queue *queue = &model->queues[index];
	struct model_queue old = *queue, fresh = {
						 .size_max = queue->size_max,
						 .size = queue->size_max,
						 .notify_off = queue->notify_off,
						 .vector = NO_VECTOR,
						 .kicks = queue->kicks,
						 .interrupts = queue->interrupts,
					 };

	*queue = fresh;
	if (fault(alone ? FAULT_QUEUE_RESET_KEEPS_ENABLE : FAULT_RESET_KEEPS_ENABLE))
		queue->enabled = old.enabled;
	if (fault(alone ? FAULT_QUEUE_RESET_KEEPS_SIZE : FAULT_RESET_KEEPS_SIZE))
		queue->size = old.size;
	if (fault(alone ? FAULT_QUEUE_RESET_KEEPS_VECTOR : FAULT_RESET_KEEPS_VECTORS))
		queue->vector = old.vector;
	if (fault(alone ? FAULT_QUEUE_RESET_KEEPS_INDEX : FAULT_RESET_KEEPS_INDEX)) {
		queue->avail_seen = old.avail_seen;
		queue->used_idx = queue->used_told = old.used_idx;
		queue->avail_place = old.avail_place;
		queue->used_place = queue->told_place = old.used_place;
	}
	if (alone && fault(FAULT_QUEUE_RESET_KEEPS_ADDRESSES)) {
		queue->desc = old.desc;
		queue->driver = old.driver;
		queue->device = old.device;
		queue->frozen = true;
	}
	if (model->packed_used[index])
		memset(model->packed_counts[index], 0, sizeof(model->packed_counts[index]));
	model->packed_used[index] = false;
}

static void reset(struct virtio_model *model)
{
	if (!fault(FAULT_RESET_KEEPS_FEATURES))
		memset(model->accepted, 0, sizeof(model->accepted));
	model->accepted_beyond = false;
	if (!fault(FAULT_RESET_KEEPS_STUCK))
		model->stuck = false;
	model->device_select = model->driver_select = 0;
	model->queue_select = 0;
	if (!fault(FAULT_RESET_KEEPS_VECTORS))
		model->config_vector = NO_VECTOR;
	if (!fault(FAULT_RESET_KEEPS_ISR))
		model->isr = 0;
	for (unsigned int i = 0; i < MODEL_QUEUES; i++)
		reset_queue(model, i, false);
	if (model->on_reset)
		model->on_reset(model);
}

/* 2.1.2, 3.1.2: not before DRIVER_OK, but for legacy devices. */
static bool runs(const struct virtio_model *model)
{
	if (model->status & STATUS_NEEDS_RESET || model->stuck)
		return false;
	if (fault(FAULT_RUNS_EARLY))
		return model->status & STATUS_DRIVER;
	if (model->early && model->legacy && !fault(FAULT_LEGACY_NEEDS_DRIVER_OK))
		return model->status & STATUS_DRIVER;
	return model->status & STATUS_DRIVER_OK &&
	       (model->legacy || model->status & STATUS_FEATURES_OK);
}

static void poll(void *context)
{
	struct virtio_model *model = context;

	model->taken = 0;
	if (model->process && (runs(model) || model->runs_on))
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

static void status_zero(struct virtio_model *model)
{
	uint8_t old = model->status;

	model->resets++;
	model->reset_left = model->reset_reads;
	model->runs_on = false;
	if (fault(FAULT_RESET_RUNS_ON) && old & STATUS_DRIVER_OK) {
		/* Says that it is reset, and goes on with its rings. */
		model->status = 0;
		model->runs_on = true;
		return;
	}
	reset(model);
	if (fault(FAULT_RESET_STATUS_STAYS))
		return;
	if (!model->reset_left && !model->reset_never)
		model->status = fault(FAULT_RESET_KEEPS_NEEDS_RESET) ? old & STATUS_NEEDS_RESET : 0;
	if (fault(FAULT_RESET_INTERRUPTS) && old & STATUS_DRIVER_OK)
		model->interrupt(model, -1);
}

/* 2.2.2: whether what was accepted is something that this device can do. */
static bool acceptable(struct virtio_model *model)
{
	bool good = !model->accepted_beyond;

	for (unsigned int i = 0; i < 4; i++)
		if (model->accepted[i] & ~model->offered[i]) {
			virtio_model_violation(model, "accepted %08x of word %u, offered %08x",
					       model->accepted[i], i, model->offered[i]);
			good = false;
		}
	if (fault(FAULT_FEATURES_ANY_ACCEPTED))
		return true;
	if (model->dependencies && !model->dependencies(model))
		good = fault(FAULT_FEATURES_DEPENDENCY_ACCEPTED);
	if (fault(FAULT_FEATURES_SUBSET_REFUSED) && !virtio_model_accepted(model, MODEL_INDIRECT) &&
	    !(model->accepted[0] & 0xffffff))
		return false;
	if (fault(FAULT_FEATURES_ONCE) && model->negotiations++ % 2)
		return false;
	return good && !model->refuse_features;
}

void virtio_model_status_write(struct virtio_model *model, uint8_t status)
{
	uint8_t became;

	if (!status) {
		status_zero(model);
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
	if (status & STATUS_FEATURES_OK && !(model->status & STATUS_FEATURES_OK) &&
	    !acceptable(model) && !model->legacy)
		status &= (uint8_t)~STATUS_FEATURES_OK;
	if (status & STATUS_FEATURES_OK && !(model->status & STATUS_FEATURES_OK) &&
	    model->on_features)
		model->on_features(model);
	if (fault(FAULT_STATUS_BITS_LOST))
		status &= (uint8_t)~STATUS_ACKNOWLEDGE;
	became = (uint8_t)(status & ~model->status);
	/* NEEDS_RESET is the device's. */
	model->status =
		(uint8_t)((status & ~STATUS_NEEDS_RESET) | (model->status & STATUS_NEEDS_RESET));
	if (became & STATUS_DRIVER_OK && model->on_ready)
		model->on_ready(model);
}

uint8_t virtio_model_status_read(struct virtio_model *model)
{
	if (model->reset_left && !--model->reset_left && !model->reset_never)
		model->status = 0;
	return model->status;
}

uint32_t virtio_model_device_feature(const struct virtio_model *model, uint32_t select)
{
	uint32_t value;

	if (fault(FAULT_FEATURES_SELECT_MIRRORS) && select > 1)
		select = 1;
	value = select < 4 ? model->offered[select] : 0;
	if (select == 0 && model->legacy && fault(FAULT_LEGACY_BIT_30))
		value |= 1u << 30;
	if (select == 0 && model->legacy && fault(FAULT_LEGACY_ANY_LAYOUT_MISSING))
		value &= ~MODEL_FEATURE(MODEL_ANY_LAYOUT);
	if (select == 1 && fault(FAULT_FEATURES_RESERVED_OFFERED))
		value |= 1u << 13;
	if (select == 1 && fault(FAULT_FEATURES_SR_IOV_OFFERED))
		value |= 1u << 5;
	if (select == 1 && fault(FAULT_FEATURES_VERSION_1_MISSING))
		value &= ~1u;
	if (select == 0 && model->type == 1 && fault(FAULT_FEATURES_DEPENDENCY_OFFERED))
		value &= ~(MODEL_FEATURE(0) | MODEL_FEATURE(1) | MODEL_FEATURE(17));
	if (select == 0 && model->type == 2 && model->legacy && fault(FAULT_BLOCK_LEGACY_ZONED))
		value |= 1u << 17;
	if (select == 0 && model->type == 1 && fault(FAULT_FEATURES_ECN_OFFERED_ALONE))
		value &= ~(MODEL_FEATURE(7) | MODEL_FEATURE(8) | MODEL_FEATURE(11) |
			   MODEL_FEATURE(12));
	if (select == 0 && model->type == 2 && fault(FAULT_FEATURES_DEPENDENCY_OFFERED))
		value &= ~MODEL_FEATURE(9);
	return value;
}

void virtio_model_driver_feature(struct virtio_model *model, uint32_t value)
{
	if (model->status & STATUS_FEATURES_OK) {
		virtio_model_violation(model, "features written after FEATURES_OK");
		if (!fault(FAULT_FEATURES_LATE))
			return;
	}
	if (model->driver_select < 4)
		model->accepted[model->driver_select] = value;
	else
		model->accepted_beyond |= value != 0;
	if (model->legacy && model->on_features && fault(FAULT_LEGACY_FEATURES_ACT))
		model->on_features(model);
}

uint32_t virtio_model_driver_feature_read(const struct virtio_model *model)
{
	if (model->driver_select >= 4 || fault(FAULT_DRIVER_FEATURE_READS_0))
		return 0;
	return model->accepted[model->driver_select] & model->offered[model->driver_select];
}

/* -- Configuration */

uint64_t virtio_model_config_read(struct virtio_model *model, uint32_t offset, unsigned int width)
{
	uint64_t value = 0;

	if (offset + width > model->config_length || offset + width > MODEL_CONFIG) {
		virtio_model_violation(model, "configuration read at %u, %u bytes", offset, width);
		return UINT64_MAX;
	}
	if (fault(FAULT_CONFIG_LATE) && !(model->status & STATUS_FEATURES_OK) && !model->legacy)
		return 0;
	if (fault(FAULT_CONFIG_NARROW_READ_WRONG) && width < 4)
		offset &= ~3u;
	memcpy(&value, model->config + offset, width);
	if (fault(FAULT_CONFIG_UNSTABLE) && !offset)
		value += model->config_reads++ % 2;
	return value;
}

void virtio_model_config_write(struct virtio_model *model, uint32_t offset, unsigned int width,
			       uint64_t value)
{
	bool changed = false;

	for (unsigned int i = 0; i < width; i++) {
		if (offset + i >= model->config_length || !model->config_writable[offset + i]) {
			virtio_model_violation(model, "configuration was written at %u, %u bytes",
					       offset, width);
			if (offset + i >= model->config_length ||
			    !fault(FAULT_CONFIG_READ_ONLY_WRITABLE))
				continue;
		}
		if (fault(FAULT_CONFIG_WRITES_IGNORED))
			continue;
		model->config[offset + i] = (uint8_t)(value >> 8 * i);
		changed = true;
	}
	if (changed && model->on_config)
		model->on_config(model, offset, width);
}

void virtio_model_configure(struct virtio_model *model, unsigned int offset, const void *data,
			    unsigned int length)
{
	memcpy(model->config + offset, data, length);
	if (!fault(FAULT_GENERATION_STUCK))
		model->generation++;
	if (model->status & STATUS_DRIVER_OK && !fault(FAULT_CONFIG_CHANGE_SILENT))
		model->interrupt(model, -1);
}

void virtio_model_needs_reset(struct virtio_model *model)
{
	model->stuck = true;
	if (fault(FAULT_NEEDS_RESET_NEVER))
		return;
	if (model->status & STATUS_NEEDS_RESET)
		return;
	model->status |= STATUS_NEEDS_RESET;
	if (model->status & STATUS_DRIVER_OK && !fault(FAULT_NEEDS_RESET_SILENT))
		model->interrupt(model, -1);
}

void virtio_model_broken(struct virtio_model *model, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (!model->violations++)
		vsnprintf(model->violation, sizeof(model->violation), format, arguments);
	va_end(arguments);
	virtio_model_needs_reset(model);
}

/* -- Queues */

struct model_queue *virtio_model_selected(struct virtio_model *model)
{
	if (model->queue_select < model->queue_count)
		return &model->queues[model->queue_select];
	return fault(FAULT_QUEUE_BEYOND_EXISTS) ? &model->queues[0] : NULL;
}

/* Which queue a doorbell's value means: its index, or what the device gave for it. */
static uint32_t queue_of(struct virtio_model *model, uint32_t value)
{
	if (!virtio_model_accepted(model, MODEL_NOTIF_CONFIG_DATA) ||
	    fault(FAULT_NOTIFY_CONFIG_DATA_IGNORED))
		return value;
	return value - MODEL_NOTIF_CONFIG_BASE;
}

void virtio_model_notify(struct virtio_model *model, uint32_t value)
{
	bool data = virtio_model_accepted(model, MODEL_NOTIFICATION_DATA);
	uint32_t index = queue_of(model, data ? value & 0xffff : value);
	struct model_queue *queue;

	if (data && value >> 16 && fault(FAULT_NOTIFY_DATA_IS_QUEUE))
		index = value;
	if (fault(FAULT_NOTIFY_ONLY_QUEUE_0) && index)
		return;
	if (index >= model->queue_count) {
		virtio_model_violation(model, "queue %u was notified", index);
		if (fault(FAULT_NOTIFY_BEYOND_BREAKS))
			virtio_model_needs_reset(model);
		return;
	}
	queue = &model->queues[index];
	if (!(model->status & STATUS_DRIVER_OK))
		virtio_model_violation(model, "queue %u was notified before DRIVER_OK", index);
	queue->kicks++;
	if (!queue->enabled) {
		virtio_model_violation(model, "queue %u was notified and is not enabled", index);
		if (!fault(FAULT_QUEUE_DISABLED_RUNS) || !queue->desc)
			return;
		queue->enabled = true;
	} else if (data && value >> 16 != model_ring_next(model, index)) {
		virtio_model_violation(model, "queue %u: notified with %04x, next is %04x", index,
				       value >> 16, model_ring_next(model, index));
	}
	if (fault(FAULT_KICK_EMPTY_BREAKS) && runs(model) && !model_ring_waits(model, index))
		virtio_model_needs_reset(model);
	queue->kicked = true;
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
	if (model->queue_reset_ignored || fault(FAULT_QUEUE_RESET_IGNORED))
		return;
	if (fault(FAULT_QUEUE_RESET_ALL))
		for (unsigned int i = 0; i < model->queue_count; i++)
			reset_queue(model, i, true);
	if (model->on_queue_reset)
		model->on_queue_reset(model, model->queue_select);
	if (fault(FAULT_QUEUE_RESET_RUNS_ON))
		queue->ghost = true;
	else
		reset_queue(model, model->queue_select, true);
	queue->reset_left = 1 + model->reset_reads;
}

uint32_t virtio_model_queue_reset_read(struct virtio_model *model)
{
	struct model_queue *queue = virtio_model_selected(model);

	if (!queue || !queue->reset_left)
		return 0;
	if (!model->queue_reset_never && !fault(FAULT_QUEUE_RESET_NEVER_ENDS))
		queue->reset_left--;
	return queue->reset_left != 0;
}

void virtio_model_size_write(struct virtio_model *model, uint32_t value)
{
	struct model_queue *queue = virtio_model_selected(model);
	bool packed = virtio_model_accepted(model, MODEL_RING_PACKED);

	if (!queue || fault(FAULT_QUEUE_SIZE_IGNORED))
		return;
	if (!value || value > queue->size_max || (!packed && (value & (value - 1)))) {
		virtio_model_violation(model, "queue size %u", value);
		if (!fault(FAULT_QUEUE_SIZE_ANY))
			return;
	}
	queue->size = (uint16_t)value;
}

void virtio_model_enable(struct virtio_model *model, bool enable)
{
	struct model_queue *queue = virtio_model_selected(model);

	if (!queue || !queue->size)
		return;
	if (queue->ghost)
		queue->avail_seen = queue->used_idx = queue->used_told = 0;
	queue->enabled = enable;
	queue->frozen = queue->ghost = false;
	if (enable)
		queue->reset_left = fault(FAULT_QUEUE_RESET_STAYS_1) ? 4 : 0;
}

void virtio_model_legacy_queue(struct virtio_model *model, uint32_t page, uint32_t page_size,
			       uint32_t align)
{
	struct model_queue *queue = virtio_model_selected(model);

	if (!queue || !queue->size)
		return;
	if (!page)
		reset_queue(model, model->queue_select, true);
	queue->enabled = page != 0;
	queue->desc = (uint64_t)page * page_size;
	if (fault(FAULT_LEGACY_ALIGN_IGNORED))
		align = 4;
	/* 2.7.2 */
	queue->driver = queue->desc + 16ull * queue->size;
	queue->device = (queue->driver + 6 + 2ull * queue->size + align - 1) / align * align;
}
