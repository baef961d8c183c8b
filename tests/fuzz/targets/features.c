/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Feature negotiation: devices of all types that offer any bits, with any configuration and any sizes of
 * queues, under options of any text.
 */
#include "drivers/pci/pci.h"
#include "kernel/options/options.h"
#include "tests/device/virtio_model.h"
#include "tests/device/virtio_model_ring.h"
#include "tests/fuzz/bus.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"

#include <stdio.h>
#include <string.h>

#define AT_ONCE 8

static struct virtio_model model;
static struct hostile hostile;

/* Uses what it gets without a look, a few at a time: what drivers lend again at once has no end. */
static void process(struct virtio_model *device)
{
	static struct model_chain chain;

	for (unsigned int i = 0; i < device->queue_count; i++)
		for (unsigned int k = 0; k < AT_ONCE && model_ring_pop(device, i, &chain); k++)
			model_ring_push(device, i, chain.head, 0);
}

static void options(void)
{
	static const char *const names[] = {"+version_1",   "-version_1",     "-event_idx",
					    "+ring_packed", "-indirect_desc", "+in_order",
					    "+ring_reset",  "-mrg_rxbuf",     "+mq",
					    "-multiport"};
	char line[256] = "virtio.features=";
	unsigned int count = fuzz_choose(4);

	for (unsigned int i = 0; i < count; i++) {
		if (i)
			strcat(line, ",");
		strcat(line, names[fuzz_choose(10)]);
	}
	snprintf(line + strlen(line), 64, " virtio.queue_size=%u", fuzz_choose(300));
	options_parse(count ? line : "");
}

void fuzz_target(void)
{
	static const uint8_t types[] = {4, 1, 2, 3, 5, 8, 19, 26};
	enum fuzz_bus bus = fuzz_choose(BUSES);

	host_threads();
	virtio_model_init(&model, types[fuzz_choose(8)], 1 + fuzz_choose(MODEL_QUEUES), 16);
	model.process = process;
	model.config_length = 1 + fuzz_choose(MODEL_CONFIG);
	memset(model.config_writable, 1, sizeof(model.config_writable));
	for (unsigned int i = fuzz_choose(32); i; i--)
		model.config[fuzz_choose(MODEL_CONFIG)] = fuzz_byte();
	bus_plug(&model, bus, fuzz_choose(6));
	options();
	model.refuse_features = fuzz_choose(16) == 15;
	model.reset_never = fuzz_choose(16) == 15;
	for (unsigned int i = 0; i < 4; i++)
		model.offered[i] ^= (uint32_t)fuzz_number(4) & (uint32_t)fuzz_number(4);
	hostile_open(&hostile, &model);
	hostile.lies |= LIE_FEATURES;
	bus_boot();
	hostile_calm(&hostile);
	bus_settle(NULL);
	pci_shutdown();
}
