/* SPDX-License-Identifier: BSD-2-Clause */
/* The e1000's driver: registers, descriptors, lengths and causes of any kind, at any time. */
#include "drivers/net/e1000.h"
#include "tests/device/e1000_model.h"
#include "tests/fuzz/emulated.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/nic.h"

/* Registers of the model that hold where its rings are. */
#define RECEIVE_RING 0x2800
#define TRANSMIT_RING 0x3800
#define DESCRIPTOR 16u
/* What stands in a descriptor behind the address of its buffer: all that is the device's. */
#define DEVICE_PART 8u

static struct e1000_model model;

static void init(void)
{
	e1000_model_init(&model);
	model.ignores_reset = fuzz_choose(2);
}

static void inject(const uint8_t *bytes, unsigned int length)
{
	if (model.waiting_count < NIC_FRAMES_MAX)
		e1000_model_inject(&model, bytes, length);
}

static void lie(bool may)
{
	uint8_t lies = may ? fuzz_byte() : 0;

	model.gone = lies & 1 && fuzz_choose(8) == 7;
	model.reset_sticks = lies & 2;
	model.cause_sticks = lies & 4;
	model.sends_nothing = lies & 8;
	model.no_end = lies & 16;
	model.length = lies & 32 ? (int)fuzz_number(2) : -1;
	model.errors = lies & 64 ? fuzz_byte() : 0;
}

static void write(void)
{
	unsigned int ring = fuzz_choose(2) ? TRANSMIT_RING : RECEIVE_RING;
	uint64_t base = model.registers[ring / 4] | (uint64_t)model.registers[ring / 4 + 1] << 32;
	uint32_t index = fuzz_choose(4) ? fuzz_choose(8) : fuzz_choose(E1000_RING);

	emulated_write(base + DESCRIPTOR * index, DEVICE_PART, DEVICE_PART);
}

static void link(bool up)
{
	e1000_model_link(&model, up);
}

static void cause(void)
{
	model.icr |= (uint32_t)fuzz_number(4);
	pci_model_line(&model.pci, true);
	pci_model_line(&model.pci, false);
}

static void check(struct network_device *device)
{
	const struct e1000 *e1000 = device->driver_data;

	fuzz_check(
		network_buffers_idle(&e1000->buffers) + e1000->posted_count == e1000->buffers.count,
		"%u receive buffers and %u of %u are left", network_buffers_idle(&e1000->buffers),
		e1000->posted_count, e1000->buffers.count);
}

void fuzz_target(void)
{
	static const struct nic_fuzzed fuzzed = {init, inject, lie, write, link, cause, check};

	nic_fuzz(&fuzzed, "net.buffers=384");
}
