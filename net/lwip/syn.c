/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lwIP's TCP would do wrong with a SYN, put right before it sees it.
 *
 * A client that uses its port again: its SYN meets what we remember of the connection before
 * (TIME-WAIT, half a minute), and lwIP answers that one, so that nothing gets through until it is
 * forgotten. RFC 9293, 3.6.1 lets the SYN open anew when it begins after all that was received: no
 * straggler of the old connection can be mistaken for the new one's then. And what is remembered has an end:
 * each packet for no connection is looked for among all of them. So have connections that their owner closed, and whose
 * peer never says that it has all: lwIP asks for that for twenty minutes.
 *
 * A listener whose places for half-open connections are all taken drops the SYN, so that whoever sends many
 * of them and answers nothing keeps all others out; and each of them has its sender looked for, which fills the tables of
 * neighbours with addresses where nobody is. So when some are half-open already, nothing is kept of a SYN until the
 * client has answered: syn_cookie.c. A connection that begins then takes the place of the oldest half-open one, if it
 * must.
 */
#include "lwip/ip.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/ip6.h"
#include "lwip/prot/tcp.h"
#include "lwip_hooks.h"
#include "net/lwip/connection.h"
#include "net/lwip/memory.h"
#include "net/lwip/syn_cookie.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define TIME_WAIT_MAX 1024
#define ORPHANS_MAX 512
#define ORPHANS_MAX_WITHOUT_MEMORY 16
/* Connections that nobody has taken yet, from which on nothing is kept of a SYN: a part of the tables of neighbours. */
#define KEPT_MAX 16
_Static_assert(KEPT_MAX <= ARP_TABLE_SIZE / 2, "those who are known stay known");
_Static_assert(KEPT_MAX <= LWIP_ND6_NUM_NEIGHBORS / 2, "and those of IPv6");

/* As lwIP does: one for all addresses may be for those of one family only, or for one interface. */
static bool listens(const struct tcp_pcb_listen *listener, const struct syn_segment *segment)
{
	if (listener->local_port != segment->to_port ||
	    (listener->netif_idx != NETIF_NO_INDEX &&
	     listener->netif_idx != netif_get_index(segment->netif)))
		return false;
	return IP_IS_ANY_TYPE_VAL(listener->local_ip) ||
	       (IP_ADDR_PCB_VERSION_MATCH_EXACT(listener, &segment->to) &&
		(ip_addr_isany(&listener->local_ip) ||
		 ip_addr_cmp(&listener->local_ip, &segment->to)));
}

static const struct tcp_pcb_listen *find_listener(const struct syn_segment *segment)
{
	const struct tcp_pcb_listen *listener = tcp_listen_pcbs.listen_pcbs;

	while (listener && !listens(listener, segment))
		listener = listener->next;
	return listener;
}

static bool has_ends(const struct tcp_pcb *pcb, const struct syn_segment *segment)
{
	return pcb->remote_port == segment->from_port && pcb->local_port == segment->to_port &&
	       ip_addr_cmp(&pcb->remote_ip, &segment->from) &&
	       ip_addr_cmp(&pcb->local_ip, &segment->to);
}

static bool is_among(const struct tcp_pcb *pcb, const struct syn_segment *segment)
{
	for (; pcb; pcb = pcb->next)
		if (has_ends(pcb, segment))
			return true;
	return false;
}

/* False: the listener has no place for a connection, and none of those that it has is half-open. */
static bool make_room(const struct tcp_pcb_listen *listener)
{
	struct tcp_pcb *oldest = NULL;

	if (listener->accepts_pending < listener->backlog)
		return true;
	/* Later ones stand first. */
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
		if (pcb->state == SYN_RCVD && pcb->listener == listener &&
		    (!oldest || tcp_ticks - pcb->tmr >= tcp_ticks - oldest->tmr))
			oldest = pcb;
	if (oldest)
		tcp_abandon(oldest, 0);
	return oldest;
}

/* Whether a listener's SYNs are not kept at the moment. */
static bool has_many(const struct tcp_pcb_listen *listener)
{
	unsigned int pending = 0;

	if (listener->accepts_pending >= listener->backlog)
		return true;
	for (const struct tcp_pcb_listen *at = tcp_listen_pcbs.listen_pcbs; at; at = at->next)
		pending += at->accepts_pending;
	return pending >= KEPT_MAX;
}

/* In this state nothing is sent, and nobody but an owner is told. */
static void forget(struct tcp_pcb *pcb)
{
	connection_let_go(pcb);
	tcp_abort(pcb);
}

/* The connection that was, while it is remembered, or NULL. */
static struct tcp_pcb *remembered(const struct syn_segment *syn)
{
	struct tcp_pcb *oldest = NULL;
	unsigned int count = 0;

	for (struct tcp_pcb *pcb = tcp_tw_pcbs; pcb; pcb = pcb->next) {
		if (has_ends(pcb, syn))
			return pcb;
		count++;
		if (!pcb->errf) /* nobody holds it */
			oldest = pcb;
	}
	if (count > TIME_WAIT_MAX && oldest)
		forget(oldest);
	return NULL;
}

/* True: it is not for lwIP. */
static bool syn_came(const struct syn_segment *syn, const struct pbuf *packet)
{
	const struct tcp_pcb_listen *listener;
	struct tcp_pcb *before = remembered(syn);

	if (before) {
		/* What its owner has no room for would be lost: the SYN comes again. */
		if (before->errf && before->refused_data)
			return true;
		if (!TCP_SEQ_GT(syn->sequence, before->rcv_nxt))
			return false;
		forget(before);
	}
	/* What comes by the loopback interface is our own. */
	if (!(syn->netif->flags & NETIF_FLAG_ETHERNET))
		return false;
	listener = find_listener(syn);
	if (!listener || !has_many(listener) || is_among(tcp_active_pcbs, syn))
		return false;
	(void)syn_cookie_answer(syn, packet);
	return true;
}

