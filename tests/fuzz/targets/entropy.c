/* SPDX-License-Identifier: BSD-2-Clause */
/* The entropy driver: answers of any length at any time, or none. */
#include "drivers/entropy/virtio_rng.h"
#include "kernel/options/options.h"
#include "kernel/random/random.h"
#include "tests/device/recovery_thread.h"
#include "tests/device/virtio_model_rng.h"
#include "tests/fuzz/bus.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"

#define STEPS 100

static struct virtio_model_rng device;
static struct hostile hostile;

static void service(void)
{
	if (virtio_rng_first())
		(void)virtio_rng_work(virtio_rng_first());
}

static void step(void)
{
	uint8_t bytes[40];

	switch (fuzz_choose(5)) {
	case 0:
		host_poll();
		break;
	case 1:
		service();
		break;
	case 2:
		random_bytes(bytes, fuzz_choose(sizeof(bytes)));
		break;
	case 3:
		device.claims = fuzz_choose(200);
		device.gives = fuzz_choose(100);
		break;
	default:
		recovery_thread_wait(VIRTIO_RNG_INTERVAL >> fuzz_choose(20), service);
		break;
	}
}

void fuzz_target(void)
{
	struct virtio_rng *rng;
	uint64_t bytes;

	host_threads();
	virtio_model_rng_init(&device);
	bus_plug(&device.model, BUS_PCI, fuzz_choose(4));
	options_parse("");
	hostile_open(&hostile, &device.model);
	bus_boot();
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		step();
	hostile_check(&hostile);
	hostile_calm(&hostile);
	device.claims = 0;
	device.gives = UINT32_MAX;
	bus_settle(service);
	/* An honest device's bytes are taken again. */
	rng = virtio_rng_first();
	if (!bus_runs() || !rng || rng->outstanding || hostile.confused ||
	    !hostile_sincere(&hostile))
		return;
	bytes = rng->bytes;
	for (unsigned int i = 0; i < 4; i++)
		recovery_thread_wait(VIRTIO_RNG_INTERVAL, service);
	fuzz_check(!bus_runs() || rng->bytes > bytes, "an honest device is not asked any more");
}
