/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP through our services: segments in and out of order, options and flags of any kind, windows that lie. */
#include "kernel/time/clock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stack.h"

#include <string.h>

#define STEPS 60

static struct stack_frame frame;

static uint16_t pseudo_sum(const uint8_t *ip, size_t length)
{
	uint32_t start = 6 + (uint32_t)length;

	for (unsigned int i = 12; i < 20; i += 2)
		start += stack_get16(ip + i);
	return stack_sum(ip + 20, length, start);
}

/* What a peer would say now: after the last that came out, with a few liberties. */
static void segment(uint16_t port, uint16_t from)
{
	const uint8_t *last = stack_sent_tcp.length ? stack_sent_tcp.bytes + 20 : NULL;
	struct stack_frame payload = {.length = 0}, options = {.length = 0};
	uint32_t sequence = 1000, acknowledged = 0;
	uint8_t flags = fuzz_byte(), how = fuzz_byte();
	uint16_t sum, window = how & 1 ? (uint16_t)fuzz_number(2) : 8192;
	size_t length;

	if (last && stack_get16(last + 2) == from) {
		sequence = stack_get32(last + 8);
		acknowledged = stack_get32(last + 4) + (last[13] & 3 ? 1 : 0);
		if (stack_sent_tcp.length > 40)
			acknowledged =
				stack_get32(last + 4) +
				(uint32_t)(stack_sent_tcp.length - 20 - (last[12] >> 4) * 4u) +
				(last[13] & 3 ? 1 : 0);
	}
	if (how & 2)
		sequence += (uint32_t)fuzz_choose(64) - 16;
	if (how & 4)
		acknowledged += (uint32_t)fuzz_choose(64) - 16;
	if (how & 8)
		stack_add_input(&options, 40);
	while (options.length % 4)
		stack_add8(&options, 1);
	if (how & 16)
		stack_add_input(&payload, 1400);
	length = 20 + options.length + payload.length;
	stack_ethernet(&frame, 0x0800);
	stack_ip4(&frame, 6, 0, length);
	stack_add16(&frame, from);
	stack_add16(&frame, port);
	stack_add32(&frame, sequence);
	stack_add32(&frame, acknowledged);
	stack_add8(&frame,
		   (uint8_t)((how & 32 ? fuzz_choose(16) : (20 + options.length) / 4) << 4));
	stack_add8(&frame, flags);
	stack_add16(&frame, window);
	stack_add32(&frame, 0);
	stack_add(&frame, options.bytes, options.length);
	stack_add(&frame, payload.bytes, payload.length);
	sum = pseudo_sum(frame.bytes + 14, length);
	frame.bytes[14 + 36] = (uint8_t)(sum >> 8);
	frame.bytes[14 + 37] = (uint8_t)sum;
	stack_bring(&frame);
}

/* A connection, as they begin. */
static void connect(uint16_t port, uint16_t from)
{
	static const uint8_t flags[] = {2, 0x10};

	for (unsigned int i = 0; i < 2; i++) {
		const uint8_t *last = stack_sent_tcp.bytes + 20;

		stack_ethernet(&frame, 0x0800);
		stack_ip4(&frame, 6, 0, 20);
		stack_add16(&frame, from);
		stack_add16(&frame, port);
		stack_add32(&frame, 1000 + i);
		stack_add32(&frame, i && stack_sent_tcp.length ? stack_get32(last + 4) + 1 : 0);
		stack_add8(&frame, 0x50);
		stack_add8(&frame, flags[i]);
		stack_add16(&frame, 8192);
		stack_add32(&frame, 0);
		stack_bring(&frame);
		frame.length = 0;
		stack_wait(NANOSECONDS_PER_MILLISECOND);
	}
}

void fuzz_target(void)
{
	static const uint16_t ports[] = {80, 7, 9, 19, 1};
	uint16_t port, from;

	stack_open("ip=10.0.0.2/24,10.0.0.1");
	/* The neighbour is known, so that answers come out at once. */
	stack_ethernet(&frame, 0x0806);
	stack_add32(&frame, 0x00010800);
	stack_add32(&frame, 0x06040002);
	stack_add(&frame, "\2\0\0\0\0\1", 6);
	stack_add32(&frame, STACK_PEER);
	stack_add(&frame, "\x52\x54\0\x12\x34\x56", 6);
	stack_add32(&frame, STACK_ADDRESS);
	stack_bring(&frame);
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++) {
		port = ports[fuzz_choose(5)];
		from = (uint16_t)(1025 + fuzz_choose(3));
		switch (fuzz_choose(4)) {
		case 0:
			connect(port, from);
			break;
		case 1:
		case 2:
			segment(port, from);
			break;
		default:
			stack_wait(NANOSECONDS_PER_SECOND >> fuzz_choose(10));
			break;
		}
	}
	stack_close();
}
