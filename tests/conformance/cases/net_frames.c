/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames through a network device and the headers in front of them (virtio 1.4, 5.1.9), without segmentation. */
#include "tests/conformance/case.h"
#include "tests/conformance/core/net.h"

#include <string.h>

#define NET .devices = DEVICE(NET)

static const uint8_t nobody[6] = {2, 0, 0, 0, 0, 1};

/* -- An IPv4 packet of UDP, in NET_FRAME bytes */

#define IP 14u
#define UDP 34u
#define UDP_CHECKSUM 6u
#define IP_BYTES (NET_FRAME - IP)
#define UDP_BYTES (NET_FRAME - UDP)

static uint32_t sum(const uint8_t *bytes, unsigned int count, uint32_t start)
{
	for (unsigned int i = 0; i + 1 < count; i += 2)
		start += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return start;
}

static void put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static uint32_t pseudo(const uint8_t *frame)
{
	return sum(frame + IP + 12, 8, 17 + UDP_BYTES);
}

/* The sum that the field of UDP must have. */
static uint16_t udp_checksum(const uint8_t *frame)
{
	uint8_t copy[UDP_BYTES];

	memcpy(copy, frame + UDP, UDP_BYTES);
	put16(copy + UDP_CHECKSUM, 0);
	return (uint16_t)~sum(copy, UDP_BYTES, pseudo(frame));
}

static void make_udp(uint8_t *frame, const uint8_t *destination)
{
	static const uint8_t ip[] = {0x45, 0, 0,  IP_BYTES, 0, 1, 0,  0, 64, 17,
				     0,	   0, 10, 9,	    8, 7, 10, 9, 8,  6};
	static const uint8_t udp[] = {0x12, 0x34, 0x43, 0x21, 0, UDP_BYTES, 0, 0};

	net_frame(frame, destination);
	put16(frame + 12, 0x0800);
	memcpy(frame + IP, ip, sizeof(ip));
	put16(frame + IP + 10, ~sum(ip, sizeof(ip), 0));
	memcpy(frame + UDP, udp, sizeof(udp));
	put16(frame + UDP + UDP_CHECKSUM, udp_checksum(frame));
}

/* -- Sending */

/* A frame behind this header goes out as it is. */
static void send_unchanged(struct conformance_target *t, uint64_t features,
			   const struct net_header *header)
{
	uint8_t frame[NET_FRAME];
	struct net net;

	net_open(t, &net, features);
	make_udp(frame, nobody);
	/* Wrong, and nobody's business. */
	put16(frame + UDP + UDP_CHECKSUM, 0x4711);
	net_send(t, &net, 0, header, frame, sizeof(frame));
	net_expect_sent(t, frame, sizeof(frame));
	net_frame(frame, nobody);
	net_send(t, &net, 0, NULL, frame, sizeof(frame));
	net_expect_sent(t, frame, sizeof(frame));
}

#define SENT(name, words, clauses, ...)                                                            \
	CASE(net_tx_##name, OBEY, "a frame " words " is sent as it is", clauses, NET,              \
	     .host = "sent", .transports = TRANSPORTS_ALL)                                         \
	{                                                                                          \
		static const struct net_header header = {__VA_ARGS__};                             \
                                                                                                   \
		send_unchanged(t, 0, &header);                                                     \
	}
SENT(bad_checksum, "with a wrong checksum, and without NEEDS_CSUM,", "DEV-NET-TX-11 DEV-NET-HDR-01",
     0)
SENT(flag_4, "with the unknown flag 0x04", "DEV-NET-TX-01", .flags = 0x04)
SENT(flag_8, "with the unknown flag 0x08", "DEV-NET-TX-01", .flags = 0x08)
SENT(flag_16, "with the unknown flag 0x10", "DEV-NET-TX-01", .flags = 0x10)
SENT(flag_128, "with the unknown flag 0x80", "DEV-NET-TX-01", .flags = 0x80)
SENT(csum_fields, "with csum_start and csum_offset, and without NEEDS_CSUM,", "DEV-NET-TX-02",
     .csum_start = UDP, .csum_offset = UDP_CHECKSUM)
SENT(csum_beyond, "with csum_start far outside, and without NEEDS_CSUM,", "DEV-NET-TX-02",
     .csum_start = 0xffff, .csum_offset = 0xffff)
SENT(hdr_len_small, "with hdr_len 1", "DEV-NET-TX-07", .hdr_len = 1)
SENT(hdr_len_whole, "with the hdr_len of the whole frame", "DEV-NET-TX-07", .hdr_len = NET_FRAME)
SENT(hdr_len_large, "with hdr_len 0xffff", "DEV-NET-TX-07", .hdr_len = 0xffff)

CASE(net_tx_csum_unneeded, OBEY, "with CSUM a frame without NEEDS_CSUM is sent as it is",
     "DEV-NET-TX-02 DEV-NET-TX-11", NET, .features = FEATURE(F_NET_CSUM), .host = "sent")
{
	static const struct net_header header = {.csum_start = UDP, .csum_offset = UDP_CHECKSUM};

	send_unchanged(t, FEATURE(F_NET_CSUM), &header);
}

