/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net, transmitting (virtio 1.4, 5.1.9.2).
 *
 * The device reads the stack's own memory. Where the stack left room in front of the frame the
 * header goes there and a frame in one piece is one descriptor; otherwise the header is a segment
 * of its own.
 *
 * No interrupt tells that a frame was sent: what was sent is looked for when more is to be sent and
 * when the stack polls. Only a full ring asks for an interrupt.
 */
#include "drivers/net/virtio_net.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "net"

/* So many frames may wait to be given back before a transmission looks for them. */
#define RECLAIM_BATCH 16u

int virtio_net_transmit_create(struct virtio_net_pair *pair, struct virtqueue *vq)
{
	struct virtio_net_transmit *transmit = &pair->transmit;

	transmit->net = pair->net;
	transmit->vq = vq;
	transmit->sent = calloc(vq->size, sizeof(*transmit->sent));
	transmit->headers = dma_alloc(vq->size * sizeof(*transmit->headers), NULL);
	if (!transmit->sent || !transmit->headers)
		return -ENOMEM;
	transmit->headers_address = dma_address(transmit->headers);
	for (unsigned int i = vq->size; i-- > 0;) {
		transmit->sent[i].next = transmit->free;
		transmit->free = &transmit->sent[i];
	}
	return 0;
}

void virtio_net_transmit_destroy(struct virtio_net_pair *pair)
{
	struct virtio_net_transmit *transmit = &pair->transmit;

	if (transmit->headers)
		dma_free(transmit->headers, transmit->vq->size * sizeof(*transmit->headers));
	free(transmit->sent);
	transmit->headers = NULL;
	transmit->sent = transmit->free = NULL;
	transmit->vq = NULL;
}

/* The order matters: the stack may call transmit again from transmitted(). */
static void give_back(struct virtio_net_transmit *transmit, struct virtio_net_sent *sent)
{
	struct network_device *network = &transmit->net->network;
	void *token = sent->token;

	transmit->outstanding--;
	sent->token = NULL;
	sent->next = transmit->free;
	transmit->free = sent;
	network->transmitted(network, token);
}

void virtio_net_reclaim(struct virtio_net_pair *pair)
{
	struct virtio_net_transmit *transmit = &pair->transmit;
	struct virtio_net_sent *sent;
	uint32_t written;

	while (transmit->outstanding && (sent = virtqueue_take(transmit->vq, &written)))
		give_back(transmit, sent);
}

/*
 * A device that sends nothing may have a reason (a full pipe behind it), so it is not reset for that. Its ring
 * fills up, and what does not fit is dropped and counted.
 */
static void watch(struct virtio_net_pair *pair)
{
	struct virtio_net_transmit *transmit = &pair->transmit;
	bool waited = transmit->watched_outstanding;
	uint64_t taken;

	virtio_net_reclaim(pair);
	taken = transmit->vq->counters.taken;
	waited = waited && transmit->outstanding && taken == transmit->watched_taken;
	if (waited && !transmit->stuck)
		log_warning("%s: the device does not send the %u frames that it has",
			    transmit->vq->name, transmit->outstanding);
	if (!waited && transmit->stuck && transmit->watched_taken != taken)
		log_notice("%s: the device sends again", transmit->vq->name);
	transmit->stuck = waited;
	transmit->watched_outstanding = transmit->outstanding != 0;
	transmit->watched_taken = taken;
}

void virtio_net_watch(struct network_device *device)
{
	struct virtio_net *net = virtio_net_of(device);

	if (net->stopped || net->virtio->recovery.broken || !device->link_up)
		return;
	for (unsigned int i = 0; i < net->pairs_created; i++)
		watch(&net->pairs[i]);
}

void virtio_net_transmit_stop(struct virtio_net_pair *pair)
{
	struct virtio_net_transmit *transmit = &pair->transmit;
	struct virtio_net_sent *sent;

	while ((sent = virtqueue_detach(transmit->vq)))
		give_back(transmit, sent);
}

static uint32_t frame_length(const struct network_transmit *frame)
{
	uint64_t length = 0;

	for (unsigned int i = 0; i < frame->segment_count; i++)
		length += frame->segments[i].length;
	return length > UINT32_MAX ? UINT32_MAX : (uint32_t)length;
}

static const struct cut {
	uint8_t gso_type, feature;
} cuts[] = {
	[NETWORK_CUT_TCP4] = {VIRTIO_NET_GSO_TCPV4, VIRTIO_NET_F_HOST_TSO4},
	[NETWORK_CUT_TCP6] = {VIRTIO_NET_GSO_TCPV6, VIRTIO_NET_F_HOST_TSO6},
	[NETWORK_CUT_UDP] = {VIRTIO_NET_GSO_UDP_L4, VIRTIO_NET_F_HOST_USO},
};

/* A frame that the device is to cut (5.1.9.2.1): was that negotiated, and is there something to cut? */
static int check_cut(const struct virtio_net *net, const struct network_transmit *frame,
		     uint32_t length)
{
	if (frame->cut >= sizeof(cuts) / sizeof(cuts[0]) ||
	    !(net->cuts & 1ull << cuts[frame->cut].feature) || !frame->checksum)
		return -EINVAL;
	if (frame->cut_ecn &&
	    (frame->cut == NETWORK_CUT_UDP || !(net->cuts & 1ull << VIRTIO_NET_F_HOST_ECN)))
		return -EINVAL;
	if (!frame->cut_length || frame->cut_header <= frame->checksum_start ||
	    frame->cut_header >= length)
		return -EINVAL;
	return (uint32_t)frame->cut_header + frame->cut_length > net->frame_max ? -EMSGSIZE : 0;
}

