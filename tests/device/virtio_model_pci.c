/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model_pci.h"

#include "tests/device/faults.h"
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
		return fault(FAULT_QUEUE_SIZE_ODD) && queue->size == queue->size_max ? 100
										     : queue->size;
	case 0x1a:
		return fault(FAULT_VECTOR_READS_NONE) ? NO_VECTOR : queue->vector;
	case 0x1c:
		return queue->enabled && !queue->ghost && !fault(FAULT_QUEUE_ENABLE_READS_0);
	case 0x1e:
		return queue->notify_off + (fault(FAULT_NOTIFY_OFF_BEYOND) ? 0x2000u : 0);
	case 0x20:
		return (uint32_t)queue->desc;
	case 0x24:
		return queue->desc >> 32;
	case 0x28:
		return (uint32_t)queue->driver;
	case 0x2c:
		return queue->driver >> 32;
	case 0x30:
		return (uint32_t)queue->device;
	case 0x34:
		return queue->device >> 32;
	case 0x38:
		return model->offered[1] & MODEL_FEATURE(MODEL_NOTIF_CONFIG_DATA)
			       ? MODEL_NOTIF_CONFIG_BASE + model->queue_select
			       : 0;
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
		return virtio_model_device_feature(model, model->device_select);
	case 0x08:
		return model->driver_select;
	case 0x0c:
		return virtio_model_driver_feature_read(model);
	case 0x10:
		return fault(FAULT_VECTOR_READS_NONE) ? NO_VECTOR : model->config_vector;
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
	if (fault(FAULT_QUEUE_ADDRESS_HIGH_LOST) && high)
		half = 0;
	if (fault(FAULT_QUEUE_ADDRESS_LOW_CLEARS) && !high)
		*value = 0;
	*value = high ? (*value & UINT32_MAX) | (uint64_t)half << 32
		      : (*value & ~0xffffffffull) | half;
}

static uint16_t vector_or_none(struct virtio_model *model, uint64_t vector, uint16_t old)
{
	unsigned int count = pci_of(model)->pci.msix_count;

	if (fault(FAULT_VECTOR_CHANGE_IGNORED) && old != NO_VECTOR)
		return old;
	if (fault(FAULT_VECTOR_BEYOND_TAKEN))
		return (uint16_t)vector;
	if (fault(FAULT_VECTOR_LAST_REFUSED))
		count--;
	return vector < model->vectors_max && vector < count ? (uint16_t)vector : NO_VECTOR;
}

static void address_write(struct model_queue *queue, uint32_t offset, uint32_t value)
{
	uint64_t *address = offset < 0x28   ? &queue->desc
			    : offset < 0x30 ? &queue->driver
					    : &queue->device;

	if (!queue->frozen)
		set_half(address, offset & 4, value);
}

