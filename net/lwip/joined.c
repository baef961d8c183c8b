/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP segmentation offload. lwIP cuts what it sends into segments, and sends all that the window allows
 * in one go. Where the device can cut (TSO), consecutive segments of one connection are put together
 * again: one frame of up to 64 KiB passes the ring, the device and the host's stack at the price of one.
 *
 * Nothing is copied or altered but the headers of the first segment, which lwIP makes anew whenever it
 * sends that again: the length, the newest acknowledgement and window, and PSH when one of them has it.
 * A frame is kept open until the stack's lock is released; a shorter segment ends it. What is not plain
 * data goes alone: SYN, FIN, RST, urgent data, CWR (RFC 3168), fragments.
 */
#include "lwip/inet_chksum.h"
#include "lwip/mem.h"
#include "lwip/prot/ethernet.h"
#include "lwip/prot/ip.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/ip6.h"
#include "lwip/prot/tcp.h"
#include "net/lwip/interface.h"

#include <errno.h>
#include <string.h>

#define IP_LENGTH_MAX UINT16_MAX
#define IP_PLAIN 0x45 /* version 4, no options */
#define IP_TOTAL_LENGTH 2
#define IP_FLAGS 6
#define IP_PROTOCOL 9
#define IP_CHECKSUM 10
#define IP_ADDRESSES 12
#define IP6_PAYLOAD_LENGTH 4
#define IP6_NEXT_HEADER 6
#define TCP_SEQUENCE 4
#define TCP_ACKNOWLEDGEMENT 8
#define TCP_HEADER_LENGTH 12
#define TCP_FLAGS_OFFSET 13
#define TCP_WINDOW 14

static unsigned int read16(const uint8_t *bytes)
{
	return (unsigned int)(bytes[0] << 8 | bytes[1]);
}

