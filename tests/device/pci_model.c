/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/pci_model.h"

#include "drivers/pci/internal.h"
#include "tests/device/faults.h"

#include <string.h>

#define COMMAND 0x04
#define STATUS 0x06
#define STATUS_CAPABILITIES 0x10
#define STATUS_LINE 0x08
#define COMMAND_LINE_OFF 0x0400
#define BAR0 0x10
#define CAPABILITIES 0x34
#define INTERRUPT_LINE 0x3c
#define INTERRUPT_PIN 0x3d
#define FIRST_CAPABILITY 0x40

#define LINE 11
#define LINE_TRIES 8 /* a handler that does not make the device lower its line */

#define MSIX_ID 0x11
#define MSIX_ENABLE 0x8000
#define MSIX_MASK_ALL 0x4000
#define MSIX_PENDING_OFFSET 0x800

static struct pci_model *models;

void pci_model_set16(struct pci_model *model, unsigned int offset, uint16_t value)
{
	memcpy(model->config + offset, &value, sizeof(value));
}

void pci_model_set32(struct pci_model *model, unsigned int offset, uint32_t value)
{
	memcpy(model->config + offset, &value, sizeof(value));
}

static uint32_t get32(const struct pci_model *model, unsigned int offset)
{
	uint32_t value;

	memcpy(&value, model->config + offset, sizeof(value));
	return value;
}

static uint16_t get16(const struct pci_model *model, unsigned int offset)
{
	uint16_t value;

	memcpy(&value, model->config + offset, sizeof(value));
	return value;
}

/* -- Configuration space */

static struct pci_model *find(struct pci_address address)
{
	for (struct pci_model *model = models; model; model = model->next)
		if (!memcmp(&model->address, &address, sizeof(address)))
			return model;
	return NULL;
}

static bool covers(const struct pci_access *access, struct pci_address address)
{
	(void)access;
	return address.segment == 0 && address.bus == 0;
}

uint64_t pci_model_bar_read(struct pci_model *model, unsigned int bar, uint64_t offset,
			    unsigned int width)
{
	struct host_region *region = bar < PCI_MODEL_BARS ? model->bars[bar].region : NULL;
	uint64_t value = 0;

	if (!region || offset >= region->size || width > region->size - offset)
		return UINT64_MAX;
	if (region->operations)
		return region->operations->read(region->context, offset, width);
	memcpy(&value, region->memory + offset, width);
	return value;
}

/* The window's place in a BAR; false when it is no place (4.1.4.9). */
static bool window(const struct pci_model *model, uint32_t *offset, unsigned int *width)
{
	*offset = get32(model, model->window + 8);
	*width = get32(model, model->window + 12);
	return (*width == 1 || *width == 2 || *width == 4) && *offset % *width == 0;
}

static bool in_window(const struct pci_model *model, unsigned int offset, unsigned int width)
{
	return model->window && offset < model->window + 20 && offset + width > model->window + 16;
}

uint32_t pci_model_read(struct pci_model *model, unsigned int offset, unsigned int width)
{
	uint32_t value = 0, place;
	unsigned int bytes;

	if (offset + width > PCI_CONFIG_SIZE)
		return UINT32_MAX;
	if (model->on_read && model->on_read(model, offset, width, &value))
		return value;
	if (in_window(model, offset, width) && window(model, &place, &bytes) &&
	    !fault(FAULT_WINDOW_READS_0)) {
		value = (uint32_t)pci_model_bar_read(model, model->config[model->window + 4], place,
						     bytes);
		memcpy(model->config + model->window + 16, &value, bytes);
		value = 0;
	}
	if (model->vendor_data && offset + width > model->vendor_data + 8 &&
	    offset < model->vendor_data + 12 && fault(FAULT_VENDOR_DATA_COUNTS))
		model->config[model->vendor_data + 8]++;
	model->config[STATUS] &= (uint8_t)~STATUS_LINE;
	if (pci_model_asserts(model) && !fault(FAULT_LINE_NOT_IN_STATUS))
		model->config[STATUS] |= STATUS_LINE;
	memcpy(&value, model->config + offset, width);
	for (unsigned int i = 0; i < model->lie_count; i++) {
		unsigned int shift = 8 * (model->lies[i].offset - offset);

		if (model->lies[i].offset < offset || model->lies[i].offset >= offset + width ||
		    !fault(model->lies[i].fault))
			continue;
		value = (value & ~(0xffu << shift)) | (uint32_t)model->lies[i].value << shift;
	}
	return value;
}

