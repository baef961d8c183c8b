/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes of received frames, and the queue that they choose (virtio 1.4, 5.1.9.4.3 and 5.1.9.5.7). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/net.h"

#include <string.h>

#define KEY_BYTES 40u
#define IP 14u
#define ADDRESSES 26u
#define TYPE_IPV4 1u
#define TYPE_UDPV4 4u
#define REPORT_IPV4 1u
#define REPORT_UDPV4 3u

struct __attribute__((packed)) hash_config {
	uint32_t types;
	uint16_t reserved[4];
	uint8_t key_length, key[KEY_BYTES];
};

#define ENTRIES 2u

struct __attribute__((packed)) rss_config {
	uint32_t types;
	uint16_t mask, unclassified, table[ENTRIES], pairs;
	uint8_t key_length, key[KEY_BYTES];
};

/* The one that verifications of this hash use everywhere. */
static const uint8_t key[KEY_BYTES] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
				       0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
				       0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
				       0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

/* 5.1.9.4.3.1: each bit that is set takes the 32 bits of the key that begin at its place. */
static uint32_t hash_of(const uint8_t *data, unsigned int bytes)
{
	uint32_t hash = 0;

	for (unsigned int bit = 0; bit < 8 * bytes; bit++) {
		if (!(data[bit / 8] & 0x80u >> bit % 8))
			continue;
		for (unsigned int i = 0; i < 32; i++)
			if (key[(bit + i) / 8] & 0x80u >> (bit + i) % 8)
				hash ^= 0x80000000u >> i;
	}
	return hash;
}

/* From 66.9.149.187:2794 to 161.142.100.80:1766, whose hashes are published; `last` changes the sender. */
static void make_packet(uint8_t *frame, const uint8_t *destination, uint8_t last)
{
	static const uint8_t packet[] = {0x45, 0,    0,	   50,	 0,   1,   0,	0,   64,  17,
					 0,    0,    66,   9,	 149, 187, 161, 142, 100, 80,
					 0x0a, 0xea, 0x06, 0xe6, 0,   30,  0,	0};

	net_frame(frame, destination);
	frame[12] = 8;
	frame[13] = 0;
	memcpy(frame + IP, packet, sizeof(packet));
	frame[ADDRESSES + 3] ^= last;
}

static void receive_packet(struct conformance_target *t, struct net *net, uint8_t last,
			   struct net_received *received)
{
	uint8_t frame[NET_FRAME];

	make_packet(frame, net->mac, last);
	net_inject(t, frame, sizeof(frame));
	net_receive(t, net, received);
}

static void configure_hash(struct conformance_target *t, struct net *net, uint32_t types)
{
	struct hash_config config = {.types = types, .key_length = KEY_BYTES};

	if (types & ~config_read(t, NET_HASH_TYPES, 4))
		skip(t, "the device does not know hashes of this type");
	memcpy(config.key, key, sizeof(key));
	net_command(t, net, NET_MQ, 2, &config, sizeof(config));
}

static void configure_rss(struct conformance_target *t, struct net *net, uint32_t types,
			  uint16_t unclassified, uint16_t second, uint16_t pairs)
{
	struct rss_config config = {.types = types,
				    .mask = ENTRIES - 1,
				    .unclassified = unclassified,
				    .table = {0, second},
				    .pairs = pairs,
				    .key_length = KEY_BYTES};

	if (types & ~config_read(t, NET_HASH_TYPES, 4))
		skip(t, "the device does not know hashes of this type");
	memcpy(config.key, key, sizeof(key));
	net_command(t, net, NET_MQ, 1, &config, sizeof(config));
}

#define NEEDS(bits) .devices = DEVICE(NET), .features = FEATURE(F_NET_CTRL_VQ) | (bits)

/* -- Commands */

CASE(net_rss_config, OBEY, "a device that offers RSS takes its configuration", "DEV-NET-HASH-02",
     NEEDS(FEATURE(F_NET_RSS)))
{
	struct net net;

	net_open(t, &net, FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_RSS));
	configure_rss(t, &net, TYPE_IPV4, 0, 0, 1);
}

