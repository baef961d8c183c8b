/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/connection.h"

#include "lwip/netif.h"

/* What lwIP calls tcp_close() and tcp_tmr(): the Makefile gives them these names, so that calls come here. */
err_t tcp_close_now(struct tcp_pcb *pcb);
void tcp_tmr_now(void);

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

static void tell_owner(struct tcp_pcb *pcb)
{
	tcp_err_fn error = pcb->errf;

	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
	tcp_poll(pcb, NULL, 0);
	error(pcb->callback_arg, ERR_CLSD);
}

void connections_end(void)
{
	for (struct tcp_pcb *pcb = tcp_tw_pcbs; pcb; pcb = pcb->next)
		if (pcb->errf && !pcb->refused_data)
			tell_owner(pcb);
}

/* What an owner refused comes again, which lwIP forgets in this state: until then it stays. */
void tcp_tmr(void)
{
	tcp_tmr_now();
	for (struct tcp_pcb *pcb = tcp_tw_pcbs; pcb; pcb = pcb->next)
		if (pcb->errf) {
			(void)tcp_process_refused_data(pcb);
			pcb->tmr = tcp_ticks;
		}
	connections_end();
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
