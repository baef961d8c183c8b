/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames through a network device (virtio 1.4, 5.1), both ways, and its control queue. What comes in is sent by
 * the host (verb `frame`), and what went out is seen there (`sent`).
 */
#ifndef TESTS_CONFORMANCE_CORE_NET_H
#define TESTS_CONFORMANCE_CORE_NET_H

#include "tests/conformance/core/ring.h"
#include "tests/conformance/target.h"

/* Feature bits (5.1.3). */
enum {
	F_NET_CSUM = 0,
	F_NET_GUEST_CSUM = 1,
	F_NET_CTRL_GUEST_OFFLOADS = 2,
	F_NET_MTU = 3,
	F_NET_MAC = 5,
	F_NET_GUEST_TSO4 = 7,
	F_NET_MRG_RXBUF = 15,
	F_NET_STATUS = 16,
	F_NET_CTRL_VQ = 17,
	F_NET_CTRL_RX = 18,
	F_NET_CTRL_VLAN = 19,
	F_NET_CTRL_RX_EXTRA = 20,
	F_NET_GUEST_ANNOUNCE = 21,
	F_NET_MQ = 22,
	F_NET_CTRL_MAC_ADDR = 23,
	F_NET_HASH_REPORT = 57,
	F_NET_RSS = 60,
	F_NET_SPEED_DUPLEX = 63
};

/* Where fields of the configuration lie (5.1.4). */
enum {
	NET_MAC = 0,
	NET_STATUS = 6,
	NET_PAIRS = 8,
	NET_MTU = 10,
	NET_SPEED = 12,
	NET_DUPLEX = 16,
	NET_RSS_KEY = 17,
	NET_RSS_TABLE = 18,
	NET_HASH_TYPES = 20
};
#define NET_STATUS_LINK_UP 1u
#define NET_STATUS_ANNOUNCE 2u

/* Commands: class and command (5.1.9.5). */
enum { NET_RX = 0, NET_ADDRESS = 1, NET_VLAN = 2, NET_ANNOUNCE = 3, NET_MQ = 4, NET_OFFLOADS = 5 };
enum { NET_PROMISC, NET_ALLMULTI, NET_ALLUNI, NET_NOMULTI, NET_NOUNI, NET_NOBCAST };
#define NET_ACK_OK 0u

struct net_header {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
	uint32_t hash_value;
	uint16_t hash_report, padding;
};
#define NET_NEEDS_CSUM 1u
#define NET_DATA_VALID 2u

#define NET_FRAME 64u
#define NET_FRAME_MOST 1700u
#define NET_BUFFERS 64u
#define NET_MERGED_MOST 32u

struct net {
	uint32_t header;      /* bytes in front of each frame */
	unsigned int pairs;   /* that the driver has set up */
	struct ring *control; /* NULL: CTRL_VQ was not negotiated */
	uint8_t mac[6];
	struct {
		uint8_t *data;
		uint32_t size;
		unsigned int pair;
		uint16_t id;
	} buffers[NET_BUFFERS];
	unsigned int count;
};

/* A frame that came. */
struct net_received {
	struct net_header header;
	uint8_t data[NET_FRAME_MOST];
	uint32_t length; /* without the header */
	unsigned int pair, buffers;
	uint32_t lengths[NET_MERGED_MOST],
		sizes[NET_MERGED_MOST]; /* used.len, and what there was room for */
};

/* A driver with these features, its first pair and the control queue set up; others by session_queue(). */
void net_begin(struct conformance_target *t, struct net *net, uint64_t features);
/* The pairs 0 to pairs - 1, of which `pairs` > 1 wants MQ; then DRIVER_OK. */
void net_ready(struct conformance_target *t, struct net *net, unsigned int pairs);
/* Lends `count` buffers of `size` bytes to the receive queue of a pair. */
void net_lend(struct conformance_target *t, struct net *net, unsigned int pair, unsigned int count,
	      uint32_t size);
/* net_begin(), one pair, buffers for any frame. */
void net_open(struct conformance_target *t, struct net *net, uint64_t features);

/* A command, completed; returns the ack. net_command() fails the case when that is an error. */
uint8_t net_try(struct conformance_target *t, struct net *net, uint8_t class, uint8_t command,
		const void *data, uint32_t length);
void net_command(struct conformance_target *t, struct net *net, uint8_t class, uint8_t command,
		 const void *data, uint32_t length);

/* Who sends the frames of the cases, both ways. */
extern const uint8_t net_source[6];
/* NET_FRAME bytes for somebody, of the experimental type; no two have the same content. */
void net_frame(uint8_t *frame, const uint8_t *destination);
/* Sends a frame, and waits for its buffer. */
void net_send(struct conformance_target *t, struct net *net, unsigned int pair,
	      const struct net_header *header, const uint8_t *frame, uint32_t length);
/* The host saw this frame last. Fails the case otherwise. */
void net_expect_sent(struct conformance_target *t, const uint8_t *frame, uint32_t length);

/* The host sends a frame to the device. */
void net_inject(struct conformance_target *t, const uint8_t *frame, uint32_t length);
/* Waits for the next frame from net_source; what others send is passed over. */
void net_receive(struct conformance_target *t, struct net *net, struct net_received *received);
/*
 * Whether a frame to that address comes, proved by another to `event` that must come behind it.
 */
bool net_arrives(struct conformance_target *t, struct net *net, const uint8_t *destination,
		 const uint8_t *event);
/* The same for any frame from net_source. */
bool net_frame_arrives(struct conformance_target *t, struct net *net, const uint8_t *frame,
		       uint32_t length, const uint8_t *event);

#endif
