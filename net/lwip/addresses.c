/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which addresses an interface has, and when the machine is ready: that is the moment at which an
 * interface has an address and all services listen.
 *
 * IPv4 as `ip=` says. IPv6 is always there where the link can carry it: a link-local address, and
 * what routers advertise (SLAAC). With ip=off the first IPv6 address is the one that counts.
 */
#include "kernel/console/log.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "lwip/dhcp.h"
#include "lwip/prot/dhcp.h"
#include "lwip/tcpip.h"
#include "lwip/timeouts.h"
#include "net/lwip/address_option.h"
#include "net/lwip/address_text.h"
#include "net/lwip/interface.h"
#include "net/lwip/stack.h"

#include <string.h>

#define MTU_OF_DHCP 576 /* dhcp_start() wants no less */
#define LOG_AREA "network"
#define ADDRESS_PATIENCE_MS 10000u
#define IPV6_MTU_MIN 1280

static bool check_ip(const char *value)
{
	struct address_option option;

	return address_option_parse(value, &option);
}

OPTION(ip, "ip", "dhcp|off|ADDR/LEN[,GATEWAY]", "how eth0 gets its IPv4 address (default: dhcp)",
       check_ip);

static bool services_ready, ready, given_up;
static uint64_t ready_after;
static struct address_text ready_address;
static struct wait_queue waiters = WAIT_QUEUE_INIT;

bool network_stack_wait(uint64_t timeout)
{
	(void)wait_event_timeout(&waiters,
				 __atomic_load_n(&ready, __ATOMIC_ACQUIRE) ||
					 __atomic_load_n(&given_up, __ATOMIC_ACQUIRE),
				 timeout);
	return ready;
}

const char *network_stack_ready(uint64_t *after)
{
	if (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		return NULL;
	*after = ready_after;
	return ready_address.text;
}

static void say_ready(const char *address)
{
	uint64_t microseconds;

	ready_after = clock_monotonic();
	strncpy(ready_address.text, address, sizeof(ready_address.text) - 1);
	microseconds = ready_after / NANOSECONDS_PER_MICROSECOND;
	log_print(LOG_NOTICE, "ringside", "ready %s in %u.%u ms", address,
		  (unsigned int)(microseconds / 1000), (unsigned int)(microseconds / 100 % 10));
	/* From here on: what getting an address took is nobody's data. */
	__atomic_store_n(&network_bytes_copied, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&ready, true, __ATOMIC_RELEASE);
	wait_wake(&waiters);
}

static void give_up(void)
{
	__atomic_store_n(&given_up, true, __ATOMIC_RELEASE);
	wait_wake(&waiters);
}

/* The first IPv6 address that may be used, or NULL. */
static const ip6_addr_t *ipv6_address(const struct netif *netif)
{
	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)))
			return netif_ip6_addr(netif, i);
	return NULL;
}

static bool is_off(void)
{
	struct address_option option;

	return address_option_parse(option_get("ip", "dhcp"), &option) &&
	       option.method == ADDRESS_OFF;
}

static void check_ready(void)
{
	struct address_text text;

	if (ready || !services_ready)
		return;
	for (struct interface *i = interfaces; i; i = i->next) {
		if (!ip4_addr_isany(netif_ip4_addr(&i->netif))) {
			say_ready(address_text_v4(&text, netif_ip4_addr(&i->netif)));
			return;
		}
		if (is_off() && ipv6_address(&i->netif)) {
			say_ready(address_text_v6(&text, ipv6_address(&i->netif)));
			return;
		}
	}
}

void addresses_services_ready(void)
{
	services_ready = true;
	check_ready();
}

void addresses_no_interface(void)
{
	log_print(LOG_NOTICE, "ringside",
		  "no address: there is no network device that can be driven");
	give_up();
}

/* lwIP's callback for a change of any address. */
static void status_changed(struct netif *netif)
{
	struct interface *interface = (struct interface *)netif;
	struct address_text text;

	/* This is called for IPv6 too. */
	if (!ip4_addr_isany(netif_ip4_addr(netif)) &&
	    !ip4_addr_cmp(netif_ip4_addr(netif), &interface->logged_address))
		log_info("%s: address %s", interface->device->name,
			 address_text_v4(&text, netif_ip4_addr(netif)));
	interface->logged_address = *netif_ip4_addr(netif);
	check_ready();
}

/* Time is over: says once why there is no address. The search for one goes on. */
static void say_missing(void *argument)
{
	struct interface *interface = argument;
	struct netif *netif = &interface->netif;
	const struct dhcp *dhcp = netif_dhcp_data(netif);

	if (!ip4_addr_isany(netif_ip4_addr(netif)) || interface->address_missing)
		return;
	interface->address_missing = true;
	if (!netif_is_link_up(netif))
		log_print(LOG_NOTICE, "ringside", "no address on %s: the link is down",
			  interface->device->name);
	else if (!dhcp && netif->mtu >= MTU_OF_DHCP)
		log_print(LOG_NOTICE, "ringside", "no address on %s: there is no memory for DHCP",
			  interface->device->name);
	else if (!dhcp)
		log_print(LOG_NOTICE, "ringside",
			  "no address on %s: DHCP does not work with an MTU of %u",
			  interface->device->name, netif->mtu);
	else
		log_print(LOG_NOTICE, "ringside", "no address on %s: no answer to %u DHCP requests",
			  interface->device->name, dhcp->tries);
	give_up();
}

static void start_ipv6(struct netif *netif)
{
	if (netif->mtu < IPV6_MTU_MIN)
		return;
	netif_create_ip6_linklocal_address(netif, 1);
	netif_set_ip6_autoconfig_enabled(netif, 1);
}

void addresses_start(struct interface *interface)
{
	struct netif *netif = &interface->netif;
	struct address_option option = {.method = ADDRESS_DHCP};
	const char *value = option_get("ip", "dhcp");

	address_option_parse(value, &option);
	netif_set_status_callback(netif, status_changed);
	/* The option's address is that of the first interface; others ask. */
	if (option.method == ADDRESS_STATIC && interface == interfaces) {
		ip4_addr_t address = {lwip_htonl(option.address)};
		ip4_addr_t netmask = {lwip_htonl(option.netmask)};
		ip4_addr_t gateway = {lwip_htonl(option.gateway)};

		netif_set_addr(netif, &address, &netmask, &gateway);
	} else if (option.method != ADDRESS_OFF) {
		interface->wants_dhcp = true;
		/* It refuses an MTU that its messages do not fit in, and may lack memory: nothing to wait for. */
		sys_timeout(dhcp_start(netif) == ERR_OK ? ADDRESS_PATIENCE_MS : 0, say_missing,
			    interface);
	}
	start_ipv6(netif);
}