static void write16(uint8_t *bytes, unsigned int value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static uint32_t sequence_of(const struct interface_segment *segment)
{
	const uint8_t *bytes = segment->tcp + TCP_SEQUENCE;

	return (uint32_t)read16(bytes) << 16 | read16(bytes + 2);
}

/* False: not a whole TCP segment with its headers in one piece. */
static bool parse(const struct pbuf *frame, struct interface_segment *segment)
{
	unsigned int header, total;
	uint8_t *ip;

	if (frame->len < SIZEOF_ETH_HDR + IP_HLEN + TCP_HLEN)
		return false;
	ip = (uint8_t *)frame->payload + SIZEOF_ETH_HDR;
	segment->ip = ip;
	segment->ipv6 = read16(ip - 2) == ETHTYPE_IPV6;
	if (segment->ipv6) {
		header = IP6_HLEN;
		if (frame->len < SIZEOF_ETH_HDR + IP6_HLEN + TCP_HLEN ||
		    ip[IP6_NEXT_HEADER] != IP_PROTO_TCP)
			return false;
		total = IP6_HLEN + read16(ip + IP6_PAYLOAD_LENGTH);
	} else {
		header = IP_HLEN;
		if (read16(ip - 2) != ETHTYPE_IP || ip[0] != IP_PLAIN ||
		    ip[IP_PROTOCOL] != IP_PROTO_TCP || read16(ip + IP_FLAGS) & ~(unsigned int)IP_DF)
			return false;
		total = read16(ip + IP_TOTAL_LENGTH);
	}
	segment->tcp = ip + header;
	segment->flags = segment->tcp[TCP_FLAGS_OFFSET];
	header += (segment->tcp[TCP_HEADER_LENGTH] >> 4) * 4u;
	segment->headers = SIZEOF_ETH_HDR + header;
	if (segment->headers < SIZEOF_ETH_HDR + IP_HLEN + TCP_HLEN ||
	    frame->len < segment->headers || total < header ||
	    frame->tot_len != SIZEOF_ETH_HDR + total)
		return false;
	segment->payload = total - header;
	return true;
}

static bool can_be_joined(const struct interface *interface,
			  const struct interface_segment *segment)
{
	enum network_cut cut = segment->ipv6 ? NETWORK_CUT_TCP6 : NETWORK_CUT_TCP4;

	return interface->device->cuts >> cut & 1 &&
	       !(interface->netif.chksum_flags & NETIF_CHECKSUM_GEN_TCP) && segment->payload &&
	       (segment->flags & ~TCP_PSH) == TCP_ACK;
}

/* Always inline: what is compared is a few constant bytes, and memcmp() is a call. */
static inline __attribute__((always_inline)) bool same(const uint8_t *a, const uint8_t *b,
						       unsigned int from, unsigned int to)
{
	uint32_t difference = 0;

	for (; from + sizeof(uint32_t) <= to; from += sizeof(uint32_t)) {
		uint32_t words[2];

		__builtin_memcpy(&words[0], a + from, sizeof(words[0]));
		__builtin_memcpy(&words[1], b + from, sizeof(words[1]));
		difference |= words[0] ^ words[1];
	}
	for (; from < to; from++)
		difference |= a[from] ^ b[from];
	return !difference;
}

/* The same connection, and the same headers where the device repeats those of the first. */
static bool same_headers(const struct interface_segment *a, const struct interface_segment *b)
{
	unsigned int options;

	if (a->ipv6 != b->ipv6 || a->headers != b->headers ||
	    !same(a->ip - SIZEOF_ETH_HDR, b->ip - SIZEOF_ETH_HDR, 0, SIZEOF_ETH_HDR))
		return false;
	if (a->ipv6) {
		if (!same(a->ip, b->ip, 0, IP6_PAYLOAD_LENGTH) ||
		    !same(a->ip, b->ip, IP6_NEXT_HEADER, IP6_HLEN))
			return false;
	} else if (!same(a->ip, b->ip, 0, IP_TOTAL_LENGTH) ||
		   !same(a->ip, b->ip, IP_FLAGS, IP_CHECKSUM) ||
		   !same(a->ip, b->ip, IP_ADDRESSES, IP_HLEN)) {
		return false;
	}
	options = a->headers - (unsigned int)(a->tcp - a->ip) - SIZEOF_ETH_HDR - TCP_HLEN;
	return same(a->tcp, b->tcp, 0, TCP_SEQUENCE) &&
	       same(a->tcp, b->tcp, TCP_HEADER_LENGTH, TCP_FLAGS_OFFSET) &&
	       (!options || !memcmp(a->tcp + TCP_HLEN, b->tcp + TCP_HLEN, options));
}

/* How many pieces of memory this adds to those that end at *end. */
static unsigned int count_pieces(const struct pbuf *frame, unsigned int skip, const uint8_t **end)
{
	unsigned int count = 0;

	for (; frame; frame = frame->next, skip = 0) {
		const uint8_t *start = (const uint8_t *)frame->payload + skip;

		if (frame->len == skip)
			continue;
		count += start != *end;
		*end = (const uint8_t *)frame->payload + frame->len;
	}
	return count;
}

/* Adds a segment to a frame when it fits there. */
static bool append(struct interface *interface, struct interface_joined *joined, struct pbuf *frame,
		   const struct interface_segment *segment)
{
	const uint8_t *end = joined->end;
	unsigned int pieces;

	if (joined->count && (joined->count == INTERFACE_JOINED_SEGMENTS ||
			      segment->payload > joined->first.payload ||
			      joined->length - SIZEOF_ETH_HDR + segment->payload > IP_LENGTH_MAX ||
			      sequence_of(segment) != joined->next_sequence ||
			      !same_headers(&joined->first, segment)))
		return false;
	pieces = joined->pieces + count_pieces(frame, joined->count ? segment->headers : 0, &end);
	if (joined->count && pieces > interface->device->segments_max)
		return false;
	joined->segments[joined->count++] = frame;
	joined->last_tcp = segment->tcp;
	joined->flags |= segment->flags;
	joined->length += segment->payload;
	joined->pieces = pieces;
	joined->end = end;
	joined->next_sequence = sequence_of(segment) + segment->payload;
	return true;
}

static bool begin(struct interface *interface, struct pbuf *frame,
		  const struct interface_segment *segment)
{
	struct interface_joined *joined = interface->joined_free;

	if (!joined)
		return false;
	interface->joined_free = joined->next;
	/* Not all of it: the segments are some hundred bytes. */
	joined->count = joined->pieces = 0;
	joined->first = *segment;
	joined->flags = 0;
	joined->length = segment->headers;
	joined->end = NULL;
	interface->open = joined;
	return append(interface, joined, frame, segment);
}

bool interface_join(struct interface *interface, struct pbuf *frame)
{
	struct interface_segment segment;
	bool good = parse(frame, &segment) && can_be_joined(interface, &segment);

	if (!good || !interface->open || !append(interface, interface->open, frame, &segment)) {
		interface_join_end(interface);
		if (!good || !begin(interface, frame, &segment))
			return false;
	}
	if (segment.payload < interface->open->first.payload)
		interface_join_end(interface);
	return true;
}

/* The first segment's headers become those of the whole. */
static void finish(const struct interface_joined *joined)
{
	unsigned int length = joined->length - SIZEOF_ETH_HDR;
	const struct interface_segment *first = &joined->first;

	if (first->ipv6) {
		write16(first->ip + IP6_PAYLOAD_LENGTH, length - IP6_HLEN);
	} else {
		uint16_t sum;

		write16(first->ip + IP_TOTAL_LENGTH, length);
		write16(first->ip + IP_CHECKSUM, 0);
		sum = inet_chksum(first->ip, IP_HLEN);
		memcpy(first->ip + IP_CHECKSUM, &sum, sizeof(sum));
	}
	memcpy(first->tcp + TCP_ACKNOWLEDGEMENT, joined->last_tcp + TCP_ACKNOWLEDGEMENT,
	       sizeof(uint32_t));
	memcpy(first->tcp + TCP_WINDOW, joined->last_tcp + TCP_WINDOW, sizeof(uint16_t));
	first->tcp[TCP_FLAGS_OFFSET] = joined->flags;
}

static void put_back(struct interface *interface, struct interface_joined *joined)
{
	joined->next = interface->joined_free;
	interface->joined_free = joined;
}

void interface_join_end(struct interface *interface)
{
	struct interface_joined *joined = interface->open;

	if (!joined)
		return;
	interface->open = NULL;
	if (joined->count > 1) {
		finish(joined);
		interface_send(interface, joined);
	} else {
		put_back(interface, joined);
		interface_send(interface, joined->segments[0]);
	}
}

int interface_join_describe(struct interface *interface, const struct interface_joined *joined,
			    struct network_transmit *transmit)
{
	unsigned int headers = joined->first.headers, length = headers;

	for (unsigned int i = 0; i < joined->count; i++) {
		unsigned int skip = i ? headers : 0;

		if (!interface_add_pieces(interface, transmit, joined->segments[i], skip))
			return -EINVAL;
		length += joined->segments[i]->tot_len - headers;
	}
	transmit->cut = joined->first.ipv6 ? NETWORK_CUT_TCP6 : NETWORK_CUT_TCP4;
	transmit->cut_header = (uint16_t)headers;
	transmit->cut_length = (uint16_t)joined->first.payload;
	return length == joined->length ? 0 : -EINVAL;
}

struct interface_joined *interface_joined_of(struct interface *interface, void *token)
{
	uintptr_t first = (uintptr_t)interface->joined, place = (uintptr_t)token;

	if (!first || place < first ||
	    place >= first + INTERFACE_JOINED * sizeof(*interface->joined))
		return NULL;
	return token;
}

void interface_release(struct interface *interface, void *token)
{
	struct interface_joined *joined = interface_joined_of(interface, token);

	if (!joined) {
		pbuf_free(token);
		return;
	}
	for (unsigned int i = 0; i < joined->count; i++)
		pbuf_free(joined->segments[i]);
	put_back(interface, joined);
}

void interface_join_init(struct interface *interface)
{
	if (!interface->device->cuts || interface->joined)
		return;
	interface->joined = mem_calloc(INTERFACE_JOINED, sizeof(*interface->joined));
	for (unsigned int i = 0; interface->joined && i < INTERFACE_JOINED; i++)
		put_back(interface, &interface->joined[i]);
}
