/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames through a network device: see net.h. */
#include "tests/conformance/core/net.h"

#include "tests/conformance/core/host.h"
#include "tests/conformance/core/memory.h"
#include "tests/conformance/core/registers.h"
#include "tests/conformance/core/run.h"
#include "tests/conformance/core/session.h"
#include "tests/conformance/core/verdict.h"

#include <stdio.h>
#include <string.h>

#define HEADER 12u
#define HEADER_LEGACY 10u
#define HEADER_HASH 20u
#define ETHERNET 14u
#define BUFFER 2048u
#define ACK_NONE 0xaau
#define BIT(bit) (1ull << (bit))

_Static_assert(sizeof(struct net_header) == HEADER_HASH, "5.1.9");

const uint8_t net_source[6] = {2, 0, 0, 0, 0, 2};

void net_begin(struct conformance_target *t, struct net *net, uint64_t features)
{
	memset(net, 0, sizeof(*net));
	session_begin(t, SESSION_WITH(features));
	net->header = session_has(t, F_NET_HASH_REPORT)			 ? HEADER_HASH
		      : is_legacy(t) && !session_has(t, F_NET_MRG_RXBUF) ? HEADER_LEGACY
									 : HEADER;
	for (uint32_t i = 0; i < sizeof(net->mac); i++)
		net->mac[i] = (uint8_t)config_read(t, NET_MAC + i, 1);
	session_queue(t, 0, 0);
	session_queue(t, 1, 0);
	if (session_has(t, F_NET_CTRL_VQ)) {
		bool many = session_has(t, F_NET_MQ) || session_has(t, F_NET_RSS);
		unsigned int most = many ? (unsigned int)config_read(t, NET_PAIRS, 2) : 1;

		net->control = session_queue(t, 2 * most, 0);
	}
}

void net_ready(struct conformance_target *t, struct net *net, unsigned int pairs)
{
	uint16_t number = (uint16_t)pairs;

	for (unsigned int i = 2; i < 2 * pairs; i++)
		session_queue(t, i, 0);
	net->pairs = pairs;
	session_ready(t);
	if (pairs > 1)
		net_command(t, net, NET_MQ, 0, &number, sizeof(number));
}

void net_lend(struct conformance_target *t, struct net *net, unsigned int pair, unsigned int count,
	      uint32_t size)
{
	struct ring *ring = session_ring(t, 2 * pair);

	for (unsigned int i = 0; i < count; i++) {
		struct segment segment = {.data = lend(t, size, 0, LOAN_WRITE), .length = size};

		if (net->count == NET_BUFFERS)
			fail(t, "(the suite itself) there is room for receive buffers", "%u",
			     net->count);
		net->buffers[net->count].data = (uint8_t *)(uintptr_t)segment.data;
		net->buffers[net->count].size = size;
		net->buffers[net->count].pair = pair;
		net->buffers[net->count++].id = ring_add(t, ring, &segment, 0, 1);
	}
	ring_kick(t, ring);
}

void net_open(struct conformance_target *t, struct net *net, uint64_t features)
{
	net_begin(t, net, features);
	net_ready(t, net, 1);
	net_lend(t, net, 0, 8, BUFFER);
}

uint8_t net_try(struct conformance_target *t, struct net *net, uint8_t class, uint8_t command,
		const void *data, uint32_t length)
{
	const uint8_t head[2] = {class, command};
	volatile uint8_t *ack = lend(t, 1, 0, LOAN_WRITE);
	struct segment segments[3] = {
		{.data = lend_copy(t, head, sizeof(head)), .length = sizeof(head)}};
	unsigned int count = 1;
	struct used used;
	uint16_t id;

	*ack = ACK_NONE;
	if (length)
		segments[count++] =
			(struct segment){.data = lend_copy(t, data, length), .length = length};
	segments[count] = (struct segment){.data = (const void *)(uintptr_t)ack, .length = 1};
	id = ring_add(t, net->control, segments, count, 1);
	ring_kick(t, net->control);
	used = ring_wait(t, net->control);
	expect_equal(t, "used.id", used.id, id);
	target_barrier(t);
	note(t, "command %u.%u: ack %u", class, command, *ack);
	return *ack;
}

void net_command(struct conformance_target *t, struct net *net, uint8_t class, uint8_t command,
		 const void *data, uint32_t length)
{
	expect_equal(t, "the command's ack", net_try(t, net, class, command, data, length),
		     NET_ACK_OK);
}

void net_frame(uint8_t *frame, const uint8_t *destination)
{
	static uint32_t number;

	number++;
	memcpy(frame, destination, 6);
	memcpy(frame + 6, net_source, sizeof(net_source));
	frame[12] = 0x88;
	frame[13] = 0xb5;
	memcpy(frame + ETHERNET, &number, sizeof(number));
	for (unsigned int i = ETHERNET + sizeof(number); i < NET_FRAME; i++)
		frame[i] = (uint8_t)(number + i * 7);
}

