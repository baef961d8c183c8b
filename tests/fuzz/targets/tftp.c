/* SPDX-License-Identifier: BSD-2-Clause */
/* The TFTP client's engine: packets of any kind from any port, in pieces, and time that goes by. */
#include "net/netboot/tftp_engine.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define STEPS 200
#define PACKET 700
#define SECOND 1000000000ull
#define PATIENCE (5 * SECOND)

static struct tftp_engine engine;
static uint64_t now, data;
static unsigned int sent;

static void on_send(void *context, uint16_t port, const void *packet, size_t length)
{
	const uint8_t *bytes = packet;
	uint8_t sum = 0;

	(void)context;
	(void)port;
	fuzz_check(length >= 4 && length <= TFTP_REQUEST_MAX, "a packet of %zu bytes", length);
	for (size_t i = 0; i < length; i++)
		sum ^= bytes[i];
	__asm__ volatile("" ::"r"(sum));
	sent++;
}

static void on_renew(void *context)
{
	(void)context;
}

static int on_size(void *context, uint64_t size)
{
	(void)context;
	(void)size;
	return fuzz_choose(16) == 15 ? -27 : 0;
}

static int on_data(void *context, const uint8_t *bytes, size_t length)
{
	uint8_t sum = 0;

	(void)context;
	for (size_t i = 0; i < length; i++)
		sum ^= bytes[i];
	__asm__ volatile("" ::"r"(sum));
	if (fuzz_choose(64) == 63)
		return -28;
	data += length;
	return 0;
}

/* What is held is the packet's own copy, and two pieces of it. */
struct packet {
	struct tftp_piece pieces[2];
	bool held;
	uint8_t bytes[];
};

static unsigned int held;

static bool on_hold(void *context, void *packet)
{
	(void)context;
	if (fuzz_choose(16) == 15)
		return false;
	((struct packet *)packet)->held = true;
	held++;
	return true;
}

static const struct tftp_piece *on_held(void *context, void *packet, size_t *count)
{
	(void)context;
	*count = 2;
	return ((struct packet *)packet)->pieces;
}

static void on_drop(void *context, void *packet)
{
	(void)context;
	fuzz_check(((struct packet *)packet)->held, "what is not held is dropped");
	held--;
	free(packet);
}

static const struct tftp_operations operations = {on_send, on_renew, on_size, on_data,
						  on_hold, on_held,  on_drop};

static size_t make(uint8_t *packet)
{
	static const char options[] = "blksize\0"
				      "512\0windowsize\0"
				      "4\0tsize\0"
				      "3000";
	size_t length = 4;
	uint16_t block = engine.expected;

	memset(packet, 0, PACKET);
	packet[1] = (uint8_t)fuzz_choose(8);
	switch (packet[1]) {
	case 3:
		if (fuzz_choose(4) == 3)
			block = (uint16_t)(block + fuzz_choose(8) - 4);
		packet[2] = (uint8_t)(block >> 8);
		packet[3] = (uint8_t)block;
		length += fuzz_choose(4) == 3 ? fuzz_choose(PACKET - 4) : engine.block;
		break;
	case 6:
		memcpy(packet + 2, options, sizeof(options));
		length = 2 + sizeof(options);
		for (unsigned int i = fuzz_choose(4); i; i--)
			packet[fuzz_choose((uint32_t)length)] = fuzz_byte();
		break;
	default:
		length = fuzz_choose(64);
		fuzz_fill(packet + 2, length);
		break;
	}
	return length < PACKET ? length : PACKET;
}

static void deliver(void)
{
	static uint8_t bytes[PACKET];
	size_t length = make(bytes), first = fuzz_choose((uint32_t)length + 1);
	struct packet *packet = malloc(sizeof(*packet) + length);

	*packet = (struct packet){.held = false};
	memcpy(packet->bytes, bytes, length);
	if (!fuzz_choose(2))
		first = length;
	packet->pieces[0] = (struct tftp_piece){packet->bytes, first};
	packet->pieces[1] = (struct tftp_piece){packet->bytes + first, length - first};
	tftp_packet(&engine, (uint16_t)(fuzz_choose(8) == 7 ? fuzz_number(2) : 4000),
		    packet->pieces, 2, packet, now);
	if (!packet->held)
		free(packet);
}

void fuzz_target(void)
{
	static const uint16_t blocks[] = {512, 8, 1428, 100}, windows[] = {1, 4, 64, 65535};
	uint64_t news;

	memset(&engine, 0, sizeof(engine));
	engine.operations = &operations;
	engine.file = "boot/linux";
	engine.block_wanted = blocks[fuzz_choose(4)];
	engine.window_wanted = windows[fuzz_choose(4)];
	engine.patience = PATIENCE;
	now = SECOND;
	sent = 0;
	held = 0;
	data = 0;
	if (tftp_start(&engine, TFTP_PORT, now))
		return;
	for (unsigned int i = 0;
	     i < STEPS && fuzz_more() && engine.state != TFTP_DONE && engine.state != TFTP_FAILED;
	     i++) {
		if (fuzz_choose(8) == 7) {
			now = engine.deadline > now ? engine.deadline : now;
			tftp_timeout(&engine, now);
		} else {
			now += fuzz_choose(256) * 1000000ull;
			deliver();
		}
		fuzz_check(engine.bytes == data || engine.state == TFTP_FAILED,
			   "%llu bytes, the engine counts %llu", (unsigned long long)data,
			   (unsigned long long)engine.bytes);
	}
	/* A server that says nothing any more is given up. */
	news = now;
	for (unsigned int i = 0;
	     i < 1000 && engine.state != TFTP_DONE && engine.state != TFTP_FAILED; i++) {
		now = engine.deadline > now ? engine.deadline : now + 1000;
		tftp_timeout(&engine, now);
	}
	fuzz_check(engine.state == TFTP_DONE || engine.state == TFTP_FAILED, "it waits for ever");
	fuzz_check(now <= news + 4 * PATIENCE, "it waited too long");
	if (engine.state == TFTP_FAILED)
		fuzz_check(engine.error < 0 && memchr(engine.text, 0, sizeof(engine.text)),
			   "failed with %d", engine.error);
	tftp_stop(&engine, "over");
	fuzz_check(!held && !engine.held_count && !engine.held_bytes, "%u packets are left", held);
}
