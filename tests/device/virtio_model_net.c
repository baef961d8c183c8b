/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model_net.h"

#include "tests/device/virtio_model_ring.h"

#include <stdlib.h>
#include <string.h>

#define RECEIVE 0
#define TRANSMIT 1
#define HEADER_SIZE 12
#define HEADER_SIZE_LEGACY 10 /* without MRG_RXBUF */

_Static_assert(sizeof(struct model_net_header) == HEADER_SIZE, "5.1.9");

/* Copies `length` bytes to or from the chain's segments, from `offset` on. Returns how many it did.
 */
static uint32_t chain_copy(const struct model_chain *chain, unsigned int first, unsigned int count,
			   uint32_t offset, uint8_t *data, uint32_t length, bool write)
{
	uint32_t done = 0;

	for (unsigned int i = first; i < first + count && done < length; i++) {
		const struct model_segment *segment = &chain->segments[i];
		uint32_t part;

		if (offset >= segment->length) {
			offset -= segment->length;
			continue;
		}
		part = segment->length - offset;
		if (part > length - done)
			part = length - done;
		if (write)
			memcpy(segment->data + offset, data + done, part);
		else
			memcpy(data + done, segment->data + offset, part);
		done += part;
		offset = 0;
	}
	return done;
}

static uint32_t header_size(const struct virtio_model *model)
{
	return model->legacy && !virtio_model_accepted(model, MODEL_NET_MRG_RXBUF)
		       ? HEADER_SIZE_LEGACY
		       : HEADER_SIZE;
}

/* A legacy device without ANY_LAYOUT wants its header in a descriptor of its own (5.1.9.1). */
static void check_layout(struct virtio_model *model, const struct model_chain *chain)
{
	if (model->legacy && !virtio_model_accepted(model, MODEL_ANY_LAYOUT) &&
	    chain->segments[0].length != header_size(model))
		virtio_model_violation(model, "a header of %u bytes", chain->segments[0].length);
}

static void check_sent(struct virtio_model *model, const struct model_net_frame *frame)
{
	const struct model_net_header *header = &frame->header;

	if (header->gso_type || header->num_buffers)
		virtio_model_violation(model, "sent with gso_type %u, num_buffers %u",
				       header->gso_type, header->num_buffers);
	if (header->flags > 1 || (header->flags && !virtio_model_accepted(model, MODEL_NET_CSUM)))
		virtio_model_violation(model, "sent with flags %02x", header->flags);
	if (header->flags && header->csum_start + header->csum_offset + 2u > frame->length)
		virtio_model_violation(model, "a checksum outside the frame");
}

static void take_sent(struct virtio_model_net *net)
{
	struct virtio_model *model = &net->model;
	struct model_chain chain;
	unsigned int batch = 0;
	uint32_t header = header_size(model);

	while (!net->hold_transmit && model_ring_pop(model, TRANSMIT, &chain)) {
		struct model_net_frame *frame = &net->sent[net->sent_count++ % MODEL_NET_FRAMES];

		check_layout(model, &chain);
		if (chain.in_count || chain.out_bytes < header ||
		    chain.out_bytes > header + MODEL_NET_FRAME_MAX)
			virtio_model_violation(model, "a sent buffer of %u and %u bytes",
					       chain.out_bytes, chain.in_bytes);
		frame->header.num_buffers = 0;
		chain_copy(&chain, 0, chain.out_count, 0, (uint8_t *)&frame->header, header, false);
		frame->length = chain_copy(&chain, 0, chain.out_count, header, frame->data,
					   MODEL_NET_FRAME_MAX, false);
		frame->descriptors = chain.out_count;
		frame->indirect = chain.indirect;
		check_sent(model, frame);
		if (net->echo) {
			const struct model_net_header plain = {0};

			virtio_model_net_inject(net, &plain, frame->data, frame->length);
		}
		model_ring_fill(model, TRANSMIT, batch, chain.head, 0);
		if (++batch >= net->hold_batch) {
			model_ring_show(model, TRANSMIT, batch);
			model_ring_interrupt(model, TRANSMIT);
			batch = 0;
		}
	}
	if (batch) {
		model_ring_show(model, TRANSMIT, batch);
		model_ring_interrupt(model, TRANSMIT);
	}
}

