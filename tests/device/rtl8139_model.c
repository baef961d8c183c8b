/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/rtl8139_model.h"

#include <string.h>

/* From the data sheet again, so that a wrong number in the driver shows. */
#define IDR0 0x00
#define MAR0 0x08
#define TSD0 0x10
#define TSAD0 0x20
#define RBSTART 0x30
#define CR 0x37
#define CAPR 0x38
#define CBR 0x3a
#define IMR 0x3c
#define ISR 0x3e
#define TCR 0x40
#define RCR 0x44
#define CR9346 0x50
#define MSR 0x58
#define TSAD 0x60
#define REGISTERS 256
#define BAR_ADDRESS 0xfeb10000
#define COMMAND_MASTER 0x04

#define CR_RST 0x10
#define CR_RE 0x08
#define CR_TE 0x04
#define CAUSE_ROK 0x0001
#define CAUSE_TOK 0x0004
#define CAUSE_TER 0x0008
#define CAUSE_RXOVW 0x0010
#define CAUSE_LINK 0x0020
#define TSD_OWN 0x2000u
#define TSD_TOK 0x8000u
#define TSD_TABT 0x40000000u
#define CRC_BYTES 4

static void violated(struct rtl8139_model *model, const char *what)
{
	if (!model->violations++)
		model->violation = what;
}

static uint32_t get32(const struct rtl8139_model *model, unsigned int offset)
{
	uint32_t value;

	memcpy(&value, model->registers + offset, 4);
	return value;
}

static void line(struct rtl8139_model *model)
{
	pci_model_line(&model->pci, (model->isr & model->imr) && !model->gone);
}

static void lower(struct rtl8139_model *model)
{
	model->pci.line = (model->isr & model->imr) != 0;
}

static void cause(struct rtl8139_model *model, uint16_t bits)
{
	model->isr |= bits;
	line(model);
}

static void power_on(struct rtl8139_model *model)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

	memset(model->registers, 0, sizeof(model->registers));
	memcpy(model->registers + IDR0, mac, 6);
	model->isr = model->imr = 0;
	model->capr = 0xfff0;
	model->cbr = 0;
	for (unsigned int i = 0; i < 4; i++)
		model->states[i] = TSD_OWN;
	lower(model);
}

static uint16_t summary(const struct rtl8139_model *model)
{
	uint16_t value = 0;

	for (unsigned int i = 0; i < 4; i++)
		value |= (uint16_t)((model->states[i] & TSD_OWN ? 1u << i : 0) |
				    (model->states[i] & TSD_TABT ? 0x10u << i : 0) |
				    (model->states[i] & TSD_TOK ? 0x1000u << i : 0));
	return value;
}

static uint64_t read(void *context, uint64_t offset, unsigned int width)
{
	struct rtl8139_model *model = context;
	uint64_t value = 0;

	if (model->gone)
		return UINT64_MAX >> (64 - 8 * width);
	switch (offset) {
	case ISR:
		return model->isr;
	case IMR:
		return model->imr;
	case CBR:
		return model->place >= 0 ? (uint16_t)model->place : model->cbr;
	case TSAD:
		return summary(model);
	case MSR:
		return model->link ? 0 : 4;
	default:
		memcpy(&value, model->registers + offset, width);
		return value;
	}
}

static void command(struct rtl8139_model *model, uint8_t value)
{
	if (value & CR_RST)
		power_on(model);
	model->registers[CR] = (uint8_t)(value & (model->reset_sticks ? 0xff : ~CR_RST));
}

static void write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct rtl8139_model *model = context;

	if (model->gone)
		return;
	switch (offset) {
	case ISR:
		if (!model->cause_sticks)
			model->isr &= (uint16_t)~value;
		lower(model);
		return;
	case IMR:
		model->imr = (uint16_t)value;
		line(model);
		return;
	case CR:
		command(model, (uint8_t)value);
		return;
	case CAPR:
		model->capr = (uint16_t)value;
		return;
	case CR9346:
		model->unlocked = value == 0xc0;
		return;
	case TSD0:
	case TSD0 + 4:
	case TSD0 + 8:
	case TSD0 + 12:
		if (!(model->states[(offset - TSD0) / 4] & TSD_OWN))
			violated(model, "a slot is used that is not sent yet");
		model->states[(offset - TSD0) / 4] = (uint32_t)value;
		return;
	case RCR:
	case TCR:
		if (!(model->registers[CR] & (offset == RCR ? CR_RE : CR_TE)))
			violated(model, "RCR or TCR is written while its side is off");
		break;
	case IDR0:
	case IDR0 + 4:
		if (!model->unlocked)
			violated(model, "the address is written while it is locked");
		break;
	default:
		break;
	}
	memcpy(model->registers + offset, &value, width);
}

static uint8_t *memory(struct rtl8139_model *model, uint64_t address, uint64_t length)
{
	uint8_t *pointer = host_dma_pointer(address, length);

	if (!(model->pci.config[4] & COMMAND_MASTER))
		violated(model, "lends memory while bus mastering is off");
	if (!pointer)
		violated(model, "the device was told of memory that was not lent");
	return pointer;
}

