/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lwIP and our glue above a network device that is a few lines: frames go in as the fuzzer makes them, with
 * good sums where they want to get in, and those that come out are remembered, to be answered.
 */
#ifndef TESTS_FUZZ_STACK_H
#define TESTS_FUZZ_STACK_H

#include "drivers/net/network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STACK_FRAME 2048u
#define STACK_ADDRESS 0x0a000002u /* ours with stack_open("ip=10.0.0.2/24,10.0.0.1") */
#define STACK_PEER 0x0a000001u

/* A frame that is being made. */
struct stack_frame {
	uint8_t bytes[STACK_FRAME];
	size_t length;
};

/* The last that was sent of each kind, without its Ethernet header; length 0: none was. */
struct stack_sent {
	uint8_t bytes[STACK_FRAME];
	size_t length;
};

extern struct stack_sent stack_sent_dns, stack_sent_dhcp;
/* TCP in IPv4, to the peer's ports STACK_PORT and those behind it. */
#define STACK_PORT 1025u
#define STACK_PORTS 3u
extern struct stack_sent stack_sent_tcp[STACK_PORTS];

void stack_open(const char *options);
/* Brings a frame in, in pieces as the fuzzer chooses. */
void stack_bring(const struct stack_frame *frame);
/* Timers run, and what is waiting is sent. */
void stack_wait(uint64_t nanoseconds);
/* All connections end, time goes by: every receive buffer is back. */
void stack_close(void);

/* -- Making frames. Headers are written with the length of what follows them. */
void stack_ethernet(struct stack_frame *frame, uint16_t type);
void stack_add(struct stack_frame *frame, const void *bytes, size_t length);
void stack_add8(struct stack_frame *frame, uint8_t value);
void stack_add16(struct stack_frame *frame, uint16_t value); /* big-endian, as all */
void stack_add32(struct stack_frame *frame, uint32_t value);
/* So many bytes of the input, at most `most`. */
void stack_add_input(struct stack_frame *frame, size_t most);
/* An IPv4 header without options and its checksum, for `length` bytes to come. */
void stack_ip4(struct stack_frame *frame, uint8_t protocol, uint16_t fragment, size_t length);
/* The ones' complement sum over bytes, and over the pseudo header of IPv4 or IPv6 in front. */
uint16_t stack_sum(const uint8_t *bytes, size_t length, uint32_t start);
uint16_t stack_sum_ip6(const uint8_t *ip, uint8_t protocol, size_t length);
/* A UDP datagram in IPv4 with these bytes. */
void stack_udp(struct stack_frame *frame, uint16_t from, uint16_t to, const void *bytes,
	       size_t length);

static inline uint16_t stack_get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t stack_get32(const uint8_t *bytes)
{
	return (uint32_t)stack_get16(bytes) << 16 | stack_get16(bytes + 2);
}

#endif
