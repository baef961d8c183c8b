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
	model->gathered_length = 0;
	memset(model->contexts, 0, sizeof(model->contexts));
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

/* -- Sums and cutting, byte by byte as the manual says it (3.5 and 3.6) */

static unsigned int get16(const uint8_t *bytes)
{
	return (unsigned int)(bytes[0] << 8 | bytes[1]);
}

static void put16(uint8_t *bytes, unsigned int value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* The sum from one place to another goes, complemented, to a third. */
static void fill_sum(struct nic_frame *frame, unsigned int from, unsigned int to,
		     unsigned int place)
{
	uint32_t sum = 0;

	if (place + 2 > frame->length || to > frame->length)
		return;
	for (unsigned int i = from; i < to; i++)
		sum += (uint32_t)frame->bytes[i] << ((i - from) % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(frame->bytes + place, ~sum & 0xffff);
}

static unsigned int end_of(uint16_t last, const struct nic_frame *frame)
{
	return last ? last + 1u : frame->length;
}

static void emit(struct e1000_model *model, const struct e1000_model_context *context)
{
	struct nic_frame *frame = &model->sent[model->sent_count++ % NIC_FRAMES_MAX];

	if (model->gathered_options & 1)
		fill_sum(frame, context->ip_start, end_of(context->ip_end, frame),
			 context->ip_offset);
	if (model->gathered_options & 2)
		fill_sum(frame, context->tcp_start, end_of(context->tcp_end, frame),
			 context->tcp_offset);
}

static struct nic_frame *new_frame(struct e1000_model *model, unsigned int length)
{
	struct nic_frame *frame = &model->sent[model->sent_count % NIC_FRAMES_MAX];

	if (length > 1518) {
		violated(model, "a frame is too long");
		length = 1518;
	}
	frame->length = length;
	return frame;
}

static void emit_whole(struct e1000_model *model)
{
	struct nic_frame *frame = new_frame(model, model->gathered_length);

	memcpy(frame->bytes, model->gathered, frame->length);
	emit(model, &model->contexts[0]);
}

/* One of the frames that a frame is cut into, with payload from `at`. */
static void emit_piece(struct e1000_model *model, unsigned int at, unsigned int number)
{
	const struct e1000_model_context *context = &model->contexts[1];
	unsigned int left = model->gathered_length - at;
	unsigned int part = left < context->segment ? left : context->segment;
	struct nic_frame *frame = new_frame(model, context->header + part);
	uint8_t *ip = frame->bytes + context->ip_start, *tcp = frame->bytes + context->tcp_start;
	uint32_t sequence = at - context->header, sum;

	memcpy(frame->bytes, model->gathered, context->header);
	memcpy(frame->bytes + context->header, model->gathered + at,
	       frame->length - context->header);
	put16(ip + 2, frame->length - context->ip_start);
	put16(ip + 4, get16(ip + 4) + number);

	sequence += get16(tcp + 4) << 16 | get16(tcp + 6);
	put16(tcp + 4, sequence >> 16);
	put16(tcp + 6, sequence & 0xffff);
	if (part < left)
		tcp[13] &= (uint8_t)~0x09; /* FIN and PSH are the last one's */
	sum = get16(frame->bytes + context->tcp_offset) + frame->length - context->tcp_start;
	put16(frame->bytes + context->tcp_offset, (sum & 0xffff) + (sum >> 16));
	emit(model, context);
}

static void emit_cut(struct e1000_model *model)
{
	const struct e1000_model_context *context = &model->contexts[1];
	const uint8_t *ip = model->gathered + context->ip_start;
	unsigned int number = 0;

	if (!context->segment || !context->tcp || !context->ip4 ||
	    context->ip_start + 20 > context->tcp_start ||
	    context->tcp_start + 20 > context->header ||
	    context->tcp_offset + 2 > context->header) {
		violated(model, "a context that cuts nothing");
		return;
	}
	if (model->gathered_length != context->header + context->payload)
		violated(model, "a frame is not as long as its context says");
	if (model->gathered_length < context->header)
		return;
	if (get16(ip + 2) || get16(ip + 10))
		violated(model, "a frame to be cut has a length or a sum of IP");
	for (unsigned int at = context->header; at < model->gathered_length; at += context->segment)
		emit_piece(model, at, number++);
}

static void take_context(struct e1000_model *model, const uint8_t *at)
{
	struct e1000_model_context *context = &model->contexts[at[11] >> 2 & 1];

	*context = (struct e1000_model_context){
		.ip_start = at[0],
		.ip_offset = at[1],
		.tcp_start = at[4],
		.tcp_offset = at[5],
		.payload = at[8] | (uint32_t)at[9] << 8 | (uint32_t)(at[10] & 0x0f) << 16,
		.tcp = at[11] & 1,
		.ip4 = at[11] & 2,
		.header = at[13],
	};
	memcpy(&context->ip_end, at + 2, 2);
	memcpy(&context->tcp_end, at + 6, 2);
	memcpy(&context->segment, at + 14, 2);
	model->contexts_told++;
}

/* False: there is no such memory, or a frame without end. */
static bool gather(struct e1000_model *model, const uint8_t *at)
{
	unsigned int length = at[8] | (unsigned int)at[9] << 8 | (at[10] & 0x0fu) << 16;
	uint64_t address;
	uint8_t *bytes;

	if (!(at[11] & 0x20) || at[10] >> 4 != 1)
		violated(model, "a descriptor of a kind that the driver does not use");
	if (length > 16288)
		violated(model, "a descriptor is for too much");
	memcpy(&address, at, 8);
	bytes = memory(model, address, length);
	if (!bytes || model->gathered_length + length > sizeof(model->gathered))
		return false;
	if (!model->gathered_length) {
		model->gathered_options = at[13];
		model->gathered_cut = at[11] & 4;
	}
	memcpy(model->gathered + model->gathered_length, bytes, length);
	model->gathered_length += length;
	model->sent_segments++;
	return true;
}

static void send(struct e1000_model *model)
{
	while (*reg(model, TCTL) & 2 && *reg(model, TDH) != *reg(model, TDT)) {
		uint8_t *at = descriptor(model, TDBAL, *reg(model, TDH));
		bool context;

		if (!at)
			return;
		context = at[11] & 0x20 && !(at[10] >> 4);
		if (context)
			take_context(model, at);
		else if (!gather(model, at))
			return;
		if (at[11] & 8 && !model->sends_nothing)
			at[12] |= 1;
		*reg(model, TDH) = next(model, *reg(model, TDH), TDLEN);
		if (context || !(at[11] & 1))
			continue;
		if (model->gathered_cut)
			emit_cut(model);
		else
			emit_whole(model);
		model->gathered_length = 0;
		if (!model->sends_nothing)
			cause(model, CAUSE_TXDW);
	}
}

/* -- Receiving */

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
		at[12] = (model->no_end ? 1 : 3) | model->status;
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
