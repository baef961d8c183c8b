/* SPDX-License-Identifier: BSD-2-Clause */
/* The control queue of a network device, and what its commands change (virtio 1.4, 5.1.9.5). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/net.h"

#include <string.h>

#define CONTROL(bits)                                                                              \
	.devices = DEVICE(NET), .features = FEATURE(F_NET_CTRL_VQ) | (bits),                       \
	.transports = TRANSPORTS_ALL

static const uint8_t stranger[6] = {2, 0, 0, 0, 0, 0x77};
static const uint8_t group[6] = {3, 0, 0, 0, 0, 0x55};
static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* -- Receive modes */

static void set_mode(struct conformance_target *t, struct net *net, uint8_t mode, uint8_t on)
{
	net_command(t, net, NET_RX, mode, &on, sizeof(on));
}

static void open_modes(struct conformance_target *t, struct net *net)
{
	net_open(t, net,
		 FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_CTRL_RX) | FEATURE(F_NET_CTRL_RX_EXTRA));
}

#define MODE(name, mode, feature, clause)                                                          \
	CASE(net_mode_##name, OBEY, "the receive mode " #mode " can be turned on and off", clause, \
	     CONTROL(FEATURE(feature)))                                                            \
	{                                                                                          \
		struct net net;                                                                    \
                                                                                                   \
		open_modes(t, &net);                                                               \
		set_mode(t, &net, NET_##mode, 1);                                                  \
		set_mode(t, &net, NET_##mode, 0);                                                  \
	}
MODE(promisc, PROMISC, F_NET_CTRL_RX, "DEV-NET-RXFILT-01")
MODE(allmulti, ALLMULTI, F_NET_CTRL_RX, "DEV-NET-RXFILT-04")
MODE(alluni, ALLUNI, F_NET_CTRL_RX_EXTRA, "DEV-NET-RXFILT-06")
MODE(nomulti, NOMULTI, F_NET_CTRL_RX_EXTRA, "DEV-NET-RXFILT-08")
MODE(nouni, NOUNI, F_NET_CTRL_RX_EXTRA, "DEV-NET-RXFILT-12")
MODE(nobcast, NOBCAST, F_NET_CTRL_RX_EXTRA, "DEV-NET-RXFILT-15")

#define NONE 0xff

/* PROMISC as said, and up to two other modes on; whether a frame to `destination` comes is as it should be. */
static void filter(struct conformance_target *t, uint8_t promisc, uint8_t first, uint8_t second,
		   const uint8_t *destination, bool comes)
{
	struct net net;

	open_modes(t, &net);
	set_mode(t, &net, NET_PROMISC, promisc);
	if (first != NONE)
		set_mode(t, &net, first, 1);
	if (second != NONE)
		set_mode(t, &net, second, 1);
	if (!destination)
		destination = net.mac;
	/* What comes in any case, behind it. */
	if (net_arrives(t, &net, destination,
			first == NET_NOUNI || second == NET_NOUNI ? everybody : net.mac) != comes)
		fail(t, comes ? "the frame is received" : "the frame is not received", "it is%s",
		     comes ? " not" : "");
}

#define FILTER(name, words, clause, feature, promisc, first, second, destination, comes)           \
	CASE(net_filter_##name, OBEY, words, clause, CONTROL(FEATURE(feature)), .should = true,    \
	     .host = "frame")                                                                      \
	{                                                                                          \
		filter(t, promisc, first, second, destination, comes);                             \
	}
FILTER(promisc, "with PROMISC a frame to a stranger is received", "DEV-NET-RXFILT-02",
       F_NET_CTRL_RX, 1, NONE, NONE, stranger, true)
FILTER(promisc_group, "with PROMISC a frame to any group is received", "DEV-NET-RXFILT-02",
       F_NET_CTRL_RX, 1, NONE, NONE, group, true)
FILTER(promisc_over_nouni, "PROMISC counts more than NOUNI", "DEV-NET-RXFILT-03",
       F_NET_CTRL_RX_EXTRA, 1, NET_NOUNI, NONE, stranger, true)
FILTER(promisc_over_nomulti, "PROMISC counts more than NOMULTI", "DEV-NET-RXFILT-03",
       F_NET_CTRL_RX_EXTRA, 1, NET_NOMULTI, NONE, group, true)
FILTER(stranger, "without PROMISC a frame to a stranger is dropped", "DEV-NET-MAC-04",
       F_NET_CTRL_RX, 0, NONE, NONE, stranger, false)
FILTER(group, "without PROMISC a frame to a group that is not in the table is dropped",
       "DEV-NET-MAC-04", F_NET_CTRL_RX, 0, NONE, NONE, group, false)
FILTER(allmulti, "with ALLMULTI a frame to any group is received", "DEV-NET-RXFILT-05",
       F_NET_CTRL_RX, 0, NET_ALLMULTI, NONE, group, true)
FILTER(alluni, "with ALLUNI a frame to a stranger is received", "DEV-NET-RXFILT-07",
       F_NET_CTRL_RX_EXTRA, 0, NET_ALLUNI, NONE, stranger, true)
FILTER(nomulti, "with NOMULTI a frame to a group is dropped", "DEV-NET-RXFILT-09",
       F_NET_CTRL_RX_EXTRA, 0, NET_NOMULTI, NONE, group, false)
FILTER(nomulti_over_allmulti, "NOMULTI counts more than ALLMULTI", "DEV-NET-RXFILT-10",
       F_NET_CTRL_RX_EXTRA, 0, NET_ALLMULTI, NET_NOMULTI, group, false)
FILTER(nomulti_broadcast, "with NOMULTI a broadcast is received", "DEV-NET-RXFILT-11",
       F_NET_CTRL_RX_EXTRA, 0, NET_NOMULTI, NONE, everybody, true)
FILTER(nouni, "with NOUNI a frame to the device itself is dropped", "DEV-NET-RXFILT-13",
       F_NET_CTRL_RX_EXTRA, 0, NET_NOUNI, NONE, NULL, false)
FILTER(nouni_over_alluni, "NOUNI counts more than ALLUNI", "DEV-NET-RXFILT-14", F_NET_CTRL_RX_EXTRA,
       0, NET_ALLUNI, NET_NOUNI, stranger, false)
FILTER(nobcast, "with NOBCAST a broadcast is dropped", "DEV-NET-RXFILT-16", F_NET_CTRL_RX_EXTRA, 0,
       NET_NOBCAST, NONE, everybody, false)
FILTER(nobcast_over_allmulti, "NOBCAST counts more than ALLMULTI", "DEV-NET-RXFILT-17",
       F_NET_CTRL_RX_EXTRA, 0, NET_ALLMULTI, NET_NOBCAST, everybody, false)

/* -- Addresses */

/* One address, in the half that is for it. */
static void set_table(struct conformance_target *t, struct net *net, const uint8_t *address)
{
	uint8_t table[14] = {0};
	bool multicast = address[0] & 1;

	table[multicast ? 4 : 0] = 1;
	memcpy(table + (multicast ? 8 : 4), address, 6);
	net_command(t, net, NET_ADDRESS, 0, table, sizeof(table));
}

static void open_table(struct conformance_target *t, struct net *net)
{
	net_open(t, net, FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_CTRL_RX));
	set_mode(t, net, NET_PROMISC, 0);
}

#define TABLE(name, address)                                                                       \
	CASE(net_table_##name, OBEY,                                                               \
	     "a " #name " address of the table counts when the command is used",                   \
	     "DEV-NET-MAC-02 DEV-NET-MAC-05", CONTROL(FEATURE(F_NET_CTRL_RX)), .host = "frame")    \
	{                                                                                          \
		struct net net;                                                                    \
                                                                                                   \
		open_table(t, &net);                                                               \
		set_table(t, &net, address);                                                       \
		expect(t, net_arrives(t, &net, address, net.mac),                                  \
		       "a frame to an address of the table is received");                          \
	}                                                                                          \
	CASE(net_table_reset_##name, OBEY, "no " #name " address is in the table after a reset",   \
	     "DEV-NET-MAC-01", CONTROL(FEATURE(F_NET_CTRL_RX)), .host = "frame")                   \
	{                                                                                          \
		struct net net;                                                                    \
                                                                                                   \
		open_table(t, &net);                                                               \
		set_table(t, &net, address);                                                       \
		open_table(t, &net);                                                               \
		expect(t, !net_arrives(t, &net, address, net.mac),                                 \
		       "a frame to an address that was in the table is dropped");                  \
	}
TABLE(unicast, stranger)
TABLE(multicast, group)

CASE(net_address_set, OBEY, "the field mac is the address that a command set when it is used",
     "DEV-NET-MAC-03", CONTROL(FEATURE(F_NET_CTRL_MAC_ADDR) | FEATURE(F_NET_MAC)))
{
	static const uint8_t address[6] = {0x52, 0x54, 0, 0x11, 0x22, 0x33};
	struct net net;

	net_open(t, &net,
		 FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_CTRL_MAC_ADDR) | FEATURE(F_NET_MAC));
	net_command(t, &net, NET_ADDRESS, 1, address, sizeof(address));
	for (uint32_t i = 0; i < sizeof(address); i++)
		expect_equal(t, "a byte of mac", config_read(t, NET_MAC + i, 1), address[i]);
	net_command(t, &net, NET_ADDRESS, 1, net.mac, sizeof(net.mac));
}

