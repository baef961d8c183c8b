/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The largest packet on the way to an IPv6 destination. lwIP believes what a router tells (ICMPv6 Packet Too Big), whatever it
 * is: less than an IPv6 link may carry (RFC 8201, 4: not to be believed), for which it cuts fragments of nothing without end;
 * and more than our link carries.
 */
#include "lwip/ip6.h"
#include "lwip/nd6.h"
#include "lwip/netif.h"

/* What lwIP calls nd6_get_destination_mtu(): the Makefile gives it this name in nd6.c, so that all others come here. */
u16_t nd6_get_destination_mtu_told(const ip6_addr_t *address, struct netif *netif);

u16_t nd6_get_destination_mtu(const ip6_addr_t *address, struct netif *netif)
{
	u16_t mtu = nd6_get_destination_mtu_told(address, netif);

	if (mtu < IP6_MIN_MTU_LENGTH)
		mtu = IP6_MIN_MTU_LENGTH;
	return netif && mtu > netif_mtu6(netif) ? netif_mtu6(netif) : mtu;
}
