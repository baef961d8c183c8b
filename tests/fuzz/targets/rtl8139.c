/* SPDX-License-Identifier: BSD-2-Clause */
/* The RTL8139's driver: registers, its one ring, headers of frames and causes of any kind, at any time. */
#include "drivers/net/rtl8139.h"
#include "tests/device/rtl8139_model.h"
#include "tests/fuzz/emulated.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/nic.h"

#include <string.h>

#define RING_START 0x30 /* the register that holds where the ring is */

static struct rtl8139_model model;

static void init(void)
{
	rtl8139_model_init(&model);
}

static void inject(const uint8_t *bytes, unsigned int length)
{
	if (model.waiting_count < NIC_FRAMES_MAX)
		rtl8139_model_inject(&model, bytes, length);
}

static void lie(bool may)
{
	uint8_t lies = may ? fuzz_byte() : 0;

	model.gone = lies & 1 && fuzz_choose(8) == 7;
	model.reset_sticks = lies & 2;
	model.cause_sticks = lies & 4;
	model.sends_nothing = lies & 8;
	model.aborts = lies & 16;
	model.length = lies & 32 ? (int)fuzz_number(2) : -1;
	model.status = lies & 64 ? (uint16_t)fuzz_number(2) : 0;
	model.place = lies & 128 ? (int)fuzz_number(2) : -1;
}

/* Mostly where the next frame's header is. */
static void write(void)
{
	uint32_t base;

	memcpy(&base, model.registers + RING_START, sizeof(base));
	if (fuzz_choose(4))
		emulated_write(base, (model.capr + 16u) % RTL8139_RING, 8);
	else
		emulated_write(base, 0, RTL8139_RING + 2048);
}

static void link(bool up)
{
	rtl8139_model_link(&model, up);
}

static void cause(void)
{
	model.isr |= (uint16_t)fuzz_number(2);
	pci_model_line(&model.pci, true);
	pci_model_line(&model.pci, false);
}

static void check(struct network_device *device)
{
	const struct rtl8139 *rtl = device->driver_data;

	fuzz_check(network_buffers_idle(&rtl->buffers) == rtl->buffers.count,
		   "%u receive buffers of %u are left", network_buffers_idle(&rtl->buffers),
		   rtl->buffers.count);
}

void fuzz_target(void)
{
	static const struct nic_fuzzed fuzzed = {init, inject, lie, write, link, cause, check};

	nic_fuzz(&fuzzed, "net.buffers=64");
}
