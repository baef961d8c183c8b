/* SPDX-License-Identifier: BSD-2-Clause */
/* The command `ip`: addresses, links and routes, printed as iproute2 does. */
#include "drivers/net/network.h"
#include "kernel/shell/command.h"
#include "lwip/dns.h"
#include "lwip/tcpip.h"
#include "net/lwip/address_text.h"
#include "net/lwip/interface.h"

#include <errno.h>
#include <string.h>

#define LOOPBACK_INDEX 1 /* the others are numbered from the next */

static void print_link(const struct interface *interface, unsigned int number)
{
	const struct netif *netif = &interface->netif;
	bool up = netif_is_up(netif), carrier = netif_is_link_up(netif);

	command_print("%u: %s: <%sBROADCAST,MULTICAST%s%s%s%s> mtu %u state %s\n", number,
		      interface->device->name, carrier ? "" : "NO-CARRIER,",
		      interface->device->mode.all_multicast ? ",ALLMULTI" : "",
		      interface->device->mode.promiscuous ? ",PROMISC" : "", up ? ",UP" : "",
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

/* -- Changing a link */

static struct interface *find_interface(const char *name)
{
	for (struct interface *i = interfaces; i; i = i->next)
		if (!strcmp(i->device->name, name))
			return i;
	return NULL;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "52:54:00:12:34:56" */
static bool parse_mac(const char *text, uint8_t mac[6])
{
	if (strlen(text) != 17)
		return false;
	for (unsigned int i = 0; i < 6; i++, text += 3) {
		int high = digit(text[0]), low = digit(text[1]);

		if (high < 0 || low < 0 || (i < 5 && text[2] != ':'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int set_address(struct interface *interface, const uint8_t mac[6])
{
	struct network_device *device = interface->device;
	int error = -EOPNOTSUPP;

	/* The device may be waited for: without the core lock. */
	if (device->operations->set_mac)
		error = device->operations->set_mac(device, mac);
	if (error)
		return error;
	LOCK_TCPIP_CORE();
	interface_mac_changed(interface);
	UNLOCK_TCPIP_CORE();
	return 0;
}

static void set_mode(struct interface *interface, bool *mode, bool on)
{
	struct network_device *device = interface->device;

	LOCK_TCPIP_CORE();
	*mode = on;
	if (device->operations->mode_changed)
		device->operations->mode_changed(device);
	UNLOCK_TCPIP_CORE();
}

/* ip link set DEVICE address MAC | promisc on|off | allmulticast on|off */
static enum command_result command_link_set(char **words)
{
	struct interface *interface = find_interface(words[0]);
	bool on = !strcmp(words[2], "on");
	uint8_t mac[6];
	int error;

	if (!interface) {
		command_print("Cannot find device \"%s\"\n", words[0]);
		return COMMAND_FAILED;
	}
	if (!strcmp(words[1], "address")) {
		if (!parse_mac(words[2], mac))
			return COMMAND_USAGE;
		error = set_address(interface, mac);
		if (error)
			command_print("%s: the address is not changed: %s\n", words[0],
				      network_error_text(error));
		return error ? COMMAND_FAILED : COMMAND_OK;
	}
	if (!on && strcmp(words[2], "off"))
		return COMMAND_USAGE;
	if (!strcmp(words[1], "promisc"))
		set_mode(interface, &interface->device->mode.promiscuous, on);
	else if (!strcmp(words[1], "allmulticast"))
		set_mode(interface, &interface->device->mode.all_multicast, on);
	else
		return COMMAND_USAGE;
	return COMMAND_OK;
}

static bool is_prefix(const char *word, const char *whole)
{
	return *word && !strncmp(word, whole, strlen(word));
}

static enum command_result command_ip(int argc, char **argv)
{
	const char *object = argc > 1 ? argv[1] : "addr";
	bool addresses = is_prefix(object, "address"), links = is_prefix(object, "link");

	if (links && argc == 6 && !strcmp(argv[2], "set"))
		return command_link_set(argv + 3);
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

COMMAND(ip,
	"ip [addr|link|route] | ip link set DEVICE address MAC | promisc on|off | allmulticast on|off",
	"addresses, links and routes; changes a link", command_ip);
