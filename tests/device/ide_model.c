/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/ide_model.h"

#include <string.h>

#define BSY 0x80
#define DRDY 0x40
#define DRQ 0x08
#define ERR 0x01
#define NIEN 0x02
#define SRST 0x04
#define BM_ACTIVE 1
#define BM_ERROR 2
#define BM_INTERRUPT 4
#define BM_PORTS 0xc000
#define COMMAND_MASTER 0x04

static void violated(struct ide_model *model, const char *what)
{
	if (!model->violations++)
		model->violation = what;
}

static struct ata_model *selected(struct ide_model_channel *channel)
{
	return &channel->drives[channel->registers[6] >> 4 & 1];
}

static bool is_empty(const struct ide_model_channel *channel)
{
	return !channel->drives[0].present && !channel->drives[1].present;
}

static void interrupt(struct ide_model_channel *channel)
{
	channel->bm_status |= BM_INTERRUPT;
	if (!channel->model->no_interrupt && !(channel->control & NIEN))
		host_interrupt_line(channel->index ? 15 : 14);
}

static void finish(struct ide_model_channel *channel, uint8_t status)
{
	channel->command = 0;
	channel->status = status;
	interrupt(channel);
}

static void signature(struct ide_model_channel *channel)
{
	bool packet = selected(channel)->packet;

	channel->registers[2] = channel->registers[3] = 1;
	channel->registers[4] = packet ? 0x14 : 0;
	channel->registers[5] = packet ? 0xeb : 0;
	channel->status = packet ? 0 : DRDY;
	if (channel->model->busy_for_ever)
		channel->status = BSY;
}

/* -- Commands */

static bool wide(uint8_t command)
{
	return command == 0x24 || command == 0x25 || command == 0x34 || command == 0x35;
}

static void set_address(struct ide_model_channel *channel, uint8_t command)
{
	const uint8_t *now = channel->registers, *before = channel->before;

	if (!(now[6] & 0x40))
		violated(channel->model, "a command by cylinders");
	if (wide(command)) {
		channel->place = now[3] | now[4] << 8 | now[5] << 16 | (uint64_t)before[3] << 24 |
				 (uint64_t)before[4] << 32 | (uint64_t)before[5] << 40;
		channel->left = now[2] | before[2] << 8;
		if (!channel->left)
			channel->left = 65536;
		selected(channel)->used_48 = true;
	} else {
		channel->place = now[3] | now[4] << 8 | now[5] << 16 | (now[6] & 0xfu) << 24;
		channel->left = now[2] ? now[2] : 256;
	}
}

static bool load(struct ide_model_channel *channel)
{
	const uint8_t *bytes = ata_model_sector(selected(channel), channel->place);

	if (!bytes)
		return false;
	memcpy(channel->data, bytes, 512);
	channel->at = 0;
	return true;
}

static void start(struct ide_model_channel *channel, uint8_t command)
{
	struct ata_model *disk = selected(channel);

	channel->commands++;
	if (channel->command || channel->status & (BSY | DRQ)) {
		violated(channel->model, "a command while another one runs");
		return;
	}
	channel->command = command;
	switch (command) {
	case 0xec:
	case 0xa1:
		if (disk->packet != (command == 0xa1)) {
			channel->command = 0;
			channel->status = DRDY | ERR;
			return;
		}
		memcpy(channel->data, disk->identify, 512);
		channel->at = 0;
		channel->left = 1;
		channel->status = DRDY | DRQ;
		return;
	case 0x20:
	case 0x24:
	case 0x30:
	case 0x34:
	case 0xc8:
	case 0xca:
	case 0x25:
	case 0x35:
		set_address(channel, command);
		channel->at = 0;
		channel->status = command == 0x30 || command == 0x34 ? DRDY | DRQ : BSY;
		return;
	case 0xe7:
	case 0xea:
		disk->flushes++;
		channel->status = BSY;
		return;
	default:
		violated(channel->model, "an unknown command");
		channel->command = 0;
		channel->status = DRDY | ERR;
	}
}

/* -- DMA */

static uint8_t *memory(struct ide_model *model, uint64_t address, uint64_t length)
{
	uint8_t *pointer = host_dma_pointer(address, length);

	if (!(model->pci.config[4] & COMMAND_MASTER))
		violated(model, "DMA while bus mastering is off");
	if (!pointer)
		violated(model, "DMA leads to memory that was not lent");
	return pointer;
}

