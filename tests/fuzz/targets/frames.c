/* SPDX-License-Identifier: BSD-2-Clause */
/* Received frames through our glue and lwIP: ARP, IPv4 with fragments, ICMP, IGMP, IPv6 with neighbours and routers. */
#include "kernel/time/clock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stack.h"

#include <string.h>

#define STEPS 40

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

static void ip6(void)
{
	/* ours (of our MAC), and all nodes */
	static const uint8_t peers[16] = {0xfe, 0x80, 0, 0,    0,    0, 0, 0,
					  0,	0,    0, 0xff, 0xfe, 0, 0, 1};
	static const uint8_t ours[][16] = {
		{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x50, 0x54, 0, 0xff, 0xfe, 0x12, 0x34, 0x56},
		{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
		{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0x12, 0x34, 0x56}};
	static const uint8_t headers[] = {58, 17, 6, 44, 0, 43, 60, 59};
	struct stack_frame payload = {.length = 0};
	uint8_t header = headers[fuzz_choose(8)], *ip;
	uint16_t sum;

	stack_add_input(&payload, 1400);
	stack_ethernet(&frame, 0x86dd);
	stack_add32(&frame, 0x60000000);
	stack_add16(&frame, (uint16_t)(fuzz_choose(8) == 7 ? fuzz_choose(1600) : payload.length));
	stack_add8(&frame, header);
	stack_add8(&frame, fuzz_choose(8) == 7 ? 1 : 255);
	stack_add(&frame, peers, 16);
	stack_add(&frame, ours[fuzz_choose(3)], 16);
	stack_add(&frame, payload.bytes, payload.length);
	ip = frame.bytes + 14;
	if (header == 58 && payload.length >= 8 && fuzz_choose(4) != 3) {
		ip[42] = ip[43] = 0;
		sum = stack_sum_ip6(ip, 58, payload.length);
		ip[42] = (uint8_t)(sum >> 8);
		ip[43] = (uint8_t)sum;
	}
	stack_bring(&frame);
}

void fuzz_target(void)
{
	stack_open("ip=10.0.0.2/24,10.0.0.1");
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		switch (fuzz_choose(6)) {
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
		case 4:
			ip6();
			break;
		default:
			stack_wait(NANOSECONDS_PER_SECOND >> fuzz_choose(8));
			break;
		}
	stack_close();
}
