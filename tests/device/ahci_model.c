/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/ahci_model.h"

#include <string.h>

#define BAR_ADDRESS 0xfeb20000
#define BAR_SIZE 0x1000
#define COMMAND_MASTER 0x04
#define HR 1u
#define IE 2u
#define AE 0x80000000u
#define CLB 0x00
#define FB 0x08
#define IS 0x10
#define IE_PORT 0x14
#define CMD 0x18
#define TFD 0x20
#define SIG 0x24
#define SSTS 0x28
#define SERR 0x30
#define SACT 0x34
#define CI 0x38
#define ST 1u
#define FRE 0x10u
#define FR 0x4000u
#define CR 0x8000u
#define CAUSE_DHRS 1u
#define CAUSE_SDBS 8u
#define CAUSE_TFES 0x40000000u

static void violated(struct ahci_model *model, const char *what)
{
	if (!model->violations++)
		model->violation = what;
}

static uint32_t *reg(struct ahci_model_port *port, unsigned int offset)
{
	return &port->registers[offset / 4];
}

static void interrupt(struct ahci_model *model)
{
	uint16_t control;

	for (unsigned int i = 0; i < AHCI_MODEL_PORTS; i++)
		if (*reg(&model->ports[i], IS) & *reg(&model->ports[i], IE_PORT))
			model->is |= 1u << i;
	model->is |= model->asserted;
	if (!model->is || !(model->ghc & IE) || model->no_interrupt) {
		model->pci.line = false;
		return;
	}
	if (model->msi) {
		memcpy(&control, model->pci.config + model->msi + 2, 2);
		if (control & 1) {
			uint32_t address, data;

			memcpy(&address, model->pci.config + model->msi + 4, 4);
			memcpy(&data, model->pci.config + model->msi + 12, 4);
			for (unsigned int i = 0; i <= model->spurious; i++)
				host_interrupt_message(address, data & 0xffff);
			return;
		}
	}
	pci_model_line(&model->pci, true);
}

static uint8_t *memory(struct ahci_model *model, uint64_t address, uint64_t length)
{
	uint8_t *pointer = host_dma_pointer(address, length);

	if (!(model->pci.config[4] & COMMAND_MASTER))
		violated(model, "DMA while bus mastering is off");
	if (!pointer)
		violated(model, "DMA leads to memory that was not lent");
	return pointer;
}

/* -- Commands */

struct command {
	const uint8_t *header, *fis, *regions;
	unsigned int slot, region_count;
	bool write;
	uint64_t place;
	uint32_t sectors;
};

static uint64_t get64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, 8);
	return value;
}

static bool fetch(struct ahci_model_port *port, unsigned int slot, struct command *command)
{
	struct ahci_model *model = port->model;
	uint64_t list = *reg(port, CLB) | (uint64_t)*reg(port, CLB + 4) << 32;
	uint16_t flags, count;

	*command = (struct command){.slot = slot};
	command->header = memory(model, list + 32 * slot, 32);
	if (!command->header)
		return false;
	memcpy(&flags, command->header, 2);
	memcpy(&count, command->header + 2, 2);
	command->region_count = count;
	command->write = flags & 0x40;
	command->fis = memory(model, get64(command->header + 8), 0x80 + 16u * count);
	if (!command->fis)
		return false;
	command->regions = command->fis + 0x80;
	if ((flags & 0x1f) != 5 || command->fis[0] != 0x27 || command->fis[1] != 0x80)
		violated(model, "a command that is none");
	if (get64(command->header + 8) % 128)
		violated(model, "a command table is not aligned");
	return true;
}

/* All regions as one run of bytes. How many were moved. */
static uint32_t move(struct ahci_model_port *port, const struct command *command, uint8_t *bytes,
		     uint32_t length)
{
	uint32_t moved = 0;

	for (unsigned int i = 0; i < command->region_count; i++) {
		const uint8_t *region = command->regions + 16u * i;
		uint32_t count;
		uint8_t *place;

		memcpy(&count, region + 12, 4);
		count = (count & 0x3fffff) + 1;
		place = memory(port->model, get64(region), count);
		if (!place || moved + count > length) {
			violated(port->model, "regions are longer than the command");
			return moved;
		}
		if (command->write)
			memcpy(bytes + moved, place, count);
		else
			memcpy(place, bytes + moved, count);
		moved += count;
	}
	if (moved != length)
		violated(port->model, "regions are shorter than the command");
	return moved;
}

