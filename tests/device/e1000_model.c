/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/e1000_model.h"

#include <string.h>

/* From the data sheet again, so that a wrong number in the driver shows. */
#define CTRL 0x0000
#define CTRL_RST 0x04000000u
#define STATUS 0x0008
#define ICR 0x00c0
#define IMS 0x00d0
#define IMC 0x00d8
#define RCTL 0x0100
#define TCTL 0x0400
#define RDBAL 0x2800
#define RDBAH 0x2804
#define RDLEN 0x2808
#define RDH 0x2810
#define RDT 0x2818
#define TDBAL 0x3800
#define TDBAH 0x3804
#define TDLEN 0x3808
#define TDH 0x3810
#define TDT 0x3818
#define MTA 0x5200
#define RAL 0x5400
#define RAH 0x5404
#define REGISTERS 0x20000
#define BAR_ADDRESS 0xfeb00000
#define DESCRIPTOR 16
#define COMMAND_MASTER 0x04

#define CAUSE_TXDW 0x01
#define CAUSE_LSC 0x04
#define CAUSE_RXT0 0x80

static void violated(struct e1000_model *model, const char *what)
{
	if (!model->violations++)
		model->violation = what;
}

static uint32_t *reg(struct e1000_model *model, unsigned int offset)
{
	return &model->registers[offset / 4];
}

static void line(struct e1000_model *model)
{
	pci_model_line(&model->pci, (model->icr & model->ims) && !model->gone);
}

static void cause(struct e1000_model *model, uint32_t bits)
{
	model->icr |= bits;
	line(model);
}

static void power_on(struct e1000_model *model)
{
	memset(model->registers, 0, sizeof(model->registers));
	model->icr = model->ims = 0;
	*reg(model, RAL) = 0x12005452;
	*reg(model, RAH) = 0x80005634;
	*reg(model, MTA) = 0xffffffff; /* undefined after power on */
}

static uint64_t read(void *context, uint64_t offset, unsigned int width)
{
	struct e1000_model *model = context;
	uint32_t value;

	if (width != 4)
		violated(model, "registers have 32 bits");
	if (model->gone)
		return UINT32_MAX;
	if (offset == STATUS)
		return 0x80 | (model->link ? 3 : 1);
	if (offset == ICR) {
		value = model->icr;
		if (!model->cause_sticks)
			model->icr = 0;
		model->pci.line = (model->icr & model->ims) != 0;
		return value;
	}
	return *reg(model, (unsigned int)offset);
}

static void write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct e1000_model *model = context;

	if (width != 4)
		violated(model, "registers have 32 bits");
	if (model->gone)
		return;
	switch (offset) {
	case IMS:
		model->ims |= (uint32_t)value;
		line(model);
		return;
	case IMC:
		model->ims &= ~(uint32_t)value;
		model->pci.line = (model->icr & model->ims) != 0;
		return;
	case CTRL:
		if (value & CTRL_RST && !model->ignores_reset)
			power_on(model);
		*reg(model, CTRL) =
			(uint32_t)value & (model->reset_sticks ? UINT32_MAX : ~CTRL_RST);
		return;
	case RDLEN:
	case TDLEN:
		if (value % 128)
			violated(model, "a ring's length is no multiple of 128");
		break;
	case RDT:
	case TDT:
		if (value * DESCRIPTOR >= *reg(model, offset == RDT ? RDLEN : TDLEN) && value)
			violated(model, "a tail outside of its ring");
		break;
	default:
		break;
	}
	*reg(model, (unsigned int)offset) = (uint32_t)value;
}

/* Memory that the device may reach, or NULL. */
static uint8_t *memory(struct e1000_model *model, uint64_t address, uint64_t length)
{
	uint8_t *pointer = host_dma_pointer(address, length);

	if (!(model->pci.config[4] & COMMAND_MASTER))
		violated(model, "lends memory while bus mastering is off");
	if (!pointer)
		violated(model, "a descriptor leads to memory that was not lent");
	return pointer;
}

static uint8_t *descriptor(struct e1000_model *model, unsigned int low, unsigned int head)
{
	uint64_t base = *reg(model, low) | (uint64_t)*reg(model, low + 4) << 32;

	return memory(model, base + (uint64_t)head * DESCRIPTOR, DESCRIPTOR);
}

