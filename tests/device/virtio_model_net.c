/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model_net.h"

#include "tests/device/faults.h"
#include "tests/device/virtio_model_ring.h"

#include <stdlib.h>
#include <string.h>

#define RECEIVE(pair) (2 * (pair))
#define TRANSMIT(pair) (2 * (pair) + 1)
#define HEADER_SIZE 12
#define HEADER_SIZE_HASH 20
#define HEADER_SIZE_LEGACY 10 /* without MRG_RXBUF */
#define BUFFERS_MAX 40

_Static_assert(sizeof(struct model_net_header) == HEADER_SIZE_HASH, "5.1.9");

uint32_t model_net_copy(const struct model_chain *chain, unsigned int first, unsigned int count,
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
	if (virtio_model_accepted(model, MODEL_NET_HASH_REPORT))
		return HEADER_SIZE_HASH;
	if (fault(FAULT_NET_HEADER_SIZE))
		return model->legacy ? HEADER_SIZE : HEADER_SIZE_LEGACY;
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

/* 5.1.9.2.1: a frame to be cut is one that was negotiated, with a checksum and something to cut. */
static void check_cut(struct virtio_model *model, const struct model_net_frame *frame)
{
	static const uint8_t features[] = {
		[1] = MODEL_NET_HOST_TSO4, [4] = MODEL_NET_HOST_TSO6, [5] = MODEL_NET_HOST_USO};
	const struct model_net_header *header = &frame->header;
	unsigned int type = header->gso_type & 0x7fu;

	if (!type || type >= sizeof(features) || !features[type] ||
	    !virtio_model_accepted(model, features[type]) ||
	    (header->gso_type & 0x80 &&
	     (type == 5 || !virtio_model_accepted(model, MODEL_NET_HOST_ECN))))
		virtio_model_violation(model, "sent with gso_type %02x", header->gso_type);
	if (header->flags != 1 || !header->gso_size || header->hdr_len <= header->csum_start ||
	    header->hdr_len >= frame->length)
		virtio_model_violation(model, "a frame of %u bytes, headers %u, to be cut into %u",
				       frame->length, header->hdr_len, header->gso_size);
}

static void check_sent(struct virtio_model *model, const struct model_net_frame *frame)
{
	const struct model_net_header *header = &frame->header;

	if (header->num_buffers)
		virtio_model_violation(model, "sent with num_buffers %u", header->num_buffers);
	if (header->gso_type)
		check_cut(model, frame);
	if (header->flags > 1 || (header->flags && !virtio_model_accepted(model, MODEL_NET_CSUM)))
		virtio_model_violation(model, "sent with flags %02x", header->flags);
	if (header->flags && header->csum_start + header->csum_offset + 2u > frame->length)
		virtio_model_violation(model, "a checksum outside the frame");
}

/* Takes one frame. False: it was none, and the device stops. */
static bool take_frame(struct virtio_model_net *net, unsigned int pair,
		       const struct model_chain *chain)
{
	struct virtio_model *model = &net->model;
	struct model_net_frame *frame = &net->sent[net->sent_count % MODEL_NET_FRAMES];
	uint32_t header = header_size(model);

	if (chain->in_count || chain->out_bytes < header ||
	    chain->out_bytes > header + MODEL_NET_FRAME_MAX)
		virtio_model_violation(model, "a sent buffer of %u and %u bytes", chain->out_bytes,
				       chain->in_bytes);
	if (chain->out_bytes < header && !fault(FAULT_NET_SHORT_COMPLETES)) {
		virtio_model_needs_reset(model);
		return false;
	}
	if (fault(FAULT_FRAMING) && chain->segments[0].length < header)
		return true;
	net->sent_by[pair]++;
	frame->pair = pair;
	frame->header.num_buffers = 0;
	model_net_copy(chain, 0, chain->out_count, 0, (uint8_t *)&frame->header, header, false);
	frame->length = model_net_copy(chain, 0, chain->out_count, header, frame->data,
				       MODEL_NET_FRAME_MAX, false);
	frame->descriptors = chain->out_count;
	frame->indirect = chain->indirect;
	check_sent(model, frame);
	/* Fields that are not to change. */
	model->config[10] ^= fault(FAULT_NET_MTU_CHANGES);
	model->config[12] ^= fault(FAULT_NET_SPEED_CHANGES);
	if ((fault(FAULT_NET_TX_FLAGS_DROP) && frame->header.flags & ~1) ||
	    fault(FAULT_NET_TX_LOST))
		return true;
	if (fault(FAULT_NET_TX_HDR_LEN_TRUSTED) && frame->header.hdr_len > frame->length) {
		virtio_model_needs_reset(model);
		return false;
	}
	if (fault(FAULT_NET_TX_CORRUPT) && frame->length)
		frame->data[frame->length - 1] ^= 1;
	if (fault(FAULT_NET_TX_CSUM_ALWAYS) && !(frame->header.flags & 1) &&
	    frame->header.csum_start + 1u < frame->length)
		frame->data[frame->header.csum_start] ^= 0xff;
	net->sent_count++;
	if (net->steers)
		net->inject_pair = pair;
	if (net->echo) {
		const struct model_net_header plain = {0};

		virtio_model_net_inject(net, &plain, frame->data, frame->length);
	}
	return true;
}

static void take_sent(struct virtio_model_net *net, unsigned int pair)
{
	struct virtio_model *model = &net->model;
	struct model_chain chain;
	unsigned int batch = 0;

	while (!net->hold_transmit && batch < MODEL_FILLS &&
	       model_ring_pop(model, TRANSMIT(pair), &chain)) {
		if (pair >= net->pairs_active)
			virtio_model_violation(model, "sent on pair %u, %u are used", pair,
					       net->pairs_active);
		check_layout(model, &chain);
		if (!take_frame(net, pair, &chain))
			break;
		model_ring_fill(model, TRANSMIT(pair), batch, chain.head, 0);
		if (++batch >= net->hold_batch) {
			model_ring_show(model, TRANSMIT(pair), batch);
			model_ring_interrupt(model, TRANSMIT(pair));
			batch = 0;
		}
	}
	if (batch) {
		model_ring_show(model, TRANSMIT(pair), batch);
		model_ring_interrupt(model, TRANSMIT(pair));
	}
}

static void write_frame(struct virtio_model_net *net, const struct model_net_frame *frame,
			unsigned int pair, const struct model_chain *chains, unsigned int count)
{
	struct virtio_model *model = &net->model;
	uint32_t header = header_size(model), total = header + frame->length, done = 0;
	uint8_t *bytes = malloc(total);

	if (!bytes)
		host_abort("no memory for a frame");
	memcpy(bytes, &frame->header, header);
	memcpy(bytes + header, frame->data, frame->length);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t part = total - done;

		/* 5.1.9.4: all but the last are full. */
		if (fault(FAULT_NET_RX_NOT_FULL) && i + 1 < count && part > 64)
			part = chains[i].in_bytes - 1;
		part = model_net_copy(&chains[i], chains[i].out_count, chains[i].in_count, 0,
				      bytes + done, part, true);
		done += part;
		if (net->lie_length && !i)
			part = net->length;
		if (fault(FAULT_NET_RX_NO_HEADER_LENGTH) && !i)
			part -= header;
		model_ring_fill(model, RECEIVE(pair), i, chains[i].head, part);
	}
	free(bytes);
	model_ring_show(model, RECEIVE(pair), count);
	model_ring_interrupt(model, RECEIVE(pair));
}

