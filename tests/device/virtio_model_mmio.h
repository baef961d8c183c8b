/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio model over MMIO (virtio 1.4, 4.2), versions 2 and 1, with a level- or edge-triggered line. */
#ifndef TESTS_DEVICE_VIRTIO_MODEL_MMIO_H
#define TESTS_DEVICE_VIRTIO_MODEL_MMIO_H

#include "tests/device/virtio_model.h"

#define MODEL_MMIO_LINE 20

struct virtio_model_mmio {
	struct virtio_model *model;
	struct host_region *region;
	uint32_t magic, version;
	uint32_t page_size, align; /* of version 1 */
	bool level;
	/* As QEMU does it: words above 1 are word 1. */
	bool mirrors_words;
};

void virtio_model_mmio_init(struct virtio_model_mmio *mmio, struct virtio_model *model,
			    uint64_t address);
/* Version 1, after init. */
void virtio_model_mmio_legacy(struct virtio_model_mmio *mmio);

#endif