/* Sectors one after the other along the table. True: all went well. */
static bool move(struct ide_model_channel *channel, bool to_memory)
{
	struct ide_model *model = channel->model;
	struct ata_model *disk = selected(channel);
	uint32_t table = channel->bm_table, rest = 0, offset = 0;
	uint8_t *bytes = NULL;
	bool last = false;

	for (; channel->left; channel->left--, channel->place++) {
		uint8_t *sector = ata_model_sector(disk, channel->place);

		if (!sector)
			return false;
		for (offset = 0; offset < 512;) {
			uint32_t part;

			if (!rest) {
				uint8_t *entry = memory(model, table, 8);
				uint32_t address;
				uint16_t length, flags;

				if (!entry || last) {
					violated(model, "the table is shorter than the command");
					return false;
				}
				memcpy(&address, entry, 4);
				memcpy(&length, entry + 4, 2);
				memcpy(&flags, entry + 6, 2);
				rest = length ? length : 65536;
				last = flags & 0x8000;
				if (address / 65536 != (address + rest - 1) / 65536)
					violated(model, "a region crosses 64 KiB");
				bytes = memory(model, address, rest);
				if (!bytes)
					return false;
				table += 8;
			}
			part = rest < 512 - offset ? rest : 512 - offset;
			if (to_memory)
				memcpy(bytes, sector + offset, part);
			else
				memcpy(sector + offset, bytes, part);
			bytes += part;
			rest -= part;
			offset += part;
		}
	}
	if (rest || !last)
		violated(model, "the table is longer than the command");
	return true;
}

static void run_dma(struct ide_model_channel *channel)
{
	bool to_memory = channel->command == 0xc8 || channel->command == 0x25, good;
	struct ide_model *model = channel->model;

	if (!(channel->bm_command & 1))
		return;
	if (!!(channel->bm_command & 8) != to_memory)
		violated(model, "DMA goes the other way");
	good = move(channel, to_memory);
	*(to_memory ? &selected(channel)->reads : &selected(channel)->writes) += 1;
	if (!model->short_dma)
		channel->bm_status &= (uint8_t)~BM_ACTIVE;
	if (model->bus_error)
		channel->bm_status |= BM_ERROR;
	finish(channel, (uint8_t)(DRDY | (good ? 0 : ERR) | (model->drq_stuck ? DRQ : 0)));
}

static void next_read(struct ide_model_channel *channel)
{
	if (!load(channel)) {
		finish(channel, DRDY | ERR);
		return;
	}
	selected(channel)->reads++;
	channel->status = DRDY | DRQ;
	interrupt(channel);
}

static void run(struct ide_model_channel *channel)
{
	if (!channel->command || channel->model->gone || channel->model->hangs)
		return;
	switch (channel->command) {
	case 0xc8:
	case 0xca:
	case 0x25:
	case 0x35:
		run_dma(channel);
		return;
	case 0x20:
	case 0x24:
		if (channel->status & BSY)
			next_read(channel);
		return;
	case 0xe7:
	case 0xea:
		finish(channel, DRDY);
		return;
	default:
		return;
	}
}

/* -- The data port */

/* Where in `data` the next word is. DRQ that is stuck gives and takes data without end. */
static uint8_t *next_word(struct ide_model_channel *channel)
{
	if (channel->at >= sizeof(channel->data))
		channel->at = 0;
	channel->at += 2;
	return channel->data + channel->at - 2;
}

static uint16_t data_read(struct ide_model_channel *channel)
{
	uint16_t value = 0;

	if (!(channel->status & DRQ)) {
		violated(channel->model, "data is read without DRQ");
		return 0;
	}
	memcpy(&value, next_word(channel), 2);
	if (channel->at < 512)
		return value;
	channel->left--;
	channel->place++;
	if (channel->command == 0x20 || channel->command == 0x24) {
		channel->status = channel->left ? BSY : DRDY;
		if (channel->model->ends_early && channel->left)
			finish(channel, DRDY);
	} else {
		channel->status = DRDY;
	}
	if (!channel->left || !(channel->status & BSY))
		channel->command = 0;
	return value;
}