static void read_address(struct command *command)
{
	const uint8_t *fis = command->fis;
	uint8_t code = fis[2];

	command->place = fis[4] | fis[5] << 8 | fis[6] << 16;
	if (code == 0xc8 || code == 0xca) {
		command->place |= (fis[7] & 0xfu) << 24;
		command->sectors = fis[12] ? fis[12] : 256;
		return;
	}
	command->place |= (uint64_t)fis[8] << 24 | (uint64_t)fis[9] << 32 | (uint64_t)fis[10] << 40;
	if (code == 0x60 || code == 0x61)
		command->sectors = fis[3] | fis[11] << 8;
	else
		command->sectors = fis[12] | fis[13] << 8;
	if (!command->sectors)
		command->sectors = 65536;
}

static bool transfer(struct ahci_model_port *port, struct command *command, uint32_t *moved)
{
	static uint8_t bytes[4u << 20];
	struct ata_model *drive = &port->drive;

	read_address(command);
	if ((command->fis[2] == 0x35 || command->fis[2] == 0xca || command->fis[2] == 0x61) !=
	    command->write)
		violated(port->model, "a command goes the other way than its header says");
	for (uint32_t i = 0; i < command->sectors; i++) {
		const uint8_t *sector = ata_model_sector(drive, command->place + i);

		if (!sector)
			return false;
		memcpy(bytes + 512 * i, sector, 512);
	}
	*moved = move(port, command, bytes, command->sectors * 512);
	for (uint32_t i = 0; i < command->sectors && command->write; i++)
		memcpy(ata_model_sector(drive, command->place + i), bytes + 512 * i, 512);
	*(command->write ? &drive->writes : &drive->reads) += 1;
	return true;
}

/* False: an error. */
static bool execute(struct ahci_model_port *port, struct command *command)
{
	uint32_t moved = 0;
	bool good;

	port->commands++;
	switch (command->fis[2]) {
	case 0xec:
	case 0xa1:
		good = port->drive.packet == (command->fis[2] == 0xa1);
		if (good)
			moved = move(port, command, port->drive.identify, 512);
		break;
	case 0xe7:
	case 0xea:
		port->drive.flushes++;
		good = true;
		break;
	case 0x25:
	case 0x35:
	case 0xc8:
	case 0xca:
	case 0x60:
	case 0x61:
		good = transfer(port, command, &moved);
		break;
	default:
		violated(port->model, "an unknown command");
		return false;
	}
	if (port->model->short_count && moved)
		moved -= 2;
	memcpy((uint8_t *)(uintptr_t)command->header + 4, &moved, 4);
	return good;
}

static unsigned int bits(uint32_t value)
{
	return (unsigned int)__builtin_popcount(value);
}

static void run_port(struct ahci_model_port *port)
{
	uint32_t issued = *reg(port, CI), before = issued | *reg(port, SACT);
	bool failed = false, queued = *reg(port, SACT) != 0;

	if (!issued || !(*reg(port, CMD) & ST) || port->halted)
		return;
	if (bits(before) > port->most_at_once)
		port->most_at_once = bits(before);
	for (; issued && !failed; issued &= issued - 1) {
		unsigned int slot = (unsigned int)__builtin_ctz(issued);
		struct command command;
		bool is_queued;

		if (!fetch(port, slot, &command))
			return;
		is_queued = command.fis[2] == 0x60 || command.fis[2] == 0x61;
		if (is_queued != queued || is_queued != (*reg(port, SACT) >> slot & 1))
			violated(port->model, "queued commands and others at once");
		if (is_queued && command.fis[12] >> 3 != slot)
			violated(port->model, "a tag that is not its slot");
		failed = !execute(port, &command);
		if (failed)
			break;
		*reg(port, CI) &= ~(1u << slot);
		*reg(port, SACT) &= ~(1u << slot);
	}
	*reg(port, TFD) = failed ? 0x41 : 0x40;
	*reg(port, IS) |= queued ? CAUSE_SDBS : CAUSE_DHRS;
	if (failed) {
		*reg(port, IS) |= CAUSE_TFES;
		port->halted = true; /* 6.2.2.1 */
		if (queued)
			*reg(port, CI) = 0;
	}
	interrupt(port->model);
}

static void poll(void *context)
{
	struct ahci_model *model = context;

	if (model->gone || model->hangs)
		return;
	for (unsigned int i = 0; i < AHCI_MODEL_PORTS; i++)
		run_port(&model->ports[i]);
}

/* -- Registers */

static void reset_port(struct ahci_model_port *port)
{
	memset(port->registers, 0, sizeof(port->registers));
	port->halted = false;
	*reg(port, TFD) = 0x7f;
	*reg(port, SIG) = 0xffffffff;
	*reg(port, SSTS) = port->drive.present ? 0x113 : 0;
}

