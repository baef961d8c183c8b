/* SPDX-License-Identifier: BSD-2-Clause */
/* An entropy device on the virtio model (virtio 1.4, 5.4): gives as many bytes as a test says. */
#ifndef TESTS_DEVICE_VIRTIO_MODEL_RNG_H
#define TESTS_DEVICE_VIRTIO_MODEL_RNG_H

#include "tests/device/virtio_model.h"

struct virtio_model_rng {
	struct virtio_model model;
	uint32_t gives; /* bytes at most; what it says is `claims` if that is not 0 */
	uint32_t claims;
	bool hold, lie_id;
	bool random;	/* the bytes are no sequence */
	uint64_t state; /* of the generator */
	uint8_t next;	/* the next byte */
	uint64_t requests, bytes;
	uint8_t *last; /* the buffer of the last request */
	uint32_t last_length;
};

void virtio_model_rng_init(struct virtio_model_rng *rng);

#endif