CASE(net_hash_or_rss, OBEY, "a device that offers HASH_REPORT takes a configuration of hashes",
     "DEV-NET-HASH-01", NEEDS(FEATURE(F_NET_HASH_REPORT)))
{
	uint64_t rss = features_offered(t) & FEATURE(F_NET_RSS);
	struct net net;

	net_open(t, &net, FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_HASH_REPORT) | rss);
	if (rss)
		configure_rss(t, &net, TYPE_IPV4, 0, 0, 1);
	else
		configure_hash(t, &net, TYPE_IPV4);
}

CASE(net_hash_config, OBEY, "a device that offers HASH_REPORT takes HASH_CONFIG without RSS",
     "DEV-NET-HASH-03 DEV-NET-HASH-04", NEEDS(FEATURE(F_NET_HASH_REPORT)))
{
	struct net net;

	net_open(t, &net, FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_HASH_REPORT));
	configure_hash(t, &net, TYPE_IPV4);
}

/* -- What they make of frames */

#define VALUE(name, words, types, bytes, report, published)                                        \
	CASE(net_hash_value_##name, OBEY, "the hash of " words " is the one that is defined",      \
	     "DEV-NET-RSS-01", NEEDS(FEATURE(F_NET_HASH_REPORT)), .host = "frame")                 \
	{                                                                                          \
		struct net_received received;                                                      \
		struct net net;                                                                    \
                                                                                                   \
		net_open(t, &net, FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_HASH_REPORT));            \
		configure_hash(t, &net, types);                                                    \
		receive_packet(t, &net, 0, &received);                                             \
		expect_equal(t, "(the suite itself) the hash that is published",                   \
			     hash_of(received.data + ADDRESSES, bytes), published);                \
		expect_equal(t, "hash_report", received.header.hash_report, report);               \
		expect_equal(t, "hash_value", received.header.hash_value, published);              \
	}
VALUE(ipv4, "the addresses of IPv4", TYPE_IPV4, 8, REPORT_IPV4, 0x323e8fc2)
VALUE(udpv4, "the addresses and ports of UDP", TYPE_UDPV4, 12, REPORT_UDPV4, 0x51ccc178)

/* Two pairs, both with buffers. */
static void open_rss(struct conformance_target *t, struct net *net, uint16_t unclassified)
{
	net_begin(t, net, FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_RSS));
	if (config_read(t, NET_PAIRS, 2) < 2)
		skip(t, "the device has only one pair of queues");
	session_queue(t, 2, 0);
	session_queue(t, 3, 0);
	net_ready(t, net, 1);
	net->pairs = 2;
	net_lend(t, net, 0, 8, 2048);
	net_lend(t, net, 1, 8, 2048);
	configure_rss(t, net, TYPE_IPV4, unclassified, 1, 2);
}

CASE(net_rss_redirects, OBEY, "the hash chooses the entry of the table that chooses the queue",
     "DEV-NET-RSS-03", NEEDS(FEATURE(F_NET_RSS)), .host = "frame")
{
	struct net_received received;
	unsigned int seen = 0;
	struct net net;

	open_rss(t, &net, 0);
	for (uint8_t i = 0; i < 6; i++) {
		receive_packet(t, &net, i, &received);
		expect_equal(t, "the pair that a frame comes in on", received.pair,
			     hash_of(received.data + ADDRESSES, 8) & (ENTRIES - 1));
		seen |= 1u << received.pair;
	}
	expect_equal(t, "(the suite itself) the pairs that frames came in on, as bits", seen, 3);
}

CASE(net_rss_unclassified, OBEY, "a frame without a hash comes in on unclassified_queue",
     "DEV-NET-RSS-02", NEEDS(FEATURE(F_NET_RSS)), .host = "frame")
{
	struct net_received received;
	uint8_t frame[NET_FRAME];
	struct net net;

	open_rss(t, &net, 1);
	net_frame(frame, net.mac);
	net_inject(t, frame, sizeof(frame));
	net_receive(t, &net, &received);
	expect_equal(t, "the pair that a frame comes in on", received.pair, 1);
}