static int check(struct virtio_net *net, const struct network_transmit *frame, uint32_t length)
{
	uint32_t length_max = frame->cut ? NETWORK_FRAME_MAX : net->frame_max;

	if (net->stopped || net->virtio->recovery.broken)
		return -ENETDOWN;
	if (!frame->segment_count || frame->segment_count > NETWORK_SEGMENTS_MAX ||
	    length < ETHERNET_HEADER_SIZE || length > length_max)
		return -EMSGSIZE;
	if (frame->checksum &&
	    (!net->network.checksum_transmit ||
	     (uint32_t)frame->checksum_start + frame->checksum_offset + sizeof(uint16_t) > length))
		return -EINVAL;
	return frame->cut ? check_cut(net, frame, length) : 0;
}

/* Describes the frame behind its header; returns how many segments that took. */
static unsigned int describe_frame(struct virtio_net_transmit *transmit,
				   const struct virtio_net_sent *sent,
				   const struct network_transmit *frame,
				   struct virtqueue_segment *segments)
{
	struct virtio_net_header header = {.gso_type = VIRTIO_NET_GSO_NONE};
	uint32_t header_size = transmit->net->header_size;
	bool in_front = frame->headroom >= header_size && frame->segments[0].length &&
			!transmit->net->header_alone;
	unsigned int count = 0;

	if (frame->checksum) {
		header.flags = VIRTIO_NET_HEADER_NEEDS_CSUM;
		header.csum_start = frame->checksum_start;
		header.csum_offset = frame->checksum_offset;
	}
	if (frame->cut) {
		header.gso_type = cuts[frame->cut].gso_type;
		if (frame->cut_ecn)
			header.gso_type |= VIRTIO_NET_GSO_ECN;
		header.gso_size = frame->cut_length;
		header.hdr_len = frame->cut_header;
	}
	if (!in_front) {
		size_t index = (size_t)(sent - transmit->sent);

		transmit->headers[index] = header;
		segments[0].address = transmit->headers_address + index * sizeof(header);
		segments[0].length = header_size;
		count = 1;
		transmit->net->header_segments++;
	} else {
		memcpy((uint8_t *)(uintptr_t)frame->segments[0].data - header_size, &header,
		       header_size);
	}
	for (unsigned int i = 0; i < frame->segment_count; i++) {
		if (!frame->segments[i].length)
			continue;
		segments[count].address = dma_address(frame->segments[i].data);
		segments[count].length = frame->segments[i].length;
		count++;
	}
	if (in_front) {
		segments[0].address -= header_size;
		segments[0].length += header_size;
	}
	return count;
}

/*
 * Asks to be woken when half of the ring was sent. True: there is room already. A device that breaks meanwhile, or
 * takes back what it said, makes none.
 */
static bool wait_for_room(struct virtio_net_pair *pair)
{
	struct virtio_net_transmit *transmit = &pair->transmit;
	unsigned int before = transmit->outstanding, half = before / 2;

	virtqueue_kick(transmit->vq); /* what the device does not know of it never sends */
	if (!virtqueue_interrupts_on(transmit->vq, half ? half : 1))
		return false;
	virtio_net_reclaim(pair);
	return transmit->outstanding < before;
}

/*
 * Says why a frame was not taken in the words of network.h. It is not dropped by that: the stack
 * keeps it and comes again, or gives it up and counts it.
 */
static int refuse(struct virtio_net *net, int error)
{
	if (error == -ENOSPC) {
		net->ring_full++;
		return -ENOBUFS;
	}
	if (error == -ENETDOWN || error == -EIO)
		return -ENETDOWN;
	net->statistics.transmit_errors++;
	return error;
}

int virtio_net_transmit(struct network_device *device, unsigned int queue,
			const struct network_transmit *frame)
{
	struct virtio_net *net = virtio_net_of(device);
	struct virtqueue_segment segments[NETWORK_SEGMENTS_MAX + 1];
	uint32_t length = frame_length(frame);
	struct virtio_net_transmit *transmit;
	struct virtio_net_pair *pair;
	struct virtio_net_sent *sent;
	int error = check(net, frame, length);

	if (error)
		return refuse(net, error);
	/* 5.1.9.5.5: nothing goes to a queue that the device was told not to look at. */
	pair = &net->pairs[queue < device->queue_pairs_active ? queue : 0];
	transmit = &pair->transmit;
	if (transmit->outstanding >= RECLAIM_BATCH)
		virtio_net_reclaim(pair);
	for (;;) {
		sent = transmit->free;
		error = -ENOSPC;
		if (sent)
			error = virtqueue_add(transmit->vq, segments,
					      describe_frame(transmit, sent, frame, segments), 0,
					      sent);
		/* Each time round the device has sent something; the last time the ring is empty.
		 */
		if (error != -ENOSPC || !wait_for_room(pair))
			break;
	}
	if (error)
		return refuse(net, error);
	transmit->free = sent->next;
	sent->token = frame->token;
	transmit->outstanding++;
	transmit->packets++;
	transmit->bytes += length;
	if (frame->cut) {
		transmit->cut++;
		transmit->cut_into +=
			(length - frame->cut_header + frame->cut_length - 1) / frame->cut_length;
	}
	return 0;
}

void virtio_net_flush(struct network_device *device, unsigned int queue)
{
	struct virtio_net *net = virtio_net_of(device);

	if (!net->stopped && queue < net->pairs_created)
		virtqueue_kick(net->pairs[queue].transmit.vq);
}
