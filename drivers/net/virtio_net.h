/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net (virtio 1.4, 5.1): what its files share.
 *
 *	virtio_net.c		finding, configuring, stopping; link
 *	virtio_net_pairs.c	the pairs of queues, and what is known of them
 *	virtio_net_control.c	the control queue, one command at a time
 *	virtio_net_settings.c	what is set through it: pairs, steering, filters, address
 *	virtio_net_offloads.c	what the device joins, vouches for, cuts
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
#include "kernel/thread/thread.h"

/* Feature bits (5.1.3), those that this driver implements. */
#define VIRTIO_NET_F_CSUM 0
#define VIRTIO_NET_F_GUEST_CSUM 1
#define VIRTIO_NET_F_CTRL_GUEST_OFFLOADS 2
#define VIRTIO_NET_F_MTU 3
#define VIRTIO_NET_F_MAC 5
#define VIRTIO_NET_F_GUEST_TSO4 7
#define VIRTIO_NET_F_GUEST_TSO6 8
#define VIRTIO_NET_F_GUEST_ECN 9
#define VIRTIO_NET_F_HOST_TSO4 11
#define VIRTIO_NET_F_HOST_TSO6 12
#define VIRTIO_NET_F_HOST_ECN 13
#define VIRTIO_NET_F_MRG_RXBUF 15
#define VIRTIO_NET_F_STATUS 16
#define VIRTIO_NET_F_CTRL_VQ 17
#define VIRTIO_NET_F_CTRL_RX 18
#define VIRTIO_NET_F_CTRL_VLAN 19
#define VIRTIO_NET_F_CTRL_RX_EXTRA 20
#define VIRTIO_NET_F_GUEST_ANNOUNCE 21
#define VIRTIO_NET_F_MQ 22
#define VIRTIO_NET_F_CTRL_MAC_ADDR 23
#define VIRTIO_NET_F_GUEST_USO4 54
#define VIRTIO_NET_F_GUEST_USO6 55
#define VIRTIO_NET_F_HOST_USO 56
#define VIRTIO_NET_F_HASH_REPORT 57
#define VIRTIO_NET_F_RSS 60
#define VIRTIO_NET_F_SPEED_DUPLEX 63

/* Configuration (5.1.4). */
#define VIRTIO_NET_CONFIG_MAC 0
#define VIRTIO_NET_CONFIG_STATUS 6
#define VIRTIO_NET_CONFIG_MAX_PAIRS 8
#define VIRTIO_NET_CONFIG_MTU 10
#define VIRTIO_NET_CONFIG_SPEED 12
#define VIRTIO_NET_CONFIG_DUPLEX 16
#define VIRTIO_NET_CONFIG_RSS_KEY_SIZE 17
#define VIRTIO_NET_CONFIG_RSS_TABLE_LENGTH 18
#define VIRTIO_NET_CONFIG_HASH_TYPES 20
#define VIRTIO_NET_STATUS_LINK_UP 1u
#define VIRTIO_NET_STATUS_ANNOUNCE 2u
#define VIRTIO_NET_PAIRS_MAX 0x8000u /* 5.1.5 */

/* In front of each frame (5.1.9). */
struct virtio_net_header {
	uint8_t flags;
	uint8_t gso_type;
	le16 hdr_len;
	le16 gso_size;
	le16 csum_start;
	le16 csum_offset;
	le16 num_buffers;
	/* With HASH_REPORT: */
	le32 hash_value;
	le16 hash_report;
	le16 padding;
};

_Static_assert(sizeof(struct virtio_net_header) == 20, "virtio 1.4, 5.1.9");
_Static_assert(offsetof(struct virtio_net_header, hash_value) == 12, "virtio 1.4, 5.1.9");
_Static_assert(offsetof(struct virtio_net_header, csum_start) == 6, "virtio 1.4, 5.1.9");
_Static_assert(offsetof(struct virtio_net_header, num_buffers) == 10, "virtio 1.4, 5.1.9");