static uint64_t read(void *context, uint64_t offset, unsigned int width)
{
	struct ahci_model *model = context;
	struct ahci_model_port *port;
	unsigned int at = offset % 0x80;

	if (width != 4)
		violated(model, "registers have 32 bits");
	if (model->gone)
		return UINT32_MAX;
	if (offset >= 0x100) {
		if ((offset - 0x100) / 0x80 >= AHCI_MODEL_PORTS)
			return 0;
		port = &model->ports[(offset - 0x100) / 0x80];
		if (at == SSTS)
			return port->drive.present ? 0x113 : 0;
		if (at == TFD && model->busy)
			return *reg(port, TFD) | 0x80;
		if (at == CMD && model->engine_sticks)
			return *reg(port, CMD) | CR;
		if ((at == SACT || at == CI) && model->more_active)
			return *reg(port, at) | 0x0ff00000;
		return *reg(port, at);
	}
	switch (offset) {
	case 0x00:
		return model->cap;
	case 0x04:
		return model->ghc;
	case 0x08:
		return model->unfounded ? 0 : model->is;
	case 0x0c:
		return model->pi;
	default:
		return 0;
	}
}

static void port_command(struct ahci_model_port *port, uint32_t value)
{
	uint32_t before = *reg(port, CMD);

	if (value & ST && !(before & ST) && *reg(port, TFD) & 0x88)
		violated(port->model, "ST is set while the drive is busy");
	if (value & ST && !(value & FRE))
		violated(port->model, "ST without FRE");
	if (!(value & FRE) && before & CR)
		violated(port->model, "FRE is taken back while commands run");
	if (!(value & ST)) {
		*reg(port, CI) = *reg(port, SACT) = 0;
		port->halted = false;
		value &= ~CR;
	} else {
		value |= CR;
	}
	value = value & FRE ? value | FR : value & ~FR;
	if (value & FRE && !(before & FRE) && port->drive.present) {
		*reg(port, TFD) = 0x50;
		*reg(port, SIG) = port->drive.packet ? 0xeb140101 : 0x101;
	}
	*reg(port, CMD) = value;
}

static void port_write(struct ahci_model_port *port, unsigned int at, uint32_t value)
{
	switch (at) {
	case CMD:
		port_command(port, value);
		break;
	case IS:
		*reg(port, IS) &= ~value;
		break;
	case SERR:
		*reg(port, SERR) &= ~value;
		break;
	case SACT:
	case CI:
		if (!(*reg(port, CMD) & ST))
			violated(port->model, "a command while ST is off");
		*reg(port, at) |= value;
		break;
	case CLB:
	case FB:
		if (value % (at == CLB ? 1024 : 256))
			violated(port->model, "memory is not aligned");
		if (*reg(port, CMD) & (ST | FRE))
			violated(port->model, "memory is moved while the port runs");
		*reg(port, at) = value;
		break;
	default:
		*reg(port, at) = value;
		if (at == IE_PORT)
			interrupt(port->model);
		break;
	}
}

static void write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct ahci_model *model = context;

	(void)width;
	if (model->gone)
		return;
	if (offset >= 0x100) {
		if ((offset - 0x100) / 0x80 < AHCI_MODEL_PORTS)
			port_write(&model->ports[(offset - 0x100) / 0x80], offset % 0x80,
				   (uint32_t)value);
		return;
	}
	switch (offset) {
	case 0x04:
		if (value & HR) {
			for (unsigned int i = 0; i < AHCI_MODEL_PORTS; i++)
				reset_port(&model->ports[i]);
			model->is = 0;
			model->ghc = model->reset_sticks ? AE | HR : AE;
		} else {
			model->ghc = (uint32_t)value;
			interrupt(model);
		}
		break;
	case 0x08:
		model->is &= ~(uint32_t)value;
		interrupt(model);
		break;
	default:
		violated(model, "a register is written that cannot be");
	}
}

void ahci_model_init(struct ahci_model *model, bool msi)
{
	static const struct host_region_operations operations = {read, write};
	static const uint8_t body[12] = {0x80, 0};

	memset(model, 0, sizeof(*model));
	pci_model_init(&model->pci, 31, 0x8086, 0x2922);
	model->pci.config[0x09] = 0x01;
	model->pci.config[0x0a] = 0x06;
	model->pci.config[0x0b] = 0x01;
	pci_model_bar(&model->pci, 5, BAR_ADDRESS, BAR_SIZE, false, &operations, model);
	if (msi) {
		model->msi = pci_model_capability(&model->pci, 0x05, body, 14);
		memset(model->pci.writable + model->msi + 2, 0x71, 1);
		memset(model->pci.writable + model->msi + 4, 0xff, 10);
	}
	model->cap = 0xc0001f00u | (AHCI_MODEL_PORTS - 1);
	model->pi = (1u << AHCI_MODEL_PORTS) - 1;
	for (unsigned int i = 0; i < AHCI_MODEL_PORTS; i++) {
		model->ports[i].model = model;
		reset_port(&model->ports[i]);
	}
	ata_model_init(&model->ports[0].drive, "P-0", ATA_MODEL_SECTORS);
	host_model(poll, model);
}
