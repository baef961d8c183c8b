/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model_pci.h"

#include "tests/device/virtio_model_ring.h"

#include <string.h>

#define NO_VECTOR 0xffff
#define VENDOR_CAPABILITY 0x09

static struct virtio_model_pci *pci_of(struct virtio_model *model)
{
	return model->transport;
}

/* -- The common configuration (4.1.4.3) */

static uint64_t queue_read(struct virtio_model *model, uint32_t offset)
{
	struct model_queue *queue = virtio_model_selected(model);

	if (!queue)
		return offset == 0x1a ? NO_VECTOR : 0;
	switch (offset) {
	case 0x18:
		return queue->size;
	case 0x1a:
		return queue->vector;
	case 0x1c:
		return queue->enabled;
	case 0x1e:
		return queue->notify_off;
	case 0x38:
		return MODEL_NOTIF_CONFIG_BASE + model->queue_select;
	case 0x3a:
		return virtio_model_queue_reset_read(model);
	default:
		return 0;
	}
}

static uint64_t common_read(struct virtio_model *model, uint32_t offset)
{
	switch (offset) {
	case 0x00:
		return model->device_select;
	case 0x04:
		return model->device_select < 4 ? model->offered[model->device_select] : 0;
	case 0x10:
		return model->config_vector;
	case 0x12:
		return model->queue_count;
	case 0x14:
		return virtio_model_status_read(model);
	case 0x15:
		return model->generation;
	case 0x16:
		return model->queue_select;
	default:
		return queue_read(model, offset);
	}
}

static void set_half(uint64_t *value, bool high, uint32_t half)
{
	*value = high ? (*value & UINT32_MAX) | (uint64_t)half << 32
		      : (*value & ~0xffffffffull) | half;
}

static uint16_t vector_or_none(struct virtio_model *model, uint64_t vector)
{
	return vector < model->vectors_max && vector < pci_of(model)->pci.msix_count
		       ? (uint16_t)vector
		       : NO_VECTOR;
}

static void queue_write(struct virtio_model *model, uint32_t offset, uint64_t value)
{
	struct model_queue *queue = virtio_model_selected(model);

	if (!queue) {
		virtio_model_violation(model, "register %02x of queue %u was written", offset,
				       model->queue_select);
		return;
	}
	if (queue->enabled && offset != 0x1a && offset != 0x3a)
		virtio_model_violation(model, "register %02x of an enabled queue was written",
				       offset);
	switch (offset) {
	case 0x18:
		virtio_model_size_write(model, (uint32_t)value);
		break;
	case 0x3a:
		virtio_model_queue_reset_write(model, (uint32_t)value);
		break;
	case 0x1a:
		queue->vector = vector_or_none(model, value);
		break;
	case 0x1c:
		if (value != 1)
			virtio_model_violation(model, "queue_enable was written with %u",
					       (unsigned int)value);
		queue->enabled = value;
		break;
	case 0x20:
	case 0x24:
		set_half(&queue->desc, offset == 0x24, (uint32_t)value);
		break;
	case 0x28:
	case 0x2c:
		set_half(&queue->driver, offset == 0x2c, (uint32_t)value);
		break;
	case 0x30:
	case 0x34:
		set_half(&queue->device, offset == 0x34, (uint32_t)value);
		break;
	default:
		virtio_model_violation(model, "register %02x was written", offset);
	}
}

static void common_write(struct virtio_model *model, uint32_t offset, uint64_t value)
{
	switch (offset) {
	case 0x00:
		model->device_select = (uint32_t)value;
		break;
	case 0x08:
		model->driver_select = (uint32_t)value;
		break;
	case 0x0c:
		virtio_model_driver_feature(model, (uint32_t)value);
		break;
	case 0x10:
		model->config_vector = vector_or_none(model, value);
		break;
	case 0x14:
		virtio_model_status_write(model, (uint8_t)value);
		if (!value)
			pci_model_line(&pci_of(model)->pci, false);
		break;
	case 0x16:
		model->queue_select = (uint16_t)value;
		break;
	default:
		queue_write(model, offset, value);
	}
}

/* Each register has one width (4.1.3.1). */
static unsigned int common_width(uint32_t offset)
{
	if (offset < 0x10 || (offset >= 0x20 && offset < 0x38))
		return 4;
	return offset == 0x14 || offset == 0x15 ? 1 : 2;
}

/* -- The BAR */

static enum model_space space_of(uint64_t offset)
{
	return offset < MODEL_PCI_ISR	   ? MODEL_COMMON
	       : offset < MODEL_PCI_DEVICE ? MODEL_ISR
	       : offset < MODEL_PCI_NOTIFY ? MODEL_DEVICE
					   : MODEL_NOTIFY;
}

