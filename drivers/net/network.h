/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network devices, between their drivers (drivers/net/) and the stack above (net/lwip/).
 *
 * Buffers are shared all the way: the device writes into memory that the stack later reads in
 * place, and reads the stack's own memory when it transmits.
 *
 *	receive   The driver owns `struct network_buffer`s and lends them to the device. poll()
 *		  hands each frame to the stack as a chain of buffers through `receive`; the stack
 *		  owns the chain and gives each buffer back with network_buffer_free(), whenever
 *		  and in any thread.
 *	transmit  The stack describes a frame as segments of its memory. `transmitted` tells when
 *		  the device no longer reads it; until then the memory is lent.
 *
 * A device has one or more pairs of queues, one of each pair to receive and one to transmit. The
 * interrupt of pair n comes on CPU n; the stack has a thread there for each pair that exists.
 *
 * Calling context: poll, arm, transmit and flush of a device are called with the stack's lock held,
 * so never two at once, on whatever CPU. They may call `receive` and `transmitted`, which may call
 * transmit and flush again, but not poll. buffer_free is called from any thread on any CPU.
 *
 * The usual thread of the stack, for each pair `queue`:
 *
 *	for (;;) {
 *		lock;
 *		n = poll(device, queue, 64);	calls receive() for frames, transmitted() for what
 *						was sent
 *		flush(device, ...);		what receive() caused to be sent: one kick for all
 *		again = n == 64 || arm(device, queue);
 *		unlock;
 *		if (!again)
 *			wait_event(&device->queues[queue].wait, device->queues[queue].events);
 *		take events with an atomic exchange; NETWORK_EVENT_LINK: look at link_up
 *	}
 *
 * Completed transmissions cause no interrupts: `transmitted` is called from later polls and
 * transmits. Only after transmit() said -ENOBUFS the driver asks for an interrupt, so that the next
 * poll can complete some.
 *
 * A device that breaks is stopped, and usually comes back: NETWORK_EVENT_STOPPED says that all that
 * was lent to it has been given back, link_up is false and transmit() fails with -ENETDOWN; then
 * NETWORK_EVENT_LINK with link_up, and everything works again. mtu, checksum_transmit and cuts may
 * have changed.
 */
#ifndef DRIVERS_NET_NETWORK_H
#define DRIVERS_NET_NETWORK_H

#include "kernel/facts/facts.h"
#include "kernel/thread/thread.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETWORK_NAME_MAX 8
#define NETWORK_SEGMENTS_MAX 64
#define NETWORK_FRAME_MAX 65550u /* with offloads: 64 KiB of IP and an Ethernet header */
#define NETWORK_QUEUES_MAX 16	 /* pairs of queues */
#define NETWORK_VLANS 4096u
#define NETWORK_GROUPS_MAX 64 /* multicast addresses that are filtered; with more all are let in */

/*
 * Layout of a receive buffer, one block of DMA memory:
 *
 *	| stack_private (lwIP's pbuf) | struct network_buffer | headroom + data ... |
 *
 * stack_private stands first so that the pbuf is contiguous with its payload, as lwIP wants.
 */
#define NETWORK_STACK_PRIVATE 64

struct network_device;

struct network_buffer {
	_Alignas(16) uint8_t stack_private[NETWORK_STACK_PRIVATE];
	struct network_device *device; /* whose it is */
	struct network_buffer *next;   /* of the same frame, when received */
	uint8_t *data;		       /* the frame's bytes in this buffer */
	uint32_t length;
	uint32_t size;	  /* of the whole block */
	uint64_t address; /* of the block, for the device */
	uint16_t queue;
	bool lent; /* to the device or to the stack; a second free is a bug that is caught */
};

/* What the device said about a received frame. */
struct network_receive_info {
	uint32_t length; /* of all buffers together */
	/* The transport checksum is known to be right, or the frame never left this host: do not
	 * check it. */
	bool checksum_good;
	/* Several packets of one flow that the device, or its host, joined into this one; 0: one. */
	bool joined;
};

struct network_segment {
	const void *data; /* DMA memory or image data */
	uint32_t length;
};

/* Frames that a device cuts into several (TSO, USO). */
enum network_cut {
	NETWORK_CUT_NONE,
	NETWORK_CUT_TCP4,
	NETWORK_CUT_TCP6,
	NETWORK_CUT_UDP, /* each piece is a datagram of its own */
	NETWORK_CUT_ECN, /* in `cuts` only: TCP frames with cut_ecn too */
};