#define VIRTIO_NET_HEADER_NEEDS_CSUM 1u
#define VIRTIO_NET_HEADER_DATA_VALID 2u
#define VIRTIO_NET_GSO_NONE 0u
#define VIRTIO_NET_GSO_TCPV4 1u
#define VIRTIO_NET_GSO_TCPV6 4u
#define VIRTIO_NET_GSO_UDP_L4 5u
#define VIRTIO_NET_GSO_ECN 0x80u
#define VIRTIO_NET_HASH_REPORTS 10u /* 5.1.9.4.3: kinds of hashes, 0 is none */

#define VIRTIO_NET_HEADER_SIZE 12u
#define VIRTIO_NET_HEADER_SIZE_HASH 20u
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
/* With which a ring of 256 has 2 MiB for joined frames, each of few buffers. */
#define VIRTIO_NET_BLOCK_LARGE 8192u
#define VIRTIO_NET_DATA (sizeof(struct network_buffer) + 2u)
#define VIRTIO_NET_CAPACITY ((uint32_t)(VIRTIO_NET_BLOCK - VIRTIO_NET_DATA))
_Static_assert((VIRTIO_NET_DATA + VIRTIO_NET_HEADER_SIZE + ETHERNET_HEADER_SIZE) % 4 == 0,
	       "the IP header is aligned");

/* Features by which the device joins packets to frames that want many buffers. */
#define VIRTIO_NET_JOINS                                                                           \
	(1ull << VIRTIO_NET_F_GUEST_TSO4 | 1ull << VIRTIO_NET_F_GUEST_TSO6 |                       \
	 1ull << VIRTIO_NET_F_GUEST_USO4 | 1ull << VIRTIO_NET_F_GUEST_USO6)

/* So many buffers are lent and taken with one call. */
#define VIRTIO_NET_BATCH 32u

/* The most blocks that one frame of the largest MTU needs without mergeable buffers. */
#define VIRTIO_NET_CHAIN_MAX                                                                       \
	((VIRTIO_NET_HEADER_SIZE + ETHERNET_HEADER_SIZE + ETHERNET_VLAN_SIZE +                     \
	  VIRTIO_NET_MTU_MAX + 1935u) /                                                            \
	 1934u)

struct virtio_net;

struct virtio_net_receive {
	struct virtio_net *net;
	unsigned int index; /* of the pair */
	struct virtqueue *vq;

	struct network_buffer **pool; /* all of them */
	unsigned int pool_count;
	uint32_t block;		      /* bytes of each */
	uint32_t capacity;	      /* bytes of it that the device may write */
	struct network_buffer *spare; /* not lent; a stack, of poll's thread */
	struct network_buffer *freed; /* pushed by whoever frees, taken all at once by poll */

	unsigned int chain;	    /* as net->chain */
	unsigned int posted;	    /* buffers that the device has */
	unsigned int posted_target; /* as many as the ring and the pool allow */
	unsigned int largest;	    /* buffers that the largest frame takes */
	bool starving;		    /* so few are posted that whoever frees one shall wake us */
	bool unheard;		    /* the last were posted without a kick */
	uint64_t silent_since;	    /* nothing has come since then; 0: since the last look */
	uint64_t reminders;	    /* kicks after a silence */

	/* Taken from the ring together; those from taken_next on were not looked at yet. */
	struct virtqueue_used taken[VIRTIO_NET_BATCH];
	unsigned int taken_next, taken_count;

	/* The frame that is being put together. */
	struct network_buffer *first, *last;
	uint32_t length;
	unsigned int missing; /* ring buffers of it that are still to come */
	bool bad;	      /* to be dropped when it is complete */
	struct virtio_net_header header;

	uint64_t packets, bytes, joined;
	uint64_t nonsense; /* frames that were dropped for what the device said of them */
	uint64_t hashes[VIRTIO_NET_HASH_REPORTS]; /* frames by the kind of hash that was reported */
	uint64_t hashes_unknown;		  /* kinds that the specification does not have */
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
	/* As they were when virtio_net_watch() looked last: did it have some, which of them came back? */
	bool watched_outstanding, stuck;
	uint64_t watched_taken;
	uint64_t packets, bytes;
	uint64_t cut, cut_into; /* frames that the device cuts, and the packets that they become */
};

