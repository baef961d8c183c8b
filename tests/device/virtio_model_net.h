/* SPDX-License-Identifier: BSD-2-Clause */
/* A network device on the virtio model: keeps what is sent, brings what a test injects, or echoes.
 */
#ifndef TESTS_DEVICE_VIRTIO_MODEL_NET_H
#define TESTS_DEVICE_VIRTIO_MODEL_NET_H

#include "tests/device/virtio_model.h"

#define MODEL_NET_FRAMES 64
#define MODEL_NET_FRAME_MAX 16384

#define MODEL_NET_CSUM 0
#define MODEL_NET_GUEST_CSUM 1
#define MODEL_NET_MTU 3
#define MODEL_NET_MAC 5
#define MODEL_NET_GUEST_TSO4 7
#define MODEL_NET_MRG_RXBUF 15
#define MODEL_NET_STATUS 16
#define MODEL_NET_CTRL_VQ 17
#define MODEL_NET_MQ 22

/* As it lies in front of a frame. */
struct model_net_header {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};

struct model_net_frame {
	struct model_net_header header;
	uint32_t length;
	unsigned int descriptors; /* of a sent one */
	bool indirect;
	uint8_t data[MODEL_NET_FRAME_MAX];
};

struct virtio_model_net {
	struct virtio_model model;
	bool echo;	    /* what is sent comes back */
	bool hold_transmit; /* frames are not used yet */
	unsigned int
		hold_batch; /* so many frames are completed with one interrupt decision; 0: each */

	/* Sent frames, the last MODEL_NET_FRAMES of them. */
	struct model_net_frame *sent;
	unsigned int sent_count;
	/* Frames to come. */
	struct model_net_frame *incoming;
	unsigned int incoming_first, incoming_count;

	/* Lies about the next received frames. */
	bool lie_num_buffers;
	uint16_t num_buffers;
	bool lie_header;
	struct model_net_header header;
	bool lie_length; /* of the first buffer */
	uint32_t length;
};

/* Offers MAC, STATUS, MRG_RXBUF, CSUM, GUEST_CSUM; link up. Freed by virtio_model_net_free(). */
void virtio_model_net_init(struct virtio_model_net *net, uint16_t queue_size);
void virtio_model_net_free(struct virtio_model_net *net);
/* Queues a frame; it is written at the next polls into the buffers that are lent. */
void virtio_model_net_inject(struct virtio_model_net *net, const struct model_net_header *header,
			     const void *data, uint32_t length);
void virtio_model_net_link(struct virtio_model_net *net, bool up);
const struct model_net_frame *virtio_model_net_sent(const struct virtio_model_net *net,
						    unsigned int index);

#endif