void pci_model_lie(struct pci_model *model, enum fault fault, unsigned int offset, uint8_t value)
{
	if (model->lie_count == PCI_MODEL_LIES_MAX)
		host_abort("too many lies");
	model->lies[model->lie_count].fault = fault;
	model->lies[model->lie_count].offset = offset;
	model->lies[model->lie_count++].value = value;
}

static uint32_t config_read(const struct pci_access *access, struct pci_address address,
			    unsigned int offset, unsigned int width)
{
	struct pci_model *model = find(address);

	(void)access;
	return model ? pci_model_read(model, offset, width) : UINT32_MAX;
}

/* Regions follow their BARs. */
static void bars_moved(struct pci_model *model)
{
	for (unsigned int i = 0; i < PCI_MODEL_BARS; i++) {
		struct pci_model_bar *bar = &model->bars[i];
		uint64_t address;

		if (!bar->size)
			continue;
		address = get32(model, BAR0 + 4 * i) & ~0xfull;
		if (bar->is_64)
			address |= (uint64_t)get32(model, BAR0 + 4 * i + 4) << 32;
		bar->region->address = address;
	}
}

static void deliver_pending(void *context);

void pci_model_write(struct pci_model *model, unsigned int offset, unsigned int width,
		     uint32_t value)
{
	uint32_t place, data;
	unsigned int bytes;

	if (offset + width > PCI_CONFIG_SIZE)
		return;
	for (unsigned int i = 0; i < width; i++) {
		uint8_t mask = model->writable[offset + i];
		uint8_t byte = (uint8_t)(value >> 8 * i);

		model->config[offset + i] =
			(uint8_t)((model->config[offset + i] & ~mask) | (byte & mask));
	}
	if (offset >= BAR0 && offset < BAR0 + 4 * PCI_MODEL_BARS)
		bars_moved(model);
	if (in_window(model, offset, width) && window(model, &place, &bytes) &&
	    !fault(FAULT_WINDOW_WRITES_IGNORED)) {
		data = get32(model, model->window + 16);
		pci_model_bar_write(model, model->config[model->window + 4], place, bytes, data);
	}
	if (model->msix_capability && offset < model->msix_capability + 4 &&
	    offset + width > model->msix_capability + 2)
		deliver_pending(model);
}

static void config_write(const struct pci_access *access, struct pci_address address,
			 unsigned int offset, unsigned int width, uint32_t value)
{
	struct pci_model *model = find(address);

	(void)access;
	if (model)
		pci_model_write(model, offset, width, value);
}

static struct pci_access model_access = {
	.name = "model",
	.covers = covers,
	.read = config_read,
	.write = config_write,
};

void pci_model_reset(void)
{
	models = NULL;
	pci_forget_functions();
	pci_access_forget();
	pci_access_register(&model_access);
}

void pci_model_boot(void)
{
	pci_enumerate(0, 0, 0);
	pci_bind_drivers();
}

void pci_model_init(struct pci_model *model, uint8_t device, uint16_t vendor_id, uint16_t device_id)
{
	memset(model, 0, sizeof(*model));
	model->address.device = device;
	pci_model_set16(model, 0x00, vendor_id);
	pci_model_set16(model, 0x02, device_id);
	model->config[0x08] = 1;    /* revision */
	model->config[0x0b] = 0x02; /* class: network */
	pci_model_set16(model, 0x2c, vendor_id);
	pci_model_set16(model, 0x2e, 0x1100);
	pci_model_set16(model, STATUS, STATUS_CAPABILITIES);
	model->writable[COMMAND] = 0x07;
	model->writable[COMMAND + 1] = 0x05;
	model->config[INTERRUPT_LINE] = LINE;
	model->writable[INTERRUPT_LINE] = 0xff;
	model->config[INTERRUPT_PIN] = 1;
	model->free_offset = FIRST_CAPABILITY;
	model->next = models;
	models = model;
}

