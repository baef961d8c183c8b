/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers over MMIO, both versions, that read as anything; and what the command line says of such devices. */
#include "drivers/virtio/transports/mmio.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/net.h"

#include <string.h>

#define STEPS 80

void fuzz_target(void)
{
	enum fuzz_bus bus = fuzz_choose(2) ? BUS_MMIO_LEGACY : BUS_MMIO;
	struct virtio_model_mmio was;
	char options[128] = "virtio_mmio.device=";

	if (fuzz_choose(8) == 7) {
		fuzz_fill(options + strlen(options), fuzz_choose(60));
		strcat(options, "\n");
	} else {
		options[0] = '\0';
	}
	net_open(bus, 1 + fuzz_choose(2), options);
	virtio_model_offer(&net.model.model, 40, fuzz_choose(2)); /* RING_RESET */
	virtio_model_offer(&net.model.model, 34, fuzz_choose(2)); /* packed */
	place.mmio.mirrors_words = fuzz_choose(2);
	place.mmio.level = fuzz_choose(2);
	was = place.mmio;
	if (fuzz_choose(8) == 7)
		place.mmio.version = (uint32_t)fuzz_number(4);
	if (fuzz_choose(8) == 7)
		place.mmio.magic = (uint32_t)fuzz_number(4);
	virtio_mmio_init();
	net_boot();
	net.hostile.confused = place.mmio.version != was.version || place.mmio.magic != was.magic;
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		net_step();
	net_close();
	virtio_mmio_shutdown();
}