struct virtio_net_pair {
	struct virtio_net *net;
	unsigned int index;
	char receive_name[VIRTQUEUE_NAME_MAX], transmit_name[VIRTQUEUE_NAME_MAX];
	struct virtio_net_receive receive;
	struct virtio_net_transmit transmit;
};

/*
 * The control queue. `lock` is held for a command and for what belongs together; the stack's lock may
 * be taken within it, not the other way round.
 */
struct virtio_net_control {
	struct mutex lock;
	struct virtqueue *vq;			  /* NULL: there is none, or it holds no command */
	struct virtio_net_command_memory *memory; /* DMA memory */
	uint64_t address;
	uint64_t commands, refused;

	/* What is to be done by its own thread. */
	struct wait_queue wait;
	uint32_t work;
	bool has_thread;
	uint64_t announced;

	struct network_receive_mode told; /* what the device knows */
	bool told_anything;		  /* since its reset */
};

#define VIRTIO_NET_WORK_MODE 1u
#define VIRTIO_NET_WORK_ANNOUNCE 2u

#define VIRTIO_NET_RSS_KEY_SIZE 40u

struct virtio_net {
	struct network_device network;
	struct virtio_device *virtio;
	struct virtio_net_pair *pairs; /* network.queue_pairs of them */
	unsigned int pairs_created;    /* that have queues now */
	unsigned int pairs_wanted;     /* by the user; 0: as many as there are */
	struct virtio_net_control control;
	struct network_statistics statistics;
	uint64_t header_segments; /* frames without headroom: their header was a segment of its own
				   */
	uint64_t ring_full;	  /* transmissions that were refused */
	uint64_t refills;
	uint32_t frame_max; /* bytes, to be sent */
	uint32_t header_size;
	/* A legacy device that wants its header in a descriptor of its own (no ANY_LAYOUT). */
	bool header_alone;
	unsigned int chain; /* blocks that make one buffer of a receive ring; 1 with MRG_RXBUF */
	bool mergeable, guest_csum;
	bool stopped;
	/* GUEST_* that were negotiated, and those that the user does not want; bits as in the
	 * features (5.1.9.5.9). */
	uint64_t offloads, offloads_off;
	/* HOST_TSO4 and so on, likewise; the user's choice concerns only us. */
	uint64_t cuts, cuts_off;
	/* Of the indirection table that RSS_CONFIG was taken with, its entries in turn; 0: none was. */
	unsigned int steering_length;
	uint32_t hash_types; /* that the device was asked for */
	uint8_t hash_key[VIRTIO_NET_RSS_KEY_SIZE];
	bool mac_changed; /* by the user: the device is told again after a reset */
	uint8_t vlans[NETWORK_VLANS / 8];
};

static inline struct virtio_net *virtio_net_of(struct network_device *device)
{
	return device->driver_data;
}

static inline void virtio_net_stack_lock(struct virtio_net *net)
{
	if (net->network.stack_lock)
		net->network.stack_lock(&net->network);
}

static inline void virtio_net_stack_unlock(struct virtio_net *net)
{
	if (net->network.stack_unlock)
		net->network.stack_unlock(&net->network);
}

/* -- virtio_net_receive.c */
/* The pool, of blocks of so many bytes, and what does not need the queue. 0 or -ENOMEM. */
int virtio_net_receive_create(struct virtio_net_pair *pair, unsigned int buffers, uint32_t block);
void virtio_net_receive_destroy(struct virtio_net_pair *pair);
/* Before DRIVER_OK: lends the first buffers, without a kick. */
void virtio_net_receive_start(struct virtio_net_pair *pair, struct virtqueue *vq);
unsigned int virtio_net_receive_poll(struct virtio_net_pair *pair, unsigned int budget);
/* After a reset of the device, or of the queue: takes all buffers back. */
void virtio_net_receive_stop(struct virtio_net_pair *pair);
void virtio_net_buffer_free(struct network_device *device, struct network_buffer *buffer);

/* -- virtio_net_transmit.c */
int virtio_net_transmit_create(struct virtio_net_pair *pair, struct virtqueue *vq);
void virtio_net_transmit_destroy(struct virtio_net_pair *pair);
int virtio_net_transmit(struct network_device *device, unsigned int queue,
			const struct network_transmit *frame);