void pci_model_bar(struct pci_model *model, unsigned int index, uint64_t address, uint64_t size,
		   bool is_64, const struct host_region_operations *operations, void *context)
{
	struct pci_model_bar *bar = &model->bars[index];
	unsigned int offset = BAR0 + 4 * index;
	uint64_t mask = ~(size - 1);

	bar->size = size;
	bar->is_64 = is_64;
	bar->region = host_mmio_region(address, size, operations, context);
	pci_model_set32(model, offset, (uint32_t)address | (is_64 ? 0x4u : 0));
	memcpy(model->writable + offset, &mask, 4);
	model->writable[offset] &= 0xf0;
	if (is_64) {
		pci_model_set32(model, offset + 4, (uint32_t)(address >> 32));
		memcpy(model->writable + offset + 4, (uint8_t *)&mask + 4, 4);
	}
}

unsigned int pci_model_capability(struct pci_model *model, uint8_t id, const void *body,
				  unsigned int length)
{
	unsigned int offset = model->free_offset;
	unsigned int link = model->last_capability ? model->last_capability + 1 : CAPABILITIES;

	if (offset + length > PCI_CONFIG_SIZE)
		host_abort("no room for a capability");
	memcpy(model->config + offset + 2, body, length - 2);
	model->config[offset] = id;
	model->config[offset + 1] = 0;
	model->config[link] = (uint8_t)offset;
	model->last_capability = offset;
	model->free_offset = (offset + length + 3) & ~3u;
	return offset;
}

/* -- Interrupts */

static uint32_t table_word(struct pci_model *model, unsigned int entry, unsigned int word)
{
	uint32_t value;

	memcpy(&value,
	       model->bars[model->msix_bar].region->memory + model->msix_table + 16 * entry +
		       4 * word,
	       sizeof(value));
	return value;
}

static uint8_t *pending_byte(struct pci_model *model, unsigned int entry)
{
	return model->bars[model->msix_bar].region->memory + model->msix_pending + entry / 8;
}

/* Whether it is set so that it would be sent. */
static bool masked(struct pci_model *model, unsigned int entry)
{
	uint16_t control = get16(model, model->msix_capability + 2);

	return (control & MSIX_MASK_ALL && !fault(FAULT_MSIX_MASK_ALL_IGNORED)) ||
	       (table_word(model, entry, 3) & 1 && !fault(FAULT_MSIX_MASK_IGNORED));
}

static void send(struct pci_model *model, unsigned int entry)
{
	uint64_t address = table_word(model, entry, 0) | (uint64_t)table_word(model, entry, 1)
								 << 32;
	uint32_t data = table_word(model, entry, 2);

	if (fault(FAULT_MSIX_MESSAGE_CACHED) && model->cached[entry].valid) {
		address = model->cached[entry].address;
		data = model->cached[entry].data;
	}
	if (fault(FAULT_MSIX_DATA_CACHED) && model->cached[entry].valid)
		data = model->cached[entry].data;
	model->cached[entry].valid = true;
	model->cached[entry].address = address;
	model->cached[entry].data = data;
	model->messages++;
	if (host_interrupt_message(address, data))
		return;
	if (!model->strays_allowed)
		host_abort("MSI-X entry %u has a message that nobody allocated", entry);
	model->strays++;
}

static void deliver_pending(void *context)
{
	struct pci_model *model = context;

	for (unsigned int entry = 0; entry < model->msix_count; entry++) {
		uint8_t *byte = pending_byte(model, entry), bit = (uint8_t)(1u << entry % 8);

		if (!(*byte & bit) || !pci_model_msix_enabled(model) || masked(model, entry))
			continue;
		if (!fault(FAULT_MSIX_PENDING_STAYS))
			*byte &= (uint8_t)~bit;
		else if (model->sent_pending[entry])
			continue;
		model->sent_pending[entry] = true;
		if (!fault(FAULT_MSIX_UNMASK_LOSES))
			send(model, entry);
		if (fault(FAULT_MSIX_UNMASK_TWICE))
			send(model, entry);
	}
}

