/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an interface is to hear, and how others hear where it is: the filter of multicast addresses,
 * which follows the groups that lwIP joins, and announcements.
 */
#include "lwip/etharp.h"
#include "lwip/icmp6.h"
#include "lwip/igmp.h"
#include "lwip/inet_chksum.h"
#include "lwip/ip6.h"
#include "lwip/mld6.h"
#include "lwip/prot/icmp6.h"
#include "lwip/prot/ip6.h"
#include "lwip/prot/nd6.h"
#include "net/lwip/interface.h"

#include <string.h>

/* -- Groups */

/* One more IP group of this address, or one less. The device's filter changes with the first and the
 * last. */
static void group_add(struct interface *interface, const uint8_t address[6])
{
	struct network_receive_mode *mode = &interface->device->mode;
	unsigned int i = 0;

	while (i < mode->group_count && memcmp(mode->groups[i], address, 6))
		i++;
	if (i < mode->group_count) {
		interface->group_users[i]++;
	} else if (i == NETWORK_GROUPS_MAX) {
		interface->groups_too_many++;
		mode->all_multicast = true;
	} else {
		memcpy(mode->groups[i], address, 6);
		interface->group_users[i] = 1;
		mode->group_count++;
	}
}

static void group_remove(struct interface *interface, const uint8_t address[6])
{
	struct network_receive_mode *mode = &interface->device->mode;
	unsigned int last = mode->group_count - 1;

	for (unsigned int i = 0; i < mode->group_count; i++) {
		if (memcmp(mode->groups[i], address, 6))
			continue;
		if (--interface->group_users[i])
			return;
		memcpy(mode->groups[i], mode->groups[last], 6);
		interface->group_users[i] = interface->group_users[last];
		mode->group_count--;
		return;
	}
	if (interface->groups_too_many && !--interface->groups_too_many)
		mode->all_multicast = false;
}

static err_t change(struct interface *interface, const uint8_t address[6],
		    enum netif_mac_filter_action action)
{
	struct network_device *device = interface->device;

	if (action == NETIF_ADD_MAC_FILTER)
		group_add(interface, address);
	else
		group_remove(interface, address);
	if (device->operations->mode_changed)
		device->operations->mode_changed(device);
	return ERR_OK;
}

/* RFC 1112, 6.4: the low 23 bits of the group. */
static err_t filter_ipv4(struct netif *netif, const ip4_addr_t *group,
			 enum netif_mac_filter_action action)
{
	const uint8_t address[6] = {
		0x01, 0x00, 0x5e, ip4_addr2(group) & 0x7f, ip4_addr3(group), ip4_addr4(group)};

	return change((struct interface *)netif, address, action);
}

/* RFC 2464, 7: the low 32 bits. */
static err_t filter_ipv6(struct netif *netif, const ip6_addr_t *group,
			 enum netif_mac_filter_action action)
{
	uint8_t address[6] = {0x33, 0x33};

	memcpy(address + 2, &group->addr[3], 4);
	return change((struct interface *)netif, address, action);
}

void interface_filter_init(struct interface *interface)
{
	struct netif *netif = &interface->netif;
	ip6_addr_t all_nodes;

	netif_set_igmp_mac_filter(netif, filter_ipv4);
	netif_set_mld_mac_filter(netif, filter_ipv6);
	/* Nobody joins the group of all nodes: everybody is in it. */
	ip6_addr_set_allnodes_linklocal(&all_nodes);
	filter_ipv6(netif, &all_nodes, NETIF_ADD_MAC_FILTER);
}

/* -- Announcements */

/* An unsolicited neighbour advertisement (RFC 4861, 7.2.6) of one address. */
static void advertise(struct netif *netif, const ip6_addr_t *address)
{
	struct {
		struct na_header header;
		struct lladdr_option option;
	} * message;
	struct pbuf *packet = pbuf_alloc(PBUF_IP, sizeof(*message), PBUF_RAM);
	ip6_addr_t all_nodes;

	if (!packet)
		return;
	message = packet->payload;
	memset(message, 0, sizeof(*message));
	message->header.type = ICMP6_TYPE_NA;
	message->header.flags = ND6_FLAG_OVERRIDE;
	ip6_addr_copy_to_packed(message->header.target_address, *address);
	message->option.type = ND6_OPTION_TYPE_TARGET_LLADDR;
	message->option.length = 1; /* of 8 bytes */
	memcpy(message->option.addr, netif->hwaddr, netif->hwaddr_len);
	ip6_addr_set_allnodes_linklocal(&all_nodes);
	ip6_addr_assign_zone(&all_nodes, IP6_MULTICAST, netif);
	message->header.chksum =
		ip6_chksum_pseudo(packet, IP6_NEXTH_ICMP6, packet->len, address, &all_nodes);
	ip6_output_if(packet, address, &all_nodes, 255, 0, IP6_NEXTH_ICMP6, netif);
	pbuf_free(packet);
}

void interface_announce(struct network_device *device)
{
	struct interface *interface = device->stack;
	struct netif *netif = &interface->netif;

	if (!netif_is_up(netif) || !netif_is_link_up(netif))
		return;
	if (!ip4_addr_isany(netif_ip4_addr(netif)))
		etharp_gratuitous(netif);
	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)))
			advertise(netif, netif_ip6_addr(netif, i));
}

void interface_mac_changed(struct interface *interface)
{
	memcpy(interface->netif.hwaddr, interface->device->mac, ETH_HWADDR_LEN);
	interface_announce(interface->device);
}
