/* SPDX-License-Identifier: BSD-2-Clause */
/* A device that asks its driver to announce itself, as after a migration (virtio 1.4, 5.1.9.5.4). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/host.h"

#define F_STATUS 16
#define F_CTRL_VQ 17
#define F_GUEST_ANNOUNCE 21
#define CONTROL_QUEUE 2 /* without MQ and RSS */
#define STATUS_OFFSET 6
#define STATUS_ANNOUNCE 2u
#define FEATURES (FEATURE(F_STATUS) | FEATURE(F_CTRL_VQ) | FEATURE(F_GUEST_ANNOUNCE))
#define ANNOUNCES .devices = DEVICE(NET), .features = FEATURES, .host = "announce"

static bool asked(struct conformance_target *t, void *context)
{
	(void)context;
	return config_read(t, STATUS_OFFSET, 2) & STATUS_ANNOUNCE;
}

static struct ring *be_asked(struct conformance_target *t)
{
	struct ring *ring;

	session_begin(t, SESSION_ONLY(FEATURES));
	ring = session_queue(t, CONTROL_QUEUE, 0);
	session_ready(t);
	host_ask(t, "announce", NULL);
	await(t, asked, NULL, "the status field of the configuration gets ANNOUNCE");
	return ring;
}

static void acknowledge(struct conformance_target *t, struct ring *ring)
{
	static const uint8_t command[] = {3, 0}; /* VIRTIO_NET_CTRL_ANNOUNCE, ACK */
	uint8_t *ack = lend(t, 1, 0, LOAN_WRITE);
	struct segment segments[] = {{lend_copy(t, command, sizeof(command)), sizeof(command)},
				     {ack, 1}};

	*ack = 0xff;
	ring_add(t, ring, segments, 1, 1);
	ring_kick(t, ring);
	ring_wait(t, ring);
	target_barrier(t);
	expect_equal(t, "ack", *(volatile uint8_t *)ack, 0);
}

CASE(net_announce_cleared, OBEY,
     "the announce bit is clear when the device has used the acknowledgement", "DEV-NET-ANN-01",
     ANNOUNCES)
{
	struct ring *ring = be_asked(t);

	acknowledge(t, ring);
	expect_bits(t, "status", config_read(t, STATUS_OFFSET, 2), 0, STATUS_ANNOUNCE);
}

CASE(net_announce_again, OBEY, "a device can ask for announcements more than once",
     "DEV-NET-ANN-01", ANNOUNCES)
{
	struct ring *ring = be_asked(t);

	acknowledge(t, ring);
	host_ask(t, "announce", NULL);
	await(t, asked, NULL, "the status field gets ANNOUNCE again");
	acknowledge(t, ring);
}