/* Writes one frame to as many buffers as it takes. False: too few are lent. */
static bool bring(struct virtio_model_net *net, struct model_net_frame *frame)
{
	struct virtio_model *model = &net->model;
	bool mergeable = virtio_model_accepted(model, MODEL_NET_MRG_RXBUF);
	struct model_chain chains[16];
	uint32_t header = header_size(model), total = header + frame->length, room = 0, done = 0;
	uint8_t *bytes = malloc(total);
	unsigned int count = 0;

	while (room < total && count < (mergeable ? 16 : 1)) {
		if (!model_ring_pop(model, RECEIVE, &chains[count])) {
			while (count-- > 0)
				model_ring_unpop(model, RECEIVE, &chains[count]);
			free(bytes);
			return false;
		}
		if (chains[count].out_count)
			virtio_model_violation(model, "a receive buffer that is to be read");
		check_layout(model, &chains[count]);
		room += chains[count++].in_bytes;
	}
	if (room < total)
		virtio_model_violation(model, "receive buffers are too small for %u bytes", total);
	if (mergeable && !frame->header.num_buffers)
		frame->header.num_buffers = (uint16_t)count;
	if (net->lie_header)
		frame->header = net->header;
	if (net->lie_num_buffers)
		frame->header.num_buffers = net->num_buffers;
	memcpy(bytes, &frame->header, header);
	memcpy(bytes + header, frame->data, frame->length);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t part = chain_copy(&chains[i], 0, chains[i].in_count, 0, bytes + done,
					   total - done, true);

		done += part;
		if (net->lie_length && !i)
			part = net->length;
		model_ring_fill(model, RECEIVE, i, chains[i].head, part);
	}
	model_ring_show(model, RECEIVE, count);
	model_ring_interrupt(model, RECEIVE);
	free(bytes);
	return true;
}

static void process(struct virtio_model *model)
{
	struct virtio_model_net *net = model->device;

	if (model->queues[TRANSMIT].kicked) {
		model->queues[TRANSMIT].kicked = net->hold_transmit;
		take_sent(net);
	}
	while (net->incoming_count) {
		if (!bring(net, &net->incoming[net->incoming_first]))
			return;
		net->incoming_first = (net->incoming_first + 1) % MODEL_NET_FRAMES;
		net->incoming_count--;
	}
}

void virtio_model_net_init(struct virtio_model_net *net, uint16_t queue_size)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
	struct virtio_model *model = &net->model;

	memset(net, 0, sizeof(*net));
	virtio_model_init(model, 1, 2, queue_size);
	net->sent = calloc(MODEL_NET_FRAMES, sizeof(*net->sent));
	net->incoming = calloc(MODEL_NET_FRAMES, sizeof(*net->incoming));
	if (!net->sent || !net->incoming)
		host_abort("no memory for frames");
	model->device = net;
	model->process = process;
	model->config_length = 12;
	memcpy(model->config, mac, sizeof(mac));
	model->config[6] = 1;
	model->config[8] = 1;
	virtio_model_offer(model, MODEL_NET_MAC, true);
	virtio_model_offer(model, MODEL_NET_STATUS, true);
	virtio_model_offer(model, MODEL_NET_MRG_RXBUF, true);
	virtio_model_offer(model, MODEL_NET_CSUM, true);
	virtio_model_offer(model, MODEL_NET_GUEST_CSUM, true);
}

void virtio_model_net_free(struct virtio_model_net *net)
{
	free(net->sent);
	free(net->incoming);
}

void virtio_model_net_inject(struct virtio_model_net *net, const struct model_net_header *header,
			     const void *data, uint32_t length)
{
	struct model_net_frame *frame;

	if (net->incoming_count == MODEL_NET_FRAMES)
		host_abort("too many frames are on their way");
	frame = &net->incoming[(net->incoming_first + net->incoming_count++) % MODEL_NET_FRAMES];
	frame->header = *header;
	frame->length = length;
	memcpy(frame->data, data, length);
}

void virtio_model_net_link(struct virtio_model_net *net, bool up)
{
	uint16_t status = up;

	virtio_model_configure(&net->model, 6, &status, sizeof(status));
}

const struct model_net_frame *virtio_model_net_sent(const struct virtio_model_net *net,
						    unsigned int index)
{
	return &net->sent[index % MODEL_NET_FRAMES];
}
