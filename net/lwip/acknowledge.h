/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP acknowledges every second segment at once (RFC 9293, 3.8.6.3). A frame that the device joined stands
 * for several, and its sender may have sent all that it may in this one: so it waits for no timer. But when the next
 * frame of the connection lies in the ring already, that is acknowledged together with it, as the second.
 */
#ifndef NET_LWIP_ACKNOWLEDGE_H
#define NET_LWIP_ACKNOWLEDGE_H

struct netif;
struct tcp_pcb;

/* Before lwIP takes a joined frame for the connection, which does not listen. Under the core lock. */
void acknowledge_joined(struct tcp_pcb *pcb);
/* After all that was in the ring, under the same hold of the core lock. */
void acknowledge_finish(void);

/*
 * The interface can send again, and frames were lost while it could not. What a peer was to learn comes again by time-outs,
 * but not a larger window: nobody sends that twice, and its peer asks after seconds only (RFC 9293, 3.8.6.1). So each
 * connection tells once where it is. Under the core lock.
 */
void acknowledge_again(struct netif *netif);

#endif
