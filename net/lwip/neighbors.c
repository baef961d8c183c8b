/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv6 neighbour discovery, as far as lwIP believes too much of what comes, or has no end (the Makefile gives its functions other
 * names, so that calls come here first):
 *
 * - The largest packet on the way to a destination is what a router tells (ICMPv6 Packet Too Big), whatever that is: less
 *   than an IPv6 link may carry (RFC 8201, 4: not to be believed), for which it cuts fragments of nothing without end; and
 *   more than our link carries.
 * - Messages may not come in fragments (RFC 6980, 5): it looks for options in the first piece only. And each option has a
 *   length (RFC 4861, 4.6): it reads one of length 0 as if it were whole.
 * - A redirect to nowhere (RFC 4861, 8.1): what is sent there would wait for a neighbour that it neither asks for nor
 *   forgets.
 * - An advertisement to all, of an address that we have, says that another has it too. While we ask for that we must not
 *   take it (RFC 4862, 5.4.4); later, anybody could end our IPv6 with it.
 * - Packets that wait for neighbours take as many places as there is memory, which MEMP_NUM_ND6_QUEUE is to bound. And those
 *   that a message, or the timer, sends on their way may wait for another neighbour then, whose place is that of the first (a
 *   redirect said so): it would send and queue them without end. So each may queue only so many.
 */
#define LOG_AREA "network"
#include "kernel/console/log.h"
#include "kernel/console/log_limit.h"
#include "lwip/ip.h"
#include "lwip/ip6.h"
#include "lwip/nd6.h"
#include "lwip/netif.h"
#include "lwip/priv/nd6_priv.h"
#include "lwip/prot/icmp6.h"
#include "lwip/prot/nd6.h"
#include "net/lwip/address_text.h"
#include "net/lwip/memory.h"

#include <stdbool.h>
#include <string.h>

/* What lwIP calls nd6_get_destination_mtu() and so on. */
u16_t nd6_get_destination_mtu_told(const ip6_addr_t *address, struct netif *netif);
void nd6_input_now(struct pbuf *message, struct netif *netif);
void nd6_tmr_now(void);

/* What it has for memp_malloc() and memp_free(); `type` is MEMP_ND6_QUEUE. */
void *neighbor_place_alloc(memp_t type);
void neighbor_place_free(memp_t type, void *memory);

/* Under the core lock. */
static unsigned int places_taken; /* now */
static bool bounded;		  /* a message or the timer may take only so many */
static unsigned int taken_by;	  /* it */
static struct log_limit claims_said;

u16_t nd6_get_destination_mtu(const ip6_addr_t *address, struct netif *netif)
{
	u16_t mtu = nd6_get_destination_mtu_told(address, netif);

	if (mtu < IP6_MIN_MTU_LENGTH)
		mtu = IP6_MIN_MTU_LENGTH;
	return netif && mtu > netif_mtu6(netif) ? netif_mtu6(netif) : mtu;
}

void *neighbor_place_alloc(memp_t type)
{
	void *place;

	(void)type;
	if (places_taken == MEMP_NUM_ND6_QUEUE || (bounded && taken_by == MEMP_NUM_ND6_QUEUE))
		return NULL;
	place = network_memory_alloc(sizeof(struct nd6_q_entry));
	places_taken += place != NULL;
	taken_by += place != NULL;
	return place;
}

void neighbor_place_free(memp_t type, void *memory)
{
	(void)type;
	places_taken--;
	network_memory_free(memory);
}

static bool leads_nowhere(const struct pbuf *message)
{
	struct redirect_header redirect;
	ip6_addr_t target;

	memcpy(&redirect, message->payload, sizeof(redirect));
	ip6_addr_copy_from_packed(target, redirect.target_address);
	return ip6_addr_isany(&target) || ip6_addr_ismulticast(&target);
}

/* Another says to all that it has an address of ours, which we did not ask for now. */
static bool claims_ours(const struct pbuf *message, const struct netif *netif)
{
	struct na_header advertisement;
	struct address_text text;
	ip6_addr_t target;

	if (!ip6_addr_ismulticast(ip6_current_dest_addr()))
		return false;
	memcpy(&advertisement, message->payload, sizeof(advertisement));
	ip6_addr_copy_from_packed(target, advertisement.target_address);
	for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
		if (!ip6_addr_isvalid(netif_ip6_addr_state(netif, i)) ||
		    !ip6_addr_cmp_zoneless(&target, netif_ip6_addr(netif, i)))
			continue;
		if (log_limit_allows(&claims_said, LOG_AREA, "IPv6"))
			log_warning("another host says that it has our address %s",
				    address_text_v6(&text, netif_ip6_addr(netif, i)));
		return true;
	}
	return false;
}

/* Whether all behind the first `length` bytes are options with a length that lie in the message. */
static bool options_whole(const struct pbuf *message, size_t length)
{
	const uint8_t *bytes = message->payload;

	while (length + 2 <= message->len && bytes[length + 1])
		length += 8u * bytes[length + 1];
	return length == message->len;
}

static bool refused(const struct pbuf *message, const struct netif *netif)
{
	uint8_t type = *(const uint8_t *)message->payload;
	size_t length = type == ICMP6_TYPE_NA	? sizeof(struct na_header)
			: type == ICMP6_TYPE_NS ? sizeof(struct ns_header)
			: type == ICMP6_TYPE_RA ? sizeof(struct ra_header)
			: type == ICMP6_TYPE_RD ? sizeof(struct redirect_header)
						: 0;

	if (!length)
		return false;
	if (message->next || IP6H_HOPLIM(ip6_current_header()) != ND6_HOPLIM ||
	    !options_whole(message, length))
		return true;
	return (type == ICMP6_TYPE_NA && claims_ours(message, netif)) ||
	       (type == ICMP6_TYPE_RD && leads_nowhere(message));
}

void nd6_input(struct pbuf *message, struct netif *netif)
{
	if (refused(message, netif)) {
		ND6_STATS_INC(nd6.drop);
		pbuf_free(message);
		return;
	}
	bounded = true;
	taken_by = 0;
	nd6_input_now(message, netif);
	bounded = false;
}

void nd6_tmr(void)
{
	bounded = true;
	taken_by = 0;
	nd6_tmr_now();
	bounded = false;
}
