/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/guard.h"

#include "lwip/ip.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/etharp.h"
#include "lwip/prot/ethernet.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/ip6.h"
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
	/* What is behind takes its header for whole, or the word with the version. */
	switch (bytes[12] << 8 | bytes[13]) {
	case ETHTYPE_ARP:
		return frame->len < SIZEOF_ETH_HDR + SIZEOF_ETHARP_HDR;
	case ETHTYPE_IP:
		return frame->len < SIZEOF_ETH_HDR + IP_HLEN;
	case ETHTYPE_IPV6:
		return frame->len < SIZEOF_ETH_HDR + IP6_HLEN;
	default:
		return false;
	}
}

/*
 * A fragment of nothing: the datagram ends in an empty piece then, which nothing expects behind a whole one. One that makes
 * its datagram longer than there are.
 */
bool guard_ip4_refused(const struct pbuf *packet)
{
	struct ip_hdr header;
	uint16_t offset, length;

	if (packet->len < IP_HLEN)
		return false;
	memcpy(&header, packet->payload, sizeof(header));
	offset = lwip_ntohs(IPH_OFFSET(&header));
	if (!(offset & (IP_MF | IP_OFFMASK)))
		return false;
	length = lwip_ntohs(IPH_LEN(&header));
	return length <= IPH_HL_BYTES(&header) || (offset & IP_OFFMASK) * 8u + length > UINT16_MAX;
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

/*
 * A fragment of nothing, see above; one that makes its datagram longer than lwIP's packets, with the header that all of it
 * gets, which must be no longer than the one that was counted; and another header behind it. `offset` is that of the
 * fragment's header, `end` that of the packet.
 */
static bool fragment_refused(const uint8_t *bytes, size_t offset, size_t end)
{
	size_t place = (size_t)(bytes[offset + 2] << 8 | bytes[offset + 3]) & IP6_FRAG_OFFSET_MASK;

	return offset != IP6_HLEN || is_extension(bytes[offset]) || offset + IP6_FRAG_HLEN >= end ||
	       place + end - IP6_FRAG_HLEN > UINT16_MAX;
}

/*
 * ip6_input() reads the length of an extension header, and of an option, before it looks whether they are
 * there. And when it has put a datagram together, it takes the kind of its first header from the fragment
 * that came first, whichever that was: so before and behind a fragment header there are no others, which nobody sends.
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
			return fragment_refused(bytes, offset, end);
		own = 8u * (1u + bytes[offset + 1]);
		if (length - offset < own ||
		    (header != IP6_NEXTH_ROUTING && !options_whole(bytes + offset, own)))
			return true;
		header = bytes[offset];
		offset += own;
	}
	return false;
}
