/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio over MMIO, versions 2 and 1 (virtio 1.4, 4.2). Nothing enumerates such devices: the command line
 * (virtio_mmio.device=, as VMMs write it for Linux) and ACPI name them.
 */
#ifndef DRIVERS_VIRTIO_TRANSPORTS_MMIO_H
#define DRIVERS_VIRTIO_TRANSPORTS_MMIO_H

#include "kernel/x86/interrupt.h"

#include <stdbool.h>
#include <stdint.h>

/* Adds all devices that were named, each once. After ACPI's tables were read. Thread context. */
void virtio_mmio_init(void);

/* Stops them all before the machine is handed to somebody else, as pci_shutdown() does. */
void virtio_mmio_shutdown(void);

/*
 * Each place that was named, in no order, whatever is there; the same place may come twice. Until the function
 * returns false.
 */
struct virtio_mmio_place {
	uint64_t address, length;
	struct interrupt_line line;
};
void virtio_mmio_each(bool (*function)(void *context, const struct virtio_mmio_place *place),
		      void *context);

/* Stops the one at that address for good, as virtio_mmio_shutdown() does all of them. */
void virtio_mmio_stop(uint64_t address);

/* Adds one: 0, -ENODEV: there is none at that place; other: one that cannot be driven (one log
 * line). */
int virtio_mmio_add(uint64_t address, uint64_t length, const struct interrupt_line *line);

#endif
