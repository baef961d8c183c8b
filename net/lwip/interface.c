/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving: a thread for each pair of queues, on the CPU that takes its interrupts, sleeps until there
 * is something, then takes frames in batches under the core lock. A receive buffer becomes a pbuf where it lies (the pbuf stands in front of it), goes up
 * the stack, and returns to the driver when the last reference to it is dropped, whoever does that.
 */
#include "net/lwip/interface.h"

#include "kernel/console/log.h"
#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/mem.h"
#include "lwip/prot/ip.h"
#include "lwip/prot/ip6.h"
#include "lwip/tcpip.h"
#include "lwip/timeouts.h"
#include "lwip_hooks.h"
#include "net/lwip/batch.h"
#include "net/lwip/connection.h"
#include "net/lwip/guard.h"
#include "net/lwip/memory.h"
#include "net/lwip/recovery.h"
#include "netif/ethernet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOG_AREA "network"
#define BUDGET 64
/*
 * While frames are lent to the device, it is asked so often whether it is done, even without
 * interrupt.
 */
#define COMPLETION_INTERVAL (100 * NANOSECONDS_PER_MILLISECOND)
#define RECEIVE_STACK (32u << 10)
#define FRAME_MAX UINT16_MAX /* of lwIP's lengths */
#define MTU_MIN 68	     /* of IPv4 */
/* Buffers that the stack may hold of a driver that does not say how many it has. */
#define HELD_DEFAULT 128
#define SHORT_FRAME 256
#define EXTENSION_HEADERS_MAX 8

struct interface *interfaces;
bool network_frame_joined;

_Static_assert(sizeof(struct pbuf_custom) <= NETWORK_STACK_PRIVATE, "the pbuf fits in front");

static void receive_buffer_free(struct pbuf *pbuf)
{
	struct network_buffer *buffer = (struct network_buffer *)(void *)pbuf;
	struct interface *interface = buffer->device->stack;

	__atomic_fetch_sub(&interface->held, 1, __ATOMIC_RELAXED);
	network_buffer_free(buffer);
}

struct network_buffer *interface_receive_buffer(const struct pbuf *pbuf)
{
	const struct pbuf_custom *custom = (const void *)pbuf;

	if (!(pbuf->flags & PBUF_FLAG_IS_CUSTOM) ||
	    custom->custom_free_function != receive_buffer_free)
		return NULL;
	return (struct network_buffer *)(uintptr_t)pbuf;
}

/*
 * The frame as a chain of pbufs that are the buffers themselves. Lengths were checked by the
 * caller.
 */
static struct pbuf *adopt(struct interface *interface, struct network_buffer *buffer,
			  uint32_t total)
{
	struct pbuf *first = NULL, **link = &first;

	while (buffer) {
		struct network_buffer *next = buffer->next;
		struct pbuf_custom *custom = (struct pbuf_custom *)(void *)buffer->stack_private;
		struct pbuf *pbuf;

		custom->custom_free_function = receive_buffer_free;
		/*
		 * As if allocated in one piece with its data: headers may be put back in front of
		 * it.
		 */
		pbuf = pbuf_alloced_custom(PBUF_RAW, (u16_t)buffer->length, PBUF_RAM, custom,
					   buffer->data, (u16_t)buffer->length);
		pbuf->tot_len = (u16_t)total;
		total -= buffer->length;
		__atomic_fetch_add(&interface->held, 1, __ATOMIC_RELAXED);
		*link = pbuf;
		link = &pbuf->next;
		buffer = next;
	}
	return first;
}

/*
 * The frame in memory of the stack's own; the buffers go back at once. NULL when there is no
 * memory.
 */
static struct pbuf *copy(struct interface *interface, struct network_buffer *chain, uint32_t total)
{
	struct pbuf *pbuf = NULL;
	uint32_t offset = 0;

	/*
	 * Data that nobody reads must not take the memory that short frames (ARP, ACK, SYN) need.
	 */
	if (total <= SHORT_FRAME || !network_memory_low())
		pbuf = pbuf_alloc(PBUF_RAW, (u16_t)total, PBUF_RAM);

	for (struct network_buffer *buffer = chain; pbuf && buffer; buffer = buffer->next) {
		MEMCPY((uint8_t *)pbuf->payload + offset, buffer->data, buffer->length);
		offset += buffer->length;
	}
	network_buffer_free_chain(chain);
	interface->receive_copied += pbuf != NULL;
	return pbuf;
}

/*
 * Whether all of a TCP or UDP packet is in this frame: what a device says of a part says nothing.
 */