struct network_transmit {
	unsigned int segment_count; /* 1 to NETWORK_SEGMENTS_MAX */
	struct network_segment segments[NETWORK_SEGMENTS_MAX];
	/*
	 * This many bytes directly in front of segments[0].data are free for the driver's own
	 * header.
	 */
	uint32_t headroom;
	/* Checksum to be filled in by the device: only when checksum_transmit is offered. */
	bool checksum;
	uint16_t checksum_start;  /* from the start of the frame */
	uint16_t checksum_offset; /* from there, where the sum goes */
	/*
	 * The frame is longer than the MTU, and the device cuts it into frames with `cut_length` bytes
	 * of payload, the last with what is left: only as `cuts` of the device offers, and with
	 * `checksum`, of the pseudo header with the length of the whole.
	 */
	enum network_cut cut;
	uint16_t cut_length;
	uint16_t cut_header; /* bytes of headers, which each of them gets */
	bool cut_ecn;	     /* TCP's CWR is set, which only the first of them shall have */
	void *token;	     /* given to `transmitted` */
};

struct network_statistics {
	uint64_t receive_packets, receive_bytes, receive_dropped, receive_errors;
	uint64_t transmit_packets, transmit_bytes, transmit_dropped, transmit_errors;
	uint64_t kicks, interrupts, bytes_copied, polls;
	uint64_t receive_joined;		  /* frames that the device joined of several */
	uint64_t transmit_cut, transmit_cut_into; /* frames that the device cut, into so many */
};

/* The same of one pair of queues. */
struct network_queue_statistics {
	uint64_t receive_packets, receive_bytes, receive_kicks, receive_interrupts;
	uint64_t hashes; /* received frames whose hash the device told (HASH_REPORT) */
	uint64_t transmit_packets, transmit_bytes, transmit_kicks;
};

/* Which frames a device is to receive beside those to its own address and to all. */
struct network_receive_mode {
	bool promiscuous, all_multicast;
	bool all_unicast, no_multicast, no_unicast, no_broadcast; /* where the device can */
	unsigned int group_count;
	uint8_t groups[NETWORK_GROUPS_MAX][6];
};

#define NETWORK_SPEED_UNKNOWN UINT32_MAX
#define NETWORK_DUPLEX_UNKNOWN 0xffu /* 0: half, 1: full */

/* What ethtool asks. */
struct network_information {
	uint32_t speed; /* Mbit/s */
	uint8_t duplex;
	unsigned int receive_ring, receive_ring_max, transmit_ring, transmit_ring_max;
};

#define NETWORK_STEERING_TABLE_MAX 128
#define NETWORK_STEERING_KEY_MAX 52

/* How received frames are spread over the pairs by a hash of theirs (RSS): ethtool -x. */
struct network_steering {
	unsigned int table_length; /* 0: it is not by hash */
	uint16_t table[NETWORK_STEERING_TABLE_MAX];
	unsigned int key_length; /* 0: no hashes are made */
	uint8_t key[NETWORK_STEERING_KEY_MAX];
};

/* An offload, in the words of ethtool -k. */
struct network_feature {
	const char *name; /* of ethtool's; sub-features begin with a tab */
	bool on, fixed;	  /* fixed: set_feature() cannot change it; never said of a group */
};

#define NETWORK_WATCH_SECONDS 5u

struct network_operations {
	/*
	 * Takes up to `budget` received frames and calls receive() for each, and completes
	 * transmissions. Returns how many frames. Fewer than `budget` means that none are left.
	 */
	unsigned int (*poll)(struct network_device *device, unsigned int queue,
			     unsigned int budget);
	/*
	 * Asks for an interrupt (a wake of `wait`) when the next frame comes. True: some came
	 * meanwhile, poll again instead of sleeping.
	 */
	bool (*arm)(struct network_device *device, unsigned int queue);
	/*
	 * 0, and the token will come back; -ENOBUFS: the ring is full, try after `transmitted`;
	 * -EMSGSIZE; -EINVAL: an offload that is not offered, or outside the frame; -ENETDOWN: the
	 * device is stopped.
	 */
	int (*transmit)(struct network_device *device, unsigned int queue,
			const struct network_transmit *transmit);
	/* Tells the device about what was queued since the last time: at most one kick. */
	void (*flush)(struct network_device *device, unsigned int queue);
	/*
	 * Called every NETWORK_WATCH_SECONDS: the driver looks whether the device still does something. May
	 * be NULL.
	 */
	void (*watch)(struct network_device *device);
	/* Gives back receive buffers' memory that the stack has freed: called through
	 * network_buffer_free(). */
	void (*buffer_free)(struct network_device *device, struct network_buffer *buffer);
	/* What follows is called in thread context without the stack's lock, may wait for the device,
	 * and may be NULL where that cannot be. 0 or a negative errno: -EOPNOTSUPP, -EINVAL, -EIO (the
	 * device refused), -ENETDOWN, -ETIMEDOUT. */

