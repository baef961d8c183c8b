/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/connection.h"

#include "lwip/netif.h"

/* What lwIP calls tcp_close(): the Makefile gives it this name, so that calls come here. */
err_t tcp_close_now(struct tcp_pcb *pcb);

#define CLOSES 2 /* of ext_args */

/*
 * In a callback about a segment: lwIP forgets to free what it brought, too, when the connection is gone before it comes to
 * that. So it is closed when lwIP has done with the segment, and asks for something to send.
 */
err_t tcp_close(struct tcp_pcb *pcb)
{
	/* In other states nothing comes any more; and what is to be said of the peer's end is said. */
	if (pcb != tcp_input_pcb ||
	    (pcb->state != SYN_RCVD && pcb->state != ESTABLISHED && pcb->state != CLOSE_WAIT))
		return tcp_close_now(pcb);
	pcb->ext_args[CLOSES].data = pcb;
	return ERR_OK;
}

bool connection_closes(struct tcp_pcb *pcb)
{
	if (!pcb->ext_args[CLOSES].data)
		return false;
	pcb->ext_args[CLOSES].data = NULL;
	(void)tcp_close_now(pcb);
	return true;
}

static bool is_of(const struct tcp_pcb *pcb, struct netif *netif)
{
	if (IP_IS_V4_VAL(pcb->local_ip))
		return ip4_addr_cmp(ip_2_ip4(&pcb->local_ip), netif_ip4_addr(netif));
	return netif_get_ip6_addr_match(netif, ip_2_ip6(&pcb->local_ip)) >= 0;
}

void connections_acknowledge(struct netif *netif)
{
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
		if (pcb->state < ESTABLISHED || !is_of(pcb, netif))
			continue;
		tcp_ack_now(pcb);
		tcp_output(pcb);
	}
}
