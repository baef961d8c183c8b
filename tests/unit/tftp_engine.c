/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine of TFTP before a scripted peer, and before a server of the test's own over a bad network. */
#include "net/netboot/tftp_engine.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MILLISECOND 1000000ULL
#define SECOND (1000 * MILLISECOND)
#define TID 4000

/* What the engine did since the test looked last. */
struct peer {
	struct tftp_engine engine;
	uint8_t sent[TFTP_REQUEST_MAX];
	size_t sent_length;
	uint16_t sent_port;
	unsigned int sent_count;
	unsigned int ports, sent_before; /* of ours, after the first; packets from others */
	uint8_t *file;
	size_t file_length, file_size;
	bool sized;
	uint64_t size;
	int data_status, size_status;
	unsigned int held;
	uint64_t now;
};

/* A packet on its way to the engine, in two pieces of exactly its bytes. */
struct packet {
	struct tftp_piece pieces[2];
	bool held;
};

static void on_send(void *context, uint16_t port, const void *packet, size_t length)
{
	struct peer *peer = context;

	assert_true(length <= sizeof(peer->sent));
	memcpy(peer->sent, packet, length);
	peer->sent_length = length;
	peer->sent_port = port;
	peer->sent_count++;
}

static void on_renew(void *context)
{
	struct peer *peer = context;

	peer->ports++;
	peer->sent_before = peer->sent_count;
}

static int on_size(void *context, uint64_t size)
{
	struct peer *peer = context;

	peer->sized = true;
	peer->size = size;
	return peer->size_status;
}

static int on_data(void *context, const uint8_t *bytes, size_t length)
{
	struct peer *peer = context;

	if (peer->data_status)
		return peer->data_status;
	if (peer->file_length + length > peer->file_size) {
		peer->file_size = 2 * (peer->file_length + length);
		peer->file = realloc(peer->file, peer->file_size);
		assert_non_null(peer->file);
	}
	memcpy(peer->file + peer->file_length, bytes, length);
	peer->file_length += length;
	return 0;
}

static void free_packet(struct packet *packet)
{
	free((void *)packet->pieces[0].bytes);
	free((void *)packet->pieces[1].bytes);
	free(packet);
}

static void on_hold(struct peer *peer, struct packet *packet)
{
	assert_false(packet->held);
	packet->held = true;
	peer->held++;
}

static const struct tftp_piece *on_held(void *context, void *packet, size_t *count)
{
	const struct packet *held = packet;

	(void)context;
	assert_true(held->held);
	*count = 2;
	return held->pieces;
}

static void on_drop(struct peer *peer, struct packet *packet)
{
	assert_true(packet->held);
	peer->held--;
	free_packet(packet);
}

static bool peer_hold(void *context, void *packet)
{
	on_hold(context, packet);
	return true;
}

static void peer_drop(void *context, void *packet)
{
	on_drop(context, packet);
}

static const struct tftp_operations operations = {on_send,   on_renew, on_size,	 on_data,
						  peer_hold, on_held,  peer_drop};
/* Without the means to hold a block. */
static const struct tftp_operations plain_operations = {
	.send = on_send, .renew = on_renew, .size = on_size, .data = on_data};

static void start(struct peer *peer, uint16_t block, uint16_t window)
{
	memset(peer, 0, sizeof(*peer));
	peer->engine.operations = &operations;
	peer->engine.context = peer;
	peer->engine.file = "boot/linux";
	peer->engine.block_wanted = block;
	peer->engine.window_wanted = window;
	peer->engine.patience = 5 * SECOND;
	peer->now = SECOND;
	assert_int_equal(tftp_start(&peer->engine, TFTP_PORT, peer->now), 0);
}

static void end(struct peer *peer)
{
	tftp_stop(&peer->engine, "over");
	assert_int_equal(peer->held, 0);
	free(peer->file);
}

static const uint8_t *copy_of(const void *bytes, size_t length)
{
	uint8_t *copy = malloc(length + 1);

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	return copy;
}

static void deliver_from(struct peer *peer, uint16_t port, const void *bytes, size_t length)
{
	struct packet *packet = calloc(1, sizeof(*packet));
	size_t first = length / 3;

	assert_non_null(packet);
	packet->pieces[0] = (struct tftp_piece){copy_of(bytes, first), first};
	packet->pieces[1] = (struct tftp_piece){
		copy_of((const uint8_t *)bytes + first, length - first), length - first};
	tftp_packet(&peer->engine, port, packet->pieces, 2, packet, peer->now);
	if (!packet->held)
		free_packet(packet);
}

