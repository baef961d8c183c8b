/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A balloon on the virtio model (virtio 1.4, 5.5). It keeps account of every page: none may come
 * twice, leave without having come, or change while it is in the balloon. What it takes it overwrites.
 */
#ifndef TESTS_DEVICE_VIRTIO_MODEL_BALLOON_H
#define TESTS_DEVICE_VIRTIO_MODEL_BALLOON_H

#include "tests/device/virtio_model.h"

#define MODEL_BALLOON_MUST_TELL_HOST 0
#define MODEL_BALLOON_STATS 1
#define MODEL_BALLOON_DEFLATE_ON_OOM 2
#define MODEL_BALLOON_HINT 3
#define MODEL_BALLOON_POISON 4
#define MODEL_BALLOON_REPORTING 5

#define MODEL_BALLOON_TAGS 10
#define MODEL_BALLOON_IDS 32
#define MODEL_BALLOON_QUEUES 5

enum model_balloon_queue {
	MODEL_BALLOON_INFLATEQ,
	MODEL_BALLOON_DEFLATEQ,
	MODEL_BALLOON_STATSQ,
	MODEL_BALLOON_HINTQ,
	MODEL_BALLOON_REPORTQ,
};

struct virtio_model_balloon {
	struct virtio_model model;
	uint64_t first_frame; /* of the guest's pages */
	uint64_t frames;
	uint8_t *inside;		 /* for each: in the balloon */
	uint32_t buffer_max;		 /* frame numbers that a buffer may have */
	int place[MODEL_BALLOON_QUEUES]; /* index of each queue; -1: there is none */

	bool forgives; /* as devices do: a reset empties it, and after the hints of a round it says DONE */

	/* Queues whose buffers are not used yet. */
	bool hold[MODEL_BALLOON_QUEUES];
	/* Kicks that are overheard. */
	unsigned int deaf[MODEL_BALLOON_QUEUES];
	/* Called after each buffer of frame numbers, before it is used; may be NULL. */
	void (*after_buffer)(struct virtio_model_balloon *balloon);
	bool lie_id, lie_length; /* about the next used buffer of frame numbers */

	uint64_t in_balloon, inflate_buffers, deflate_buffers;
	uint32_t inflated_largest; /* frame numbers in one buffer */

	/* Statistics. */
	bool statistics_there;
	uint16_t statistics_head;
	uint64_t statistics[MODEL_BALLOON_TAGS], statistics_answers;
	bool statistics_storm; /* each answer is the next request */

	/* Hints: how often each 2 MiB were hinted in this round; ids that came. */
	uint32_t ids[MODEL_BALLOON_IDS];
	unsigned int id_count;
	uint8_t *hinted;
	uint64_t hinted_pages;
	void (*after_hint)(struct virtio_model_balloon *balloon);

	uint8_t *reported; /* likewise, since model_balloon_forget() */
	uint64_t reported_pages, reports;
	bool report_discards; /* reported pages are overwritten: by the poison, if there is one */
};

/*
 * Knows the guest's memory [address, +size). Offers statistics and what is given as bits of
 * features. `gaps`: each queue has the specification's index, whichever exist.
 */
void virtio_model_balloon_init(struct virtio_model_balloon *balloon, uint64_t address,
			       uint64_t size, uint32_t features, bool gaps);
void virtio_model_balloon_free(struct virtio_model_balloon *balloon);
void virtio_model_balloon_target(struct virtio_model_balloon *balloon, uint32_t pages);
void virtio_model_balloon_hint_id(struct virtio_model_balloon *balloon, uint32_t id);
uint32_t virtio_model_balloon_actual(const struct virtio_model_balloon *balloon);
/* Uses the statistics buffer, if it has it. */
bool virtio_model_balloon_ask(struct virtio_model_balloon *balloon);
/* After a reset, and for a new count of hints and reports. */
void virtio_model_balloon_forget(struct virtio_model_balloon *balloon);
/* What the device had taken is the guest's again. */
void virtio_model_balloon_empty(struct virtio_model_balloon *balloon);

#endif
