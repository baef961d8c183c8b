/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP through our services: a peer that knows what is next and where the window ends, and is wrong about all of it as the
 * fuzzer likes: segments in and out of order, options and flags of any kind, windows that lie.
 */
#include "kernel/time/clock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stack.h"

#include <string.h>

#define STEPS 60
#define SEGMENT 1460u
#define FILL_MOST 48u

static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

static struct stack_frame frame;

/* One that we speak to, by its port of ours: what it last said. */
static struct end {
	uint16_t port, own;
	uint32_t next;	    /* what it expects */
	uint32_t edge;	    /* where its window ends */
	uint32_t sent;	    /* where what it sent ends */
	unsigned int scale; /* of its window */
} ends[STACK_PORTS];

static void listen_to(struct end *end)
{
	const struct stack_sent *last = &stack_sent_tcp[end->own - STACK_PORT];
	const uint8_t *tcp = last->bytes + 20;
	unsigned int header;

	if (!last->length)
		return;
	header = (tcp[12] >> 4) * 4u;
	end->next = stack_get32(tcp + 8);
	end->edge = end->next + ((uint32_t)stack_get16(tcp + 14) << (tcp[13] & 2 ? 0 : end->scale));
	end->sent = stack_get32(tcp + 4) + !!(tcp[13] & 3);
	if (last->length > 20 + header)
		end->sent += (uint32_t)(last->length - 20 - header);
}

static uint16_t pseudo_sum(const uint8_t *ip, size_t length)
{
	uint32_t start = 6 + (uint32_t)length;

	for (unsigned int i = 12; i < 20; i += 2)
		start += stack_get16(ip + i);
	return stack_sum(ip + 20, length, start);
}

struct segment {
	uint32_t sequence, acknowledged;
	uint8_t flags;
	uint8_t words; /* of its header; 0: as many as there are */
	uint16_t window;
	struct stack_frame options, payload;
};

static void send_segment(const struct end *end, const struct segment *segment)
{
	size_t header = 20 + segment->options.length, length = header + segment->payload.length;
	uint16_t sum;

	stack_ethernet(&frame, 0x0800);
	stack_ip4(&frame, 6, 0, length);
	stack_add16(&frame, end->own);
	stack_add16(&frame, end->port);
	stack_add32(&frame, segment->sequence);
	stack_add32(&frame, segment->acknowledged);
	stack_add8(&frame, (uint8_t)((segment->words ? segment->words : header / 4) << 4));
	stack_add8(&frame, segment->flags);
	stack_add16(&frame, segment->window);
	stack_add32(&frame, 0);
	stack_add(&frame, segment->options.bytes, segment->options.length);
	stack_add(&frame, segment->payload.bytes, segment->payload.length);
	sum = pseudo_sum(frame.bytes + 14, length);
	frame.bytes[14 + 36] = (uint8_t)(sum >> 8);
	frame.bytes[14 + 37] = (uint8_t)sum;
	stack_bring(&frame);
}

static void add_filling(struct stack_frame *to, size_t length)
{
	uint8_t bytes[SEGMENT];

	memset(bytes, 'x', sizeof(bytes));
	stack_add(to, bytes, length);
}

static uint16_t any_window(void)
{
	static const uint16_t windows[] = {8192, 0, 1, 2, 100, 1460, 0xffff};
	unsigned int which = fuzz_choose(8);

	return which < 7 ? windows[which] : (uint16_t)fuzz_number(2);
}

/* A little before or behind; 0 for the harmless choice. */
static uint32_t any_step(void)
{
	static const uint32_t steps[] = {0, 1, 2, SEGMENT, 2 * SEGMENT, (uint32_t)-1, (uint32_t)-2};
	unsigned int which = fuzz_choose(8);

	return which < 7 ? steps[which] : fuzz_choose(4096) - 1024;
}

