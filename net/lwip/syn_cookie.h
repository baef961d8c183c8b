/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SYN cookies (RFC 4987, 3.6): a SYN is answered without anything being kept of it. What is to be known again stands
 * in our first sequence number, and comes back with the acknowledgement. Under the core lock.
 */
#ifndef NET_LWIP_SYN_COOKIE_H
#define NET_LWIP_SYN_COOKIE_H

#include "kernel/time/clock.h"
#include "lwip/ip_addr.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"

#include <stdbool.h>
#include <stdint.h>

/* A TCP segment that came for us: what of its headers counts here. */
struct syn_segment {
	ip_addr_t from, to;
	uint16_t from_port, to_port;
	uint32_t sequence, acknowledged;
	uint16_t window;
	uint16_t segment_size; /* of its option; 0: none */
	struct netif *netif;
};

/*
 * Answers a SYN that came by Ethernet, to the address there that its frame came from, so that nobody has to be asked for one. `packet` is that
 * frame from its IP header on. False: it is none that is answered so.
 */
bool syn_cookie_answer(const struct syn_segment *syn, const struct pbuf *packet);

/* Whether a segment with ACK says that such an answer came: the listener is free to have the connection. */
bool syn_cookie_came_back(const struct syn_segment *segment);
/*
 * Has lwIP make the half-open connection now, as if it had been kept; the segment itself completes it. False: it could not,
 * for memory.
 */
bool syn_cookie_open(const struct syn_segment *segment);
/* True: that is going on, and packets are ours. */
bool syn_cookie_opening(void);

/* -- The numbers: isn.c. How long one is good at most, in nanoseconds. */
#define SYN_COOKIE_LIFE (32 * NANOSECONDS_PER_SECOND)
/* For the answer to that SYN; 0: its segments are too small. */
uint32_t syn_cookie_make(const struct syn_segment *syn);
/* The size of segments that the SYN named, about, when this segment acknowledges a number that was made for it; else 0. */
uint16_t syn_cookie_check(const struct syn_segment *segment);
/* The next connection that lwIP makes begins with that number, until the end. */
void syn_cookie_impose(uint32_t number);
/* Whether one did. If none was made, that number, which a stranger knows, is nobody else's. */
bool syn_cookie_impose_end(void);

#endif