static void deliver(struct peer *peer, const void *packet, size_t length)
{
	deliver_from(peer, TID, packet, length);
}

static void deliver_block(struct peer *peer, unsigned int number, size_t length)
{
	uint8_t packet[4 + 1500] = {0, 3, (uint8_t)(number >> 8), (uint8_t)number};

	assert_true(length <= 1500);
	memset(packet + 4, (int)number, length);
	deliver(peer, packet, 4 + length);
}

#define deliver_text(peer, text) deliver(peer, text, sizeof(text) - 1)

static void assert_sent(struct peer *peer, const void *packet, size_t length)
{
	assert_int_equal(peer->sent_count, 1);
	assert_int_equal(peer->sent_length, length);
	assert_memory_equal(peer->sent, packet, length);
	peer->sent_count = 0;
}

static void assert_ack(struct peer *peer, unsigned int number)
{
	const uint8_t packet[] = {0, 4, (uint8_t)(number >> 8), (uint8_t)number};

	assert_sent(peer, packet, sizeof(packet));
	assert_int_equal(peer->sent_port, TID);
}

static void assert_silent(const struct peer *peer)
{
	assert_int_equal(peer->sent_count, 0);
}

#define OACK "\0\6"

static void asks_with_its_options(void **state)
{
	static const char all[] = "\0\1boot/linux\0octet\0tsize\0"
				  "0\0blksize\0"
				  "1468\0windowsize\0"
				  "64";
	static const char least[] = "\0\1boot/linux\0octet\0tsize\0"
				    "0";
	struct peer peer;

	(void)state;
	start(&peer, 1468, 64);
	assert_sent(&peer, all, sizeof(all));
	assert_int_equal(peer.sent_port, TFTP_PORT);
	start(&peer, 512, 1);
	assert_sent(&peer, least, sizeof(least));
}

static void takes_a_file_with_options(void **state)
{
	struct peer peer;

	(void)state;
	start(&peer, 1468, 4);
	peer.sent_count = 0;
	deliver_text(&peer, OACK "BLKSIZE\0"
				 "1000\0tsize\0"
				 "5500\0WindowSize\0"
				 "3\0");
	assert_ack(&peer, 0);
	assert_true(peer.sized);
	assert_int_equal(peer.size, 5500);
	for (unsigned int number = 1; number <= 5; number++) {
		deliver_block(&peer, number, 1000);
		if (number == 3)
			assert_ack(&peer, 3);
		else
			assert_silent(&peer);
	}
	deliver_block(&peer, 6, 500);
	assert_ack(&peer, 6);
	assert_int_equal(peer.engine.state, TFTP_DONE);
	assert_int_equal(peer.engine.bytes, 5500);
	assert_int_equal(peer.file_length, 5500);
	assert_int_equal(peer.file[2000], 3);
	assert_int_equal(peer.file[5499], 6);
	end(&peer);
}

static void takes_a_file_without_options(void **state)
{
	struct peer peer;

	(void)state;
	start(&peer, 1468, 64);
	peer.sent_count = 0;
	deliver_block(&peer, 1, 512);
	assert_ack(&peer, 1);
	deliver_block(&peer, 2, 0);
	assert_ack(&peer, 2);
	assert_int_equal(peer.engine.state, TFTP_DONE);
	assert_int_equal(peer.file_length, 512);
	end(&peer);
}

/* RFC 2347's end: old servers may say so instead of ignoring the options. */
static void asks_again_without_options(void **state)
{
	static const char least[] = "\0\1boot/linux\0octet";
	struct peer peer;

	(void)state;
	start(&peer, 1468, 64);
	peer.sent_count = 0;
	deliver_text(&peer, "\0\5\0\x08no options here\0");
	assert_sent(&peer, least, sizeof(least));
	assert_int_equal(peer.sent_port, TFTP_PORT);
	/* From another port: the first request may have been sent twice, and is refused again. */
	assert_int_equal(peer.ports, 1);
	assert_int_equal(peer.sent_before, 0);
	deliver_text(&peer, "\0\5\0\x08no options here\0");
	assert_int_equal(peer.engine.state, TFTP_FAILED);
	end(&peer);
}

