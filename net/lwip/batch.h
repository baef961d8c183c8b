/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies in the ring together is one arrival: lwIP would look for something to send after each segment,
 * and acknowledge every second of them (RFC 9293, 3.8.6.3). Here each connection sends once, after the last; so
 * what came in one batch is acknowledged together, as receivers do that join segments. A single segment waits for
 * the second as ever. A frame that the device joined stands for several, and its sender may have sent all
 * that it may in this one: so it waits for no timer.
 */
#ifndef NET_LWIP_BATCH_H
#define NET_LWIP_BATCH_H

struct tcp_pcb;

/* Around frames that are taken from a ring, under one hold of the core lock. */
void batch_begin(void);
void batch_end(void);
/* Before lwIP takes a joined frame with data for the connection, which does not listen. Under the core lock. */
void batch_joined(struct tcp_pcb *pcb);

#endif
