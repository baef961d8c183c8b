/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between lwIP's netifs and network devices. interface.c receives, transmit.c sends, addresses.c
 * gets addresses. All functions want the core lock, unless they say otherwise.
 */
#ifndef NET_LWIP_INTERFACE_H
#define NET_LWIP_INTERFACE_H

#include "drivers/net/network.h"
#include "kernel/console/log_limit.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"

#include <stdbool.h>
#include <stdint.h>

/* Frames that wait for room in the transmit ring. */
#define INTERFACE_WAITING_MAX 512
/* Joined frames at once, on their way or waiting; and of how many segments each may be. */
#define INTERFACE_JOINED 32
#define INTERFACE_JOINED_SEGMENTS 48

/* A TCP segment in its frame. */
struct interface_segment {
	bool ipv6;
	uint8_t *ip, *tcp;
	unsigned int headers; /* of all layers, in bytes */
	unsigned int payload;
	uint8_t flags;
};

/* TCP segments of one connection in sequence, which go to the device as one frame: joined.c */
struct interface_joined {
	struct interface_joined *next; /* free */
	unsigned int count;
	struct pbuf *segments[INTERFACE_JOINED_SEGMENTS];
	struct interface_segment first;
	const uint8_t *last_tcp; /* TCP's header of the last */
	uint8_t flags;		 /* of TCP, all together */
	unsigned int length;	 /* of the frame */
	unsigned int pieces;	 /* of memory */
	const uint8_t *end;	 /* of the last piece */
	uint32_t next_sequence;	 /* of the segment that may follow */
};

struct interface {
	struct netif netif; /* first: lwIP gives us a pointer to it */
	struct network_device *device;
	struct interface *next;
	struct log_limit links_said;

	/* Transmission: transmit.c */
	void *waiting[INTERFACE_WAITING_MAX]; /* pbufs, or joined frames */
	unsigned int waiting_first, waiting_count;
	unsigned int in_flight; /* frames lent to the device */
	uint32_t dirty;		/* queues that have frames which the device was not told about */
	uint64_t transmit_dropped;
	uint64_t transmit_copied; /* frames */

	/* Segments that become one frame for the device to cut: joined.c */
	struct interface_joined *joined; /* INTERFACE_JOINED of them; NULL: no device that cuts */
	struct interface_joined *joined_free;
	struct interface_joined *open; /* may get more */

	/* Reception: interface.c */
	uint32_t held;	    /* receive buffers that the stack holds; changed by atomics */
	uint32_t held_most; /* above that frames are copied, so that the device keeps its buffers */
	uint64_t receive_dropped;
	uint64_t receive_copied; /* frames */
	struct interface_queue {
		struct interface *interface;
		unsigned int index;
	} queues[NETWORK_QUEUES_MAX]; /* of the threads */
	/* IP groups behind each address of device->mode.groups, which may be the same for several. */
	uint8_t group_users[NETWORK_GROUPS_MAX];
	unsigned int groups_too_many; /* that found no place there */

	uint16_t vlan; /* whose frames are the only ones, with a tag; 0: frames without a tag are */

	/* Addresses: addresses.c */
	bool wants_dhcp;
	bool address_missing;	   /* the line about it was printed */
	ip4_addr_t logged_address; /* the last that was logged */
};

extern struct interface *interfaces;

/* Makes an interface of the device, in that VLAN or 0, and starts its thread. 0, -ENOMEM. */
int interface_create(struct network_device *device, uint16_t vlan);

/* lwIP's netif->linkoutput */
err_t interface_transmit(struct netif *netif, struct pbuf *frame);
/* Tries again what found no room. */
void interface_drain(struct interface *interface);
/* Tells the device about what was queued: at most one kick. */
void interface_flush(struct interface *interface);
/* The driver's completion. */
void interface_transmitted(struct network_device *device, void *token);

/* What a token of the device stands for: joined frames, or NULL: it is a pbuf. */
struct interface_joined *interface_joined_of(struct interface *interface, void *token);
/* Drops the references to what a token stands for. */
void interface_release(struct interface *interface, void *token);
/* Sends a token, or lets it wait. 0; -EAGAIN: dropped, lwIP shall send it again; else dropped. */
int interface_send(struct interface *interface, void *token);
/* Adds all memory of a pbuf, but for its first bytes, to what is sent. False: too many pieces. */
bool interface_add_pieces(struct interface *interface, struct network_transmit *transmit,
			  const struct pbuf *frame, unsigned int skip);

/* As the device is now: allocates what joining needs, once. joined.c */
void interface_join_init(struct interface *interface);
/*
 * Takes a frame with its reference when it may be part of a joined one. False: it is not, and
 * everything before it was sent.
 */
bool interface_join(struct interface *interface, struct pbuf *frame);
/* No segment follows soon: sends what was joined so far. */
void interface_join_end(struct interface *interface);
/* Describes a joined frame to the device. -EINVAL: it has changed since. */
int interface_join_describe(struct interface *interface, const struct interface_joined *joined,
			    struct network_transmit *transmit);

/*
 * IEEE 802.1Q, between lwIP, which knows no tags here, and the device: vlan.c. Takes the tag of the
 * interface's VLAN off a received frame, whose length changes; false: the frame is of another one.
 */
bool interface_vlan_strip(const struct interface *interface, struct network_buffer *first,
			  uint32_t *length);
/* Puts it in front; false: there is no room. */
bool interface_vlan_tag(const struct interface *interface, struct pbuf *frame);
/* The VLAN that `netboot.vlan=` says, let in by the device; 0: none. Without the core lock. */
uint16_t interface_vlan_open(struct network_device *device);

/* Makes the filter of multicast addresses follow the groups that lwIP joins: filter.c */
void interface_filter_init(struct interface *interface);
/* Tells the neighbours anew where our addresses are (gratuitous ARP, unsolicited advertisement). */
void interface_announce(struct network_device *device);
/* The device has another MAC address. */
void interface_mac_changed(struct interface *interface);

/* The receive buffer in which this pbuf lies, or NULL when it is another kind of pbuf. */
struct network_buffer *interface_receive_buffer(const struct pbuf *pbuf);

/* Begins to get addresses for the interface, which is up. */
void addresses_start(struct interface *interface);
/* To be called after all services listen, and when there is no interface at all. */
void addresses_services_ready(void);
void addresses_no_interface(void);

#endif