static void says_what_the_server_says(void **state)
{
	static const struct {
		const char *packet;
		size_t length;
		int error;
		const char *text;
	} cases[] = {
		{"\0\5\0\1nope\0", 9, -ENOENT, "the server says: nope (error 1)"},
		{"\0\5\0\1", 4, -ENOENT, "the server says: file not found (error 1)"},
		{"\0\5\0\2a\x1b[b", 8, -EACCES, "the server says: a?[b (error 2)"},
		{"\0\5\0\3\0", 5, -EPROTO, "the server says: disk full (error 3)"},
		{"\0\5\xff\xff\0", 5, -EPROTO,
		 "the server says: an error with a new number (error 65535)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer peer;

		start(&peer, 512, 1);
		peer.sent_count = 0;
		deliver(&peer, cases[i].packet, cases[i].length);
		assert_int_equal(peer.engine.state, TFTP_FAILED);
		assert_int_equal(peer.engine.error, cases[i].error);
		assert_string_equal(peer.engine.text, cases[i].text);
		assert_silent(&peer);
	}
}

static void refuses_what_breaks_the_rules(void **state)
{
	static const struct {
		const char *packet;
		size_t length;
	} cases[] = {
		{"\0\6blksize\0"
		 "1469\0",
		 15},
		{"\0\6blksize\0"
		 "7\0",
		 12},
		{"\0\6windowsize\0"
		 "5\0",
		 15},
		{"\0\6windowsize\0"
		 "0\0",
		 15},
		{"\0\6tsize\0"
		 "-1\0",
		 11},
		{"\0\6tsize\0"
		 "5x\0",
		 11},
		{"\0\6timeout\0"
		 "5\0",
		 12},
		{"\0\6blksize\0"
		 "1000",
		 14},
		{"\0\6blksize", 9},
		{"\0\7\0\0", 4},
		{"\0\1", 2},
		{"", 0},
		{"\0\3\0", 3},
		{"\0\4\0\0", 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer peer;

		start(&peer, 1468, 4);
		peer.sent_count = 0;
		deliver(&peer, cases[i].packet, cases[i].length);
		assert_int_equal(peer.engine.state, TFTP_FAILED);
		assert_int_equal(peer.engine.error, -EPROTO);
		assert_true(strlen(peer.engine.text) > 0);
		/* It is told, by an ERROR. */
		assert_int_equal(peer.sent_count, 1);
		assert_int_equal(peer.sent[1], 5);
		end(&peer);
	}
}

static void a_block_too_long_is_refused(void **state)
{
	struct peer peer;

	(void)state;
	start(&peer, 1468, 1);
	deliver_block(&peer, 1, 513); /* no options were agreed on */
	assert_int_equal(peer.engine.state, TFTP_FAILED);
	assert_int_equal(peer.file_length, 0);
	end(&peer);
}

static void another_port_does_not_disturb(void **state)
{
	static const uint8_t block[516] = {0, 3, 0, 2};
	struct peer peer;

	(void)state;
	start(&peer, 512, 1);
	deliver_block(&peer, 1, 512);
	peer.sent_count = 0;
	deliver_from(&peer, TID + 1, block, sizeof(block));
	assert_int_equal(peer.sent_count, 1);
	assert_int_equal(peer.sent_port, TID + 1);
	assert_memory_equal(peer.sent, "\0\5\0\5", 4); /* unknown transfer ID */
	peer.sent_count = 0;
	/* An error is not answered by an error. */
	deliver_from(&peer, TID + 1, "\0\5\0\1x", 6);
	assert_silent(&peer);
	deliver_block(&peer, 2, 1);
	assert_int_equal(peer.engine.state, TFTP_DONE);
	assert_int_equal(peer.file_length, 513);
	end(&peer);
}

static void duplicates_do_not_breed(void **state)
{
	struct peer peer;

	(void)state;
	start(&peer, 512, 1);
	deliver_block(&peer, 1, 512);
	peer.sent_count = 0;
	/* The network doubled it. */
	deliver_block(&peer, 1, 512);
	deliver_block(&peer, 1, 512);
	assert_silent(&peer);
	/* The server did not hear us, and sends it again. */
	peer.now += 200 * MILLISECOND;
	deliver_block(&peer, 1, 512);
	assert_ack(&peer, 1);
	assert_int_equal(peer.file_length, 512);
	assert_int_equal(peer.engine.duplicates, 3);
	end(&peer);
}

/* Where blocks cannot be held. */
static void a_gap_is_told_once(void **state)
{
	struct peer peer;

	(void)state;
	start(&peer, 1468, 8);
	peer.engine.operations = &plain_operations;
	deliver_text(&peer, OACK "windowsize\0"
				 "8\0");
	peer.sent_count = 0;
	deliver_block(&peer, 1, 512);
	deliver_block(&peer, 3, 512);
	assert_ack(&peer, 1);
	deliver_block(&peer, 4, 512);
	deliver_block(&peer, 5, 512);
	assert_silent(&peer);
	for (unsigned int number = 2; number <= 8; number++) {
		deliver_block(&peer, number, 512);
		assert_silent(&peer);
	}
	/* The window began anew behind the gap. */
	deliver_block(&peer, 9, 512);
	assert_ack(&peer, 9);
	assert_int_equal(peer.file_length, 9 * 512);
	end(&peer);
}

static void start_window(struct peer *peer, unsigned int window)
{
	char options[32] = OACK "windowsize";
	size_t length = 2 + sizeof("windowsize");

	start(peer, 512, 64);
	options[1] = 6;
	length += (size_t)sprintf(options + length, "%u", window) + 1;
	deliver(peer, options, length);
	peer->sent_count = 0;
}

static void a_late_block_costs_nothing(void **state)
{
	struct peer peer;

	(void)state;
	start_window(&peer, 6);
	deliver_block(&peer, 1, 512);
	deliver_block(&peer, 4, 512);
	deliver_block(&peer, 3, 512);
	deliver_block(&peer, 4, 512); /* doubled */
	assert_int_equal(peer.held, 2);
	deliver_block(&peer, 2, 512);
	assert_int_equal(peer.held, 0);
	assert_int_equal(peer.file_length, 4 * 512);
	assert_silent(&peer);
	/* The last one overtakes the one before it; it is short. */
	deliver_block(&peer, 6, 5);
	assert_int_equal(peer.engine.state, TFTP_RECEIVING);
	assert_silent(&peer);
	deliver_block(&peer, 5, 512);
	assert_ack(&peer, 6);
	assert_int_equal(peer.engine.state, TFTP_DONE);
	assert_int_equal(peer.file_length, 5 * 512 + 5);
	for (unsigned int number = 1; number <= 6; number++)
		assert_int_equal(peer.file[(number - 1) * 512], number);
	end(&peer);
}

static void a_lost_block_is_asked_for(void **state)
{
	struct peer peer;
	unsigned int number;

	(void)state;
	/* When some have overtaken it. */
	start_window(&peer, 32);
	for (number = 2; !peer.sent_count; number++) {
		assert_true(number < 20);
		deliver_block(&peer, number, 512);
	}
	assert_ack(&peer, 0);
	for (; number <= 32; number++)
		deliver_block(&peer, number, 512);
	assert_silent(&peer);
	/* The server sends that window again; its end is acknowledged, once. */
	for (number = 1; number < 32; number++)
		deliver_block(&peer, number, 512);
	assert_ack(&peer, 32);
	assert_int_equal(peer.file_length, 32 * 512);
	end(&peer);

	/* Or when it is too late, which is much sooner than a time-out. */
	start_window(&peer, 4);
	deliver_block(&peer, 2, 512);
	assert_silent(&peer);
	assert_true(peer.engine.deadline <= peer.now + 5 * MILLISECOND);
	peer.now = peer.engine.deadline;
	tftp_timeout(&peer.engine, peer.now);
	assert_ack(&peer, 0);
	assert_int_equal(peer.engine.retransmissions, 0);
	assert_true(peer.engine.deadline > peer.now + 100 * MILLISECOND);
	end(&peer);
}

/* What stands outside of the window is nobody's; what is held does not grow without bound. */
static void little_is_held(void **state)
{
	struct peer peer;

	(void)state;
	start_window(&peer, 4);
	deliver_block(&peer, 5, 512);
	assert_int_equal(peer.held, 0);
	assert_ack(&peer, 0);
	end(&peer);
	start_window(&peer, 64);
	for (unsigned int number = 2; number < 200; number++)
		deliver_block(&peer, number, 512);
	assert_int_equal(peer.held, 63);
	end(&peer);
}

static void asks_again_and_gives_up(void **state)
{
	struct peer peer;
	uint64_t last = 0;

	(void)state;
	start(&peer, 512, 1);
	for (unsigned int i = 0; peer.engine.state == TFTP_REQUESTED; i++) {
		uint64_t pause = peer.engine.deadline - peer.now;

		assert_true(i < 20);
		assert_true(pause > 0);
		/* Longer each time, but for the last. */
		if (peer.engine.deadline < SECOND + 5 * SECOND)
			assert_true(pause > last);
		last = pause;
		peer.now = peer.engine.deadline;
		peer.sent_count = 0;
		tftp_timeout(&peer.engine, peer.now);
		if (peer.engine.state == TFTP_REQUESTED)
			assert_int_equal(peer.sent_count, 1);
	}
	assert_int_equal(peer.engine.error, -ETIMEDOUT);
	assert_int_equal(peer.now, SECOND + 5 * SECOND);
	assert_string_equal(peer.engine.text, "no answer from the server in 5 s");

	start(&peer, 512, 1);
	deliver_block(&peer, 1, 512);
	while (peer.engine.state == TFTP_RECEIVING) {
		peer.now = peer.engine.deadline;
		peer.sent_count = 0;
		tftp_timeout(&peer.engine, peer.now);
		if (peer.engine.state == TFTP_RECEIVING)
			assert_ack(&peer, 1);
	}
	assert_string_equal(peer.engine.text, "the server has said nothing for 5 s");
	end(&peer);
}

static void a_full_sink_ends_it(void **state)
{
	struct peer peer;

	(void)state;
	start(&peer, 512, 1);
	peer.data_status = -ENOSPC;
	deliver_block(&peer, 1, 512);
	assert_int_equal(peer.engine.state, TFTP_FAILED);
	assert_int_equal(peer.engine.error, -ENOSPC);
	assert_int_equal(peer.sent[1], 5);
	start(&peer, 512, 1);
	peer.size_status = -EFBIG;
	deliver_text(&peer, OACK "tsize\0"
				 "99\0");
	assert_int_equal(peer.engine.error, -EFBIG);
	end(&peer);
}

static void its_last_word_is_repeated(void **state)
{
	struct peer peer;

	(void)state;
	start(&peer, 512, 1);
	deliver_block(&peer, 1, 3);
	assert_int_equal(peer.engine.state, TFTP_DONE);
	peer.sent_count = 0;
	peer.now += SECOND;
	deliver_block(&peer, 1, 3);
	assert_ack(&peer, 1);
	assert_int_equal(peer.file_length, 3);
	/* And is the last: there is nothing to stop. */
	tftp_stop(&peer.engine, "stop");
	assert_silent(&peer);
	end(&peer);
}

static void a_name_too_long_is_refused(void **state)
{
	static char name[TFTP_FILE_MAX + 1];
	struct tftp_engine engine = {.operations = &operations, .file = name};

	(void)state;
	memset(name, 'a', TFTP_FILE_MAX);
	assert_int_equal(tftp_start(&engine, 69, 0), -ENAMETOOLONG);
}

/* -- A server with windows (RFC 7440), and a network that loses, doubles and reorders by a seed */
#define BLOCK 64u
#define QUEUE 4096u
#define SERVER_TIMEOUT (300 * MILLISECOND)

struct network {
	struct peer peer;
	uint32_t seed;
	unsigned int lose, twice, late; /* of 100 */
	uint64_t late_by;		/* nanoseconds, of which one packet takes one */
	bool plain;			/* nothing is held */
	unsigned int window;
	uint8_t *content;
	size_t length;
	/* The server's: number of the first block of its window, and when it sends that again. */
	uint64_t base;
	uint64_t deadline;
	bool open, done;
	struct in_flight {
		uint64_t at;
		bool to_server;
		uint64_t block; /* 0: the OACK */
		uint16_t ack;
		bool request;
	} queue[QUEUE];
	size_t queued;
	uint64_t sent, order;
};

static uint32_t roll(struct network *network)
{
	network->seed = network->seed * 1664525u + 1013904223u;
	return network->seed >> 16;
}

static void fly(struct network *network, struct in_flight packet)
{
	unsigned int copies = 1;

	if (roll(network) % 100 < network->lose)
		return;
	if (roll(network) % 100 < network->twice)
		copies = 2;
	while (copies--) {
		assert_true(network->queued < QUEUE);
		packet.at = network->peer.now + 20000 + network->order++;
		if (roll(network) % 100 < network->late)
			packet.at += network->late_by ? network->late_by : MILLISECOND;
		network->queue[network->queued++] = packet;
	}
}

static uint64_t blocks_of(const struct network *network)
{
	return network->length / BLOCK + 1;
}

static void serve_window(struct network *network)
{
	network->deadline = network->peer.now + SERVER_TIMEOUT;
	for (uint64_t i = 0; i < network->window && network->base + i <= blocks_of(network); i++) {
		network->sent++;
		fly(network, (struct in_flight){.block = network->base + i});
	}
}

static void network_send(void *context, uint16_t port, const void *packet, size_t length)
{
	struct network *network = context;
	const uint8_t *bytes = packet;

	assert_true(length >= 4);
	assert_int_not_equal(bytes[1], 5);
	fly(network, (struct in_flight){.to_server = true,
					.request = port == TFTP_PORT,
					.ack = (uint16_t)(bytes[2] << 8 | bytes[3])});
}

/* No server here refuses options. */
static void network_renew(void *context)
{
	(void)context;
	fail();
}

static int network_size(void *context, uint64_t size)
{
	struct network *network = context;

	assert_int_equal(size, network->length);
	return on_size(&network->peer, size);
}

static int network_data(void *context, const uint8_t *bytes, size_t length)
{
	return on_data(&((struct network *)context)->peer, bytes, length);
}

static bool network_hold(void *context, void *packet)
{
	on_hold(&((struct network *)context)->peer, packet);
	return true;
}

static void network_drop(void *context, void *packet)
{
	on_drop(&((struct network *)context)->peer, packet);
}

static const struct tftp_operations network_operations = {network_send, network_renew, network_size,
							  network_data, network_hold,  on_held,
							  network_drop};
static const struct tftp_operations plain_network_operations = {
	.send = network_send, .renew = network_renew, .size = network_size, .data = network_data};

static void server_takes(struct network *network, const struct in_flight *packet)
{
	int16_t ahead;

	if (packet->request) {
		if (!network->open)
			fly(network, (struct in_flight){.block = 0});
		network->deadline = network->peer.now + SERVER_TIMEOUT;
		return;
	}
	/* An old acknowledgement moves nothing; what it says of this window moves it. */
	ahead = (int16_t)(packet->ack - (uint16_t)(network->base - 1));
	if (ahead < 0 || (unsigned int)ahead > network->window || (network->open && !ahead))
		if (!(network->open && !ahead && network->window > 1))
			return;
	network->open = true;
	network->base += (uint64_t)ahead;
	if (network->base > blocks_of(network))
		network->done = true;
	else
		serve_window(network);
}

static void client_takes(struct network *network, const struct in_flight *packet)
{
	char bytes[4 + BLOCK + 64];
	size_t length;

	if (!packet->block) {
		length = 2 + (size_t)sprintf(bytes + 2, "blksize%c%u%cwindowsize%c%u%ctsize%c%zu%c",
					     0, BLOCK, 0, 0, network->window, 0, 0, network->length,
					     0);
		bytes[0] = 0;
		bytes[1] = 6;
	} else {
		size_t offset = (packet->block - 1) * BLOCK;
		size_t part = network->length - offset < BLOCK ? network->length - offset : BLOCK;

		bytes[0] = 0;
		bytes[1] = 3;
		bytes[2] = (char)(packet->block >> 8);
		bytes[3] = (char)packet->block;
		memcpy(bytes + 4, network->content + offset, part);
		length = 4 + part;
	}
	deliver(&network->peer, bytes, length);
}

/* Until the client is done; what flies, the server's time-out and the engine's come in their order. */
static void run(struct network *network, size_t length)
{
	struct peer *peer = &network->peer;

	network->length = length;
	network->content = malloc(length + 1);
	for (size_t i = 0; i < length; i++)
		network->content[i] = (uint8_t)roll(network);
	network->base = 1;
	network->deadline = UINT64_MAX;
	peer->now = SECOND;
	peer->engine = (struct tftp_engine){.operations = network->plain ? &plain_network_operations
									 : &network_operations,
					    .context = network,
					    .file = "f",
					    .block_wanted = BLOCK,
					    .window_wanted = (uint16_t)network->window,
					    .patience = 20 * SECOND};
	assert_int_equal(tftp_start(&peer->engine, TFTP_PORT, peer->now), 0);
	while (peer->engine.state != TFTP_DONE && peer->engine.state != TFTP_FAILED) {
		size_t first = 0;
		uint64_t next = peer->engine.deadline;

		for (size_t i = 1; i < network->queued; i++)
			if (network->queue[i].at < network->queue[first].at)
				first = i;
		if (network->deadline < next)
			next = network->deadline;
		if (network->queued && network->queue[first].at <= next) {
			struct in_flight packet = network->queue[first];

			network->queue[first] = network->queue[--network->queued];
			peer->now = packet.at;
			if (packet.to_server)
				server_takes(network, &packet);
			else
				client_takes(network, &packet);
			continue;
		}
		peer->now = next;
		if (next == peer->engine.deadline)
			tftp_timeout(&peer->engine, next);
		else if (network->open && !network->done)
			serve_window(network);
		else
			network->deadline = UINT64_MAX;
	}
	assert_string_equal(peer->engine.text, "");
	assert_int_equal(peer->engine.state, TFTP_DONE);
	assert_int_equal(peer->file_length, length);
	assert_memory_equal(peer->file, network->content, length);
	free(network->content);
	end(peer);
}

/* More than 65535 blocks: their number begins anew with 0. */
static void numbers_roll_over(void **state)
{
	static struct network network;

	(void)state;
	memset(&network, 0, sizeof(network));
	network.window = 1;
	run(&network, 70000 * BLOCK);
	assert_int_equal(network.sent, 70001);
	memset(&network, 0, sizeof(network));
	network.window = 16;
	run(&network, 140000 * BLOCK + 5);
	assert_int_equal(network.sent, 140001);
}

static void a_bad_network_is_overcome(void **state)
{
	static struct network network;

	(void)state;
	for (unsigned int seed = 0; seed < 60; seed++) {
		memset(&network, 0, sizeof(network));
		network.seed = seed;
		network.window = seed % 3 == 0 ? 1 : seed % 3 == 1 ? 8 : 64;
		network.lose = seed % 5;
		network.twice = seed % 4 * 3;
		network.late = seed % 7;
		network.late_by = seed % 2 ? 5 : 0;
		network.plain = seed % 4 == 3;
		run(&network, 500 * BLOCK + seed);
	}
}

/* The sorcerer's apprentice: with every packet doubled, no block is sent more than once in lockstep. */
static void a_doubling_network_doubles_nothing(void **state)
{
	static struct network network;

	(void)state;
	memset(&network, 0, sizeof(network));
	network.window = 1;
	network.twice = 100;
	run(&network, 1000 * BLOCK);
	assert_int_equal(network.sent, 1001);
}

/* One block in ten is overtaken by three others: none is sent twice. Without holding them ten times as many are. */
static void a_reordering_network_costs_nothing(void **state)
{
	static struct network network;

	(void)state;
	for (unsigned int plain = 0; plain < 2; plain++) {
		memset(&network, 0, sizeof(network));
		network.window = 64;
		network.late = 10;
		network.late_by = 4;
		network.plain = plain;
		run(&network, 5000 * BLOCK);
		print_message("%s: %u blocks sent for %u\n", plain ? "dropped" : "held",
			      (unsigned int)network.sent, 5001);
		if (plain)
			assert_true(network.sent > 2 * 5001);
		else
			assert_int_equal(network.sent, 5001);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_with_its_options),
		cmocka_unit_test(takes_a_file_with_options),
		cmocka_unit_test(takes_a_file_without_options),
		cmocka_unit_test(asks_again_without_options),
		cmocka_unit_test(says_what_the_server_says),
		cmocka_unit_test(refuses_what_breaks_the_rules),
		cmocka_unit_test(a_block_too_long_is_refused),
		cmocka_unit_test(another_port_does_not_disturb),
		cmocka_unit_test(duplicates_do_not_breed),
		cmocka_unit_test(a_gap_is_told_once),
		cmocka_unit_test(a_late_block_costs_nothing),
		cmocka_unit_test(a_lost_block_is_asked_for),
		cmocka_unit_test(little_is_held),
		cmocka_unit_test(asks_again_and_gives_up),
		cmocka_unit_test(a_full_sink_ends_it),
		cmocka_unit_test(its_last_word_is_repeated),
		cmocka_unit_test(a_name_too_long_is_refused),
		cmocka_unit_test(numbers_roll_over),
		cmocka_unit_test(a_bad_network_is_overcome),
		cmocka_unit_test(a_doubling_network_doubles_nothing),
		cmocka_unit_test(a_reordering_network_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