static void make_header(struct virtio_model_net *net, struct model_net_frame *frame,
			unsigned int count)
{
	/* 5.1.9.4.1: 1 without MRG_RXBUF too. */
	if (!frame->header.num_buffers)
		frame->header.num_buffers = (uint16_t)count;
	if (fault(FAULT_NET_RX_NUM_BUFFERS))
		frame->header.num_buffers++;
	if (fault(FAULT_NET_RX_NUM_BUFFERS_ZERO) &&
	    !virtio_model_accepted(&net->model, MODEL_NET_MRG_RXBUF))
		frame->header.num_buffers = 0;
	if (fault(FAULT_NET_RX_CORRUPT))
		frame->data[frame->length - 1] ^= 1;
	if (fault(FAULT_NET_RX_NEEDS_CSUM))
		frame->header.flags |= 1;
	if (fault(FAULT_NET_RX_TUNNEL)) {
		frame->header.flags |= 8;
		frame->header.gso_type |= 0x20;
	}
	if (fault(FAULT_NET_RX_SECURITY))
		frame->header.flags |= 0x30;
	if (fault(FAULT_NET_RX_FLAGS))
		frame->header.flags |= 2;
	if (fault(FAULT_NET_RX_GSO))
		frame->header.gso_type = 1;
	if (fault(FAULT_NET_RX_RSC_FLAG))
		frame->header.flags |= 4;
	if (net->lie_header)
		frame->header = net->header;
	if (net->lie_num_buffers)
		frame->header.num_buffers = net->num_buffers;
}

