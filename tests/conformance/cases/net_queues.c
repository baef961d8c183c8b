/* SPDX-License-Identifier: BSD-2-Clause */
/* Several pairs of queues of a network device, without hashes (virtio 1.4, 5.1.9.5.5 and 5.1.9.5.6). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/net.h"

#include <string.h>

#define MQ .devices = DEVICE(NET), .features = FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_MQ)

static void begin(struct conformance_target *t, struct net *net)
{
	net_begin(t, net, FEATURE(F_NET_CTRL_VQ) | FEATURE(F_NET_MQ));
}

/* Two pairs of which the driver has not said anything yet, both with buffers. */
static void open_two(struct conformance_target *t, struct net *net)
{
	begin(t, net);
	if (config_read(t, NET_PAIRS, 2) < 2)
		skip(t, "the device has only one pair of queues");
	session_queue(t, 2, 0);
	session_queue(t, 3, 0);
	net_ready(t, net, 1);
	net->pairs = 2;
	net_lend(t, net, 0, 8, 2048);
	net_lend(t, net, 1, 8, 2048);
}

static void use_pairs(struct conformance_target *t, struct net *net, uint16_t pairs)
{
	net_command(t, net, NET_MQ, 0, &pairs, sizeof(pairs));
}

/* The pair on which a frame comes in. */
static unsigned int arrives_on(struct conformance_target *t, struct net *net)
{
	struct net_received received;
	uint8_t frame[NET_FRAME];

	net_frame(frame, net->mac);
	net_inject(t, frame, sizeof(frame));
	net_receive(t, net, &received);
	return received.pair;
}

CASE(net_pairs_one, OBEY, "one pair of queues can be asked for", "DEV-NET-MQ-11", MQ,
     .transports = TRANSPORTS_ALL)
{
	struct net net;

	begin(t, &net);
	net_ready(t, &net, 1);
	use_pairs(t, &net, 1);
}

CASE(net_pairs_most, OBEY, "all pairs of queues can be asked for", "-", MQ,
     .transports = TRANSPORTS_ALL)
{
	struct net net;
	unsigned int pairs;

	begin(t, &net);
	pairs = (unsigned int)config_read(t, NET_PAIRS, 2);
	if (pairs > 16)
		skip(t, "the device has %u pairs of queues", pairs);
	net_ready(t, &net, pairs);
	use_pairs(t, &net, (uint16_t)pairs);
}

CASE(net_pairs_first, OBEY,
     "frames are received on the first pair only, until another is asked for", "DEV-NET-MQ-07", MQ,
     .host = "frame")
{
	struct net net;

	open_two(t, &net);
	for (unsigned int i = 0; i < 4; i++)
		expect_equal(t, "the pair that a frame comes in on", arrives_on(t, &net), 0);
}

CASE(net_pairs_after_reset, OBEY, "frames are received on the first pair only after a reset",
     "DEV-NET-MQ-07", MQ, .host = "frame")
{
	uint8_t frame[NET_FRAME];
	struct net net;

	open_two(t, &net);
	use_pairs(t, &net, 2);
	net_frame(frame, net.mac);
	net_send(t, &net, 1, NULL, frame, sizeof(frame));
	open_two(t, &net);
	for (unsigned int i = 0; i < 4; i++)
		expect_equal(t, "the pair that a frame comes in on", arrives_on(t, &net), 0);
}

CASE(net_pairs_shrink, OBEY, "no frame is received beyond the pairs that were asked for last",
     "DEV-NET-MQ-08", MQ, .host = "frame")
{
	static const uint8_t nobody[6] = {2, 0, 0, 0, 0, 1};
	uint8_t frame[NET_FRAME];
	struct net net;

	open_two(t, &net);
	use_pairs(t, &net, 2);
	net_frame(frame, nobody);
	net_send(t, &net, 1, NULL, frame, sizeof(frame));
	use_pairs(t, &net, 1);
	for (unsigned int i = 0; i < 4; i++)
		expect_equal(t, "the pair that a frame comes in on", arrives_on(t, &net), 0);
}

CASE(net_pairs_flow, OBEY, "the frames of one flow come in on one pair", "DEV-NET-MQ-04", MQ,
     .host = "frame")
{
	struct net net;
	unsigned int pair;

	open_two(t, &net);
	use_pairs(t, &net, 2);
	pair = arrives_on(t, &net);
	for (unsigned int i = 0; i < 4; i++)
		expect_equal(t, "the pair that a frame comes in on", arrives_on(t, &net), pair);
}

CASE(net_pairs_follow, OBEY, "frames come in on the pair that the driver sent on last",
     "DEV-NET-MQ-05", MQ, .host = "frame", .should = true)
{
	uint8_t frame[NET_FRAME];
	struct net net;

	open_two(t, &net);
	use_pairs(t, &net, 2);
	for (unsigned int i = 0; i < 4; i++) {
		/* The flow of what comes in, the other way round. */
		net_frame(frame, net_source);
		memcpy(frame + 6, net.mac, sizeof(net.mac));
		net_send(t, &net, i & 1, NULL, frame, sizeof(frame));
		expect_equal(t, "the pair that a frame comes in on", arrives_on(t, &net), i & 1);
	}
}