/* What a peer would say now, with a few liberties. */
static void say(struct end *end)
{
	struct segment segment = {.flags = 0x10};
	uint8_t how = fuzz_byte();

	listen_to(end);
	segment.sequence = (how & 1 ? end->edge : end->next) + (how & 2 ? any_step() : 0);
	segment.acknowledged = end->sent + (how & 4 ? any_step() : 0);
	segment.window = how & 8 ? any_window() : 8192;
	if (how & 16)
		segment.flags = fuzz_byte();
	switch (how >> 5) {
	case 0:
		break;
	case 1:
		stack_add(&segment.payload, request, sizeof(request) - 1);
		break;
	case 2:
		add_filling(&segment.payload, SEGMENT);
		break;
	case 3:
		add_filling(&segment.payload, fuzz_choose(SEGMENT));
		break;
	case 4:
		segment.flags |= 1;
		add_filling(&segment.payload, fuzz_choose(4));
		break;
	case 5:
		stack_add_input(&segment.payload, 1400);
		break;
	case 6:
		segment.words = (uint8_t)fuzz_choose(16);
		stack_add_input(&segment.options, 40);
		break;
	default:
		stack_add_input(&segment.options, 40);
		while (segment.options.length % 4)
			stack_add8(&segment.options, 1);
		add_filling(&segment.payload, fuzz_choose(100));
		break;
	}
	send_segment(end, &segment);
}

/* All of a window, or so: from a little behind what is next. */
static void fill(struct end *end)
{
	struct segment segment = {.flags = 0x10};
	uint32_t until, step;

	listen_to(end);
	segment.acknowledged = end->sent;
	segment.window = any_window();
	segment.sequence = end->next + any_step();
	until = end->edge + any_step();
	step = fuzz_choose(2) ? 1 + fuzz_choose(SEGMENT) : SEGMENT;
	for (unsigned int i = 0; i < FILL_MOST; i++) {
		uint32_t left = until - segment.sequence;

		if (!left || left > 1u << 20)
			return;
		segment.payload.length = 0;
		add_filling(&segment.payload, left < step ? left : step);
		send_segment(end, &segment);
		segment.sequence += step;
		stack_wait(0);
	}
}

/* A connection, as they begin. */
static void connect(struct end *end, uint16_t port)
{
	struct segment segment = {.sequence = 1000, .flags = 2, .window = 8192};
	uint8_t how = fuzz_byte();

	end->port = port;
	end->scale = 0;
	stack_sent_tcp[end->own - STACK_PORT].length = 0;
	if (how & 1) {
		static const uint16_t sizes[] = {1460, 1, 8, 536, 8960, 0};

		stack_add16(&segment.options, 0x0204);
		stack_add16(&segment.options, sizes[fuzz_choose(6)]);
	}
	if (how & 2)
		stack_add32(&segment.options, 0x01010402);
	if (how & 4) {
		stack_add32(&segment.options, 0x01030300 | fuzz_choose(15));
		end->scale = 6;
	}
	if (how & 8)
		segment.window = any_window();
	send_segment(end, &segment);
	stack_wait(NANOSECONDS_PER_MILLISECOND);
	if (how & 16)
		return;
	listen_to(end);
	segment.options.length = 0;
	segment.sequence = 1001;
	segment.acknowledged = end->sent;
	segment.flags = 0x10;
	send_segment(end, &segment);
	stack_wait(NANOSECONDS_PER_MILLISECOND);
}

void fuzz_target(void)
{
	static const uint16_t ports[] = {80, 7, 9, 19, 1};
	struct end *end;

	for (uint16_t i = 0; i < STACK_PORTS; i++)
		ends[i] = (struct end){.port = 80, .own = (uint16_t)(STACK_PORT + i), .next = 1000};
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
		end = &ends[fuzz_choose(STACK_PORTS)];
		switch (fuzz_choose(6)) {
		case 0:
			connect(end, ports[fuzz_choose(5)]);
			break;
		case 1:
			fill(end);
			break;
		case 2:
			stack_wait(NANOSECONDS_PER_SECOND >> fuzz_choose(10));
			break;
		case 3:
			say(end);
			stack_wait(0);
			break;
		default:
			say(end);
			break;
		}
	}
	stack_close();
}