static void queue_write(struct virtio_model *model, uint32_t offset, uint64_t value)
{
	struct model_queue *queue = virtio_model_selected(model);

	if (!queue) {
		virtio_model_violation(model, "register %02x of queue %u was written", offset,
				       model->queue_select);
		return;
	}
	if (queue->enabled && !queue->ghost && offset != 0x1a && offset != 0x3a) {
		virtio_model_violation(model, "register %02x of an enabled queue was written",
				       offset);
		return;
	}
	switch (offset) {
	case 0x18:
		virtio_model_size_write(model, (uint32_t)value);
		break;
	case 0x3a:
		virtio_model_queue_reset_write(model, (uint32_t)value);
		break;
	case 0x1a:
		queue->vector = vector_or_none(model, value, queue->vector);
		break;
	case 0x1c:
		if (value != 1)
			virtio_model_violation(model, "queue_enable was written with %u",
					       (unsigned int)value);
		else
			virtio_model_enable(model, true);
		break;
	case 0x20:
	case 0x24:
	case 0x28:
	case 0x2c:
	case 0x30:
	case 0x34:
		address_write(queue, offset, (uint32_t)value);
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
		model->config_vector = vector_or_none(model, value, model->config_vector);
		break;
	case 0x14:
		virtio_model_status_write(model, (uint8_t)value);
		pci_of(model)->early_msix = pci_model_msix_enabled(&pci_of(model)->pci);
		if (!value) {
			pci_model_line(&pci_of(model)->pci, false);
			if (!fault(FAULT_RESET_KEEPS_PENDING))
				pci_model_forget(&pci_of(model)->pci, -1);
		}
		break;
	case 0x16:
		model->queue_select = (uint16_t)value;
		break;
	case 0x04:
	case 0x12:
	case 0x15:
		virtio_model_violation(model, "register %02x was written", offset);
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

/* An access of another width or place reads what lies there; one that writes is not heard. */
static uint64_t common_read_any(struct virtio_model *model, uint32_t place, unsigned int width)
{
	uint64_t value = 0;

	if (width == common_width(place) && place % width == 0)
		return common_read(model, place);
	virtio_model_violation(model, "register %02x was read with %u bytes", place, width);
	for (unsigned int i = 0; i < width; i++) {
		uint32_t own = common_width(place + i), start = (place + i) / own * own;

		value |= (common_read(model, start) >> 8 * (place + i - start) & 0xff) << 8 * i;
	}
	return value;
}

static void common_write_any(struct virtio_model *model, uint32_t place, unsigned int width,
			     uint64_t value)
{
	if (width == common_width(place) && place % width == 0) {
		common_write(model, place, value);
	} else if (width == 8 && place % 8 == 0 && common_width(place) == 4) {
		common_write(model, place, (uint32_t)value);
		common_write(model, place + 4, value >> 32);
	} else {
		virtio_model_violation(model, "register %02x was written with %u bytes", place,
				       width);
		if (fault(FAULT_ODD_WIDTH_RESETS))
			common_write(model, 0x14, 0);
	}
}

/* -- The BAR */

static enum model_space space_of(uint64_t offset)
{
	return offset < MODEL_PCI_ISR	   ? MODEL_COMMON
	       : offset < MODEL_PCI_DEVICE ? MODEL_ISR
	       : offset < MODEL_PCI_NOTIFY ? MODEL_DEVICE
					   : MODEL_NOTIFY;
}

static uint64_t isr_read(struct virtio_model *model)
{
	uint64_t value = model->isr;

	if (!fault(FAULT_ISR_NOT_CLEARED))
		model->isr = 0;
	if (!fault(FAULT_LINE_STAYS))
		pci_of(model)->pci.line = false;
	return value;
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
		return common_read_any(model, place, width);
	case MODEL_ISR:
		return place ? 0 : isr_read(model);
	case MODEL_DEVICE:
		return virtio_model_config_read(model, place, width);
	default:
		virtio_model_violation(model, "a doorbell was read");
		return UINT64_MAX;
	}
}

static void doorbell(struct virtio_model *model, uint32_t place, unsigned int width, uint32_t value)
{
	uint32_t index = place / MODEL_PCI_MULTIPLIER, queue = value & 0xffff;
	bool data = virtio_model_accepted(model, MODEL_NOTIFICATION_DATA);

	if (virtio_model_accepted(model, MODEL_NOTIF_CONFIG_DATA))
		queue -= MODEL_NOTIF_CONFIG_BASE;
	if (width != (data ? 4 : 2) || place % MODEL_PCI_MULTIPLIER ||
	    index >= model->queue_count || queue >= model->queue_count ||
	    model->queues[queue].notify_off != index) {
		virtio_model_violation(model, "doorbell at %x, %u bytes, value %u", place, width,
				       value);
		if (fault(FAULT_NOTIFY_BEYOND_BREAKS))
			virtio_model_needs_reset(model);
		if (width == 1)
			return;
	}
	virtio_model_notify(model, value);
}

static void bar_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct virtio_model *model = context;
	enum model_space space = space_of(offset);
	uint32_t place = offset & 0xfff;

	virtio_model_record(model, space, place, value);
	if (model->on_write && model->on_write(model, space, place, width, value))
		return;
	if (space == MODEL_COMMON)
		common_write_any(model, place, width, value);
	else if (space == MODEL_NOTIFY)
		doorbell(model, place, width, (uint32_t)value);
	else if (space == MODEL_DEVICE)
		virtio_model_config_write(model, place, width, value);
	else
		virtio_model_violation(model, "structure %d was written", space);
}

static const struct host_region_operations bar_operations = {bar_read, bar_write};

