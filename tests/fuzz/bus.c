/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/bus.h"

#include "drivers/virtio/transports/mmio.h"
#include "kernel/time/clock.h"
#include "tests/device/recovery_thread.h"
#include "tests/fuzz/fuzz.h"

#define MMIO_ADDRESS 0xfeb00000u
#define STEP (500 * NANOSECONDS_PER_MILLISECOND)
#define SETTLE_STEPS 400

struct fuzz_place place;

void bus_plug(struct virtio_model *model, enum fuzz_bus bus, unsigned int vectors)
{
	place.bus = bus;
	if (bus >= BUS_MMIO) {
		virtio_model_mmio_init(&place.mmio, model, MMIO_ADDRESS);
		if (bus == BUS_MMIO_LEGACY)
			virtio_model_mmio_legacy(&place.mmio);
		return;
	}
	virtio_model_pci_init(&place.pci, model, 3, vectors);
	place.pci.pci.strays_allowed = true;
	if (bus == BUS_PCI_LEGACY)
		virtio_model_pci_legacy(&place.pci, true);
}

void bus_boot(void)
{
	const struct interrupt_line line = {.gsi = MODEL_MMIO_LINE, .level = true};

	if (place.bus >= BUS_MMIO)
		(void)virtio_mmio_add(MMIO_ADDRESS, 0x200, &line);
	else
		pci_model_boot();
}

struct virtio_device *bus_device(void)
{
	return virtio_first();
}

bool bus_runs(void)
{
	const struct virtio_device *device = bus_device();

	return device && device->driven && !device->recovery.broken && !device->recovery.given_up;
}

void bus_settle(void (*service)(void))
{
	const struct virtio_device *device = bus_device();
	uint64_t before = device ? device->recovery.recoveries : 0;

	for (unsigned int i = 0; i < SETTLE_STEPS; i++) {
		recovery_thread_wait(STEP, service);
		if (!device || !device->driven || device->recovery.given_up)
			return;
		if (!device->recovery.broken && i > 8)
			return;
	}
	/* One that keeps a buffer is brought back once a minute, for ever. */
	if (device->recovery.recoveries == before)
		host_abort("the device is neither driven nor given up");
}