/* Writes one frame to as many buffers as it takes. False: too few are lent. */
static bool bring(struct virtio_model_net *net, struct model_net_frame *frame)
{
	struct virtio_model *model = &net->model;
	bool mergeable = virtio_model_accepted(model, MODEL_NET_MRG_RXBUF);
	static struct model_chain chains[BUFFERS_MAX];
	uint32_t total = header_size(model) + frame->length, room = 0;
	unsigned int count = 0, pair = frame->pair < net->pairs_active ? frame->pair : 0;

	if (net->filters)
		pair = model_net_hash_frame(net, frame, pair);
	if (fault(FAULT_NET_RX_PAIR_BEYOND) && net->pairs > 1)
		pair = net->pairs - 1;
	if (fault(FAULT_NET_FLOWS_SPREAD))
		pair = net->received++ % net->pairs_active;
	/* A queue that is reset, or none. */
	if (net->filters && !model->queues[RECEIVE(pair)].enabled)
		return true;
	while (room < total &&
	       count < (mergeable || fault(FAULT_NET_RX_MERGES) ? BUFFERS_MAX : 1)) {
		if (!model_ring_pop(model, RECEIVE(pair), &chains[count])) {
			while (count-- > 0)
				model_ring_unpop(model, RECEIVE(pair), &chains[count]);
			return false;
		}
		if (chains[count].out_count)
			virtio_model_violation(model, "a receive buffer that is to be read");
		check_layout(model, &chains[count]);
		room += chains[count++].in_bytes;
	}
	if (room < total) {
		virtio_model_violation(model, "receive buffers are too small for %u bytes", total);
		while (count-- > 0)
			model_ring_unpop(model, RECEIVE(pair), &chains[count]);
		return true;
	}
	make_header(net, frame, count);
	write_frame(net, frame, pair, chains, count);
	return true;
}

static unsigned int control_queue(const struct virtio_model_net *net)
{
	bool many = virtio_model_accepted(&net->model, MODEL_NET_MQ) ||
		    virtio_model_accepted(&net->model, MODEL_NET_RSS);

	return 2 * (many ? net->pairs : 1);
}

