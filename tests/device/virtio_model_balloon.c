/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model_balloon.h"

#include "tests/device/faults.h"
#include "tests/device/virtio_model_ring.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
#define GARBAGE 0xdb
#define FRAMES_MAX 65536u
#define STATISTICS_MAX 4096u
#define HINT_DONE 1u

static uint8_t *page_of(struct virtio_model_balloon *balloon, uint64_t frame)
{
	uint8_t *page = host_dma_pointer(frame * PAGE, PAGE);

	if (frame < balloon->first_frame || frame - balloon->first_frame >= balloon->frames ||
	    !page)
		return NULL;
	return page;
}

static void inflate(struct virtio_model_balloon *balloon, uint32_t frame)
{
	uint8_t *page = page_of(balloon, frame);
	uint8_t *inside = page ? &balloon->inside[frame - balloon->first_frame] : NULL;

	if (!page || *inside) {
		virtio_model_violation(&balloon->model, "frame 0x%x inflated, which is %s", frame,
				       page ? "inside" : "no memory");
		return;
	}
	*inside = 1;
	balloon->in_balloon++;
	memset(page, GARBAGE, PAGE);
	if (fault(FAULT_BALLOON_TAKES_NEIGHBOUR) && page_of(balloon, frame + 1ull))
		memset(page + PAGE, GARBAGE, 1);
}

static void deflate(struct virtio_model_balloon *balloon, uint32_t frame)
{
	uint8_t *page = page_of(balloon, frame);
	uint8_t *inside = page ? &balloon->inside[frame - balloon->first_frame] : NULL;

	if (!page || !*inside) {
		virtio_model_violation(&balloon->model, "frame 0x%x deflated, which is not inside",
				       frame);
		return;
	}
	if (page[0] != GARBAGE || memcmp(page, page + 1, PAGE - 1))
		virtio_model_violation(&balloon->model, "frame 0x%x was written while inside",
				       frame);
	*inside = 0;
	balloon->in_balloon--;
}

/* What the driver gave to read, gathered; at most `room` bytes. Returns how many there are. */
static uint32_t gather(const struct model_chain *chain, uint8_t *to, uint32_t room)
{
	uint32_t done = 0;

	for (unsigned int i = 0; i < chain->out_count; i++) {
		uint32_t part = chain->segments[i].length;

		if (part > room - done)
			part = room - done;
		memcpy(to + done, chain->segments[i].data, part);
		done += part;
	}
	return done;
}

/* One buffer of frame numbers. False: none is there. */
static bool take_frames(struct virtio_model_balloon *balloon, enum model_balloon_queue queue,
			void (*each)(struct virtio_model_balloon *balloon, uint32_t frame))
{
	struct virtio_model *model = &balloon->model;
	unsigned int index = (unsigned int)balloon->place[queue];
	struct model_chain chain;
	static uint32_t frames[FRAMES_MAX];
	uint32_t bytes;

	if (!model_ring_pop(model, index, &chain))
		return false;
	if (chain.in_count || chain.out_bytes % 4 || chain.out_bytes / 4 > balloon->buffer_max)
		virtio_model_violation(model, "a buffer of %u and %u bytes for frame numbers",
				       chain.out_bytes, chain.in_bytes);
	bytes = gather(&chain, (uint8_t *)frames, sizeof(frames));
	if (fault(FAULT_FRAMING) && chain.out_count > 1)
		bytes = 0;
	for (uint32_t i = 0; i < bytes / 4; i++)
		each(balloon, frames[i]);
	if (bytes / 4 > balloon->inflated_largest)
		balloon->inflated_largest = bytes / 4;
	if (balloon->after_buffer)
		balloon->after_buffer(balloon);
	model_ring_push(model, index, balloon->lie_id ? 0xffff : chain.head,
			balloon->lie_length ? 77 : 0);
	return true;
}

