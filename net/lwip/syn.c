/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lwIP's TCP would do wrong with a SYN, put right before it sees it.
 *
 * A client that uses its port again: its SYN meets what we remember of the connection before
 * (TIME-WAIT, half a minute), and lwIP answers that one, so that nothing gets through until it is
 * forgotten. RFC 9293, 3.6.1 lets the SYN open anew when it begins after all that was received: no
 * straggler of the old connection can be mistaken for the new one's then. And what is remembered has an end:
 * each packet for no connection is looked for among all of them.
 *
 * A listener whose places for half-open connections are all taken drops the SYN, so that whoever sends many
 * of them and answers nothing keeps all others out. Here the oldest half-open one makes room instead: a
 * client that is there answers within its round trip. Nor do such SYNs fill the ARP table with addresses where nobody
 * is, which would push out those that are known.
 */
#include "lwip/etharp.h"
#include "lwip/ip.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/ip6.h"
#include "lwip/prot/tcp.h"
#include "lwip_hooks.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define TIME_WAIT_MAX 1024
/* Half-open connections of a listener, from which on it asks ARP first; a part of ARP_TABLE_SIZE. */
#define STRANGERS_MAX 8

static const struct tcp_pcb_listen *find_listener(u16_t port, const ip_addr_t *to)
{
	for (struct tcp_pcb_listen *listener = tcp_listen_pcbs.listen_pcbs; listener;
	     listener = listener->next)
		if (listener->local_port == port &&
		    (IP_IS_ANY_TYPE_VAL(listener->local_ip) || ip_addr_isany(&listener->local_ip) ||
		     ip_addr_cmp(&listener->local_ip, to)))
			return listener;
	return NULL;
}

/* For a SYN of these ends. */
static void make_room(const struct tcp_pcb_listen *listener, u16_t from_port, const ip_addr_t *from,
		      const ip_addr_t *to)
{
	struct tcp_pcb *oldest = NULL;

	/* Later ones stand first. */
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
		if (pcb->local_port == listener->local_port && pcb->remote_port == from_port &&
		    ip_addr_cmp(&pcb->remote_ip, from) && ip_addr_cmp(&pcb->local_ip, to))
			return; /* the SYN was sent again */
		if (pcb->state == SYN_RCVD && pcb->listener == listener &&
		    (!oldest || tcp_ticks - pcb->tmr >= tcp_ticks - oldest->tmr))
			oldest = pcb;
	}
	if (oldest)
		tcp_abandon(oldest, 0);
}

/*
 * An address of this link that ARP does not know. Whoever is there asked for ours before it could send, and is
 * known by that.
 */
static bool is_stranger(struct netif *netif, const ip_addr_t *address)
{
	struct eth_addr *ethernet;
	const ip4_addr_t *found;

	return netif && IP_IS_V4(address) && netif->flags & NETIF_FLAG_ETHARP &&
	       ip4_addr_netcmp(ip_2_ip4(address), netif_ip4_addr(netif),
			       netif_ip4_netmask(netif)) &&
	       etharp_find_addr(netif, ip_2_ip4(address), &ethernet, &found) < 0;
}

/* True: not to be answered now. */
static bool listener_refuses(u16_t from_port, u16_t port, const ip_addr_t *from,
			     const ip_addr_t *to, struct netif *netif)
{
	const struct tcp_pcb_listen *listener = find_listener(port, to);

	if (!listener || listener->accepts_pending < STRANGERS_MAX)
		return false;
	if (is_stranger(netif, from)) {
		etharp_request(netif, ip_2_ip4(from));
		return true;
	}
	if (listener->accepts_pending >= listener->backlog)
		make_room(listener, from_port, from, to);
	return false;
}

/* True: the connection that was is remembered. */
static bool remembered(u16_t from_port, u16_t to_port, uint32_t sequence, const ip_addr_t *from,
		       const ip_addr_t *to)
{
	struct tcp_pcb *oldest = NULL;
	unsigned int count = 0;

	for (struct tcp_pcb *pcb = tcp_tw_pcbs; pcb; pcb = pcb->next) {
		count++;
		oldest = pcb;
		if (pcb->remote_port != from_port || pcb->local_port != to_port ||
		    !ip_addr_cmp(&pcb->remote_ip, from) || !ip_addr_cmp(&pcb->local_ip, to))
			continue;
		if (!TCP_SEQ_GT(sequence, pcb->rcv_nxt))
			return true;
		tcp_abort(pcb); /* in this state nothing is sent, and nobody is told */
		return false;
	}
	if (count > TIME_WAIT_MAX)
		tcp_abort(oldest);
	return false;
}

/* True: not to be answered now. */
static bool tcp_segment(const struct pbuf *packet, unsigned int offset, const ip_addr_t *from,
			const ip_addr_t *to, struct netif *netif)
{
	struct tcp_hdr header;

	if (packet->len < offset + TCP_HLEN)
		return false;
	memcpy(&header, (const uint8_t *)packet->payload + offset, sizeof(header));
	if ((TCPH_FLAGS(&header) & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
		return false;
	return !remembered(lwip_ntohs(header.src), lwip_ntohs(header.dest),
			   lwip_ntohl(header.seqno), from, to) &&
	       listener_refuses(lwip_ntohs(header.src), lwip_ntohs(header.dest), from, to, netif);
}

/* Nothing of the packet was looked at but its version. */
bool network_ip4_in(const struct pbuf *packet, struct netif *netif)
{
	struct ip_hdr header;
	ip_addr_t from, to;

	if (packet->len < IP_HLEN)
		return false;
	memcpy(&header, packet->payload, sizeof(header));
	if (IPH_PROTO(&header) != IP_PROTO_TCP || IPH_OFFSET(&header) & PP_HTONS(IP_OFFMASK))
		return false;
	ip_addr_copy_from_ip4(from, header.src);
	ip_addr_copy_from_ip4(to, header.dest);
	return tcp_segment(packet, IPH_HL_BYTES(&header), &from, &to, netif);
}

/* A SYN with extension headers waits like before. */
bool network_ip6_in(const struct pbuf *packet, struct netif *netif)
{
	struct ip6_hdr header;
	ip_addr_t from, to;

	if (packet->len < IP6_HLEN)
		return false;
	memcpy(&header, packet->payload, sizeof(header));
	if (IP6H_NEXTH(&header) != IP6_NEXTH_TCP)
		return false;
	ip_addr_copy_from_ip6_packed(from, header.src);
	ip_addr_copy_from_ip6_packed(to, header.dest);
	/* Connections know the interface of a link-local address. */
	ip6_addr_assign_zone(ip_2_ip6(&from), IP6_UNICAST, netif);
	ip6_addr_assign_zone(ip_2_ip6(&to), IP6_UNICAST, netif);
	return tcp_segment(packet, IP6_HLEN, &from, &to, netif);
}
