/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model_mmio.h"

#include "tests/device/faults.h"
#include "tests/device/virtio_model_ring.h"

#include <string.h>

#define SIZE 0x200
#define CONFIG 0x100
#define LINE_TRIES 8

static struct virtio_model_mmio *mmio_of(struct virtio_model *model)
{
	return model->transport;
}

static uint32_t word(struct virtio_model *model, uint32_t select)
{
	return select > 1 && mmio_of(model)->mirrors_words ? 1 : select;
}

static uint64_t read_register(struct virtio_model *model, uint32_t offset)
{
	struct model_queue *queue = virtio_model_selected(model);

	switch (offset) {
	case 0x000:
		return mmio_of(model)->magic ^ (fault(FAULT_MMIO_MAGIC) ? 0x100 : 0);
	case 0x004:
		return mmio_of(model)->version + fault(FAULT_MMIO_VERSION);
	case 0x008:
		return model->type;
	case 0x00c:
		return 0x554d4551;
	case 0x010:
		return virtio_model_device_feature(model, word(model, model->device_select));
	case 0x034:
		return !queue ? 0 : fault(FAULT_QUEUE_SIZE_ODD) ? 100 : queue->size_max;
	case 0x040:
		if (model->legacy && !fault(FAULT_LEGACY_PFN_READS_0))
			return queue && queue->enabled ? queue->desc / mmio_of(model)->page_size
						       : 0;
		break;
	case 0x044:
		if (!model->legacy)
			return queue && queue->enabled && !queue->ghost &&
			       !fault(FAULT_QUEUE_ENABLE_READS_0);
		break;
	case 0x0b0: /* 4.2.2.1: no shared memory */
	case 0x0b4:
	case 0x0b8:
	case 0x0bc:
		if (!model->legacy)
			return fault(FAULT_MMIO_SHARED_MEMORY) ? 0 : UINT32_MAX;
		break;
	case 0x0c0:
		if (!model->legacy)
			return virtio_model_queue_reset_read(model);
		break;
	case 0x060:
		return model->isr;
	case 0x070:
		return virtio_model_status_read(model);
	case 0x0fc:
		if (!model->legacy)
			return model->generation;
		break;
	default:
		break;
	}
	virtio_model_violation(model, "register %03x was read", offset);
	return 0;
}

static void set_half(uint64_t *value, bool high, uint32_t half)
{
	if (fault(FAULT_QUEUE_ADDRESS_HIGH_LOST) && high)
		half = 0;
	*value = high ? (*value & UINT32_MAX) | (uint64_t)half << 32
		      : (*value & ~0xffffffffull) | half;
}

static void write_queue(struct virtio_model *model, uint32_t offset, uint32_t value)
{
	struct model_queue *queue = virtio_model_selected(model);

	if (!queue || (queue->enabled && !queue->ghost && offset != 0x044 && offset != 0x0c0)) {
		virtio_model_violation(model, "register %03x of queue %u was written", offset,
				       model->queue_select);
		return;
	}
	switch (offset) {
	case 0x038:
		virtio_model_size_write(model, value);
		break;
	case 0x0c0:
		virtio_model_queue_reset_write(model, value);
		break;
	case 0x044:
		virtio_model_enable(model, value & 1);
		break;
	case 0x080:
	case 0x084:
	case 0x090:
	case 0x094:
	case 0x0a0:
	case 0x0a4:
		if (!queue->frozen)
			set_half(offset < 0x090	  ? &queue->desc
				 : offset < 0x0a0 ? &queue->driver
						  : &queue->device,
				 offset & 4, value);
		break;
	default:
		virtio_model_violation(model, "register %03x was written", offset);
	}
}

/* 4.2.4: true when it is one of version 1's own registers, or none of them is allowed. */
static bool write_legacy(struct virtio_model *model, uint32_t offset, uint32_t value)
{
	struct virtio_model_mmio *mmio = mmio_of(model);

	switch (offset) {
	case 0x028:
		mmio->page_size = value;
		return true;
	case 0x03c:
		mmio->align = value;
		return true;
	case 0x040:
		if (!mmio->page_size || !mmio->align || mmio->align & (mmio->align - 1))
			virtio_model_violation(model, "QueuePFN without page size or alignment");
		else if (fault(FAULT_LEGACY_PAGE_SIZE_IGNORED))
			virtio_model_legacy_queue(model, value, 4096, 4096);
		else
			virtio_model_legacy_queue(model, value, mmio->page_size, mmio->align);
		return true;
	case 0x044:
	case 0x0c0:
		virtio_model_violation(model, "register %03x of version 2 was written", offset);
		return true;
	default:
		return offset >= 0x080;
	}
}

