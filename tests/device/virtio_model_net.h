/* SPDX-License-Identifier: BSD-2-Clause */
/* A network device on the virtio model: keeps what is sent, brings what a test injects, or echoes.
 */
#ifndef TESTS_DEVICE_VIRTIO_MODEL_NET_H
#define TESTS_DEVICE_VIRTIO_MODEL_NET_H

#include "tests/device/virtio_model.h"

/* What is kept of them; the fuzzers keep less, which is quicker. */
#ifndef MODEL_NET_FRAMES
#define MODEL_NET_FRAMES 64
#define MODEL_NET_FRAME_MAX 65600
#endif

#define MODEL_NET_CSUM 0
#define MODEL_NET_GUEST_CSUM 1
#define MODEL_NET_MTU 3
#define MODEL_NET_MAC 5
#define MODEL_NET_GUEST_TSO4 7
#define MODEL_NET_MRG_RXBUF 15
#define MODEL_NET_STATUS 16
#define MODEL_NET_CTRL_GUEST_OFFLOADS 2
#define MODEL_NET_GUEST_TSO6 8
#define MODEL_NET_GUEST_ECN 9
#define MODEL_NET_HOST_TSO4 11
#define MODEL_NET_HOST_TSO6 12
#define MODEL_NET_HOST_ECN 13
#define MODEL_NET_GUEST_UFO 10
#define MODEL_NET_HOST_TSO4 11
#define MODEL_NET_HOST_TSO6 12
#define MODEL_NET_HOST_ECN 13
#define MODEL_NET_HOST_UFO 14
#define MODEL_NET_CTRL_VQ 17
#define MODEL_NET_CTRL_RX 18
#define MODEL_NET_CTRL_VLAN 19
#define MODEL_NET_CTRL_RX_EXTRA 20
#define MODEL_NET_ANNOUNCE 21
#define MODEL_NET_MQ 22
#define MODEL_NET_CTRL_MAC_ADDR 23
#define MODEL_NET_GUEST_USO4 54
#define MODEL_NET_GUEST_USO6 55
#define MODEL_NET_HOST_USO 56
#define MODEL_NET_HASH_TUNNEL 51
#define MODEL_NET_VQ_NOTF_COAL 52
#define MODEL_NET_NOTF_COAL 53
#define MODEL_NET_GUEST_USO4 54
#define MODEL_NET_GUEST_USO6 55
#define MODEL_NET_HOST_USO 56
#define MODEL_NET_HASH_REPORT 57
#define MODEL_NET_RSS 60
#define MODEL_NET_RSC_EXT 61
#define MODEL_NET_SPEED_DUPLEX 63

#define MODEL_NET_PAIRS_MAX 3
#define MODEL_NET_COMMANDS 64
#define MODEL_NET_COMMAND_MAX 512

/* As it lies in front of a frame. */
struct model_net_header {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
	uint32_t hash_value; /* with HASH_REPORT */
	uint16_t hash_report, padding;
};

struct model_net_command {
	uint8_t class, command;
	unsigned int length;
	uint8_t data[MODEL_NET_COMMAND_MAX];
};

struct model_net_frame {
	struct model_net_header header;
	uint32_t length;
	unsigned int pair;
	unsigned int descriptors; /* of a sent one */
	bool indirect;
	uint8_t data[MODEL_NET_FRAME_MAX];
};

#define MODEL_NET_TABLE 128

/* What RSS_CONFIG and HASH_CONFIG set. */
struct model_net_hash {
	bool on, redirects;
	uint32_t types;
	uint16_t mask, unclassified, table[MODEL_NET_TABLE];
	uint8_t key[40];
};

struct virtio_model_net {
	struct virtio_model model;
	bool echo;	    /* what is sent comes back */
	bool hold_transmit; /* frames are not used yet */
	unsigned int
		hold_batch; /* so many frames are completed with one interrupt decision; 0: each */

	/* Sent frames, the last MODEL_NET_FRAMES of them. */
	struct model_net_frame *sent;
	unsigned int sent_count, sent_by[MODEL_NET_PAIRS_MAX];
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

	/* The control queue. */
	unsigned int pairs, pairs_active;
	struct model_net_command commands[MODEL_NET_COMMANDS];
	unsigned int command_count;
	bool silent;  /* commands are never answered */
	bool lie_ack; /* with this */
	uint8_t ack;
	uint32_t refuse; /* classes, as bits, that are refused */
	bool modes[6];	 /* CTRL_RX, by command */
	bool filters; /* as devices do: a reset takes back what is on its way, and foreign frames are not received */
	bool steers;		/* frames come in on the pair that was sent on last */
	unsigned int addresses; /* in the table of unicast addresses */
	uint8_t address[64][6];
	unsigned int groups; /* in the table of multicast addresses */
	uint8_t group[64][6];
	bool vlans[4096];
	uint64_t offloads;
	struct model_net_hash hash;
	uint64_t resets_seen;
	unsigned int inject_pair; /* where the next injected frames come in */
	unsigned int received;	  /* frames that came in */
};

/* Offers MAC, STATUS, MRG_RXBUF, CSUM, GUEST_CSUM; link up. Freed by virtio_model_net_free(). */
void virtio_model_net_init(struct virtio_model_net *net, uint16_t queue_size);
void virtio_model_net_free(struct virtio_model_net *net);
/* So many pairs of queues, with MQ and CTRL_VQ. Before the driver boots. */
void virtio_model_net_pairs(struct virtio_model_net *net, unsigned int pairs);
/* The last command of a class, or NULL. */
const struct model_net_command *virtio_model_net_command(const struct virtio_model_net *net,
							 uint8_t class, uint8_t command);
/* Queues a frame; it is written at the next polls into the buffers that are lent. */
void virtio_model_net_inject(struct virtio_model_net *net, const struct model_net_header *header,
			     const void *data, uint32_t length);
/* Whether the filters let a frame through. */
bool virtio_model_net_receives(const struct virtio_model_net *net, const uint8_t *frame,
			       uint32_t length);
void virtio_model_net_link(struct virtio_model_net *net, bool up);
const struct model_net_frame *virtio_model_net_sent(const struct virtio_model_net *net,
						    unsigned int index);

/* -- Between the files of this device */
/* Copies `length` bytes to or from the chain's segments, from `offset` on. Returns how many it did.
 */
uint32_t model_net_copy(const struct model_chain *chain, unsigned int first, unsigned int count,
			uint32_t offset, uint8_t *data, uint32_t length, bool write);
/* Does what waits on the control queue. */
void model_net_take_commands(struct virtio_model_net *net, unsigned int queue);
/* A command that was found right: RSS_CONFIG if it redirects, else HASH_CONFIG. */
void model_net_hash_configure(struct virtio_model_net *net, const struct model_net_command *command,
			      bool redirects);
/* Puts the hash into the frame's header; returns the pair that it comes in on, `pair` unless RSS has another. */
unsigned int model_net_hash_frame(const struct virtio_model_net *net, struct model_net_frame *frame,
				  unsigned int pair);

#endif