/* Returns false when the buffer is kept for good, as a fault does. */
static bool read_statistics(struct virtio_model_balloon *balloon, const struct model_chain *chain)
{
	uint8_t entries[STATISTICS_MAX];
	uint32_t bytes = gather(chain, entries, sizeof(entries));
	uint16_t tag, before = 0;
	bool good = true;

	memset(balloon->statistics, 0xff, sizeof(balloon->statistics));
	for (uint32_t place = 0; place + 10 <= bytes; place += 10) {
		memcpy(&tag, entries + place, 2);
		if (tag >= MODEL_BALLOON_TAGS && fault(FAULT_BALLOON_UNKNOWN_TAG_STUCK))
			good = false;
		if (place && tag < before && fault(FAULT_BALLOON_TAG_ORDER_STUCK))
			good = false;
		before = tag;
		if (tag < MODEL_BALLOON_TAGS)
			memcpy(&balloon->statistics[tag], entries + place + 2, 8);
	}
	return good;
}

static void take_statistics(struct virtio_model_balloon *balloon)
{
	struct virtio_model *model = &balloon->model;
	struct model_chain chain;

	if (!model_ring_pop(model, (unsigned int)balloon->place[MODEL_BALLOON_STATSQ], &chain))
		return;
	if (balloon->statistics_there) {
		virtio_model_violation(model, "a second statistics buffer");
		virtio_model_balloon_ask(balloon);
	}
	/* Entries of 10 bytes; 5.5.6.2.1 wants a multiple of 6. */
	if (chain.in_count || chain.out_count != 1 || chain.out_bytes % 10 || chain.out_bytes % 6)
		virtio_model_violation(model, "statistics of %u bytes", chain.out_bytes);
	balloon->statistics_head = chain.head;
	balloon->statistics_there = read_statistics(balloon, &chain);
	balloon->statistics_answers++;
	if (balloon->statistics_storm || fault(FAULT_BALLOON_STATISTICS_STORM))
		virtio_model_balloon_ask(balloon);
}

bool virtio_model_balloon_ask(struct virtio_model_balloon *balloon)
{
	if (!balloon->statistics_there)
		return false;
	balloon->statistics_there = false;
	model_ring_push(&balloon->model, (unsigned int)balloon->place[MODEL_BALLOON_STATSQ],
			balloon->statistics_head, 0);
	return true;
}

static void mark_blocks(struct virtio_model_balloon *balloon, uint8_t *marks,
			const struct model_segment *segment, const char *what)
{
	uint64_t frame = segment->address / PAGE, count = segment->length / PAGE;

	if (!count || segment->address % PAGE || segment->length % PAGE ||
	    !page_of(balloon, frame) || !page_of(balloon, frame + count - 1)) {
		virtio_model_violation(&balloon->model, "%s 0x%llx, %u bytes", what,
				       (unsigned long long)segment->address, segment->length);
		return;
	}
	for (uint64_t i = 0; i < count; i++) {
		if (balloon->inside[frame + i - balloon->first_frame])
			virtio_model_violation(&balloon->model, "%s a page of the balloon", what);
		marks[frame + i - balloon->first_frame]++;
	}
}

static void take_command_id(struct virtio_model_balloon *balloon, const struct model_chain *chain)
{
	uint32_t id = 0;

	if (chain->out_bytes != 4 || chain->in_count)
		virtio_model_violation(&balloon->model, "a command id of %u bytes",
				       chain->out_bytes);
	if (gather(chain, (uint8_t *)&id, 4) != 4)
		return;
	for (unsigned int i = 0; i < balloon->id_count; i++)
		if (id && balloon->ids[i] == id)
			virtio_model_violation(&balloon->model, "command id %u came twice", id);
	if (balloon->id_count == MODEL_BALLOON_IDS)
		balloon->id_count = 0;
	balloon->ids[balloon->id_count++] = id;
	if (!id && balloon->forgives && !fault(FAULT_BALLOON_HINT_NEVER_DONE))
		virtio_model_balloon_hint_id(balloon, HINT_DONE);
}

