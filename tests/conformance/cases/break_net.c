/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames, headers and receive buffers that a network device cannot want (virtio 1.4, 5.1.9). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/misuse.h"

#include <string.h>

#define ON_NET .devices = DEVICE(NET)
#define HEADER 12u
#define FRAME 60u
#define HEADER_FIRST 14u /* of Ethernet */

enum { RECEIVE, TRANSMIT };
enum { F_NET_CSUM = 0, F_NET_MRG_RXBUF = 15 };

/* 5.1.9 */
struct header {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};
_Static_assert(sizeof(struct header) == HEADER, "5.1.9");

/* The header, then a frame to nobody, of the experimental type: no switch answers it; `length` of both. */
static void add_message(struct conformance_target *t, struct misuse *misuse,
			const struct header *header, uint32_t length)
{
	static const uint8_t ethernet[HEADER_FIRST] = {2, 0, 0, 0, 0, 1,    2,
						       0, 0, 0, 0, 2, 0x88, 0xb5};
	uint8_t bytes[HEADER + HEADER_FIRST];

	memcpy(bytes, header, HEADER);
	memcpy(bytes + HEADER, ethernet, sizeof(ethernet));
	misuse_out_padded(t, misuse, bytes, sizeof(bytes), length);
}

/* -- Transmit */

static void run_sent(struct conformance_target *t, uint64_t features, const struct header *header,
		     uint32_t bytes, uint32_t writable, bool completes)
{
	struct misuse misuse = {0};
	struct used used;

	session_begin(t, SESSION_ONLY(features | FEATURE(F_RING_PACKED)));
	session_ready(t);
	if (bytes)
		add_message(t, &misuse, header, bytes);
	if (writable)
		misuse_in(t, &misuse, writable);
	if (completes)
		misuse_complete(t, session_ring(t, TRANSMIT), &misuse);
	else
		misuse_run(t, session_ring(t, TRANSMIT), &misuse, &used);
}

