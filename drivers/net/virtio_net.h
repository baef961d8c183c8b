/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net (virtio 1.4, 5.1): what its files share.
 *
 *	virtio_net.c		finding, configuring, stopping; link; description
 *	virtio_net_receive.c	buffers lent to the device, frames taken
 *	virtio_net_transmit.c	frames lent to the device, tokens given back
 *
 * Life of a device:
 *
 *	probe -> running -> (breaks) -> broken -> the core resets it, stop(): everything is given back
 *	            ^-------------------------------- start() <- stopped
 */
#ifndef DRIVERS_NET_VIRTIO_NET_H
#define DRIVERS_NET_VIRTIO_NET_H

#include "drivers/net/network.h"
#include "drivers/virtio/virtio.h"
#include "drivers/virtio/wire.h"

/* Feature bits (5.1.3), those that this driver implements. */
#define VIRTIO_NET_F_CSUM 0
#define VIRTIO_NET_F_GUEST_CSUM 1
#define VIRTIO_NET_F_MTU 3
#define VIRTIO_NET_F_MAC 5
#define VIRTIO_NET_F_MRG_RXBUF 15
#define VIRTIO_NET_F_STATUS 16

/* Configuration (5.1.4). */
#define VIRTIO_NET_CONFIG_MAC 0
#define VIRTIO_NET_CONFIG_STATUS 6
#define VIRTIO_NET_CONFIG_MTU 10
#define VIRTIO_NET_STATUS_LINK_UP 1u

/* In front of each frame (5.1.9). */
struct virtio_net_header {
	uint8_t flags;
	uint8_t gso_type;
	le16 hdr_len;
	le16 gso_size;
	le16 csum_start;
	le16 csum_offset;
	le16 num_buffers;
};

_Static_assert(sizeof(struct virtio_net_header) == 12, "virtio 1.4, 5.1.9");
_Static_assert(offsetof(struct virtio_net_header, csum_start) == 6, "virtio 1.4, 5.1.9");
_Static_assert(offsetof(struct virtio_net_header, num_buffers) == 10, "virtio 1.4, 5.1.9");

#define VIRTIO_NET_HEADER_NEEDS_CSUM 1u
#define VIRTIO_NET_HEADER_DATA_VALID 2u
#define VIRTIO_NET_GSO_NONE 0u

#define VIRTIO_NET_HEADER_SIZE 12u
/* 5.1.9.1: legacy devices without MRG_RXBUF have no num_buffers. */
#define VIRTIO_NET_HEADER_SIZE_LEGACY 10u
#define ETHERNET_HEADER_SIZE 14u
#define ETHERNET_VLAN_SIZE 4u
#define ETHERNET_MTU 1500u

/* The MTU that a device may ask for: IPv4's smallest, and jumbo frames. */
#define VIRTIO_NET_MTU_MIN 68u
#define VIRTIO_NET_MTU_MAX 9216u

/*
 * A receive buffer's block. The virtio header starts so that the IP header behind it and the
 * Ethernet header is aligned to 4 bytes.
 */
#define VIRTIO_NET_BLOCK 2048u
#define VIRTIO_NET_DATA (sizeof(struct network_buffer) + 2u)
#define VIRTIO_NET_CAPACITY ((uint32_t)(VIRTIO_NET_BLOCK - VIRTIO_NET_DATA))
_Static_assert((VIRTIO_NET_DATA + VIRTIO_NET_HEADER_SIZE + ETHERNET_HEADER_SIZE) % 4 == 0,
	       "the IP header is aligned");

/* The most blocks that one frame of the largest MTU needs without mergeable buffers. */
#define VIRTIO_NET_CHAIN_MAX                                                                       \
	((VIRTIO_NET_HEADER_SIZE + ETHERNET_HEADER_SIZE + ETHERNET_VLAN_SIZE +                     \
	  VIRTIO_NET_MTU_MAX + 1935u) /                                                            \
	 1934u)

struct virtio_net;

struct virtio_net_receive {
	struct virtio_net *net;
	struct virtqueue *vq;

	struct network_buffer **pool; /* all of them */
	unsigned int pool_count;
	struct network_buffer *spare; /* not lent; a stack, of poll's thread */
	struct network_buffer *freed; /* pushed by whoever frees, taken all at once by poll */

	unsigned int chain;	    /* blocks that make one buffer of the ring; 1 with MRG_RXBUF */
	unsigned int posted;	    /* buffers that the device has */
	unsigned int posted_target; /* as many as the ring and the pool allow */
	bool starving;		    /* so few are posted that whoever frees one shall wake us */

	/* The frame that is being put together. */
	struct network_buffer *first, *last;
	uint32_t length;
	unsigned int missing; /* ring buffers of it that are still to come */
	bool bad;	      /* to be dropped when it is complete */
	struct virtio_net_header header;
};

/* What must be remembered for a frame that the device reads. */
struct virtio_net_sent {
	void *token;
	struct virtio_net_sent *next; /* free */
};

struct virtio_net_transmit {
	struct virtio_net *net;
	struct virtqueue *vq;
	struct virtio_net_sent *sent; /* one for each descriptor */
	struct virtio_net_sent *free;
	struct virtio_net_header *headers; /* DMA memory, one for each of `sent` */
	uint64_t headers_address;
	unsigned int outstanding;
};

struct virtio_net {
	struct network_device network;
	struct virtio_device *virtio;
	struct virtio_net_receive receive;
	struct virtio_net_transmit transmit;
	struct network_statistics statistics;
	uint64_t header_segments; /* frames without headroom: their header was a segment of its own
				   */
	uint64_t ring_full;	  /* transmissions that were refused */
	uint64_t refills;
	uint32_t frame_max; /* bytes, to be sent */
	uint32_t header_size;
	/* A legacy device that wants its header in a descriptor of its own (no ANY_LAYOUT). */
	bool header_alone;
	bool mergeable, guest_csum;
	bool stopped;
};

static inline struct virtio_net *virtio_net_of(struct network_device *device)
{
	return device->driver_data;
}

/* -- virtio_net_receive.c */
/* The pool and what does not need the queue. 0 or -ENOMEM. */
int virtio_net_receive_create(struct virtio_net *net, unsigned int buffers);
void virtio_net_receive_destroy(struct virtio_net *net);
/* Before DRIVER_OK: lends the first buffers, without a kick. */
void virtio_net_receive_start(struct virtio_net *net, struct virtqueue *vq);
unsigned int virtio_net_receive_poll(struct virtio_net *net, unsigned int budget);
/* After a reset of the device, or of the queue: takes all buffers back. */
void virtio_net_receive_stop(struct virtio_net *net);
void virtio_net_buffer_free(struct network_device *device, struct network_buffer *buffer);

/* -- virtio_net_transmit.c */
int virtio_net_transmit_create(struct virtio_net *net, struct virtqueue *vq);
void virtio_net_transmit_destroy(struct virtio_net *net);
int virtio_net_transmit(struct network_device *device, unsigned int queue,
			const struct network_transmit *frame);
void virtio_net_flush(struct network_device *device, unsigned int queue);
/* Gives back the tokens of what the device has sent. */
void virtio_net_reclaim(struct virtio_net *net);
/* After the reset: gives all tokens back. */
void virtio_net_transmit_stop(struct virtio_net *net);

#endif