CASE(net_address_set_receives, OBEY, "frames to the address that a command set are received",
     "DEV-NET-MAC-03", CONTROL(FEATURE(F_NET_CTRL_MAC_ADDR) | FEATURE(F_NET_CTRL_RX)),
     .host = "frame")
{
	static const uint8_t address[6] = {0x52, 0x54, 0, 0x11, 0x22, 0x44};
	struct net net;
	bool comes;

	net_open(t, &net,
		 FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_CTRL_MAC_ADDR) | FEATURE(F_NET_CTRL_RX));
	set_mode(t, &net, NET_PROMISC, 0);
	net_command(t, &net, NET_ADDRESS, 1, address, sizeof(address));
	comes = net_arrives(t, &net, address, everybody);
	net_command(t, &net, NET_ADDRESS, 1, net.mac, sizeof(net.mac));
	expect(t, comes, "a frame to the new address is received");
}

/* -- VLAN */

static bool tagged_arrives(struct conformance_target *t, struct net *net, uint16_t vlan)
{
	uint8_t frame[NET_FRAME];

	net_frame(frame, net->mac);
	frame[12] = 0x81;
	frame[13] = 0;
	frame[14] = (uint8_t)(vlan >> 8);
	frame[15] = (uint8_t)vlan;
	return net_frame_arrives(t, net, frame, sizeof(frame), net->mac);
}

