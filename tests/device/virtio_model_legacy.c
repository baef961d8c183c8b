/* SPDX-License-Identifier: BSD-2-Clause */
/* The legacy interface of the virtio model on PCI (virtio 1.4, 4.1.4.10): registers in an I/O BAR. */
#include "tests/device/faults.h"
#include "tests/device/virtio_model_pci.h"
#include "tests/device/virtio_model_ring.h"

#include <string.h>

#define BAR0 0x10
#define NO_VECTOR 0xffff

static struct virtio_model_pci *pci_of(struct virtio_model *model)
{
	return model->transport;
}

/* Where the device's configuration begins just now. */
static uint32_t config_at(struct virtio_model *model)
{
	return pci_model_msix_enabled(&pci_of(model)->pci) && !fault(FAULT_LEGACY_CONFIG_PLACE)
		       ? 24
		       : 20;
}

static unsigned int width_of(uint32_t offset)
{
	return offset < 12 ? 4 : offset == 18 || offset == 19 ? 1 : 2;
}

static uint64_t register_read(struct virtio_model *model, uint32_t place)
{
	struct model_queue *queue = virtio_model_selected(model);
	uint64_t value;

	switch (place) {
	case 0:
		return virtio_model_device_feature(model, 0);
	case 4:
		return model->accepted[0];
	case 8:
		return queue && queue->enabled && !fault(FAULT_LEGACY_PFN_READS_0)
			       ? queue->desc / 4096
			       : 0;
	case 12:
		return !queue ? 0 : fault(FAULT_QUEUE_SIZE_ODD) ? 100 : queue->size_max;
	case 14:
		return model->queue_select;
	case 18:
		return virtio_model_status_read(model);
	case 19:
		value = model->isr;
		if (!fault(FAULT_ISR_NOT_CLEARED))
			model->isr = 0;
		if (!fault(FAULT_LINE_STAYS))
			pci_of(model)->pci.line = false;
		return value;
	case 20:
		return fault(FAULT_VECTOR_READS_NONE) ? NO_VECTOR : model->config_vector;
	case 22:
		return queue && !fault(FAULT_VECTOR_READS_NONE) ? queue->vector : NO_VECTOR;
	default:
		virtio_model_violation(model, "port %u was read", place);
		return 0;
	}
}

static uint64_t port_read(void *context, uint64_t offset, unsigned int width)
{
	struct virtio_model *model = context;
	uint32_t place = (uint32_t)offset, config = config_at(model);
	uint64_t value = 0;

	model->legacy = true;
	if (place >= config) {
		place -= config;
		if (model->on_read && model->on_read(model, MODEL_DEVICE, place, width, &value))
			return value;
		/* 4.1.4.10: what accesses of the natural width would give. */
		if (fault(FAULT_LEGACY_WIDTHS) && width == 2)
			return UINT64_MAX;
		return virtio_model_config_read(model, place, width);
	}
	if (width == width_of(place) && place % width == 0)
		return register_read(model, place);
	virtio_model_violation(model, "port %u was read with %u bytes", place, width);
	for (unsigned int i = 0; i < width && place + i < config; i++) {
		uint32_t own = width_of(place + i), start = (place + i) / own * own;

		value |= (register_read(model, start) >> 8 * (place + i - start) & 0xff) << 8 * i;
	}
	return value;
}

static uint16_t vector_or_none(struct virtio_model *model, uint64_t vector)
{
	unsigned int count = pci_of(model)->pci.msix_count;

	if (fault(FAULT_VECTOR_BEYOND_TAKEN))
		return (uint16_t)vector;
	return vector < model->vectors_max && vector < count ? (uint16_t)vector : NO_VECTOR;
}

static void status_write(struct virtio_model *model, uint8_t value)
{
	virtio_model_status_write(model, value);
	pci_of(model)->early_msix = pci_model_msix_enabled(&pci_of(model)->pci);
	if (value)
		return;
	pci_model_line(&pci_of(model)->pci, false);
	if (!fault(FAULT_RESET_KEEPS_PENDING))
		pci_model_forget(&pci_of(model)->pci, -1);
}

static void port_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct virtio_model *model = context;
	struct model_queue *queue = virtio_model_selected(model);
	uint32_t place = (uint32_t)offset;

	model->legacy = true;
	virtio_model_record(model, MODEL_COMMON, place, value);
	if (place >= config_at(model)) {
		place -= config_at(model);
		if (!model->on_write || !model->on_write(model, MODEL_DEVICE, place, width, value))
			virtio_model_config_write(model, place, width, value);
		return;
	}
	if (width != width_of(place) || place % width) {
		virtio_model_violation(model, "port %u was written with %u bytes", place, width);
		if (fault(FAULT_ODD_WIDTH_RESETS))
			status_write(model, 0);
		return;
	}
	switch (place) {
	case 4:
		model->driver_select = 0;
		virtio_model_driver_feature(model, (uint32_t)value);
		break;
	case 8:
		if (value && queue && queue->enabled)
			virtio_model_violation(model, "queue %u is moved", model->queue_select);
		virtio_model_legacy_queue(model, (uint32_t)value, 4096, 4096);
		break;
	case 12:
		if (queue && fault(FAULT_LEGACY_SIZE_WRITABLE) && value)
			queue->size = queue->size_max = (uint16_t)value;
		break;
	case 14:
		model->queue_select = (uint16_t)value;
		break;
	case 16:
		virtio_model_notify(model, (uint32_t)value);
		break;
	case 18:
		status_write(model, (uint8_t)value);
		break;
	case 20:
		model->config_vector = vector_or_none(model, value);
		break;
	case 22:
		if (queue)
			queue->vector = vector_or_none(model, value);
		break;
	default:
		virtio_model_violation(model, "port %u was written", place);
	}
}

static const struct host_region_operations operations = {port_read, port_write};

void virtio_model_pci_legacy(struct virtio_model_pci *pci, bool only)
{
	const uint32_t mask = ~(MODEL_PCI_LEGACY_SIZE - 1);
	/* 4.1.2: by device type */
	static const uint16_t ids[] = {0, 0x1000, 0x1001, 0x1003, 0x1005, 0x1002};
	const unsigned int capabilities[] = {pci->common, pci->notify, pci->isr, pci->device};

	pci_model_set16(&pci->pci, 2, pci->model->type <= 5 ? ids[pci->model->type] : 0x1000);
	pci_model_set16(&pci->pci, 0x2e, (uint16_t)pci->model->type);
	pci->pci.config[8] = 0;
	pci_model_set32(&pci->pci, BAR0, MODEL_PCI_LEGACY_PORT | 1);
	memcpy(pci->pci.writable + BAR0, &mask, sizeof(mask));
	pci->port = &operations;
	host_port_region(MODEL_PCI_LEGACY_PORT, MODEL_PCI_LEGACY_SIZE, &operations, pci->model);
	for (unsigned int i = 0; only && i < 4; i++)
		pci->pci.config[capabilities[i] + 3] = 99; /* types that nobody knows */
	virtio_model_offer(pci->model, MODEL_ANY_LAYOUT, true);
	pci_model_lie(&pci->pci, FAULT_LEGACY_REVISION, 8, 1);
	pci_model_lie(&pci->pci, FAULT_LEGACY_SUBSYSTEM, 0x2e, 0x77);
	pci_model_lie(&pci->pci, FAULT_LEGACY_MEMORY_BAR, BAR0, 0);
	if (only) {
		pci->model->legacy = true;
		virtio_model_offer(pci->model, MODEL_VERSION_1, false);
	}
}