void pci_model_forget(struct pci_model *model, int entry)
{
	for (unsigned int i = 0; i < model->msix_count; i++)
		if (entry < 0 || (unsigned int)entry == i)
			*pending_byte(model, i) &= (uint8_t) ~(1u << i % 8);
}

/* The table and the pending bits, which are nobody's to write. */
static uint64_t msix_read(void *context, uint64_t offset, unsigned int width)
{
	const struct pci_model *model = context;
	uint64_t value = 0;

	if (offset >= model->msix_pending && fault(FAULT_MSIX_PENDING_NEVER))
		return 0;
	memcpy(&value, model->bars[model->msix_bar].region->memory + offset, width);
	return value;
}

static void msix_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct pci_model *model = context;

	if (offset >= model->msix_pending || offset + width > 16ull * model->msix_count)
		return;
	memcpy(model->bars[model->msix_bar].region->memory + offset, &value, width);
	deliver_pending(model);
}

static const struct host_region_operations msix_operations = {msix_read, msix_write};

void pci_model_bar_write(struct pci_model *model, unsigned int bar, uint64_t offset,
			 unsigned int width, uint64_t value)
{
	struct host_region *region = bar < PCI_MODEL_BARS ? model->bars[bar].region : NULL;

	if (!region || offset >= region->size || width > region->size - offset)
		return;
	if (region->operations)
		region->operations->write(region->context, offset, width, value);
	else
		memcpy(region->memory + offset, &value, width);
}

void pci_model_msix(struct pci_model *model, unsigned int bar, uint64_t address, unsigned int count)
{
	struct {
		uint16_t control;
		uint32_t table, pending;
	} __attribute__((packed)) body = {(uint16_t)(count - 1), bar, MSIX_PENDING_OFFSET | bar};

	if (count > PCI_MODEL_VECTORS_MAX)
		host_abort("more MSI-X vectors than the model has");
	pci_model_bar(model, bar, address, 0x1000, false, &msix_operations, model);
	model->msix_capability = pci_model_capability(model, MSIX_ID, &body, 2 + sizeof(body));
	model->writable[model->msix_capability + 3] = 0xc0;
	model->msix_count = count;
	model->msix_bar = bar;
	model->msix_table = 0;
	model->msix_pending = MSIX_PENDING_OFFSET;
	for (unsigned int i = 0; i < count; i++)
		model->bars[bar].region->memory[16 * i + 12] = 1; /* masked at reset */
	host_model(deliver_pending, model);
}

bool pci_model_msix_enabled(const struct pci_model *model)
{
	return model->msix_capability && get16(model, model->msix_capability + 2) & MSIX_ENABLE;
}

void pci_model_message(struct pci_model *model, unsigned int entry)
{
	if (entry >= model->msix_count || !pci_model_msix_enabled(model))
		return;
	if (!masked(model, entry)) {
		send(model, entry);
		return;
	}
	model->sent_pending[entry] = false;
	if (!fault(FAULT_MSIX_MASKED_LOST))
		*pending_byte(model, entry) |= (uint8_t)(1u << entry % 8);
}

/* -- The pin */

bool pci_model_asserts(const struct pci_model *model)
{
	bool up = model->isr && !fault(FAULT_LINE_STAYS) ? *model->isr != 0 : model->line;

	return up && (!pci_model_msix_enabled(model) || fault(FAULT_LINE_WITH_MSIX));
}

bool pci_model_raises(const struct pci_model *model)
{
	return pci_model_asserts(model) &&
	       (!(get16(model, COMMAND) & COMMAND_LINE_OFF) || fault(FAULT_LINE_DISABLE_IGNORED));
}

void pci_model_line(struct pci_model *model, bool up)
{
	model->line = up;
	for (unsigned int i = 0; i < LINE_TRIES && pci_model_raises(model); i++)
		host_interrupt_line(LINE);
}
