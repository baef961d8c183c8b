/* SPDX-License-Identifier: BSD-2-Clause */
/* Received frames through our glue and lwIP: ARP, IPv4 with fragments, ICMP, IGMP, IPv6 with neighbours and routers. */
#include "kernel/time/clock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stack.h"

#include <string.h>

#define STEPS 40
#define NEIGHBOURS 40u
#define FRAGMENTS_MOST 240u

static struct stack_frame frame;

static void raw(void)
{
	frame.length = 0;
	stack_add_input(&frame, 1600);
	stack_bring(&frame);
}

static void arp(void)
{
	stack_ethernet(&frame, 0x0806);
	stack_add32(&frame, 0x00010800);
	stack_add16(&frame, 0x0604);
	stack_add16(&frame, (uint16_t)fuzz_choose(4));
	stack_add_input(&frame, 6);
	stack_add32(&frame, fuzz_choose(2) ? STACK_PEER : (uint32_t)fuzz_number(4));
	stack_add_input(&frame, 6);
	stack_add32(&frame, STACK_ADDRESS);
	stack_add_input(&frame, 20);
	stack_bring(&frame);
}

static void ip4(void)
{
	static const uint8_t protocols[] = {1, 17, 6, 2, 47, 17};
	struct stack_frame payload = {.length = 0};
	uint8_t protocol = protocols[fuzz_choose(6)];
	uint16_t sum, fragment = fuzz_choose(2) ? (uint16_t)fuzz_number(2) : 0;

	stack_add_input(&payload, 1480);
	if (protocol == 1 && payload.length >= 8 && fuzz_choose(4) != 3) {
		payload.bytes[2] = payload.bytes[3] = 0;
		sum = stack_sum(payload.bytes, payload.length, 0);
		payload.bytes[2] = (uint8_t)(sum >> 8);
		payload.bytes[3] = (uint8_t)sum;
	}
	stack_ethernet(&frame, 0x0800);
	stack_ip4(&frame, protocol, fragment,
		  fuzz_choose(8) == 7 ? fuzz_choose(1600) : payload.length);
	if (fuzz_choose(8) == 7) { /* options, or a header that is longer than the frame */
		frame.bytes[14] = (uint8_t)(0x40 | fuzz_choose(16));
		frame.bytes[24] = frame.bytes[25] = 0;
		sum = stack_sum(frame.bytes + 14, 20, 0);
		frame.bytes[24] = (uint8_t)(sum >> 8);
		frame.bytes[25] = (uint8_t)sum;
	}
	stack_add(&frame, payload.bytes, payload.length);
	stack_bring(&frame);
}