static void process(struct virtio_model *model)
{
	struct virtio_model_net *net = model->device;

	if (model->resets != net->resets_seen) {
		/* What was set is gone with the reset. */
		net->resets_seen = model->resets;
		if (!fault(FAULT_NET_PAIRS_STAY))
			net->pairs_active = 1;
		memset(net->modes, 0, sizeof(net->modes));
		memset(net->vlans, 0, sizeof(net->vlans));
		if (!fault(FAULT_NET_TABLE_STAYS))
			net->groups = net->addresses = 0;
		net->offloads = 0;
		net->hash.on = false;
	}
	if (virtio_model_accepted(model, MODEL_NET_CTRL_VQ) &&
	    model->queues[control_queue(net)].kicked) {
		model->queues[control_queue(net)].kicked = false;
		model_net_take_commands(net, control_queue(net));
	}
	for (unsigned int pair = 0; pair < (control_queue(net) == 2 * net->pairs ? net->pairs : 1);
	     pair++) {
		if (TRANSMIT(pair) == control_queue(net) || !model->queues[TRANSMIT(pair)].kicked)
			continue;
		model->queues[TRANSMIT(pair)].kicked = net->hold_transmit;
		take_sent(net, pair);
	}
	while (net->incoming_count) {
		if (!bring(net, &net->incoming[net->incoming_first]))
			return;
		net->incoming_first = (net->incoming_first + 1) % MODEL_NET_FRAMES;
		net->incoming_count--;
	}
}

/* 5.1.4.1: values that the configuration must not have. */
static const struct {
	enum fault fault;
	unsigned int offset, width;
	uint32_t value;
} wrong_fields[] = {
	{FAULT_NET_PAIRS_NONE, 8, 2, 0},	 {FAULT_NET_MTU_TINY, 10, 2, 67},
	{FAULT_NET_MTU_SMALL, 10, 2, 1279},	 {FAULT_NET_SPEED_RESERVED, 12, 4, 0x80000000},
	{FAULT_NET_DUPLEX_RESERVED, 16, 1, 2},	 {FAULT_NET_RSS_KEY_SHORT, 17, 1, 39},
	{FAULT_NET_RSS_TABLE_SHORT, 18, 2, 127},
};

static void on_reset(struct virtio_model *model)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
	struct virtio_model_net *net = model->device;

	if (!net || !net->filters)
		return;
	net->incoming_count = 0;
	memcpy(model->config, mac, sizeof(mac));
	for (size_t i = 0; i < sizeof(wrong_fields) / sizeof(wrong_fields[0]); i++)
		if (fault(wrong_fields[i].fault))
			memcpy(model->config + wrong_fields[i].offset, &wrong_fields[i].value,
			       wrong_fields[i].width);
	/* 5.1.4: legacy drivers set their address in the configuration. */
	memset(model->config_writable, model->legacy, sizeof(mac));
}

void virtio_model_net_pairs(struct virtio_model_net *net, unsigned int pairs)
{
	struct virtio_model *model = &net->model;

	net->pairs = pairs;
	model->config[8] = (uint8_t)pairs;
	model->queue_count = 2 * pairs + 1;
	for (unsigned int i = 0; i < model->queue_count; i++) {
		model->queues[i].size_max = model->queues[0].size_max;
		model->queues[i].notify_off = (uint16_t)i;
	}
	virtio_model_offer(model, MODEL_NET_CTRL_VQ, true);
	virtio_model_offer(model, MODEL_NET_MQ, true);
}

void virtio_model_net_init(struct virtio_model_net *net, uint16_t queue_size)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
	struct virtio_model *model = &net->model;

	memset(net, 0, sizeof(*net));
	virtio_model_init(model, 1, 3, queue_size); /* the third is used with CTRL_VQ */
	net->pairs = net->pairs_active = 1;
	net->sent = calloc(MODEL_NET_FRAMES, sizeof(*net->sent));
	net->incoming = calloc(MODEL_NET_FRAMES, sizeof(*net->incoming));
	if (!net->sent || !net->incoming)
		host_abort("no memory for frames");
	model->device = net;
	model->process = process;
	model->on_reset = on_reset;
	model->config_length = 24;
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

	if (net->incoming_count == MODEL_NET_FRAMES) {
		if (net->filters)
			return;
		host_abort("too many frames are on their way");
	}
	frame = &net->incoming[(net->incoming_first + net->incoming_count++) % MODEL_NET_FRAMES];
	frame->header = *header;
	frame->length = length;
	frame->pair = net->inject_pair;
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