static void send(struct rtl8139_model *model)
{
	for (unsigned int slot = 0; slot < 4 && model->registers[CR] & CR_TE; slot++) {
		struct nic_frame *frame = &model->sent[model->sent_count % NIC_FRAMES_MAX];
		uint32_t address = get32(model, TSAD0 + 4 * slot);
		unsigned int length = model->states[slot] & 0x1fff;
		uint8_t *bytes;

		if (model->states[slot] & TSD_OWN || model->sends_nothing)
			continue;
		if (model->aborts) {
			model->states[slot] |= TSD_OWN | TSD_TABT;
			cause(model, CAUSE_TER);
			continue;
		}
		bytes = memory(model, address, length);
		if (address % 4 || length < 60)
			violated(model, "a frame is not aligned, or too short");
		if (!bytes)
			return;
		memcpy(frame->bytes, bytes, length);
		frame->length = length;
		model->sent_count++;
		model->states[slot] |= TSD_OWN | TSD_TOK;
		cause(model, CAUSE_TOK);
	}
}

static unsigned int crc_bits(const uint8_t *bytes)
{
	uint32_t crc = 0xffffffff;

	for (unsigned int i = 0; i < 6; i++) {
		uint8_t byte = bytes[i];

		for (unsigned int bit = 0; bit < 8; bit++, byte >>= 1) {
			uint32_t carry = (crc >> 31) ^ (byte & 1);

			crc <<= 1;
			if (carry)
				crc = (crc ^ 0x04c11db6) | carry;
		}
	}
	return crc >> 26;
}

static bool passes(struct rtl8139_model *model, const uint8_t *to)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint32_t control = get32(model, RCR);
	unsigned int bit = crc_bits(to);

	if (!memcmp(to, all, 6))
		return control & 8;
	if (to[0] & 1)
		return control & 4 && model->registers[MAR0 + bit / 8] >> bit % 8 & 1;
	return control & 1 || (control & 2 && !memcmp(to, model->registers + IDR0, 6));
}

/* False: there is no room. */
static bool receive_one(struct rtl8139_model *model, const struct nic_frame *frame)
{
	unsigned int ring = 8192u << (get32(model, RCR) >> 11 & 3);
	unsigned int all = (4 + frame->length + CRC_BYTES + 3) & ~3u;
	unsigned int used = (model->cbr - (model->capr + 16u)) % ring;
	uint16_t header[2] = {model->status ? model->status : 1,
			      model->length >= 0 ? (uint16_t)model->length
						 : (uint16_t)(frame->length + CRC_BYTES)};
	uint8_t *bytes;

	if (used + all >= ring) {
		cause(model, CAUSE_RXOVW);
		return false;
	}
	if (!(get32(model, RCR) & 0x80))
		violated(model, "frames would be cut at the end of the ring");
	bytes = memory(model, get32(model, RBSTART) + model->cbr, all);
	if (!bytes)
		return true;
	memcpy(bytes, header, sizeof(header));
	memcpy(bytes + 4, frame->bytes, frame->length);
	memset(bytes + 4 + frame->length, 0xcc, CRC_BYTES);
	model->cbr = (uint16_t)((model->cbr + all) % ring);
	return true;
}

static void receive(struct rtl8139_model *model)
{
	while (model->registers[CR] & CR_RE && model->waiting_count) {
		const struct nic_frame *frame =
			&model->waiting[model->waiting_first % NIC_FRAMES_MAX];
		bool wanted = passes(model, frame->bytes);

		if (wanted && !receive_one(model, frame))
			return;
		model->waiting_first++;
		model->waiting_count--;
		model->dropped += !wanted;
		if (wanted)
			cause(model, CAUSE_ROK);
	}
}

static void poll(void *context)
{
	struct rtl8139_model *model = context;

	if (model->gone)
		return;
	send(model);
	receive(model);
}

void rtl8139_model_init(struct rtl8139_model *model)
{
	static const struct host_region_operations operations = {read, write};

	memset(model, 0, sizeof(*model));
	pci_model_init(&model->pci, 3, 0x10ec, 0x8139);
	pci_model_bar(&model->pci, 1, BAR_ADDRESS, REGISTERS, false, &operations, model);
	power_on(model);
	model->link = true;
	model->length = model->place = -1;
	host_model(poll, model);
}

void rtl8139_model_inject(struct rtl8139_model *model, const void *bytes, unsigned int length)
{
	struct nic_frame *frame =
		&model->waiting[(model->waiting_first + model->waiting_count) % NIC_FRAMES_MAX];

	if (model->waiting_count == NIC_FRAMES_MAX)
		host_abort("too many frames wait");
	memcpy(frame->bytes, bytes, length);
	frame->length = length;
	model->waiting_count++;
}

void rtl8139_model_link(struct rtl8139_model *model, bool up)
{
	model->link = up;
	cause(model, CAUSE_LINK);
}
