/* SPDX-License-Identifier: BSD-2-Clause */
/* The AHCI's driver: registers, received frames, identities, and commands that end in any way, at any time. */
#include "drivers/block/ahci.h"
#include "tests/device/ahci_model.h"
#include "tests/fuzz/ata.h"
#include "tests/fuzz/emulated.h"
#include "tests/fuzz/fuzz.h"

/* Registers of a port, by words. */
enum { LIST = 0, RECEIVED = 2, STATUS = 4, TASK = 8, ERROR = 12, ACTIVE = 13, ISSUED = 14 };

#define RECEIVED_BYTES 256u
#define HEADER 32u
#define COUNT_OFFSET 4u /* of the bytes that were moved, in a command's header */
#define SLOTS 32u

static struct ahci_model model;

static void init(void)
{
	static const char *const serials[AHCI_MODEL_PORTS] = {"P-0", "P-1", "P-2", "P-3"};

	ahci_model_init(&model, fuzz_choose(2));
	for (unsigned int i = 0; i < AHCI_MODEL_PORTS; i++)
		if (i < 2 || fuzz_choose(4) == 3)
			ata_fuzz_drive(&model.ports[i].drive, serials[i]);
	if (fuzz_choose(8) == 7) {
		model.cap = (uint32_t)fuzz_number(4);
		model.pi = (uint32_t)fuzz_number(4);
	}
}

static void lie(bool may)
{
	uint8_t lies = may ? fuzz_byte() : 0;

	model.gone = lies & 1 && fuzz_choose(8) == 7;
	model.hangs = lies & 2;
	model.no_interrupt = lies & 4;
	model.reset_sticks = lies & 8 && fuzz_choose(4) == 3;
	model.engine_sticks = lies & 16;
	model.busy = lies & 32;
	model.short_count = lies & 64;
	model.more_active = lies & 128;
	model.spurious = may ? fuzz_choose(3) : 0;
}

static uint64_t address_at(const struct ahci_model_port *port, unsigned int word)
{
	return port->registers[word] | (uint64_t)port->registers[word + 1] << 32;
}

/* What the device writes: received frames, and how much of a command was moved. */
static void write(void)
{
	const struct ahci_model_port *port = &model.ports[fuzz_choose(AHCI_MODEL_PORTS)];

	if (fuzz_choose(2))
		emulated_write(address_at(port, RECEIVED), 0, RECEIVED_BYTES);
	else
		emulated_write(address_at(port, LIST) + HEADER * fuzz_choose(SLOTS), COUNT_OFFSET,
			       1);
}

static void cause(void)
{
	struct ahci_model_port *port = &model.ports[fuzz_choose(AHCI_MODEL_PORTS)];

	switch (fuzz_choose(4)) {
	case 0:
		port->registers[ISSUED] &= (uint32_t)fuzz_number(4);
		break;
	case 1:
		port->registers[ACTIVE] &= (uint32_t)fuzz_number(4);
		break;
	case 2:
		port->registers[TASK] = (uint32_t)fuzz_number(2);
		break;
	default:
		port->registers[ERROR] = (uint32_t)fuzz_number(4);
		break;
	}
	port->registers[STATUS] |= (uint32_t)fuzz_number(4);
	model.is |= 1u << fuzz_choose(SLOTS);
	pci_model_line(&model.pci, true);
	pci_model_line(&model.pci, false);
}

void fuzz_target(void)
{
	static const struct ata_fuzzed fuzzed = {init, lie, write, cause};

	ata_fuzz(&fuzzed);
}