static bool is_whole(const struct pbuf *frame)
{
	const uint8_t *bytes = frame->payload;
	uint16_t type;

	if (frame->len < SIZEOF_ETH_HDR + IP_HLEN)
		return false;
	type = (uint16_t)(bytes[12] << 8 | bytes[13]);
	bytes += SIZEOF_ETH_HDR;
	if (type == ETHTYPE_IP)
		return (bytes[6] & 0x3f) == 0 && bytes[7] == 0; /* no more fragments, offset 0 */
	if (type == ETHTYPE_IPV6 && frame->len >= SIZEOF_ETH_HDR + IP6_HLEN) {
		unsigned int left = frame->len - SIZEOF_ETH_HDR, offset = IP6_HLEN;
		uint8_t header = bytes[6];

		for (unsigned int i = 0; i < EXTENSION_HEADERS_MAX; i++) {
			if (header == IP6_NEXTH_TCP || header == IP6_NEXTH_UDP)
				return true;
			if (header != IP6_NEXTH_HOPBYHOP && header != IP6_NEXTH_ROUTING &&
			    header != IP6_NEXTH_DESTOPTS)
				return false;
			if (offset + 8 > left)
				return false;
			header = bytes[offset];
			offset += (bytes[offset + 1] + 1u) * 8;
		}
	}
	return false;
}

/* The driver's upcall, from poll() and therefore under the core lock. */
static void receive(struct network_device *device, struct network_buffer *chain,
		    const struct network_receive_info *info)
{
	struct interface *interface = device->stack;
	struct netif *netif = &interface->netif;
	uint32_t total = 0;
	struct pbuf *frame;
	u16_t checks;

	for (struct network_buffer *buffer = chain; buffer; buffer = buffer->next) {
		total += buffer->length;
		if (buffer->length > FRAME_MAX || total > FRAME_MAX)
			break;
	}
	if (total > FRAME_MAX || total != info->length || total <= SIZEOF_ETH_HDR ||
	    (interface->vlan && !interface_vlan_strip(interface, chain, &total))) {
		interface->receive_dropped++;
		network_buffer_free_chain(chain);
		return;
	}
	if (__atomic_load_n(&interface->held, __ATOMIC_RELAXED) >= interface->held_most ||
	    guard_frame_scattered(chain->length, total))
		frame = copy(interface, chain, total);
	else
		frame = adopt(interface, chain, total);
	if (!frame) {
		interface->receive_dropped++;
		return;
	}
	if (guard_frame_refused(frame)) {
		interface->receive_dropped++;
		pbuf_free(frame);
		return;
	}
	checks = NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP;
	if (info->checksum_good && is_whole(frame))
		netif->chksum_flags &= (u16_t)~checks;
	else
		netif->chksum_flags |= checks;
	network_frame_joined = info->joined;
	if (ethernet_input(frame, netif) != ERR_OK)
		pbuf_free(frame);
	network_frame_joined = false; /* what comes by the loopback interface is not */
	recovery_finish();
}

/* What the device does may be less after it was reset. */
static void settings_of_device(struct interface *interface)
{
	const struct network_device *device = interface->device;
	struct netif *netif = &interface->netif;

	netif->mtu = device->mtu < MTU_MIN ? MTU_MIN : device->mtu;
	if (netif->mtu > FRAME_MAX - SIZEOF_ETH_HDR)
		netif->mtu = FRAME_MAX - SIZEOF_ETH_HDR;
	/*
	 * TCP only: lwIP cuts UDP datagrams into fragments after it made their checksum, and the
	 * sum of a datagram in many frames is not a thing that a device can fill in.
	 */
	if (device->checksum_transmit && !interface->vlan)
		netif->chksum_flags &= (u16_t)~NETIF_CHECKSUM_GEN_TCP;
	else
		netif->chksum_flags |= NETIF_CHECKSUM_GEN_TCP;
	interface_join_init(interface);
}

static void link_set(struct interface *interface, bool up)
{
	struct netif *netif = &interface->netif;

	if (up == !!netif_is_link_up(netif))
		return;
	if (log_limit_allows(&interface->links_said, LOG_AREA, interface->device->name))
		log_print(LOG_NOTICE, interface->device->name, up ? "link up" : "link down");
	settings_of_device(interface);
	if (!up) {
		netif_set_link_down(netif);
		return;
	}
	/* Asks for the lease again, announces us to the neighbours. */
	netif_set_link_up(netif);
	connections_acknowledge(netif);
}

/*
 * One batch of one pair of queues. True: more may be there. Answers are sent before the device is
 * asked for an interrupt, so that one is not asked for in vain.
 */
static bool poll_queue(struct interface *interface, unsigned int queue)
{
	struct network_device *device = interface->device;
	bool more;

	LOCK_TCPIP_CORE();
	batch_begin();
	more = device->operations->poll(device, queue, BUDGET) >= BUDGET;
	batch_end();
	interface_drain(interface);
	interface_flush(interface);
	more = more || device->operations->arm(device, queue);
	UNLOCK_TCPIP_CORE();
	return more;
}