/* -- IPv6: ours (of our MAC), all nodes, solicited nodes; a router and many neighbours. */
static const uint8_t ours[][16] = {{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x50, 0x54, 0, 0xff, 0xfe, 0x12,
				    0x34, 0x56},
				   {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
				   {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0x12, 0x34, 0x56}};

static const uint8_t *neighbour(unsigned int number)
{
	static uint8_t address[16];

	memset(address, 0, sizeof(address));
	address[0] = 0xfe;
	address[1] = 0x80;
	address[11] = 0xff;
	address[12] = 0xfe;
	address[15] = (uint8_t)number;
	return address;
}

static const uint8_t *any_address(void)
{
	unsigned int which = fuzz_choose(NEIGHBOURS + 4);

	return which < NEIGHBOURS ? neighbour(which) : ours[which % 3];
}

static void ip6_header(uint8_t header, const uint8_t *from, const uint8_t *to, size_t length)
{
	stack_ethernet(&frame, 0x86dd);
	stack_add32(&frame, 0x60000000);
	stack_add16(&frame, (uint16_t)length);
	stack_add8(&frame, header);
	stack_add8(&frame, 255);
	stack_add(&frame, from, 16);
	stack_add(&frame, to, 16);
}

/* The checksum of what the frame holds, at its place in there. */
static void ip6_sum(uint8_t protocol, size_t place)
{
	uint8_t *ip = frame.bytes + 14, *at = ip + 40 + place;
	uint16_t sum = stack_sum_ip6(ip, protocol, frame.length - 54);

	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

static void ip6(void)
{
	static const uint8_t headers[] = {58, 17, 6, 44, 0, 43, 60, 59};
	struct stack_frame payload = {.length = 0};
	uint8_t header = headers[fuzz_choose(8)];

	stack_add_input(&payload, 1400);
	ip6_header(header, neighbour(1), ours[fuzz_choose(3)],
		   fuzz_choose(8) == 7 ? fuzz_choose(1600) : payload.length);
	frame.bytes[14 + 7] = fuzz_choose(8) == 7 ? 1 : 255;
	if (header == 58 && payload.length >= 8 && fuzz_choose(4) != 3) {
		payload.bytes[2] = payload.bytes[3] = 0;
		stack_add(&frame, payload.bytes, payload.length);
		ip6_sum(58, 2);
	} else {
		stack_add(&frame, payload.bytes, payload.length);
	}
	stack_bring(&frame);
}

/* Neighbour discovery as it is meant, and what a router says of a packet, with addresses that may be another's. */
static void discovery(void)
{
	static const uint8_t types[] = {136, 135, 134, 137, 2};
	struct stack_frame body = {.length = 0};
	uint8_t type = types[fuzz_choose(5)];

	switch (type) {
	case 134: /* hops, flags, life of the router, two times */
		stack_add32(&body, (uint32_t)fuzz_number(4));
		stack_add32(&body, (uint32_t)fuzz_number(4));
		stack_add32(&body, (uint32_t)fuzz_number(4));
		break;
	case 137:
		stack_add32(&body, 0);
		stack_add(&body, any_address(), 16);
		stack_add(&body, any_address(), 16);
		break;
	case 2:
		stack_add32(&body, fuzz_choose(2) ? (uint32_t)fuzz_number(4) : 1280);
		stack_add32(&body, 0x60000000);
		stack_add32(&body, 0x00083a40);
		stack_add(&body, ours[0], 16);
		stack_add(&body, any_address(), 16);
		break;
	default:
		stack_add32(&body, fuzz_choose(2) ? (uint32_t)fuzz_number(4) : 0x60000000);
		stack_add(&body, any_address(), 16);
		break;
	}
	for (unsigned int i = fuzz_choose(3); i; i--) {
		uint8_t kind = (uint8_t)(1 + fuzz_choose(5)), words = kind == 3 ? 4 : 1;

		if (fuzz_choose(8) == 7) {
			stack_add_input(&body, 64);
			continue;
		}
		stack_add8(&body, kind);
		stack_add8(&body, words);
		for (unsigned int at = 2; at < words * 8u; at++)
			stack_add8(&body, fuzz_byte());
	}
	ip6_header(58, any_address(), ours[fuzz_choose(3)], 4 + body.length);
	stack_add32(&frame, (uint32_t)type << 24);
	stack_add(&frame, body.bytes, body.length);
	ip6_sum(58, 2);
	stack_bring(&frame);
}

/* All of them want an answer. */
static void pings(void)
{
	unsigned int count = 1 + fuzz_choose(NEIGHBOURS), first = fuzz_choose(NEIGHBOURS);
	size_t length = fuzz_choose(1400);
	uint8_t bytes[1400] = {0};

	for (unsigned int i = 0; i < count; i++) {
		ip6_header(58, neighbour(first + i), ours[0], 8 + length);
		stack_add32(&frame, 0x80000000);
		stack_add32(&frame, i);
		stack_add(&frame, bytes, length);
		ip6_sum(58, 2);
		stack_bring(&frame);
		if (i % 32 == 31)
			stack_wait(0);
	}
}

/* A datagram of up to 64 KiB in fragments, from its first or its last, perhaps without one; its checksum is none. */
static void fragments(void)
{
	static const uint8_t protocols[] = {17, 58, 6, 1};
	bool six = fuzz_choose(2), backwards = fuzz_choose(2);
	uint8_t protocol = protocols[fuzz_choose(4)], bytes[1480];
	uint32_t length = fuzz_choose(2) ? fuzz_choose(65536) : 65536 - fuzz_choose(128);
	uint32_t size = fuzz_choose(2) ? 8 * (1 + fuzz_choose(181)) : 1448;
	uint32_t count = (length + size - 1) / size,
		 missing = fuzz_choose(4) ? count : fuzz_choose(count);
	uint16_t number = (uint16_t)fuzz_choose(4);

	memset(bytes, fuzz_byte(), sizeof(bytes));
	if (count > FRAGMENTS_MOST)
		return;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t which = backwards ? count - 1 - i : i, at = which * size;
		uint32_t part = which == count - 1 ? length - at : size, more = which < count - 1;

		if (which == missing)
			continue;
		if (six) {
			ip6_header(44, neighbour(1), ours[0], 8 + part);
			stack_add16(&frame, (uint16_t)(protocol << 8));
			stack_add16(&frame, (uint16_t)(at | more));
			stack_add32(&frame, number);
		} else {
			stack_ethernet(&frame, 0x0800);
			stack_ip4(&frame, protocol, (uint16_t)(more << 13 | at / 8), part);
		}
		stack_add(&frame, bytes, part);
		stack_bring(&frame);
		if (i % 32 == 31)
			stack_wait(0);
	}
	stack_wait(0);
}

void fuzz_target(void)
{
	stack_open("ip=10.0.0.2/24,10.0.0.1");
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		switch (fuzz_choose(10)) {
		case 0:
			raw();
			break;
		case 1:
			arp();
			break;
		case 2:
			ip4();
			break;
		case 3:
			ip6();
			break;
		case 4:
		case 5:
			discovery();
			break;
		case 6:
			pings();
			break;
		case 7:
			fragments();
			break;
		default:
			stack_wait(NANOSECONDS_PER_SECOND >> fuzz_choose(8));
			break;
		}
	stack_close();
}