CASE(net_tx_csum, OBEY, "a frame with NEEDS_CSUM has its checksum when it is sent", "-", NET,
     .features = FEATURE(F_NET_CSUM), .host = "sent")
{
	static const struct net_header header = {
		.flags = NET_NEEDS_CSUM, .csum_start = UDP, .csum_offset = UDP_CHECKSUM};
	uint8_t frame[NET_FRAME];
	uint16_t right;
	struct net net;

	net_open(t, &net, FEATURE(F_NET_CSUM));
	make_udp(frame, nobody);
	right = udp_checksum(frame);
	put16(frame + UDP + UDP_CHECKSUM, pseudo(frame));
	net_send(t, &net, 0, &header, frame, sizeof(frame));
	put16(frame + UDP + UDP_CHECKSUM, right);
	net_expect_sent(t, frame, sizeof(frame));
}

CASE(net_legacy_frames, OBEY,
     "through a legacy interface a frame goes out and one comes in behind its header",
     "DEV-NET-HDR-01", NET, .transports = TRANSPORTS_LEGACY, .host = "frame")
{
	uint8_t frame[NET_FRAME];
	struct net_received received;
	struct net net;

	net_open(t, &net, 0);
	net_frame(frame, nobody);
	net_send(t, &net, 0, NULL, frame, sizeof(frame));
	net_expect_sent(t, frame, sizeof(frame));
	net_frame(frame, net.mac);
	net_inject(t, frame, sizeof(frame));
	net_receive(t, &net, &received);
	expect_equal(t, "bytes of the frame", received.length, sizeof(frame));
	expect(t, !memcmp(received.data, frame, sizeof(frame)),
	       "the frame is the one that was sent");
}

/* -- Receiving */

static void receive(struct conformance_target *t, struct net *net, const uint8_t *frame,
		    struct net_received *received)
{
	net_inject(t, frame, NET_FRAME);
	net_receive(t, net, received);
}

static void receive_udp(struct conformance_target *t, uint64_t features,
			struct net_received *received)
{
	uint8_t frame[NET_FRAME];
	struct net net;

	net_open(t, &net, features);
	make_udp(frame, net.mac);
	receive(t, &net, frame, received);
}

#define RECEIVE NET, .host = "frame"

CASE(net_rx_intact, OBEY, "without GUEST_CSUM a frame is received with the checksum that it had",
     "DEV-NET-RX-09", RECEIVE, .should = true, .transports = TRANSPORTS_ALL)
{
	struct net_received received;
	uint8_t frame[NET_FRAME];
	struct net net;

	net_open(t, &net, 0);
	make_udp(frame, net.mac);
	receive(t, &net, frame, &received);
	expect_equal(t, "bytes of the frame", received.length, sizeof(frame));
	expect(t, !memcmp(received.data, frame, sizeof(frame)),
	       "the frame is the one that was sent");
}

CASE(net_rx_length, OBEY, "used.len of a received frame counts the header and the frame",
     "DEV-SPLIT-USED-02", RECEIVE, .transports = TRANSPORTS_ALL)
{
	struct net_received received;
	uint8_t frame[NET_FRAME];
	struct net net;

	net_open(t, &net, 0);
	net_frame(frame, net.mac);
	receive(t, &net, frame, &received);
	expect_equal(t, "used.len", received.lengths[0], net.header + sizeof(frame));
}

CASE(net_rx_num_buffers_1, OBEY, "num_buffers is 1 without MRG_RXBUF", "DEV-NET-RX-04", RECEIVE)
{
	struct net_received received;

	receive_udp(t, 0, &received);
	expect_equal(t, "num_buffers", received.header.num_buffers, 1);
}

CASE(net_rx_one_buffer, OBEY, "a frame uses one buffer without MRG_RXBUF", "DEV-NET-RXBUF-02",
     RECEIVE, .transports = TRANSPORTS_ALL)
{
	static uint8_t frame[600];
	struct net_received received;
	struct net net;
	uint8_t last[NET_FRAME];

	/* Several small ones in front, which the device must not use together, and one that is large enough. */
	net_begin(t, &net, 0);
	net_ready(t, &net, 1);
	net_lend(t, &net, 0, 4, 256);
	net_lend(t, &net, 0, 4, 2048);
	net_frame(frame, net.mac);
	net_inject(t, frame, sizeof(frame));
	for (unsigned int i = 0; i < 5; i++) {
		net_frame(last, net.mac);
		net_inject(t, last, sizeof(last));
	}
	/* Whole, or not at all. */
	do {
		net_receive(t, &net, &received);
		expect_range(t, "bytes of a received frame",
			     received.length == sizeof(last) ? sizeof(frame) : received.length,
			     sizeof(frame), sizeof(frame));
	} while (memcmp(received.data + 14, last + 14, 4));
}