static void write_register(struct virtio_model *model, uint32_t offset, uint32_t value)
{
	if (model->legacy && write_legacy(model, offset, value))
		return;
	switch (offset) {
	case 0x014:
		model->device_select = value;
		break;
	case 0x020:
		virtio_model_driver_feature(model, value);
		break;
	case 0x024:
		model->driver_select = word(model, value);
		break;
	case 0x030:
		model->queue_select = (uint16_t)value;
		break;
	case 0x050:
		virtio_model_notify(model, value);
		break;
	case 0x064:
		if (value & ~3u)
			virtio_model_violation(model, "InterruptACK was written with %x", value);
		if (fault(FAULT_MMIO_ACK_IGNORED))
			break;
		model->isr &= fault(FAULT_MMIO_ACK_CLEARS_ALL) ? 0 : (uint8_t)~value;
		break;
	case 0x070:
		virtio_model_status_write(model, (uint8_t)value);
		if (!value)
			mmio_of(model)->page_size = mmio_of(model)->align = 0;
		break;
	default:
		write_queue(model, offset, value);
	}
}

static uint64_t region_read(void *context, uint64_t offset, unsigned int width)
{
	struct virtio_model *model = context;
	bool config = offset >= CONFIG;
	uint32_t place = (uint32_t)(config ? offset - CONFIG : offset);
	uint64_t value = 0;

	if (model->on_read &&
	    model->on_read(model, config ? MODEL_DEVICE : MODEL_COMMON, place, width, &value))
		return value;
	if (config)
		return virtio_model_config_read(model, place, width);
	if (width != 4 || place % 4) {
		virtio_model_violation(model, "register %03x was read with %u bytes", place, width);
		return 0;
	}
	return read_register(model, place);
}

static void region_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct virtio_model *model = context;

	virtio_model_record(model, offset >= CONFIG ? MODEL_DEVICE : MODEL_COMMON, (uint32_t)offset,
			    value);
	if (model->on_write &&
	    model->on_write(model, offset >= CONFIG ? MODEL_DEVICE : MODEL_COMMON,
			    (uint32_t)offset % CONFIG, width, value))
		return;
	if (offset >= CONFIG)
		virtio_model_config_write(model, (uint32_t)offset - CONFIG, width, value);
	else if (width != 4 || offset % 4) {
		virtio_model_violation(model, "%x was written with %u bytes", (uint32_t)offset,
				       width);
		if (fault(FAULT_ODD_WIDTH_RESETS))
			write_register(model, 0x070, 0);
	} else
		write_register(model, (uint32_t)offset, (uint32_t)value);
}

static const struct host_region_operations operations = {region_read, region_write};

/* A level is a call as long as something is pending; an edge is one call when something becomes so.
 */
static void interrupt(struct virtio_model *model, int queue)
{
	uint8_t before = model->isr;

	if (!fault(queue < 0 ? FAULT_ISR_CONFIG_BIT_MISSING : FAULT_ISR_QUEUE_BIT_MISSING))
		model->isr |= queue < 0 ? 2 : 1;
	if (queue >= 0 && fault(FAULT_ISR_BOTH_BITS))
		model->isr |= 2;
	if (!mmio_of(model)->level) {
		if (!before)
			host_interrupt_line(MODEL_MMIO_LINE);
		return;
	}
	for (unsigned int i = 0; model->isr && i < LINE_TRIES; i++)
		host_interrupt_line(MODEL_MMIO_LINE);
}

void virtio_model_mmio_init(struct virtio_model_mmio *mmio, struct virtio_model *model,
			    uint64_t address)
{
	memset(mmio, 0, sizeof(*mmio));
	mmio->model = model;
	mmio->magic = 0x74726976;
	mmio->version = 2;
	mmio->level = true;
	mmio->region = host_mmio_region(address, SIZE, &operations, model);
	model->transport = mmio;
	model->legacy = false;
	model->interrupt = interrupt;
}

void virtio_model_mmio_legacy(struct virtio_model_mmio *mmio)
{
	mmio->version = 1;
	mmio->model->legacy = true;
	virtio_model_offer(mmio->model, MODEL_ANY_LAYOUT, true);
	virtio_model_offer(mmio->model, MODEL_VERSION_1, false);
}