void virtio_net_flush(struct network_device *device, unsigned int queue);
/* Gives back the tokens of what the device has sent. */
void virtio_net_reclaim(struct virtio_net_pair *pair);
/* Says so, once, when none of the frames that the device had at the last call has come back. */
void virtio_net_watch(struct network_device *device);
/* After the reset: gives all tokens back. */
void virtio_net_transmit_stop(struct virtio_net_pair *pair);

/* -- virtio_net_pairs.c */
/* How many receive buffers each pair has, or will have with these features. */
unsigned int virtio_net_pool_size(struct virtio_device *device,
				  const struct virtio_features *features);
/* Pairs with their receive buffers, as many as the device and the machine have. 0 or -ENOMEM. */
int virtio_net_pairs_create(struct virtio_net *net);
void virtio_net_pairs_destroy(struct virtio_net *net);
/* Step 7: all queues, with buffers in them. 0, or a negative errno after one log line. */
int virtio_net_queues_create(struct virtio_net *net);
/* Takes back what a device that was reset, or was never told about it, has of a pair, or of all. */
void virtio_net_queues_release(struct virtio_net *net);
/* What network.h's statistics, queue_statistics, information and describe say. */
void virtio_net_statistics(struct network_device *device, struct network_statistics *result);
void virtio_net_queue_statistics(struct network_device *device, unsigned int queue,
				 struct network_queue_statistics *result);
void virtio_net_information(struct network_device *device, struct network_information *result);
void virtio_net_describe(struct network_device *device, struct facts *facts);

/* -- virtio_net_control.c */
/* Device configuration says where it is; memory for commands. 0 or -ENOMEM. */
int virtio_net_control_create(struct virtio_net *net);
void virtio_net_control_destroy(struct virtio_net *net);
/* The queue's place in the device (5.1.2). */
unsigned int virtio_net_control_index(struct virtio_net *net);
/* Its queue was created. */
void virtio_net_control_start(struct virtio_net *net, struct virtqueue *vq);
/* The device was reset; with the lock of the control queue. */
void virtio_net_control_stop(struct virtio_net *net);
/*
 * One command (5.1.9.5) of up to two pieces of data, and its answer. With the lock. 0; -EOPNOTSUPP:
 * no control queue; -EIO: the device refused it, or is broken; -ETIMEDOUT: no answer came, and the
 * device is broken by that.
 */
int virtio_net_command(struct virtio_net *net, uint8_t class, uint8_t command, const void *data,
		       unsigned int length, const void *more, unsigned int more_length);
/* Sets work and wakes the thread that does it. Context: any. */
void virtio_net_control_wake(struct virtio_net *net, uint32_t work);
/* What is due; for the thread, and for tests on the host, where there is none. */
void virtio_net_control_work(struct virtio_net *net);

/* -- virtio_net_settings.c */
/* After DRIVER_OK: tells the device what was set but the filters. With the control queue's lock. */
void virtio_net_settings_apply(struct virtio_net *net);
/* Filters as network.mode says. With the control queue's lock. */
void virtio_net_mode_apply(struct virtio_net *net);
/* Takes RSS and HASH_REPORT away when the device's limits make them useless. */
void virtio_net_steering_validate(struct virtio_device *device, struct virtio_features *wanted);
int virtio_net_set_pairs(struct network_device *device, unsigned int count);
int virtio_net_set_mac(struct network_device *device, const uint8_t mac[6]);
int virtio_net_set_vlan(struct network_device *device, uint16_t id, bool in);
bool virtio_net_has_vlan(struct network_device *device, uint16_t id);
void virtio_net_steering(struct network_device *device, struct network_steering *steering);

/* -- virtio_net_offloads.c */
/* After a reset: tells the device what the user does not want. 0, or a negative errno. */
int virtio_net_offloads_apply(struct virtio_net *net);
/* What the stack is told that the device cuts: what was negotiated, but for what the user does not want. */
void virtio_net_cuts_update(struct virtio_net *net);
int virtio_net_set_feature(struct network_device *device, const char *name, bool on);
unsigned int virtio_net_features(struct network_device *device, struct network_feature *features,
				 unsigned int room);

#endif