#define HEADER(name, words, clauses, field, set, clear)                                            \
	CASE(net_rx_##name, OBEY, words, clauses, RECEIVE, .transports = TRANSPORTS_ALL)           \
	{                                                                                          \
		struct net_received received;                                                      \
                                                                                                   \
		receive_udp(t, 0, &received);                                                      \
		expect_bits(t, #field " of a received frame", received.header.field, set, clear);  \
	}
HEADER(flags_zero, "without GUEST_CSUM the flags of a received frame are 0", "DEV-NET-RX-08", flags,
       0, 0xff)
HEADER(gso_none, "without offloads the gso_type of a received frame is NONE",
       "DEV-NET-RX-10 DEV-NET-RX-11 DEV-NET-RX-12 DEV-NET-RX-13 DEV-NET-RX-29", gso_type, 0, 0xff)
HEADER(no_tunnel, "without tunnel offloads the gso_type of a received frame names no tunnel",
       "DEV-NET-RX-14 DEV-NET-RX-24", gso_type, 0, 0x60)
HEADER(no_tunnel_csum, "without tunnel offloads UDP_TUNNEL_CSUM is not set",
       "DEV-NET-RX-15 DEV-NET-RX-28", flags, 0, 0x08)
HEADER(no_security, "without IPSEC the flag SECURITY is not set", "DEV-NET-RX-42", flags, 0, 0x10)
HEADER(no_security_err, "without IPSEC the flag SECURITY_ERR is not set", "DEV-NET-RX-45", flags, 0,
       0x20)
HEADER(no_rsc_info, "without RSC_EXT the flag RSC_INFO is not set", "DEV-NET-RX-33", flags, 0, 0x04)

/* -- Checksums that the driver may leave to the device, and the other way round */

#define GUEST_CSUM RECEIVE, .features = FEATURE(F_NET_GUEST_CSUM)

CASE(net_rx_data_valid, OBEY, "DATA_VALID is not set for a frame with a wrong checksum",
     "DEV-NET-RX-36", GUEST_CSUM)
{
	struct net_received received;
	uint8_t frame[NET_FRAME];
	struct net net;

	net_open(t, &net, FEATURE(F_NET_GUEST_CSUM));
	make_udp(frame, net.mac);
	put16(frame + UDP + UDP_CHECKSUM, udp_checksum(frame) ^ 0x1111u);
	receive(t, &net, frame, &received);
	/* NEEDS_CSUM: the field has another meaning then. */
	if (received.header.flags & NET_NEEDS_CSUM)
		skip(t, "the device leaves the checksum to the driver");
	expect_bits(t, "flags of a received frame", received.header.flags, 0, NET_DATA_VALID);
}

CASE(net_rx_needs_csum, OBEY, "with NEEDS_CSUM csum_start and csum_offset give the right checksum",
     "DEV-NET-RX-22 DEV-NET-RX-23", GUEST_CSUM)
{
	struct net_received received;
	uint8_t *frame = received.data;

	receive_udp(t, FEATURE(F_NET_GUEST_CSUM), &received);
	expect_equal(t, "bytes of the frame", received.length, NET_FRAME);
	if (received.header.flags & NET_NEEDS_CSUM) {
		expect_equal(t, "csum_start", received.header.csum_start, UDP);
		expect_equal(t, "csum_offset", received.header.csum_offset, UDP_CHECKSUM);
		put16(frame + UDP + UDP_CHECKSUM, ~sum(frame + UDP, UDP_BYTES, 0));
	}
	expect_equal(t, "the checksum of the frame",
		     (uint32_t)(frame[UDP + UDP_CHECKSUM] << 8 | frame[UDP + UDP_CHECKSUM + 1]),
		     udp_checksum(frame));
}

#define GSO_CASE(name, words, clause, what, value, least)                                          \
	CASE(net_rx_gso_##name, OBEY, "a received frame with a gso_type " words, clause, RECEIVE,  \
	     .features = FEATURE(F_NET_GUEST_CSUM) | FEATURE(F_NET_GUEST_TSO4))                    \
	{                                                                                          \
		struct net_received received;                                                      \
                                                                                                   \
		receive_udp(t, FEATURE(F_NET_GUEST_CSUM) | FEATURE(F_NET_GUEST_TSO4), &received);  \
		if (received.header.gso_type)                                                      \
			expect_range(t, what, received.header.value, least, 0xffff);               \
	}
GSO_CASE(csum, "has NEEDS_CSUM", "DEV-NET-RX-30", "NEEDS_CSUM in flags", flags &NET_NEEDS_CSUM, 1)
GSO_CASE(size, "has a gso_size", "DEV-NET-RX-31", "gso_size", gso_size, 1)

CASE(net_rx_gso_headers, OBEY, "hdr_len of a received frame with a gso_type covers its headers",
     "DEV-NET-RX-34", RECEIVE, .features = FEATURE(F_NET_GUEST_CSUM) | FEATURE(F_NET_GUEST_TSO4),
     .should = true)
{
	struct net_received received;

	receive_udp(t, FEATURE(F_NET_GUEST_CSUM) | FEATURE(F_NET_GUEST_TSO4), &received);
	if (received.header.gso_type)
		expect_range(t, "hdr_len", received.header.hdr_len, UDP + 8, NET_FRAME);
}