CASE(net_legacy_vlan, OBEY, "a legacy interface takes the id of a VLAN in the CPU's byte order",
     "DEV-NET-VLAN-04", .devices = DEVICE(NET), .transports = TRANSPORTS_LEGACY,
     .features = FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_CTRL_VLAN) | FEATURE(F_NET_CTRL_RX),
     .host = "frame")
{
	static const uint16_t vlan = 0x123;
	struct net net;

	net_open(t, &net,
		 FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_CTRL_VLAN) | FEATURE(F_NET_CTRL_RX));
	set_mode(t, &net, NET_PROMISC, 0);
	net_command(t, &net, NET_VLAN, 0, &vlan, sizeof(vlan));
	expect(t, tagged_arrives(t, &net, vlan), "a frame of the VLAN is received");
	net_command(t, &net, NET_VLAN, 1, &vlan, sizeof(vlan));
	expect(t, !tagged_arrives(t, &net, vlan),
	       "a frame of a VLAN that was taken away is dropped");
}

/* -- Announcing */

static bool announces(struct conformance_target *t, void *context)
{
	(void)context;
	return config_read(t, NET_STATUS, 2) & NET_STATUS_ANNOUNCE;
}

CASE(net_announce, OBEY, "ANNOUNCE is clear when the command that acknowledges it is used",
     "DEV-NET-ANN-01", CONTROL(FEATURE(F_NET_GUEST_ANNOUNCE) | FEATURE(F_NET_STATUS)),
     .host = "announce")
{
	struct net net;

	net_open(t, &net,
		 FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_GUEST_ANNOUNCE) | FEATURE(F_NET_STATUS));
	host_ask(t, "announce", NULL);
	await(t, announces, NULL, "ANNOUNCE is set when the host wants it");
	net_command(t, &net, NET_ANNOUNCE, 0, NULL, 0);
	expect_bits(t, "the status", config_read(t, NET_STATUS, 2), 0, NET_STATUS_ANNOUNCE);
}

/* -- Offloads */

CASE(net_legacy_offloads, OBEY, "a legacy interface takes the set of offloads", "DEV-NET-OFFL-01",
     .devices = DEVICE(NET), .transports = TRANSPORTS_LEGACY,
     .features = FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_CTRL_GUEST_OFFLOADS))
{
	static const uint64_t none;
	struct net net;

	net_open(t, &net, FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_CTRL_GUEST_OFFLOADS));
	net_command(t, &net, NET_OFFLOADS, 0, &none, sizeof(none));
}
