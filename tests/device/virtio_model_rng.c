/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model_rng.h"

#include "tests/device/faults.h"
#include "tests/device/virtio_model_ring.h"

#include <string.h>

static uint8_t byte(struct virtio_model_rng *rng)
{
	if (fault(FAULT_ENTROPY_CONSTANT))
		return 0x5a;
	if (!rng->random)
		return ++rng->next;
	rng->state = (rng->state + 1) * 6364136223846793005u + 1442695040888963407u;
	return (uint8_t)(rng->state >> 56);
}

static void answer(struct virtio_model_rng *rng, const struct model_chain *chain)
{
	uint32_t given = 0, gives = fault(FAULT_ENTROPY_NOTHING) ? 0 : rng->gives;

	/* 5.4.6.1: the driver gives only buffers to write to. */
	if (chain->out_count)
		virtio_model_violation(&rng->model, "a buffer to be read");
	rng->requests++;
	rng->last = chain->segments[chain->out_count].data;
	rng->last_length = chain->in_count ? chain->segments[chain->out_count].length : 0;
	for (unsigned int i = chain->out_count; i < chain->out_count + chain->in_count; i++)
		for (uint32_t place = 0; place < chain->segments[i].length && given < gives;
		     place++) {
			chain->segments[i].data[place] = byte(rng);
			given++;
		}
	rng->bytes += given;
	if (fault(FAULT_ENTROPY_CLAIMS_ALL))
		given = chain->in_bytes + 16;
	model_ring_push(&rng->model, 0, rng->lie_id ? 99 : chain->head,
			rng->claims ? rng->claims : given);
}

static void process(struct virtio_model *model)
{
	struct virtio_model_rng *rng = model->device;
	struct model_chain chain;

	if (!model->queues[0].kicked || rng->hold)
		return;
	model->queues[0].kicked = false;
	while (model_ring_pop(model, 0, &chain))
		answer(rng, &chain);
}

void virtio_model_rng_init(struct virtio_model_rng *rng)
{
	memset(rng, 0, sizeof(*rng));
	virtio_model_init(&rng->model, 4, 1, 8);
	rng->model.device = rng;
	rng->model.process = process;
	rng->gives = UINT32_MAX;
}