	/* How many pairs of queues are used, of those that exist. Nothing on its way is lost. */
	int (*set_queue_pairs)(struct network_device *device, unsigned int count);
	/* Changes the address at the device, then device->mac. */
	int (*set_mac)(struct network_device *device, const uint8_t mac[6]);
	/* Lets frames of a VLAN in, or keeps them out; and tells whether they are. */
	int (*set_vlan)(struct network_device *device, uint16_t id, bool in);
	bool (*has_vlan)(struct network_device *device, uint16_t id);
	/* Switches one of features() on or off, by name. */
	int (*set_feature)(struct network_device *device, const char *name, bool on);
	/* device->mode has changed; soon the device knows. Any thread, with the lock or without. */
	void (*mode_changed)(struct network_device *device);
	void (*information)(struct network_device *device, struct network_information *information);
	/* The offloads, at most `room`; returns how many. */
	unsigned int (*features)(struct network_device *device, struct network_feature *features,
				 unsigned int room);
	void (*steering)(struct network_device *device, struct network_steering *steering);
	void (*queue_statistics)(struct network_device *device, unsigned int queue,
				 struct network_queue_statistics *statistics);

	/* Exact counters of all queues together. */
	void (*statistics)(struct network_device *device, struct network_statistics *statistics);
	/* More facts: ring state, features, whatever the driver knows. */
	void (*describe)(struct network_device *device, struct facts *facts);
};

/* Where the stack's thread of one pair sleeps. */
struct network_queue {
	struct wait_queue wait; /* woken by the driver */
	uint32_t events; /* NETWORK_EVENT_*, set with atomics by the driver, taken by the stack */
};

struct network_device {
	const struct network_operations *operations;
	void *driver_data;
	const char *driver_name;     /* "virtio_net" */
	const char *bus_name;	     /* "00:03.0" */
	char name[NETWORK_NAME_MAX]; /* "eth0", given by network_register() */
	struct network_device *next;
	uint8_t mac[6];
	uint8_t permanent_mac[6]; /* as the device came with it */
	uint16_t mtu;
	bool link_up;		/* changes in interrupt context; NETWORK_EVENT_LINK follows */
	bool checksum_transmit; /* the device fills in TCP and UDP checksums */
	bool checksum_receive;	/* and may vouch for those that come; told to ethtool only */
	/* Bits 1 << NETWORK_CUT_*, what it cuts; changes under the stack's lock. */
	uint32_t cuts;
	unsigned int queue_pairs;	 /* that exist; does not change once it is registered */
	unsigned int queue_pairs_active; /* of these, the first so many are used */
	/*
	 * How many receive buffers the driver has in all; 0: it does not say. When the stack holds
	 * half of them it copies what comes (and counts that), so that a slow application cannot
	 * stop the device.
	 */
	unsigned int receive_buffers;
	/* Pieces that a frame may be sent in; may change with NETWORK_EVENT_LINK. 1 to NETWORK_SEGMENTS_MAX. */
	unsigned int segments_max;

	/* Set by the stack before it first polls; until then the driver must not call them. */
	void *stack;
	void (*receive)(struct network_device *device, struct network_buffer *chain,
			const struct network_receive_info *info);
	void (*transmitted)(struct network_device *device, void *token);
	/*
	 * The stack's lock, for a driver that has to call `transmitted` from a thread of its own, or
	 * changes what poll and transmit use. NULL: no stack yet. Thread context.
	 */
	void (*stack_lock)(struct network_device *device);
	void (*stack_unlock)(struct network_device *device);
	/* Its own counters, which `ethtool -S` adds to the driver's. NULL: no stack yet. */
	const uint64_t *stack_bytes_copied, *stack_receive_dropped, *stack_transmit_dropped;
	/* Tells the neighbours where we are. Called with the stack's lock. NULL: no stack yet. */
	void (*announce)(struct network_device *device);
	/* What the stack wants to receive; changed under its lock, then mode_changed(). */
	struct network_receive_mode mode;

	struct network_queue queues[NETWORK_QUEUES_MAX];
};

#define NETWORK_EVENT_RECEIVE 1u
#define NETWORK_EVENT_LINK 2u
#define NETWORK_EVENT_STOPPED 4u

/* The driver's counters, and what the stack has copied. */
void network_statistics(struct network_device *device, struct network_statistics *statistics);

/* Names the device and puts it at the end of the list. The driver keeps the structure alive for
 * ever. */
void network_register(struct network_device *device);
struct network_device *network_first(void);
struct network_device *network_find(const char *name);
/*
 * For drivers: takes the address that the device came with, or, when that is none of a station, one of
 * our own making. And what ethtool -k says of a device without offloads.
 */
void network_mac_set(struct network_device *device, const uint8_t mac[6]);
unsigned int network_plain_features(struct network_device *device, struct network_feature *features,
				    unsigned int room);
/* What the errno of an operation that failed means, in the words of ethtool. */
const char *network_error_text(int error);

/*
 * Sets events and wakes the stack's thread of one pair of queues; events of the whole device are pair
 * 0's. Context: any.
 */
void network_notify(struct network_device *device, unsigned int queue, uint32_t events);

static inline void network_buffer_free(struct network_buffer *buffer)
{
	buffer->device->operations->buffer_free(buffer->device, buffer);
}

/* The same for all buffers of a frame, or none. */
static inline void network_buffer_free_chain(struct network_buffer *buffer)
{
	while (buffer) {
		struct network_buffer *next = buffer->next;

		network_buffer_free(buffer);
		buffer = next;
	}
}

#endif
