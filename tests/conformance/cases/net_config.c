/* SPDX-License-Identifier: BSD-2-Clause */
/* What a network device offers and has in its configuration (virtio 1.4, 5.1.3 and 5.1.4). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/net.h"

#define NET .devices = DEVICE(NET)
#define UNKNOWN_SPEED 0xffffffffu
#define ETHERNET 14u
#define ETHERNET_MOST 18u /* with a VLAN tag */

static uint32_t field(struct conformance_target *t, uint32_t offset, unsigned int width)
{
	if (config_length(t) < offset + width)
		skip(t, "the configuration has only %u bytes", config_length(t));
	return (uint32_t)config_read(t, offset, width);
}

CASE(net_pairs_range, OBEY, "max_virtqueue_pairs is between 1 and 0x8000", "DEV-NET-CFG-01", NET,
     .features = FEATURE(F_NET_MQ), .transports = TRANSPORTS_ALL)
{
	expect_range(t, "max_virtqueue_pairs", field(t, NET_PAIRS, 2), 1, 0x8000);
}

CASE(net_mtu_range, OBEY, "mtu is at least 68", "DEV-NET-CFG-02", NET,
     .features = FEATURE(F_NET_MTU), .transports = TRANSPORTS_ALL)
{
	expect_range(t, "mtu", field(t, NET_MTU, 2), 68, 65535);
}

CASE(net_mtu_least, OBEY, "mtu is at least 1280", "DEV-NET-CFG-03", NET, .should = true,
     .features = FEATURE(F_NET_MTU), .transports = TRANSPORTS_ALL)
{
	expect_range(t, "mtu", field(t, NET_MTU, 2), 1280, 65535);
}

CASE(net_mtu_stays, OBEY, "mtu does not change once it is set", "DEV-NET-CFG-04", NET,
     .features = FEATURE(F_NET_MTU))
{
	uint32_t mtu = field(t, NET_MTU, 2);

	session_begin(t, SESSION_WITH(FEATURE(F_NET_MTU)));
	expect_equal(t, "mtu after FEATURES_OK", field(t, NET_MTU, 2), mtu);
	session_ready(t);
	expect_equal(t, "mtu after DRIVER_OK", field(t, NET_MTU, 2), mtu);
	request_once(t, 0);
	expect_equal(t, "mtu after a frame", field(t, NET_MTU, 2), mtu);
	device_reset(t);
	expect_equal(t, "mtu after a reset", field(t, NET_MTU, 2), mtu);
}

CASE(net_mtu_receive, OBEY, "with MTU negotiated no frame that exceeds mtu is received",
     "DEV-NET-CFG-05", NET, .features = FEATURE(F_NET_MTU), .host = "frame")
{
	static uint8_t frame[NET_FRAME_MOST];
	struct net net;
	uint32_t length = field(t, NET_MTU, 2) + ETHERNET_MOST + 1;

	if (length > sizeof(frame))
		skip(t, "mtu is %u: the suite's frames are not that long", field(t, NET_MTU, 2));
	net_open(t, &net, FEATURE(F_NET_MTU));
	net_frame(frame, net.mac);
	expect(t, !net_frame_arrives(t, &net, frame, length, net.mac),
	       "a frame that is longer than mtu and its header is not received");
}

CASE(net_mtu_send, OBEY, "a frame of mtu bytes is sent as it is", "DEV-NET-CFG-06", NET,
     .features = FEATURE(F_NET_MTU), .host = "sent")
{
	static const uint8_t nobody[6] = {2, 0, 0, 0, 0, 1};
	static uint8_t frame[NET_FRAME_MOST];
	struct net net;
	uint32_t length = field(t, NET_MTU, 2) + ETHERNET;

	if (length > sizeof(frame))
		skip(t, "mtu is %u: the suite's frames are not that long", field(t, NET_MTU, 2));
	net_open(t, &net, FEATURE(F_NET_MTU));
	net_frame(frame, nobody);
	net_send(t, &net, 0, NULL, frame, length);
	net_expect_sent(t, frame, length);
}