static bool take_hint(struct virtio_model_balloon *balloon)
{
	struct virtio_model *model = &balloon->model;
	unsigned int index = (unsigned int)balloon->place[MODEL_BALLOON_HINTQ];
	struct model_chain chain;

	if (!model_ring_pop(model, index, &chain))
		return false;
	if (chain.out_count) {
		take_command_id(balloon, &chain);
	} else {
		uint32_t wanted, sent = balloon->id_count ? balloon->ids[balloon->id_count - 1] : 0;
		struct model_segment *page = &chain.segments[0];

		memcpy(&wanted, model->config + 8, 4);
		if (chain.in_count != 1 || !sent)
			virtio_model_violation(model, "a hint of %u segments under command id %u",
					       chain.in_count, sent);
		/* 5.5.6.3.2: under another id it is ignored. */
		if (sent == wanted && sent) {
			mark_blocks(balloon, balloon->hinted, page, "hinted");
			balloon->hinted_pages += chain.in_bytes / PAGE;
		} else if (fault(FAULT_BALLOON_STALE_HINT) && page->length) {
			memset(page->data, GARBAGE, page->length);
		}
		if (balloon->after_hint)
			balloon->after_hint(balloon);
	}
	model_ring_push(model, index, chain.head, 0);
	return true;
}

static bool take_report(struct virtio_model_balloon *balloon)
{
	struct virtio_model *model = &balloon->model;
	bool poison = virtio_model_accepted(model, MODEL_BALLOON_POISON);
	unsigned int index = (unsigned int)balloon->place[MODEL_BALLOON_REPORTQ];
	struct model_chain chain;
	uint32_t value = 0;

	if (!model_ring_pop(model, index, &chain))
		return false;
	if (chain.out_count)
		virtio_model_violation(model, "a report that is to be read");
	memcpy(&value, model->config + 12, 4);
	for (unsigned int i = 0; i < chain.in_count; i++) {
		struct model_segment *segment = &chain.segments[i];

		mark_blocks(balloon, balloon->reported, segment, "reported");
		if (fault(FAULT_BALLOON_REPORT_GARBAGE) && segment->length)
			memset(segment->data, GARBAGE, segment->length);
		/* Each word like the one before it, and the first as it should be: one comparison for all. */
		if (poison && segment->length >= 4 &&
		    (memcmp(segment->data, &value, 4) ||
		     memcmp(segment->data, segment->data + 4, segment->length - 4)))
			virtio_model_violation(model, "reported without the poison");
		if (balloon->report_discards && !poison)
			memset(segment->data, GARBAGE, segment->length);
	}
	balloon->reported_pages += chain.in_bytes / PAGE;
	balloon->reports++;
	model_ring_push(model, index, chain.head, 0);
	return true;
}

/* Takes back what a kick says, unless it was not heard. */
static bool kicked(struct virtio_model_balloon *balloon, enum model_balloon_queue queue)
{
	struct model_queue *q;

	if (balloon->place[queue] < 0 || balloon->hold[queue])
		return false;
	q = &balloon->model.queues[balloon->place[queue]];
	if (!q->kicked)
		return false;
	q->kicked = false;
	if (!balloon->deaf[queue])
		return true;
	balloon->deaf[queue]--;
	return false;
}

static void on_reset(struct virtio_model *model)
{
	struct virtio_model_balloon *balloon = model->device;

	if (!balloon || !balloon->forgives)
		return;
	virtio_model_balloon_empty(balloon);
	memset(model->config + 4, 0, 4);
	memset(model->config + 12, 0, 4);
}

/* The buffer of a queue that is reset is the driver's again. */
static void on_queue_reset(struct virtio_model *model, unsigned int queue)
{
	struct virtio_model_balloon *balloon = model->device;

	if ((int)queue == balloon->place[MODEL_BALLOON_STATSQ] && !fault(FAULT_QUEUE_RESET_RUNS_ON))
		balloon->statistics_there = false;
}