static unsigned int next(struct e1000_model *model, unsigned int head, unsigned int length)
{
	return (head + 1) * DESCRIPTOR < *reg(model, length) ? head + 1 : 0;
}

static void send(struct e1000_model *model)
{
	struct nic_frame *frame = &model->sent[model->sent_count % NIC_FRAMES_MAX];

	while (*reg(model, TCTL) & 2 && *reg(model, TDH) != *reg(model, TDT)) {
		uint8_t *at = descriptor(model, TDBAL, *reg(model, TDH)), *bytes;
		uint64_t address;
		uint16_t length;

		if (!at)
			return;
		memcpy(&address, at, 8);
		memcpy(&length, at + 8, 2);
		bytes = memory(model, address, length);
		if (!bytes || frame->length + length > sizeof(frame->bytes))
			return;
		memcpy(frame->bytes + frame->length, bytes, length);
		frame->length += length;
		model->sent_segments++;
		if (at[11] & 8 && !model->sends_nothing)
			at[12] |= 1;
		*reg(model, TDH) = next(model, *reg(model, TDH), TDLEN);
		if (at[11] & 1) {
			model->sent_count++;
			frame = &model->sent[model->sent_count % NIC_FRAMES_MAX];
			frame->length = 0;
			if (!model->sends_nothing)
				cause(model, CAUSE_TXDW);
		}
	}
}

/* 13.5.1, with RCTL.MO 0. */
static bool passes(struct e1000_model *model, const uint8_t *to)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint32_t control = *reg(model, RCTL);
	uint8_t own[6];
	unsigned int bit = (to[4] >> 4 | to[5] << 4) & 0xfff;

	memcpy(own, reg(model, RAL), 4);
	memcpy(own + 4, reg(model, RAH), 2);
	if (!memcmp(to, all, 6))
		return control & 0x8000;
	if (to[0] & 1)
		return control & 0x10 || *reg(model, MTA + bit / 32 * 4) >> bit % 32 & 1;
	return control & 8 || !memcmp(to, own, 6);
}

static void receive(struct e1000_model *model)
{
	while (*reg(model, RCTL) & 2 && model->waiting_count &&
	       *reg(model, RDH) != *reg(model, RDT)) {
		const struct nic_frame *frame =
			&model->waiting[model->waiting_first++ % NIC_FRAMES_MAX];
		uint16_t length =
			model->length >= 0 ? (uint16_t)model->length : (uint16_t)frame->length;
		uint8_t *at, *bytes;
		uint64_t address;

		model->waiting_count--;
		if (!passes(model, frame->bytes)) {
			model->dropped++;
			continue;
		}
		at = descriptor(model, RDBAL, *reg(model, RDH));
		if (!at)
			return;
		memcpy(&address, at, 8);
		bytes = memory(model, address, frame->length);
		if (!bytes)
			return;
		if (at[12])
			violated(model, "a descriptor is lent with its status set");
		memcpy(bytes, frame->bytes, frame->length);
		memcpy(at + 8, &length, 2);
		at[13] = model->errors;
		at[12] = model->no_end ? 1 : 3;
		*reg(model, RDH) = next(model, *reg(model, RDH), RDLEN);
		cause(model, CAUSE_RXT0);
	}
}

static void poll(void *context)
{
	struct e1000_model *model = context;

	if (model->gone)
		return;
	send(model);
	receive(model);
}

void e1000_model_init(struct e1000_model *model)
{
	static const struct host_region_operations operations = {read, write};

	memset(model, 0, sizeof(*model));
	pci_model_init(&model->pci, 3, 0x8086, 0x100e);
	pci_model_bar(&model->pci, 0, BAR_ADDRESS, REGISTERS, false, &operations, model);
	power_on(model);
	model->link = true;
	model->length = -1;
	host_model(poll, model);
}

void e1000_model_inject(struct e1000_model *model, const void *bytes, unsigned int length)
{
	struct nic_frame *frame =
		&model->waiting[(model->waiting_first + model->waiting_count) % NIC_FRAMES_MAX];

	if (model->waiting_count == NIC_FRAMES_MAX)
		host_abort("too many frames wait");
	memcpy(frame->bytes, bytes, length);
	frame->length = length;
	model->waiting_count++;
}

void e1000_model_link(struct e1000_model *model, bool up)
{
	model->link = up;
	cause(model, CAUSE_LSC);
}
