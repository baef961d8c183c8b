/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The answer has no options but the segment size: a connection that begins so has no window scaling and no
 * selective acknowledgements. That is what a client gets during a flood instead of nothing.
 */
#include "net/lwip/syn_cookie.h"

#include "lwip/inet_chksum.h"
#include "lwip/ip.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/tcp.h"
#include "lwip_hooks.h"
#include "netif/ethernet.h"

#include <stddef.h>
#include <string.h>

#define OPTION_SIZE 4u
#define SEGMENT_LENGTH (TCP_HLEN + OPTION_SIZE)
#define HOPS 64
#define GROUP_BIT 1u

/* Until then answers may come back, clock_monotonic(); no segment is looked at later. */
static uint64_t expected_until;

static struct {
	bool going_on;
	err_t (*output)(struct netif *netif, struct pbuf *p, const ip4_addr_t *address);
	err_t (*output_ip6)(struct netif *netif, struct pbuf *p, const ip6_addr_t *address);
} opening;

static struct eth_addr answer_to;

/* -- Where lwIP's packets go meanwhile */

static err_t to_sender(struct netif *netif, struct pbuf *packet, const ip4_addr_t *address)
{
	(void)address;
	return ethernet_output(netif, packet, (const struct eth_addr *)netif->hwaddr, &answer_to,
			       ETHTYPE_IP);
}

static err_t to_sender_ip6(struct netif *netif, struct pbuf *packet, const ip6_addr_t *address)
{
	(void)address;
	return ethernet_output(netif, packet, (const struct eth_addr *)netif->hwaddr, &answer_to,
			       ETHTYPE_IPV6);
}

static err_t nowhere(struct netif *netif, struct pbuf *packet, const ip4_addr_t *address)
{
	(void)netif;
	(void)packet;
	(void)address;
	return ERR_OK;
}

static err_t nowhere_ip6(struct netif *netif, struct pbuf *packet, const ip6_addr_t *address)
{
	(void)netif;
	(void)packet;
	(void)address;
	return ERR_OK;
}

static void divert(struct netif *netif, netif_output_fn output, netif_output_ip6_fn output_ip6)
{
	opening.output = netif->output;
	opening.output_ip6 = netif->output_ip6;
	netif->output = output;
	netif->output_ip6 = output_ip6;
}

static void divert_end(struct netif *netif)
{
	netif->output = opening.output;
	netif->output_ip6 = opening.output_ip6;
}

/* -- Segments */

/* A SYN with the option of the segment size and nothing else, without its checksum. */
static void write_header(struct tcp_hdr *header, uint16_t from_port, uint16_t to_port,
			 uint32_t sequence, uint32_t acknowledged, uint8_t flags, uint16_t window,
			 uint16_t segment_size)
{
	uint8_t *option = (uint8_t *)(header + 1);

	memset(header, 0, sizeof(*header));
	header->src = lwip_htons(from_port);
	header->dest = lwip_htons(to_port);
	header->seqno = lwip_htonl(sequence);
	header->ackno = lwip_htonl(acknowledged);
	TCPH_HDRLEN_FLAGS_SET(header, SEGMENT_LENGTH / 4, flags);
	header->wnd = lwip_htons(window);
	option[0] = LWIP_TCP_OPT_MSS;
	option[1] = OPTION_SIZE;
	option[2] = (uint8_t)(segment_size >> 8);
	option[3] = (uint8_t)segment_size;
}

/* From and to addresses that a connection can have (RFC 1122, 4.2.3.10). */
static bool ends_good(const struct syn_segment *syn)
{
	const ip_addr_t *from = &syn->from;

	if (ip_addr_isany_val(*from) || ip_addr_ismulticast(from) || ip_addr_cmp(from, &syn->to))
		return false;
	if (IP_IS_V4_VAL(*from))
		return !ip4_addr_isbroadcast(ip_2_ip4(from), syn->netif) &&
		       ip4_addr_cmp(ip_2_ip4(&syn->to), netif_ip4_addr(syn->netif));
	for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(syn->netif, i)) &&
		    ip6_addr_cmp(ip_2_ip6(&syn->to), netif_ip6_addr(syn->netif, i)))
			return true;
	return false;
}

