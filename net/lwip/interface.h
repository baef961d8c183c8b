/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between lwIP's netifs and network devices. interface.c receives, transmit.c sends, addresses.c
 * gets addresses. All functions want the core lock, unless they say otherwise.
 */
#ifndef NET_LWIP_INTERFACE_H
#define NET_LWIP_INTERFACE_H

#include "drivers/net/network.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"

#include <stdbool.h>
#include <stdint.h>

/* Frames that wait for room in the transmit ring. */
#define INTERFACE_WAITING_MAX 512

struct interface {
	struct netif netif; /* first: lwIP gives us a pointer to it */
	struct network_device *device;
	struct interface *next;

	/* Transmission: transmit.c */
	struct pbuf *waiting[INTERFACE_WAITING_MAX];
	unsigned int waiting_first, waiting_count;
	unsigned int in_flight; /* frames lent to the device */
	uint32_t dirty;		/* queues that have frames which the device was not told about */
	uint64_t transmit_dropped;
	uint64_t transmit_copied; /* frames */

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

	/* Addresses: addresses.c */
	bool wants_dhcp;
	bool address_missing;	   /* the line about it was printed */
	ip4_addr_t logged_address; /* the last that was logged */
};

extern struct interface *interfaces;

/* Makes an interface of the device and starts its thread. 0, -ENOMEM. */
int interface_create(struct network_device *device);

/* lwIP's netif->linkoutput */
err_t interface_transmit(struct netif *netif, struct pbuf *frame);
/* Tries again what found no room. */
void interface_drain(struct interface *interface);
/* Tells the device about what was queued: at most one kick. */
void interface_flush(struct interface *interface);
/* The driver's completion. */
void interface_transmitted(struct network_device *device, void *token);

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
