/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames that are received in several buffers, with MRG_RXBUF (virtio 1.4, 5.1.9.4). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/net.h"

#include <string.h>

#define MERGED                                                                                     \
	.devices = DEVICE(NET), .features = FEATURE(F_NET_MRG_RXBUF), .host = "frame",             \
	.transports = TRANSPORTS_ALL
#define BUFFERS 24u
#define FRAME 600u

static uint8_t frame[FRAME];

/* A frame of `length` bytes comes in buffers of `size`. */
static void receive(struct conformance_target *t, uint32_t size, uint32_t length,
		    struct net_received *received)
{
	struct net net;

	net_begin(t, &net, FEATURE(F_NET_MRG_RXBUF));
	net_ready(t, &net, 1);
	net_lend(t, &net, 0, BUFFERS, size);
	for (unsigned int i = NET_FRAME; i < FRAME; i++)
		frame[i] = (uint8_t)(i * 11 + (i >> 8));
	net_frame(frame, net.mac);
	net_inject(t, frame, length);
	net_receive(t, &net, received);
}

#define COUNT(name, room, bytes, expected)                                                         \
	CASE(net_merged_count_##name, OBEY,                                                        \
	     "num_buffers of a frame of " #bytes " bytes counts its buffers of " #room " bytes",   \
	     "DEV-NET-RXBUF-01 DEV-NET-RX-05", MERGED)                                             \
	{                                                                                          \
		struct net_received received;                                                      \
                                                                                                   \
		receive(t, room, bytes, &received);                                                \
		expect_equal(t, "num_buffers", received.header.num_buffers, expected);             \
		expect_equal(t, "bytes of the frame", received.length, bytes);                     \
		expect(t, !memcmp(received.data, frame, bytes),                                    \
		       "the frame is the one that was sent");                                      \
	}
COUNT(1, 1024, 600, 1)
COUNT(2, 512, 600, 2)
COUNT(3, 204, 600, 3)
COUNT(16, 40, 600, 16)
COUNT(exact, 76, 64, 1)
COUNT(one_more, 75, 64, 2)

CASE(net_merged_full, OBEY, "all but the last of several buffers are filled", "DEV-NET-RX-06",
     MERGED)
{
	struct net_received received;

	receive(t, 100, FRAME, &received);
	expect_range(t, "buffers", received.buffers, 2, BUFFERS);
	for (unsigned int i = 0; i + 1 < received.buffers; i++)
		expect_equal(t, "used.len of a buffer that is not the last", received.lengths[i],
			     received.sizes[i]);
}

struct sight {
	struct ring *ring;
	unsigned int used;
};

static bool sees_used(struct conformance_target *t, void *context)
{
	struct sight *sight = context;

	sight->used = ring_pending(t, sight->ring);
	return sight->used;
}

CASE(net_merged_together, OBEY, "the buffers of a frame become visible together", "DEV-NET-RX-07",
     MERGED)
{
	const struct net_header *header;
	struct sight sight;
	struct net net;

	net_begin(t, &net, FEATURE(F_NET_MRG_RXBUF));
	if (session_has(t, F_RING_PACKED))
		skip(t, "a packed ring has no index that shows it");
	net_ready(t, &net, 1);
	net_lend(t, &net, 0, BUFFERS, 50);
	sight.ring = session_ring(t, 0);
	net_frame(frame, net.mac);
	net_inject(t, frame, FRAME);
	await(t, sees_used, &sight, "a frame that the host sends is received");
	target_barrier(t);
	header = (const struct net_header *)(const void *)net.buffers[0].data;
	expect_range(t, "used buffers when the first was seen", sight.used, header->num_buffers,
		     BUFFERS);
}
