/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/guard.h"

#include "lwip/ip.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/etharp.h"
#include "lwip/prot/ethernet.h"
#include "lwip/prot/iana.h"
#include "lwip/prot/icmp6.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/ip6.h"
#include "lwip/udp.h"
#include "lwip_hooks.h"

#include <string.h>

/* The longest frame of Ethernet: what a receive buffer has room for, at least. */
#define FRAME_OF_ONE_PIECE 1518u

bool guard_frame_scattered(uint32_t first_piece, uint32_t total)
{
	return first_piece < total && first_piece < FRAME_OF_ONE_PIECE;
}

bool guard_frame_refused(const struct pbuf *frame)
{
	const uint8_t *bytes = frame->payload;

	if (frame->len < SIZEOF_ETH_HDR)
		return true;
	/* etharp_input() takes it for whole. */
	return (bytes[12] << 8 | bytes[13]) == ETHTYPE_ARP &&
	       frame->len < SIZEOF_ETH_HDR + SIZEOF_ETHARP_HDR;
}

/*
 * A fragment of nothing: the datagram ends in an empty piece then, which nothing expects behind a whole one. And
 * the first fragment of a datagram for the DHCP client, which walks over options as if each piece of a
 * datagram that was put together held a whole one. No server sends fragments: every client takes 576 bytes
 * (RFC 2131, 2).
 */
bool guard_ip4_refused(const struct pbuf *packet)
{
	struct ip_hdr header;
	struct udp_hdr udp;
	uint16_t offset;

	if (packet->len < IP_HLEN)
		return false;
	memcpy(&header, packet->payload, sizeof(header));
	offset = lwip_ntohs(IPH_OFFSET(&header));
	if (offset & (IP_MF | IP_OFFMASK) && lwip_ntohs(IPH_LEN(&header)) <= IPH_HL_BYTES(&header))
		return true;
	if (IPH_PROTO(&header) != IP_PROTO_UDP || !(offset & IP_MF) || offset & IP_OFFMASK ||
	    packet->len < IPH_HL_BYTES(&header) + UDP_HLEN)
		return false;
	memcpy(&udp, (const uint8_t *)packet->payload + IPH_HL_BYTES(&header), sizeof(udp));
	return udp.dest == PP_HTONS(LWIP_IANA_PORT_DHCP_CLIENT);
}

/*
 * tcp_parseopt() reads the length of an option before it looks whether it is there. One that reaches beyond
 * the header is nobody's either (RFC 9293, 3.1: be prepared for illegal lengths). A size of segments is told with
 * a SYN only (3.7.1): lwIP takes it at any time, also for segments that it has made for another one.
 */
bool guard_tcp_refused(const struct tcp_hdr *header, unsigned int length, unsigned int first,
		       const uint8_t *second)
{
	const uint8_t *options = (const uint8_t *)header + TCP_HLEN;
	unsigned int offset = 0;

	while (offset < length) {
		uint8_t kind = offset < first ? options[offset] : second[offset - first], own;

		if (kind == LWIP_TCP_OPT_EOL)
			return false;
		if (kind == LWIP_TCP_OPT_NOP) {
			offset++;
			continue;
		}
		if (offset + 1 == length)
			return true;
		own = offset + 1 < first ? options[offset + 1] : second[offset + 1 - first];
		if (own < 2 || own > length - offset)
			return true;
		if (kind == LWIP_TCP_OPT_MSS && !(TCPH_FLAGS(header) & TCP_SYN))
			return true;
		offset += own;
	}
	return false;
}

/* -- IPv6: extension headers (RFC 8200, 4) */

/* Options that lie in their header: [2, length). */
static bool options_whole(const uint8_t *header, size_t length)
{
	size_t offset = 2;

	while (offset < length) {
		if (header[offset] == IP6_PAD1_OPTION)
			offset++;
		else if (offset + 1 < length)
			offset += 2u + header[offset + 1];
		else
			return false;
	}
	return offset == length;
}

static bool is_extension(uint8_t header)
{
	return header == IP6_NEXTH_HOPBYHOP || header == IP6_NEXTH_DESTOPTS ||
	       header == IP6_NEXTH_ROUTING || header == IP6_NEXTH_FRAGMENT;
}

/* Router and neighbour solicitations and advertisements, and redirects. */
static bool is_discovery(uint8_t type)
{
	return type >= ICMP6_TYPE_RS && type <= ICMP6_TYPE_RD;
}

/* To nowhere: what is sent there would wait for a neighbour that lwIP neither asks for nor forgets (RFC 4861, 8.1). */
static bool redirect_refused(const uint8_t *message, size_t length)
{
	static const uint8_t unspecified[16];

	return length >= 24 && message[0] == ICMP6_TYPE_RD &&
	       (message[8] == 0xff || !memcmp(message + 8, unspecified, sizeof(unspecified)));
}

/*
 * ip6_input() reads the length of an extension header, and of an option, before it looks whether they are
 * there. And when it has put a datagram together, it takes the kind of its first header from the fragment
 * that came first, whichever that was: so behind a fragment header there are no others, which nobody sends. Nor
 * is there nothing, see above; or neighbour discovery (RFC 6980, 5).
 */
bool guard_ip6_refused(const struct pbuf *packet)
{
	const uint8_t *bytes = packet->payload;
	size_t length = packet->len, offset = IP6_HLEN, end;
	uint8_t header;

	if (length < IP6_HLEN)
		return false; /* it sees that */
	header = bytes[6];
	end = IP6_HLEN + (size_t)(bytes[4] << 8 | bytes[5]);
	while (is_extension(header)) {
		size_t own = 8;

		if (length - offset < own)
			return true;
		if (header == IP6_NEXTH_FRAGMENT)
			return is_extension(bytes[offset]) || offset + own >= end ||
			       (bytes[offset] == IP6_NEXTH_ICMP6 && length > offset + own &&
				is_discovery(bytes[offset + own]));
		own = 8u * (1u + bytes[offset + 1]);
		if (length - offset < own ||
		    (header != IP6_NEXTH_ROUTING && !options_whole(bytes + offset, own)))
			return true;
		header = bytes[offset];
		offset += own;
	}
	return header == IP6_NEXTH_ICMP6 && redirect_refused(bytes + offset, length - offset);
}