/* True: it is not for lwIP. */
static bool answer_came(const struct syn_segment *segment)
{
	const struct tcp_pcb_listen *listener;

	if (!syn_cookie_came_back(segment))
		return false;
	listener = find_listener(segment);
	if (!listener || is_among(tcp_active_pcbs, segment) || is_among(tcp_tw_pcbs, segment))
		return false;
	/* Where there is no place now, it comes again, or what follows it does. */
	return !make_room(listener) || !syn_cookie_open(segment);
}

static bool is_orphan(const struct tcp_pcb *pcb)
{
	return pcb->flags & TF_RXCLOSED && (pcb->state == FIN_WAIT_1 || pcb->state == FIN_WAIT_2 ||
					    pcb->state == CLOSING || pcb->state == LAST_ACK);
}

/* How often it was asked in vain; more than ever when its peer has all, and only does not end. */
static unsigned int silence(const struct tcp_pcb *pcb)
{
	if (!pcb->unacked && !pcb->unsent)
		return UINT32_MAX;
	return (unsigned int)pcb->nrtx + pcb->persist_probe;
}

void network_forget_orphan(void)
{
	struct tcp_pcb *worst = NULL;
	unsigned int count = 0;

	/* Later ones stand first. */
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
		if (!is_orphan(pcb))
			continue;
		count++;
		if (!worst || silence(pcb) >= silence(worst))
			worst = pcb;
	}
	if (count > (network_memory_low() ? ORPHANS_MAX_WITHOUT_MEMORY : ORPHANS_MAX))
		tcp_abort(worst);
}

/* The size of segments that a SYN names, or 0. `length` bytes are there. */
static uint16_t segment_size(const uint8_t *header, unsigned int length)
{
	unsigned int end = (header[12] >> 4) * 4u, at = TCP_HLEN;

	if (end > length)
		return 0;
	while (at + 4 <= end && header[at] != LWIP_TCP_OPT_EOL) {
		if (header[at] == LWIP_TCP_OPT_NOP) {
			at++;
			continue;
		}
		if (header[at] == LWIP_TCP_OPT_MSS && header[at + 1] == LWIP_TCP_OPT_LEN_MSS)
			return (uint16_t)(header[at + 2] << 8 | header[at + 3]);
		if (header[at + 1] < 2)
			return 0;
		at += header[at + 1];
	}
	return 0;
}

/* True: not for lwIP. The segment's addresses and interface are filled in. */
static bool tcp_segment(const struct pbuf *packet, unsigned int offset, struct syn_segment *segment)
{
	struct tcp_hdr header;
	uint8_t flags;

	if (packet->len < offset + TCP_HLEN || syn_cookie_opening())
		return false;
	memcpy(&header, (const uint8_t *)packet->payload + offset, sizeof(header));
	flags = TCPH_FLAGS(&header) & (TCP_SYN | TCP_ACK | TCP_RST); /* as lwIP does */
	segment->from_port = lwip_ntohs(header.src);
	segment->to_port = lwip_ntohs(header.dest);
	segment->sequence = lwip_ntohl(header.seqno);
	segment->acknowledged = lwip_ntohl(header.ackno);
	segment->window = lwip_ntohs(header.wnd);
	if (flags == TCP_SYN) {
		segment->segment_size = segment_size((const uint8_t *)packet->payload + offset,
						     packet->len - offset);
		return syn_came(segment, packet);
	}
	return flags == TCP_ACK && answer_came(segment);
}

/* Nothing of the packet was looked at but its version. */
bool network_ip4_in(const struct pbuf *packet, struct netif *netif)
{
	struct syn_segment segment = {.netif = netif};
	struct ip_hdr header;

	if (packet->len < IP_HLEN)
		return false;
	memcpy(&header, packet->payload, sizeof(header));
	if (IPH_PROTO(&header) != IP_PROTO_TCP || IPH_HL_BYTES(&header) < IP_HLEN ||
	    IPH_OFFSET(&header) & PP_HTONS(IP_OFFMASK | IP_MF))
		return false;
	ip_addr_copy_from_ip4(segment.from, header.src);
	ip_addr_copy_from_ip4(segment.to, header.dest);
	return tcp_segment(packet, IPH_HL_BYTES(&header), &segment);
}

/* A SYN with extension headers waits like before. */
bool network_ip6_in(const struct pbuf *packet, struct netif *netif)
{
	struct syn_segment segment = {.netif = netif};
	struct ip6_hdr header;

	if (packet->len < IP6_HLEN)
		return false;
	memcpy(&header, packet->payload, sizeof(header));
	if (IP6H_NEXTH(&header) != IP6_NEXTH_TCP)
		return false;
	ip_addr_copy_from_ip6_packed(segment.from, header.src);
	ip_addr_copy_from_ip6_packed(segment.to, header.dest);
	/* Connections know the interface of a link-local address. */
	ip6_addr_assign_zone(ip_2_ip6(&segment.from), IP6_UNICAST, netif);
	ip6_addr_assign_zone(ip_2_ip6(&segment.to), IP6_UNICAST, netif);
	return tcp_segment(packet, IP6_HLEN, &segment);
}
