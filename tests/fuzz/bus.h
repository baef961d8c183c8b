/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the device under a target is plugged in, and what time does there. */
#ifndef TESTS_FUZZ_BUS_H
#define TESTS_FUZZ_BUS_H

#include "drivers/virtio/virtio.h"
#include "tests/device/virtio_model_mmio.h"
#include "tests/device/virtio_model_pci.h"

enum fuzz_bus {
	BUS_PCI,
	BUS_PCI_LEGACY, /* has only the legacy interface */
	BUS_MMIO,
	BUS_MMIO_LEGACY,
	BUSES,
};

struct fuzz_place {
	enum fuzz_bus bus;
	struct virtio_model_pci pci;
	struct virtio_model_mmio mmio;
};

extern struct fuzz_place place;

/* The model is set up; `vectors` of MSI-X. Then lies may be added, and bus_boot() finds it. */
void bus_plug(struct virtio_model *model, enum fuzz_bus bus, unsigned int vectors);
void bus_boot(void);
/* The device that was found, or NULL. Its driver may be NULL. */
struct virtio_device *bus_device(void);
/* It is driven, and not broken. */
bool bus_runs(void);

/*
 * Until the device runs or is given up, which must not take longer than all attempts of the recovery do.
 */
void bus_settle(void (*service)(void));

#endif