static uint64_t bar_read(void *context, uint64_t offset, unsigned int width)
{
	struct virtio_model *model = context;
	enum model_space space = space_of(offset);
	uint32_t place = offset & 0xfff;
	uint64_t value = 0;

	if (model->on_read && model->on_read(model, space, place, width, &value))
		return value;
	switch (space) {
	case MODEL_COMMON:
		if (width != common_width(place))
			virtio_model_violation(model, "register %02x was read with %u bytes", place,
					       width);
		return common_read(model, place);
	case MODEL_ISR:
		value = model->isr;
		model->isr = 0;
		pci_of(model)->pci.line = false;
		return value;
	case MODEL_DEVICE:
		return virtio_model_config_read(model, place, width);
	default:
		virtio_model_violation(model, "a doorbell was read");
		return UINT64_MAX;
	}
}

static void bar_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct virtio_model *model = context;
	enum model_space space = space_of(offset);
	uint32_t place = offset & 0xfff;

	virtio_model_record(model, space, place, value);
	if (model->on_write && model->on_write(model, space, place, width, value))
		return;
	if (space == MODEL_COMMON) {
		if (width != common_width(place))
			virtio_model_violation(model, "register %02x was written with %u bytes",
					       place, width);
		common_write(model, place, value);
	} else if (space == MODEL_NOTIFY) {
		uint32_t index = place / MODEL_PCI_MULTIPLIER;
		bool data = virtio_model_accepted(model, MODEL_NOTIFICATION_DATA);
		uint32_t queue = value & 0xffff;

		if (virtio_model_accepted(model, MODEL_NOTIF_CONFIG_DATA))
			queue -= MODEL_NOTIF_CONFIG_BASE;
		if (width != (data ? 4 : 2) || place % MODEL_PCI_MULTIPLIER ||
		    index >= model->queue_count || queue >= model->queue_count ||
		    model->queues[queue].notify_off != index)
			virtio_model_violation(model, "doorbell at %x, %u bytes, value %u", place,
					       width, (unsigned int)value);
		virtio_model_notify(model, (uint32_t)value);
	} else if (space == MODEL_DEVICE) {
		virtio_model_config_write(model, place, width, value);
	} else {
		virtio_model_violation(model, "structure %d was written", space);
	}
}

static const struct host_region_operations bar_operations = {bar_read, bar_write};

/* 4.1.4.5 and 4.1.5.3 */
void virtio_model_pci_interrupt(struct virtio_model *model, int queue)
{
	struct virtio_model_pci *pci = pci_of(model);
	uint16_t vector = queue < 0 ? model->config_vector : model->queues[queue].vector;

	if (queue < 0)
		model->isr |= 2;
	if (pci_model_msix_enabled(&pci->pci)) {
		pci_model_message(&pci->pci, vector);
		return;
	}
	if (queue >= 0)
		model->isr |= 1;
	pci_model_line(&pci->pci, true);
}

static unsigned int structure(struct virtio_model_pci *pci, uint8_t type, uint32_t offset,
			      uint32_t length, uint32_t multiplier)
{
	struct {
		uint8_t length, type, bar, id, padding[2];
		uint32_t offset, size, multiplier;
	} __attribute__((packed)) body = {
		.length = type == 2 ? 20 : 16,
		.type = type,
		.bar = MODEL_PCI_BAR,
		.offset = offset,
		.size = length,
		.multiplier = multiplier,
	};

	return pci_model_capability(&pci->pci, VENDOR_CAPABILITY, &body, body.length);
}

void virtio_model_pci_init(struct virtio_model_pci *pci, struct virtio_model *model, uint8_t device,
			   unsigned int vectors)
{
	memset(pci, 0, sizeof(*pci));
	pci->model = model;
	model->transport = pci;
	model->interrupt = virtio_model_pci_interrupt;
	pci_model_init(&pci->pci, device, 0x1af4, (uint16_t)(0x1040 + model->type));
	pci_model_bar(&pci->pci, MODEL_PCI_BAR, MODEL_PCI_BAR_ADDRESS + device * 0x100000ull,
		      MODEL_PCI_BAR_SIZE, true, &bar_operations, model);
	if (vectors)
		pci_model_msix(&pci->pci, MODEL_PCI_MSIX_BAR,
			       MODEL_PCI_MSIX_ADDRESS + device * 0x1000ull, vectors);
	pci->common = structure(pci, 1, MODEL_PCI_COMMON, 0x40, 0);
	pci->isr = structure(pci, 3, MODEL_PCI_ISR, 1, 0);
	pci->device = structure(pci, 4, MODEL_PCI_DEVICE, model->config_length, 0);
	pci->notify = structure(pci, 2, MODEL_PCI_NOTIFY, 0x1000, MODEL_PCI_MULTIPLIER);
}