static void process(struct virtio_model *model)
{
	struct virtio_model_balloon *balloon = model->device;

	if (kicked(balloon, MODEL_BALLOON_INFLATEQ))
		while (take_frames(balloon, MODEL_BALLOON_INFLATEQ, inflate))
			balloon->inflate_buffers++;
	if (kicked(balloon, MODEL_BALLOON_DEFLATEQ))
		while (take_frames(balloon, MODEL_BALLOON_DEFLATEQ, deflate))
			balloon->deflate_buffers++;
	if (kicked(balloon, MODEL_BALLOON_STATSQ))
		take_statistics(balloon);
	if (kicked(balloon, MODEL_BALLOON_HINTQ))
		while (take_hint(balloon))
			;
	if (kicked(balloon, MODEL_BALLOON_REPORTQ))
		while (take_report(balloon))
			;
}

void virtio_model_balloon_init(struct virtio_model_balloon *balloon, uint64_t address,
			       uint64_t size, uint32_t features, bool gaps)
{
	static const uint32_t needs[MODEL_BALLOON_QUEUES] = {
		[MODEL_BALLOON_STATSQ] = 1u << MODEL_BALLOON_STATS,
		[MODEL_BALLOON_HINTQ] = 1u << MODEL_BALLOON_HINT,
		[MODEL_BALLOON_REPORTQ] = 1u << MODEL_BALLOON_REPORTING,
	};
	struct virtio_model *model = &balloon->model;
	int count = 0;

	memset(balloon, 0, sizeof(*balloon));
	for (int i = 0; i < MODEL_BALLOON_QUEUES; i++) {
		bool there = (needs[i] & features) == needs[i];

		balloon->place[i] = !there ? -1 : gaps ? i : count;
		if (there)
			count = balloon->place[i] + 1;
	}
	virtio_model_init(model, 5, (unsigned int)count, 64);
	for (int i = 0; i < MODEL_BALLOON_QUEUES; i++)
		if (gaps && balloon->place[i] < 0)
			model->queues[i].size_max = model->queues[i].size = 0;
	model->offered[0] |= features;
	model->device = balloon;
	model->process = process;
	model->on_reset = on_reset;
	model->on_queue_reset = on_queue_reset;
	model->config_length = 16;
	for (unsigned int i = 0; i < 4; i++)
		model->config_writable[4 + i] = model->config_writable[12 + i] = true;
	balloon->first_frame = address / PAGE;
	balloon->frames = size / PAGE;
	balloon->buffer_max = 256;
	balloon->inside = calloc(3, balloon->frames);
	if (!balloon->inside)
		host_abort("no memory for a balloon");
	balloon->hinted = balloon->inside + balloon->frames;
	balloon->reported = balloon->hinted + balloon->frames;
}

void virtio_model_balloon_free(struct virtio_model_balloon *balloon)
{
	free(balloon->inside);
}

void virtio_model_balloon_target(struct virtio_model_balloon *balloon, uint32_t pages)
{
	virtio_model_configure(&balloon->model, 0, &pages, sizeof(pages));
}

void virtio_model_balloon_hint_id(struct virtio_model_balloon *balloon, uint32_t id)
{
	virtio_model_configure(&balloon->model, 8, &id, sizeof(id));
}

uint32_t virtio_model_balloon_actual(const struct virtio_model_balloon *balloon)
{
	uint32_t actual;

	memcpy(&actual, balloon->model.config + 4, sizeof(actual));
	return actual;
}

void virtio_model_balloon_forget(struct virtio_model_balloon *balloon)
{
	memset(balloon->hinted, 0, 2 * balloon->frames);
	balloon->hinted_pages = balloon->reported_pages = 0;
	balloon->id_count = 0;
}

void virtio_model_balloon_empty(struct virtio_model_balloon *balloon)
{
	memset(balloon->inside, 0, balloon->frames);
	balloon->in_balloon = 0;
	balloon->statistics_there = false;
	virtio_model_balloon_forget(balloon);
}