#define SENT(name, claim, clauses, bytes, writable)                                                \
	CASE(break_net_##name, BREAK, claim " is given back, or survived", clauses, ON_NET)        \
	{                                                                                          \
		static const struct header header;                                                 \
                                                                                                   \
		run_sent(t, 0, &header, bytes, writable, false);                                   \
	}
#define SHORT(bytes)                                                                               \
	SENT(header_##bytes, "a transmit buffer of " #bytes " bytes, less than a header,",         \
	     "DRV-NET-TX-03", bytes, 0)
SHORT(1)
SHORT(11)
SENT(frame_none, "a header without a frame", "-", HEADER, 0)
SENT(frame_1, "a frame of 1 byte", "-", HEADER + 1, 0)
SENT(frame_13, "a frame of 13 bytes", "-", HEADER + 13, 0)
SENT(frame_1515, "a frame of 1515 bytes", "DRV-NET-CFG-09", HEADER + 1515, 0)
SENT(frame_65535, "a frame of 65535 bytes", "DRV-NET-CFG-09", HEADER + 65535, 0)
SENT(frame_65536, "a frame of 65536 bytes", "DRV-NET-CFG-09", HEADER + 65536, 0)
SENT(frame_100000, "a frame of 100000 bytes", "DRV-NET-CFG-09", HEADER + 100000, 0)
SENT(send_writable, "a writable buffer in a transmit queue", "-", 0, HEADER + FRAME)
SENT(send_writable_byte, "a writable byte in a transmit queue", "-", 0, 1)
SENT(send_mixed, "a frame with a writable part", "-", HEADER + FRAME, FRAME)
SENT(send_header_mixed, "a header whose frame is writable", "-", HEADER, FRAME)

#define FIELDS(name, claim, clauses, features_, ...)                                               \
	CASE(break_net_##name, BREAK, "a frame with " claim " is given back, or survived",         \
	     clauses, ON_NET, .features = features_)                                               \
	{                                                                                          \
		static const struct header header = {__VA_ARGS__};                                 \
                                                                                                   \
		run_sent(t, features_, &header, HEADER + FRAME, 0, false);                         \
	}
#define GSO(name, claim, clauses, type)                                                            \
	FIELDS(name, claim, clauses, 0, .flags = 1, .gso_type = type, .gso_size = 20,              \
	       .hdr_len = 54, .csum_start = 34, .csum_offset = 16)
GSO(gso_tcpv4, "gso_type TCPV4 that was not negotiated", "DRV-NET-TX-09 DRV-NET-TX-33", 1)
GSO(gso_2, "gso_type 2, which is not defined,", "DRV-NET-TX-33", 2)
GSO(gso_udp, "gso_type UDP that was not negotiated", "DRV-NET-TX-13 DRV-NET-TX-33", 3)
GSO(gso_tcpv6, "gso_type TCPV6 that was not negotiated", "DRV-NET-TX-11 DRV-NET-TX-33", 4)
GSO(gso_udp_l4, "gso_type UDP_L4 that was not negotiated", "DRV-NET-TX-15 DRV-NET-TX-33", 5)
GSO(gso_6, "gso_type 6, which is not defined,", "DRV-NET-TX-33", 6)
GSO(gso_tunnel, "both tunnel bits in gso_type", "DRV-NET-TX-19", 0x61)
GSO(gso_ecn, "gso_type ECN alone", "DRV-NET-TX-33", 0x80)
GSO(gso_127, "gso_type 127", "DRV-NET-TX-33", 0x7f)
GSO(gso_255, "gso_type 255", "DRV-NET-TX-33", 0xff)
FIELDS(gso_size_0, "segmentation into 0 bytes", "DRV-NET-TX-35", 0, .flags = 1, .gso_type = 1,
       .hdr_len = 54, .csum_start = 34, .csum_offset = 16)
FIELDS(gso_size_max, "segmentation into 65535 bytes", "DRV-NET-TX-35", 0, .flags = 1, .gso_type = 1,
       .gso_size = 0xffff, .hdr_len = 54, .csum_start = 34, .csum_offset = 16)
FIELDS(gso_no_checksum, "segmentation without NEEDS_CSUM", "DRV-NET-TX-34", 0, .gso_type = 1,
       .gso_size = 20, .hdr_len = 54)
FIELDS(gso_hdr_len_max, "segmentation behind headers of 65535 bytes", "DEV-NET-TX-07", 0,
       .flags = 1, .gso_type = 1, .gso_size = 20, .hdr_len = 0xffff, .csum_start = 34,
       .csum_offset = 16)
FIELDS(flags_received, "DATA_VALID and RSC_INFO", "DRV-NET-TX-47", 0, .flags = 6)
FIELDS(flags_all, "all flags", "DRV-NET-TX-05", 0, .flags = 0xff)
FIELDS(num_buffers, "num_buffers 65535", "DRV-NET-TX-04", 0, .num_buffers = 0xffff)
FIELDS(csum_not_negotiated, "NEEDS_CSUM that was not negotiated", "DRV-NET-TX-05", 0, .flags = 1,
       .csum_start = 0xffff, .csum_offset = 0xffff)

#define CSUM(name, claim, start, offset)                                                           \
	FIELDS(csum_##name, claim, "DRV-NET-TX-32", FEATURE(F_NET_CSUM), .flags = 1,               \
	       .csum_start = start, .csum_offset = offset)
CSUM(start_end, "csum_start at its end", FRAME, 0)
CSUM(start_behind, "csum_start behind its end", FRAME + 1, 0)
CSUM(start_max, "csum_start 65535", 0xffff, 0)
CSUM(offset_end, "a checksum field of which one byte is outside", FRAME - 1, 0)
CSUM(offset_max, "csum_offset 65535", 34, 0xffff)
CSUM(sum_wraps, "csum_start and csum_offset that are together 65536", 0xfff0, 16)
CSUM(both_max, "csum_start and csum_offset 65535", 0xffff, 0xffff)

/* What the device must not look at (5.1.9.2.2) cannot keep it from using the buffer. */
#define IGNORED(name, claim, clauses, ...)                                                         \
	CASE(break_net_##name, BREAK, "a frame with " claim " is used as any other", clauses,      \
	     ON_NET)                                                                               \
	{                                                                                          \
		static const struct header header = {__VA_ARGS__};                                 \
                                                                                                   \
		run_sent(t, 0, &header, HEADER + FRAME, 0, true);                                  \
	}
IGNORED(hdr_len_behind, "hdr_len one byte behind it", "DEV-NET-TX-07", .hdr_len = FRAME + 1)
IGNORED(hdr_len_max, "hdr_len 65535", "DEV-NET-TX-07", .hdr_len = 0xffff)
IGNORED(flags_unknown, "a flag that is not defined", "DEV-NET-TX-01", .flags = 0x80)
IGNORED(csum_ignored, "csum_start outside and without NEEDS_CSUM", "DEV-NET-TX-02",
	.csum_start = 0xffff, .csum_offset = 0xffff)

/* -- Receive buffers, and frames for them */

static void run_received(struct conformance_target *t, uint64_t features, uint32_t readable,
			 uint32_t writable, unsigned int count)
{
	static const uint8_t text[2048];
	struct ring *ring;
	struct used used;
	struct misuse misuse;

	session_begin(t, SESSION_ONLY(features | FEATURE(F_RING_PACKED)));
	ring = session_queue(t, RECEIVE, 0);
	session_ready(t);
	for (unsigned int i = 0; i < count; i++) {
		memset(&misuse, 0, sizeof(misuse));
		if (readable)
			misuse_out(t, &misuse, text, readable);
		if (writable)
			misuse_in(t, &misuse, writable);
		misuse_lend(t, ring, &misuse);
	}
	/* To everybody. */
	host_ask(t, "frame", "%s%0*x 2", "ffffffffffff02000000000288b5",
		 2 * (int)(FRAME - HEADER_FIRST), 0x52);
	while (misuse_used(t, ring, &misuse, &used))
		;
}

#define RECEIVED(name, claim, clauses, features_, readable, writable, count)                       \
	CASE(break_net_receive_##name, BREAK,                                                      \
	     "a frame for " claim " is not said to be longer than that, and written nowhere else", \
	     clauses, ON_NET, .features = features_, .host = "frame")                              \
	{                                                                                          \
		run_received(t, features_, readable, writable, count);                             \
	}
#define MERGEABLE FEATURE(F_NET_MRG_RXBUF)
RECEIVED(11, "a receive buffer of 11 bytes", "DRV-NET-RXBUF-02", 0, 0, HEADER - 1, 4)
RECEIVED(header, "a receive buffer that holds only a header", "DRV-NET-RXBUF-02", 0, 0, HEADER, 4)
RECEIVED(71, "a receive buffer that is one byte too short", "DRV-NET-RXBUF-02", 0, 0,
	 HEADER + FRAME - 1, 4)
RECEIVED(readable, "a readable buffer", "DEV-SPLIT-DESC-01", 0, 2048, 0, 4)
RECEIVED(mixed, "a buffer of which only a header is writable", "DEV-SPLIT-DESC-01", 0, 2048, HEADER,
	 4)
RECEIVED(merged_1, "mergeable receive buffers of 1 byte", "DRV-NET-RXBUF-03", MERGEABLE, 0, 1, 100)
RECEIVED(merged_header, "mergeable receive buffers that hold only a header", "DRV-NET-RXBUF-03",
	 MERGEABLE, 0, HEADER, 4)
RECEIVED(merged_readable, "mergeable readable buffers", "DEV-SPLIT-DESC-01", MERGEABLE, 2048, 0, 4)
RECEIVED(merged_mixed, "mergeable buffers of which only a header is writable", "DEV-SPLIT-DESC-01",
	 MERGEABLE, 2048, HEADER, 4)

/* -- Configuration */

#define CONFIG(name, offset, width)                                                                \
	CASE(break_net_config_##name, BREAK,                                                       \
	     "the field " #name " of the configuration cannot be written", "DRV-NET-CFG-01",       \
	     ON_NET)                                                                               \
	{                                                                                          \
		session_open(t);                                                                   \
		misuse_config(t, offset, width);                                                   \
	}
CONFIG(mac, 0, 4)
CONFIG(mac_end, 4, 2)
CONFIG(status, 6, 2)
CONFIG(max_virtqueue_pairs, 8, 2)
CONFIG(mtu, 10, 2)
CONFIG(speed, 12, 4)
CONFIG(duplex, 16, 1)
CONFIG(rss_max_key_size, 17, 1)
CONFIG(rss_max_indirection_table_length, 18, 2)
CONFIG(supported_hash_types, 20, 4)
