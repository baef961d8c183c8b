/* SPDX-License-Identifier: BSD-2-Clause */
/* The command `ip`: addresses, links and routes, printed as iproute2 does. */
#include "drivers/net/network.h"
#include "kernel/shell/command.h"
#include "lwip/dns.h"
#include "lwip/tcpip.h"
#include "net/lwip/address_text.h"
#include "net/lwip/interface.h"

#include <string.h>

#define LOOPBACK_INDEX 1 /* the others are numbered from the next */

static void print_link(const struct interface *interface, unsigned int number)
{
	const struct netif *netif = &interface->netif;
	bool up = netif_is_up(netif), carrier = netif_is_link_up(netif);

	command_print("%u: %s: <%sBROADCAST,MULTICAST%s%s> mtu %u state %s\n", number,
		      interface->device->name, carrier ? "" : "NO-CARRIER,", up ? ",UP" : "",
		      up && carrier ? ",LOWER_UP" : "", netif->mtu, up && carrier ? "UP" : "DOWN");
	command_print("    link/ether %02x:%02x:%02x:%02x:%02x:%02x brd ff:ff:ff:ff:ff:ff\n",
		      netif->hwaddr[0], netif->hwaddr[1], netif->hwaddr[2], netif->hwaddr[3],
		      netif->hwaddr[4], netif->hwaddr[5]);
}

static void print_ipv6(const struct netif *netif)
{
	struct address_text text;

	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
		u8_t state = netif_ip6_addr_state(netif, i);
		const ip6_addr_t *address = netif_ip6_addr(netif, i);

		if (ip6_addr_isinvalid(state))
			continue;
		command_print("    inet6 %s/64 scope %s%s%s\n", address_text_v6(&text, address),
			      ip6_addr_islinklocal(address) ? "link" : "global",
			      ip6_addr_istentative(state) ? " tentative" : "",
			      ip6_addr_isduplicated(state) ? " dadfailed" : "");
	}
}

static void print_addresses(const struct interface *interface)
{
	const struct netif *netif = &interface->netif;
	const ip4_addr_t *address = netif_ip4_addr(netif);
	struct address_text text;

	if (!ip4_addr_isany(address)) {
		ip4_addr_t broadcast;

		ip4_addr_set_u32(&broadcast, ip4_addr_get_u32(address) |
						     ~ip4_addr_get_u32(netif_ip4_netmask(netif)));
		command_print("    inet %s/%u", address_text_v4(&text, address),
			      address_prefix_length(netif_ip4_netmask(netif)));
		command_print(" brd %s scope global%s %s\n", address_text_v4(&text, &broadcast),
			      interface->wants_dhcp ? " dynamic" : "", interface->device->name);
	}
	print_ipv6(netif);
}

static void print_loopback(bool addresses)
{
	command_print("%u: lo: <LOOPBACK,UP,LOWER_UP> state UNKNOWN\n    link/loopback\n",
		      LOOPBACK_INDEX);
	if (addresses)
		command_print("    inet 127.0.0.1/8 scope host lo\n    inet6 ::1/128 scope host\n");
}

static void print_links(bool addresses)
{
	unsigned int number = LOOPBACK_INDEX;

	print_loopback(addresses);
	for (const struct interface *i = interfaces; i; i = i->next) {
		print_link(i, ++number);
		if (addresses)
			print_addresses(i);
	}
}

static void print_routes(void)
{
	const struct netif *first = netif_default;
	struct address_text text;

	if (first && !ip4_addr_isany(netif_ip4_gw(first)))
		command_print("default via %s dev %s\n",
			      address_text_v4(&text, netif_ip4_gw(first)),
			      ((const struct interface *)first)->device->name);
	for (const struct interface *i = interfaces; i; i = i->next) {
		ip4_addr_t network;

		if (ip4_addr_isany(netif_ip4_addr(&i->netif)))
			continue;
		ip4_addr_get_network(&network, netif_ip4_addr(&i->netif),
				     netif_ip4_netmask(&i->netif));
		command_print("%s/%u dev %s", address_text_v4(&text, &network),
			      address_prefix_length(netif_ip4_netmask(&i->netif)), i->device->name);
		command_print(" scope link src %s\n",
			      address_text_v4(&text, netif_ip4_addr(&i->netif)));
	}
}

static bool is_prefix(const char *word, const char *whole)
{
	return *word && !strncmp(word, whole, strlen(word));
}

static enum command_result command_ip(int argc, char **argv)
{
	const char *object = argc > 1 ? argv[1] : "addr";
	bool addresses = is_prefix(object, "address"), links = is_prefix(object, "link");

	if (argc > 2 || (!addresses && !links && !is_prefix(object, "route")))
		return COMMAND_USAGE;
	LOCK_TCPIP_CORE();
	if (addresses || links)
		print_links(addresses);
	else
		print_routes();
	UNLOCK_TCPIP_CORE();
	return COMMAND_OK;
}

COMMAND(ip, "ip [addr|link|route]", "addresses, links and routes", command_ip);