void net_send(struct conformance_target *t, struct net *net, unsigned int pair,
	      const struct net_header *header, const uint8_t *frame, uint32_t length)
{
	static const struct net_header plain;
	struct ring *ring = session_ring(t, 2 * pair + 1);
	struct segment segments[2] = {{.data = lend_copy(t, header ? header : &plain, net->header),
				       .length = net->header},
				      {.data = lend_copy(t, frame, length), .length = length}};
	uint16_t id = ring_add(t, ring, segments, 2, 0);
	struct used used;

	ring_kick(t, ring);
	used = ring_wait(t, ring);
	expect_equal(t, "used.id", used.id, id);
}

void net_expect_sent(struct conformance_target *t, const uint8_t *frame, uint32_t length)
{
	const char *got = host_ask(t, "sent", NULL);

	if (strlen(got) != 2 * (size_t)length)
		fail(t, "the host sees the frame that was sent", "%zu of its %u bytes: %.60s",
		     strlen(got) / 2, length, got);
	for (uint32_t i = 0; i < length; i++) {
		char hex[3];

		sniprintf(hex, sizeof(hex), "%02x", frame[i]);
		if (memcmp(got + (size_t)2 * i, hex, 2))
			fail(t, "the host sees the frame that was sent",
			     "byte %u is 0x%.2s, not 0x%s", i, got + (size_t)2 * i, hex);
	}
}

void net_inject(struct conformance_target *t, const uint8_t *frame, uint32_t length)
{
	char *hex = run_allocate(t, 2 * (size_t)length + 1);

	for (uint32_t i = 0; i < length; i++)
		sniprintf(hex + (size_t)2 * i, 3, "%02x", frame[i]);
	host_ask(t, "frame", "%s", hex);
}

/* Appends what a used buffer has. `skip` bytes of it are the header. */
static void append(struct conformance_target *t, struct net *net, struct net_received *received,
		   const struct used *used)
{
	unsigned int i = 0;
	uint32_t before = received->buffers ? 0 : net->header, part;

	while (i < net->count && (net->buffers[i].pair != received->pair ||
				  net->buffers[i].id != used->id || !net->buffers[i].size))
		i++;
	if (i == net->count || received->buffers == NET_MERGED_MOST)
		fail(t, "a frame comes in buffers that were lent for it", "id %u, buffer %u",
		     used->id, received->buffers);
	expect_range(t, "used.len of a received buffer", used->length, before + !received->buffers,
		     net->buffers[i].size);
	if (!received->buffers)
		memcpy(&received->header, net->buffers[i].data, net->header);
	part = used->length - before;
	if (received->length + part > sizeof(received->data))
		fail(t, "the frame is not longer than what was sent", "%u bytes",
		     received->length + part);
	memcpy(received->data + received->length, net->buffers[i].data + before, part);
	received->length += part;
	received->lengths[received->buffers] = used->length;
	received->sizes[received->buffers++] = net->buffers[i].size;
	/* Its id may be used again. */
	net->buffers[i].size = 0;
}

struct arrival {
	struct net *net;
	struct net_received *received;
	struct used used;
};

static bool anything(struct conformance_target *t, void *context)
{
	struct arrival *arrival = context;

	for (unsigned int pair = 0; pair < arrival->net->pairs; pair++)
		if (ring_take(t, session_ring(t, 2 * pair), &arrival->used)) {
			arrival->received->pair = pair;
			return true;
		}
	return false;
}

void net_receive(struct conformance_target *t, struct net *net, struct net_received *received)
{
	struct arrival arrival = {.net = net, .received = received};
	bool ours;

	do {
		memset(received, 0, sizeof(*received));
		await(t, anything, &arrival, "a frame that the host sends is received");
		target_barrier(t);
		append(t, net, received, &arrival.used);
		for (unsigned int i = 1;
		     session_has(t, F_NET_MRG_RXBUF) && i < received->header.num_buffers; i++) {
			arrival.used = ring_wait(t, session_ring(t, 2 * received->pair));
			append(t, net, received, &arrival.used);
		}
		ours = !memcmp(received->data + 6, net_source, sizeof(net_source));
	} while (!ours);
}

bool net_frame_arrives(struct conformance_target *t, struct net *net, const uint8_t *frame,
		       uint32_t length, const uint8_t *event)
{
	struct net_received received;
	uint8_t last[NET_FRAME];

	net_frame(last, event);
	net_inject(t, frame, length);
	net_inject(t, last, sizeof(last));
	do {
		net_receive(t, net, &received);
		if (received.length >= ETHERNET + 4 && !memcmp(received.data, frame, ETHERNET + 4))
			return true;
	} while (memcmp(received.data + ETHERNET, last + ETHERNET, 4));
	return false;
}

bool net_arrives(struct conformance_target *t, struct net *net, const uint8_t *destination,
		 const uint8_t *event)
{
	uint8_t frame[NET_FRAME];

	net_frame(frame, destination);
	return net_frame_arrives(t, net, frame, sizeof(frame), event);
}