static bool send_answer(const struct syn_segment *syn, uint32_t number)
{
	struct netif *netif = syn->netif;
	struct pbuf *packet = pbuf_alloc(PBUF_IP, SEGMENT_LENGTH, PBUF_RAM);
	struct tcp_hdr *header;
	err_t error;

	if (!packet)
		return false;
	header = packet->payload;
	write_header(header, syn->to_port, syn->from_port, number, syn->sequence + 1,
		     TCP_SYN | TCP_ACK, (uint16_t)LWIP_MIN(TCP_WND, UINT16_MAX),
		     tcp_eff_send_mss_netif(TCP_MSS, netif, &syn->from));
	if (netif->chksum_flags & NETIF_CHECKSUM_GEN_TCP)
		header->chksum = ip_chksum_pseudo(packet, IP_PROTO_TCP, packet->tot_len, &syn->to,
						  &syn->from);
	divert(netif, to_sender, to_sender_ip6);
	error = ip_output_if(packet, &syn->to, &syn->from, HOPS, 0, IP_PROTO_TCP, netif);
	divert_end(netif);
	pbuf_free(packet);
	return error == ERR_OK;
}

bool syn_cookie_answer(const struct syn_segment *syn, const struct pbuf *packet)
{
	const struct eth_hdr *frame;
	uint32_t number = syn_cookie_make(syn);

	if (!ends_good(syn) || !number)
		return false;
	/* ethernet_input() has stepped over it in the same piece of memory. */
	frame = (const struct eth_hdr *)((const uint8_t *)packet->payload - SIZEOF_ETH_HDR);
	answer_to = frame->src;
	if (answer_to.addr[0] & GROUP_BIT || !send_answer(syn, number))
		return false;
	expected_until = clock_monotonic() + SYN_COOKIE_LIFE;
	return true;
}

bool syn_cookie_came_back(const struct syn_segment *segment)
{
	return clock_monotonic() < expected_until && ends_good(segment) &&
	       syn_cookie_check(segment);
}

bool syn_cookie_opening(void)
{
	return opening.going_on;
}

/* A whole packet with the client's SYN, as it may have been. */
static struct pbuf *make_syn(const struct syn_segment *segment)
{
	bool ipv6 = IP_IS_V6_VAL(segment->from);
	unsigned int length = ipv6 ? IP6_HLEN : IP_HLEN;
	struct pbuf *packet = pbuf_alloc(PBUF_RAW, (u16_t)(length + SEGMENT_LENGTH), PBUF_RAM);

	if (!packet)
		return NULL;
	memset(packet->payload, 0, length);
	if (ipv6) {
		struct ip6_hdr *header = packet->payload;

		IP6H_VTCFL_SET(header, 6, 0, 0);
		IP6H_PLEN_SET(header, SEGMENT_LENGTH);
		IP6H_NEXTH_SET(header, IP6_NEXTH_TCP);
		IP6H_HOPLIM_SET(header, HOPS);
		ip6_addr_copy_to_packed(header->src, *ip_2_ip6(&segment->from));
		ip6_addr_copy_to_packed(header->dest, *ip_2_ip6(&segment->to));
	} else {
		struct ip_hdr *header = packet->payload;

		IPH_VHL_SET(header, 4, IP_HLEN / 4);
		IPH_LEN_SET(header, lwip_htons(IP_HLEN + SEGMENT_LENGTH));
		IPH_TTL_SET(header, HOPS);
		IPH_PROTO_SET(header, IP_PROTO_TCP);
		ip4_addr_copy(header->src, *ip_2_ip4(&segment->from));
		ip4_addr_copy(header->dest, *ip_2_ip4(&segment->to));
	}
	write_header((struct tcp_hdr *)((uint8_t *)packet->payload + length), segment->from_port,
		     segment->to_port, segment->sequence - 1, 0, TCP_SYN, segment->window,
		     syn_cookie_check(segment));
	return packet;
}

bool syn_cookie_open(const struct syn_segment *segment)
{
	struct netif *netif = segment->netif;
	struct pbuf *packet = make_syn(segment);
	u16_t checks = netif->chksum_flags;

	if (!packet)
		return false;
	/* It has no sums, and what lwIP answers was sent long ago. */
	netif->chksum_flags &= (u16_t) ~(NETIF_CHECKSUM_CHECK_IP | NETIF_CHECKSUM_CHECK_TCP);
	divert(netif, nowhere, nowhere_ip6);
	opening.going_on = true;
	syn_cookie_impose(segment->acknowledged - 1);
	(void)ip_input(packet, netif);
	opening.going_on = false;
	divert_end(netif);
	netif->chksum_flags = checks;
	return syn_cookie_impose_end();
}