static void look_at_link(struct interface *interface, uint32_t events)
{
	LOCK_TCPIP_CORE();
	if (events & NETWORK_EVENT_STOPPED)
		link_set(interface, false); /* it may be back already */
	link_set(interface, interface->device->link_up);
	UNLOCK_TCPIP_CORE();
}

static void receive_thread(void *argument)
{
	const struct interface_queue *own = argument;
	struct interface *interface = own->interface;
	struct network_queue *queue = &interface->device->queues[own->index];

	for (;;) {
		uint32_t events = __atomic_exchange_n(&queue->events, 0, __ATOMIC_ACQ_REL);

		if (events & (NETWORK_EVENT_STOPPED | NETWORK_EVENT_LINK))
			look_at_link(interface, events);
		if (poll_queue(interface, own->index)) {
			thread_yield();
			continue;
		}
		wait_event_timeout(&queue->wait, __atomic_load_n(&queue->events, __ATOMIC_ACQUIRE),
				   interface->in_flight ? COMPLETION_INTERVAL
							: NANOSECONDS_PER_SECOND);
	}
}

/* A thread on CPU n for pair n; without a CPU of its own it runs on the first. */
static int start_thread(struct interface *interface, unsigned int index)
{
	struct interface_queue *own = &interface->queues[index];
	struct thread_options options = {.cpu = index % thread_cpu_count(),
					 .stack_size = RECEIVE_STACK};
	char name[THREAD_NAME_MAX];
	struct thread *thread;

	own->interface = interface;
	own->index = index;
	if (index)
		sniprintf(name, sizeof(name), "%s-%u", interface->device->name, index);
	else
		sniprintf(name, sizeof(name), "%s", interface->device->name);
	thread = thread_create(name, receive_thread, own, &options);
	if (!thread)
		return -ENOMEM;
	thread_detach(thread);
	return 0;
}

static err_t interface_init(struct netif *netif)
{
	struct interface *interface = (struct interface *)netif;
	struct network_device *device = interface->device;

	netif->name[0] = 'e';
	netif->name[1] = 'n';
	netif->hostname = "ringside";
	netif->hwaddr_len = ETH_HWADDR_LEN;
	memcpy(netif->hwaddr, device->mac, ETH_HWADDR_LEN);
	settings_of_device(interface);
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET |
		       NETIF_FLAG_MLD6 | NETIF_FLAG_IGMP;
	interface_filter_init(interface);
	netif->output = etharp_output;
	netif->output_ip6 = ethip6_output;
	netif->linkoutput = interface_transmit;
	if (device->link_up)
		netif->flags |= NETIF_FLAG_LINK_UP;
	return ERR_OK;
}

static void stack_lock(struct network_device *device)
{
	(void)device;
	LOCK_TCPIP_CORE();
}

static void stack_unlock(struct network_device *device)
{
	(void)device;
	UNLOCK_TCPIP_CORE();
}

static void watch(void *context)
{
	struct interface *interface = context;

	interface->device->operations->watch(interface->device);
	sys_timeout(NETWORK_WATCH_SECONDS * 1000, watch, interface);
}

int interface_create(struct network_device *device, uint16_t vlan)
{
	struct interface *interface = mem_calloc(1, sizeof(*interface));
	struct interface **link = &interfaces;

	if (!interface)
		return -ENOMEM;
	interface->device = device;
	interface->vlan = vlan;
	interface->held_most = device->receive_buffers ? device->receive_buffers / 2 : HELD_DEFAULT;
	if (!netif_add_noaddr(&interface->netif, NULL, interface_init, ethernet_input)) {
		mem_free(interface);
		return -ENOMEM;
	}
	if (start_thread(interface, 0)) {
		netif_remove(&interface->netif);
		mem_free(interface);
		return -ENOMEM;
	}
	device->stack = interface;
	device->stack_bytes_copied = &network_bytes_copied;
	device->stack_receive_dropped = &interface->receive_dropped;
	device->stack_transmit_dropped = &interface->transmit_dropped;
	device->stack_lock = stack_lock;
	device->stack_unlock = stack_unlock;
	device->receive = receive;
	device->transmitted = interface_transmitted;
	device->announce = interface_announce;
	for (unsigned int i = 1; i < device->queue_pairs; i++)
		if (start_thread(interface, i))
			log_error("%s: no thread for pair %u of its queues", device->name, i);
	while (*link)
		link = &(*link)->next;
	*link = interface;
	if (!netif_default)
		netif_set_default(&interface->netif);
	netif_set_up(&interface->netif);
	if (!device->link_up)
		log_print(LOG_NOTICE, device->name, "link down");
	if (device->operations->watch)
		sys_timeout(NETWORK_WATCH_SECONDS * 1000, watch, interface);
	return 0;
}