static void data_write(struct ide_model_channel *channel, uint16_t value)
{
	uint8_t *sector;

	if (!(channel->status & DRQ)) {
		violated(channel->model, "data is written without DRQ");
		return;
	}
	memcpy(next_word(channel), &value, 2);
	if (channel->at < 512)
		return;
	sector = ata_model_sector(selected(channel), channel->place++);
	channel->at = 0;
	if (!sector) {
		finish(channel, DRDY | ERR);
		return;
	}
	memcpy(sector, channel->data, 512);
	selected(channel)->writes++;
	if (!--channel->left) {
		finish(channel, DRDY);
		return;
	}
	channel->status = DRDY | DRQ;
	interrupt(channel);
}

/* -- Ports */

static uint64_t command_read(void *context, uint64_t offset, unsigned int width)
{
	struct ide_model_channel *channel = context;

	if (channel->model->gone)
		return UINT32_MAX >> (32 - 8 * width);
	if (is_empty(channel))
		return channel->model->floating ? 0xff : 0;
	if (offset == 0)
		return data_read(channel);
	if (!selected(channel)->present)
		return 0;
	if (offset == 7)
		return channel->status;
	return channel->registers[offset];
}

static void command_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct ide_model_channel *channel = context;

	(void)width;
	if (channel->model->gone || is_empty(channel))
		return;
	if (offset == 0) {
		data_write(channel, (uint16_t)value);
		return;
	}
	if (offset == 7) {
		start(channel, (uint8_t)value);
		return;
	}
	channel->before[offset] = channel->registers[offset];
	channel->registers[offset] = (uint8_t)value;
	/* After a reset each drive shows its own. */
	if (offset == 6 && !channel->command && channel->control & NIEN)
		signature(channel);
}

static uint64_t control_read(void *context, uint64_t offset, unsigned int width)
{
	(void)offset;
	return command_read(context, 7, width);
}

static void control_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct ide_model_channel *channel = context;

	(void)offset;
	(void)width;
	if (channel->control & SRST && !(value & SRST)) {
		channel->command = 0;
		signature(channel);
	}
	channel->control = (uint8_t)value;
}

static uint64_t bm_read(void *context, uint64_t offset, unsigned int width)
{
	struct ide_model *model = context;
	const struct ide_model_channel *channel = &model->channels[offset / 8];

	(void)width;
	if (model->gone)
		return 0xff;
	return offset % 8 == 2 ? channel->bm_status : channel->bm_command;
}

static void bm_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct ide_model *model = context;
	struct ide_model_channel *channel = &model->channels[offset / 8];

	(void)width;
	switch (offset % 8) {
	case 0:
		if (value & 1 && !(channel->bm_command & 1))
			channel->bm_status |= BM_ACTIVE;
		if (!(value & 1))
			channel->bm_status &= (uint8_t)~BM_ACTIVE;
		channel->bm_command = (uint8_t)value;
		break;
	case 2:
		channel->bm_status &= (uint8_t) ~(value & (BM_ERROR | BM_INTERRUPT));
		break;
	case 4:
		channel->bm_table = (uint32_t)value;
		break;
	default:
		violated(model, "a port of the bus master that is not there");
	}
}

static void poll(void *context)
{
	struct ide_model *model = context;

	run(&model->channels[0]);
	run(&model->channels[1]);
}

void ide_model_init(struct ide_model *model)
{
	static const struct host_region_operations command = {command_read, command_write};
	static const struct host_region_operations control = {control_read, control_write};
	static const struct host_region_operations bus_master = {bm_read, bm_write};
	static const uint16_t ports[2][2] = {{0x1f0, 0x3f6}, {0x170, 0x376}};

	memset(model, 0, sizeof(*model));
	pci_model_init(&model->pci, 1, 0x8086, 0x7010);
	model->pci.config[0x09] = 0x80;
	model->pci.config[0x0a] = 0x01;
	model->pci.config[0x0b] = 0x01;
	model->pci.config[0x3d] = 0;
	pci_model_set32(&model->pci, 0x20, BM_PORTS | 1);
	model->pci.writable[0x20] = 0xf0;
	model->pci.writable[0x21] = 0xff;
	memset(model->pci.writable + 0x40, 0xff, 4);
	for (unsigned int i = 0; i < 2; i++) {
		model->channels[i].model = model;
		model->channels[i].index = i;
		model->channels[i].status = DRDY;
		host_port_region(ports[i][0], 8, &command, &model->channels[i]);
		host_port_region(ports[i][1], 1, &control, &model->channels[i]);
	}
	host_port_region(BM_PORTS, 16, &bus_master, model);
	host_model(poll, model);
}
