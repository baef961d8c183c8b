/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client that uses its port again: its SYN meets what we remember of the connection before
 * (TIME-WAIT, half a minute), and lwIP answers that one, so that nothing gets through until it is
 * forgotten. RFC 9293, 3.6.1 lets the SYN open anew when it begins after all that was received: no
 * straggler of the old connection can be mistaken for the new one's then.
 */
#include "lwip/ip.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/ip6.h"
#include "lwip/prot/tcp.h"
#include "lwip_hooks.h"

#include <stdint.h>
#include <string.h>

static void tcp_segment(const struct pbuf *packet, unsigned int offset, const ip_addr_t *from,
			const ip_addr_t *to)
{
	struct tcp_hdr header;
	uint32_t sequence;

	if (packet->len < offset + TCP_HLEN)
		return;
	memcpy(&header, (const uint8_t *)packet->payload + offset, sizeof(header));
	if ((TCPH_FLAGS(&header) & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
		return;
	sequence = lwip_ntohl(header.seqno);
	for (struct tcp_pcb *pcb = tcp_tw_pcbs; pcb; pcb = pcb->next) {
		if (pcb->remote_port != lwip_ntohs(header.src) ||
		    pcb->local_port != lwip_ntohs(header.dest) ||
		    !ip_addr_cmp(&pcb->remote_ip, from) || !ip_addr_cmp(&pcb->local_ip, to))
			continue;
		if (TCP_SEQ_GT(sequence, pcb->rcv_nxt))
			tcp_abort(pcb); /* in this state nothing is sent, and nobody is told */
		return;
	}
}

/* Nothing of the packet was looked at but its version. */
void network_ip4_in(const struct pbuf *packet)
{
	struct ip_hdr header;
	ip_addr_t from, to;

	if (!tcp_tw_pcbs || packet->len < IP_HLEN)
		return;
	memcpy(&header, packet->payload, sizeof(header));
	if (IPH_PROTO(&header) != IP_PROTO_TCP || IPH_OFFSET(&header) & PP_HTONS(IP_OFFMASK))
		return;
	ip_addr_copy_from_ip4(from, header.src);
	ip_addr_copy_from_ip4(to, header.dest);
	tcp_segment(packet, IPH_HL_BYTES(&header), &from, &to);
}

/* A SYN with extension headers waits like before. */
void network_ip6_in(const struct pbuf *packet, struct netif *netif)
{
	struct ip6_hdr header;
	ip_addr_t from, to;

	if (!tcp_tw_pcbs || packet->len < IP6_HLEN)
		return;
	memcpy(&header, packet->payload, sizeof(header));
	if (IP6H_NEXTH(&header) != IP6_NEXTH_TCP)
		return;
	ip_addr_copy_from_ip6_packed(from, header.src);
	ip_addr_copy_from_ip6_packed(to, header.dest);
	/* Connections know the interface of a link-local address. */
	ip6_addr_assign_zone(ip_2_ip6(&from), IP6_UNICAST, netif);
	ip6_addr_assign_zone(ip_2_ip6(&to), IP6_UNICAST, netif);
	tcp_segment(packet, IP6_HLEN, &from, &to);
}
