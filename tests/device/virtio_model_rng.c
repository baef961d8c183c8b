/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model_rng.h"

#include "tests/device/virtio_model_ring.h"

#include <string.h>

static void answer(struct virtio_model_rng *rng, const struct model_chain *chain)
{
	uint32_t given = 0;

	/* 5.4.6.1: the driver gives only buffers to write to. */
	if (chain->out_count)
		virtio_model_violation(&rng->model, "a buffer to be read");
	rng->requests++;
	rng->last = chain->segments[0].data;
	rng->last_length = chain->segments[0].length;
	for (unsigned int i = 0; i < chain->in_count; i++)
		for (uint32_t place = 0; place < chain->segments[i].length && given < rng->gives;
		     place++) {
			chain->segments[i].data[place] = ++rng->next;
			given++;
		}
	rng->bytes += given;
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
