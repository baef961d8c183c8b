/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each fragment but the last holds a multiple of eight bytes (RFC 791, 3.2). lwIP takes one for the last when the rest would
 * fit otherwise, and loses up to seven bytes of it: so it hears of a link that carries such a multiple.
 */
#include "lwip/ip4_frag.h"
#include "lwip/netif.h"
#include "lwip/prot/ip4.h"

/* What lwIP calls ip4_frag(): the Makefile gives it this name, so that calls come here. */
err_t ip4_frag_now(struct pbuf *packet, struct netif *netif, const ip4_addr_t *to);

err_t ip4_frag(struct pbuf *packet, struct netif *netif, const ip4_addr_t *to)
{
	u16_t mtu = netif->mtu;
	err_t result;

	netif->mtu = (u16_t)(IP_HLEN + (mtu - IP_HLEN) / 8 * 8);
	result = ip4_frag_now(packet, netif, to);
	netif->mtu = mtu;
	return result;
}