CASE(net_rss_key, OBEY, "rss_max_key_size is at least 40", "DEV-NET-CFG-07", NET,
     .transports = TRANSPORTS_MODERN)
{
	if (!(features_offered(t) & (FEATURE(F_NET_RSS) | FEATURE(F_NET_HASH_REPORT))))
		skip(t, "the device offers neither RSS nor HASH_REPORT");
	expect_range(t, "rss_max_key_size", field(t, NET_RSS_KEY, 1), 40, 255);
}

CASE(net_rss_table, OBEY, "rss_max_indirection_table_length is at least 128", "DEV-NET-CFG-08", NET,
     .features = FEATURE(F_NET_RSS))
{
	expect_range(t, "rss_max_indirection_table_length", field(t, NET_RSS_TABLE, 2), 128, 65535);
}

CASE(net_speed_range, OBEY, "speed is below 0x80000000, or unknown", "DEV-NET-CFG-10", NET,
     .features = FEATURE(F_NET_SPEED_DUPLEX))
{
	uint32_t speed = field(t, NET_SPEED, 4);

	if (speed != UNKNOWN_SPEED)
		expect_range(t, "speed", speed, 0, 0x7fffffff);
}

CASE(net_duplex_range, OBEY, "duplex is 0, 1 or 0xff", "DEV-NET-CFG-11", NET,
     .features = FEATURE(F_NET_SPEED_DUPLEX))
{
	uint32_t duplex = field(t, NET_DUPLEX, 1);

	if (duplex != 0xff)
		expect_range(t, "duplex", duplex, 0, 1);
}

CASE(net_speed_stays, OBEY, "speed and duplex stay while the link is up", "DEV-NET-CFG-12", NET,
     .should = true, .features = FEATURE(F_NET_SPEED_DUPLEX))
{
	uint32_t speed, duplex;

	session_begin(t, SESSION_WITH(FEATURE(F_NET_SPEED_DUPLEX) | FEATURE(F_NET_STATUS)));
	session_ready(t);
	speed = field(t, NET_SPEED, 4);
	duplex = field(t, NET_DUPLEX, 1);
	for (unsigned int i = 0; i < 20; i++) {
		request_once(t, 0);
		expect_equal(t, "speed", field(t, NET_SPEED, 4), speed);
		expect_equal(t, "duplex", field(t, NET_DUPLEX, 1), duplex);
	}
}

#define NEEDS_CONTROL(name, feature, words, clause)                                                \
	CASE(net_##name##_needs_control, OBEY, words " is not offered without CTRL_VQ", clause,    \
	     NET, .should = true, .features = FEATURE(feature))                                    \
	{                                                                                          \
		expect_bits(t, "features offered", features_offered(t), FEATURE(F_NET_CTRL_VQ),    \
			    0);                                                                    \
	}
NEEDS_CONTROL(hash_report, F_NET_HASH_REPORT, "HASH_REPORT", "DEV-NET-CFG-13")
NEEDS_CONTROL(rx_extra, F_NET_CTRL_RX_EXTRA, "CTRL_RX_EXTRA", "DEV-NET-CFG-14")

struct wanted {
	uint16_t link;
};

static bool link_is(struct conformance_target *t, void *context)
{
	const struct wanted *wanted = context;

	return (config_read(t, NET_STATUS, 2) & NET_STATUS_LINK_UP) == wanted->link;
}

CASE(net_legacy_config, OBEY, "a legacy interface has the link's status in the CPU's byte order",
     "DEV-NET-CFG-15", NET, .features = FEATURE(F_NET_STATUS), .transports = TRANSPORTS_LEGACY,
     .host = "link")
{
	struct wanted down = {.link = 0}, up = {.link = NET_STATUS_LINK_UP};

	session_begin(t, SESSION_WITH(FEATURE(F_NET_STATUS)));
	session_ready(t);
	host_ask(t, "link", "down");
	await(t, link_is, &down, "bit 0 of the status is 0 while the link is down");
	host_ask(t, "link", "up");
	await(t, link_is, &up, "bit 0 of the status is 1 while the link is up");
}
