/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_LWIP_CONNECTION_H
#define NET_LWIP_CONNECTION_H

#include "lwip/priv/tcp_priv.h"

#include <stdbool.h>

/* Whether a connection that was remembered while lwIP took segments is still there. Under the core lock. */
static inline bool connection_active(const struct tcp_pcb *pcb)
{
	const struct tcp_pcb *active = tcp_active_pcbs;

	while (active && active != pcb)
		active = active->next;
	return active;
}

/*
 * Closes a connection that its owner closed while lwIP took a segment, now that lwIP has done that. False: its owner did not.
 * Under the core lock.
 */
bool connection_closes(struct tcp_pcb *pcb);

/* No callbacks any more: what still happens on the connection is lwIP's alone. Under the core lock. */
void connection_detach(struct tcp_pcb *pcb);

/* One in TIME-WAIT is about to end: its owner, if it has one, is told that it is closed. Under the core lock. */
void connection_let_go(struct tcp_pcb *pcb);

/*
 * The interface can send again, and frames were lost while it could not. What a peer was to learn comes again by time-outs,
 * but not a larger window: nobody sends that twice, and its peer asks after seconds only (RFC 9293, 3.8.6.1). So each
 * connection tells once where it is. Under the core lock.
 */
void connections_acknowledge(struct netif *netif);

#endif