/* 4.1.4.5 and 4.1.5.3 */
void virtio_model_pci_interrupt(struct virtio_model *model, int queue)
{
	struct virtio_model_pci *pci = pci_of(model);
	uint16_t vector = queue < 0 ? model->config_vector : model->queues[queue].vector;
	bool messages = pci_model_msix_enabled(&pci->pci);

	if (queue < 0 && !fault(FAULT_ISR_CONFIG_BIT_MISSING))
		model->isr |= 2;
	if (fault(FAULT_CONFIG_ON_QUEUE_VECTOR) && queue < 0)
		vector = model->queues[0].vector;
	if (fault(FAULT_QUEUES_ON_ONE_VECTOR) && queue >= 0)
		vector = model->queues[0].vector;
	if (fault(FAULT_VECTOR_NONE_SENDS) && vector == NO_VECTOR)
		vector = 0;
	if (messages && !(fault(FAULT_MSIX_LATE_IGNORED) && !pci->early_msix)) {
		pci_model_message(&pci->pci, vector);
		if (fault(FAULT_LINE_WITH_MSIX) && queue >= 0)
			model->isr |= 1;
		return;
	}
	if (queue >= 0 && !fault(FAULT_ISR_QUEUE_BIT_MISSING))
		model->isr |= 1;
	if (queue >= 0 && fault(FAULT_ISR_BOTH_BITS))
		model->isr |= 2;
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

static void lies(struct virtio_model_pci *pci)
{
	struct pci_model *model = &pci->pci;

	pci_model_lie(model, FAULT_PCI_VENDOR, 0, 0xf5);
	pci_model_lie(model, FAULT_PCI_DEVICE, 2, 0x3f);
	pci_model_lie(model, FAULT_PCI_REVISION, 8, 0);
	pci_model_lie(model, FAULT_PCI_SUBSYSTEM, 0x2f, 0);
	pci_model_lie(model, FAULT_PCI_CAPABILITY_SHORT, pci->common + 2, 12);
	pci_model_lie(model, FAULT_PCI_CAPABILITY_SHORT, pci->notify + 2, 16);
	pci_model_lie(model, FAULT_PCI_COMMON_MISALIGNED, pci->common + 8, 2);
	pci_model_lie(model, FAULT_PCI_NOTIFY_MISALIGNED, pci->notify + 8, 1);
	pci_model_lie(model, FAULT_PCI_DEVICE_MISALIGNED, pci->device + 8, 2);
	pci_model_lie(model, FAULT_PCI_NO_COMMON, pci->common + 3, 99);
	pci_model_lie(model, FAULT_PCI_NO_NOTIFY, pci->notify + 3, 99);
	pci_model_lie(model, FAULT_PCI_NO_ISR, pci->isr + 3, 99);
	pci_model_lie(model, FAULT_PCI_NO_DEVICE, pci->device + 3, 99);
	pci_model_lie(model, FAULT_PCI_NOTIFY_SHORT, pci->notify + 13, 0);
	pci_model_lie(model, FAULT_PCI_NOTIFY_SHORT, pci->notify + 12, 1);
	pci_model_lie(model, FAULT_PCI_MULTIPLIER, pci->notify + 16, 3);
	if (model->msix_capability)
		pci_model_lie(model, FAULT_MSIX_TABLE_SIZE, model->msix_capability + 2,
			      (uint8_t)model->msix_count);
}

void virtio_model_pci_init(struct virtio_model_pci *pci, struct virtio_model *model, uint8_t device,
			   unsigned int vectors)
{
	memset(pci, 0, sizeof(*pci));
	pci->model = model;
	model->transport = pci;
	model->interrupt = virtio_model_pci_interrupt;
	pci_model_init(&pci->pci, device, 0x1af4, (uint16_t)(0x1040 + model->type));
	pci->pci.isr = &model->isr;
	pci_model_bar(&pci->pci, MODEL_PCI_BAR, MODEL_PCI_BAR_ADDRESS + device * 0x100000ull,
		      MODEL_PCI_BAR_SIZE, true, &bar_operations, model);
	if (vectors)
		pci_model_msix(&pci->pci, MODEL_PCI_MSIX_BAR,
			       MODEL_PCI_MSIX_ADDRESS + device * 0x1000ull, vectors);
	pci->common = structure(pci, 1, MODEL_PCI_COMMON, 0x40, 0);
	pci->isr = structure(pci, 3, MODEL_PCI_ISR, 1, 0);
	pci->device = structure(pci, 4, MODEL_PCI_DEVICE, model->config_length, 0);
	pci->notify = structure(pci, 2, MODEL_PCI_NOTIFY, 0x1000, MODEL_PCI_MULTIPLIER);
	lies(pci);
}

void virtio_model_pci_extras(struct virtio_model_pci *pci)
{
	/* 4.1.4.8: the vendor, which is not virtio's, and data of it. */
	static const uint8_t vendor[] = {12, 9, 0x34, 0x12, 1, 2, 3, 4, 5, 6};
	struct pci_model *model = &pci->pci;
	unsigned int offset;

	model->vendor_data = pci_model_capability(model, VENDOR_CAPABILITY, vendor, 12);
	pci_model_lie(model, FAULT_VENDOR_DATA_ID, model->vendor_data + 4, 0xf4);
	pci_model_lie(model, FAULT_VENDOR_DATA_ID, model->vendor_data + 5, 0x1a);
	pci_model_lie(model, FAULT_VENDOR_DATA_LENGTH, model->vendor_data + 2, 10);
	/* 4.1.4.7 */
	for (uint8_t id = 1; id <= 2; id++) {
		const uint32_t place = MODEL_PCI_SHARED + (id - 1u) * 0x400u;
		uint8_t region[22] = {24, 8, MODEL_PCI_BAR, id};

		memcpy(region + 6, &place, 4);
		region[11] = 4; /* 0x400 bytes */
		offset = pci_model_capability(model, VENDOR_CAPABILITY, region, 24);
		pci_model_lie(model, FAULT_SHARED_MEMORY_BEYOND, offset + 14, 1);
		pci_model_lie(model, FAULT_SHARED_MEMORY_IDS, offset + 5, 1);
	}
}

void virtio_model_pci_window(struct virtio_model_pci *pci)
{
	unsigned int offset = structure(pci, 5, 0, 0, 0);

	pci->pci.config[offset + 2] = 20;
	pci->pci.free_offset = offset + 20;
	pci->pci.config[offset + 4] = 0;
	pci->pci.window = offset;
	pci_model_lie(&pci->pci, FAULT_WINDOW_MISSING, offset + 3, 99);
	pci->pci.writable[offset + 4] = 0xff;
	memset(pci->pci.writable + offset + 8, 0xff, 12);
}
