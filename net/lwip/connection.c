/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/connection.h"

#include "lwip/netif.h"
#include "lwip_hooks.h"

/* What lwIP calls tcp_close() and tcp_tmr(): the Makefile gives them these names, so that calls come here. */
err_t tcp_close_now(struct tcp_pcb *pcb);
void tcp_tmr_now(void);

/* What it has for memp_malloc(). */
void *connection_alloc(memp_t type);

#define CLOSES 2 /* of ext_args */

/*
 * In a callback about a segment: lwIP forgets to free what it brought, too, when the connection is gone before it comes to
 * that. So it is closed when lwIP has done with the segment, and asks for something to send.
 */
err_t tcp_close(struct tcp_pcb *pcb)
{
	/* In other states none is freed for that; and what is to be said of the peer's end is said. */
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

void connection_detach(struct tcp_pcb *pcb)
{
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
	tcp_poll(pcb, NULL, 0);
}

/* -- Connections that both sides have ended, while one of ours still holds and reads them: lwIP forgets that. */

/* What lwIP takes for the end of a connection in CLOSING or LAST-ACK: all that was sent is acknowledged. */
static bool ends(const struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
	return TCPH_FLAGS(header) & TCP_ACK && header->ackno == pcb->snd_nxt &&
	       (!pcb->unsent || TCP_SEQ_LT(lwip_ntohl(pcb->unsent->tcphdr->seqno), header->ackno));
}

bool connection_waits(struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
	if (!pcb->errf || (pcb->state != CLOSING && pcb->state != LAST_ACK))
		return false;
	/* Who reads no more holds it all the same: lwIP tells only others that it is gone. */
	tcp_clear_flags(pcb, TF_RXCLOSED);
	if (!pcb->refused_data || !ends(pcb, header))
		return false;
	return tcp_process_refused_data(pcb) != ERR_ABRT && pcb->refused_data;
}

/* Whether there is more to do than to hear that the end was heard, for which lwIP waits half a minute, since it last heard. */
static bool goes_on(const struct tcp_pcb *pcb)
{
	return (pcb->unsent && pcb->unsent->len) || (pcb->unacked && pcb->unacked->len) ||
	       (pcb->errf && pcb->refused_data);
}

/* What was refused comes again, or goes with its owner; who is held stays. */
void tcp_tmr(void)
{
	struct tcp_pcb *next;

	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
		if (pcb->state == LAST_ACK && goes_on(pcb))
			pcb->tmr = tcp_ticks;
	tcp_tmr_now();
	for (struct tcp_pcb *pcb = tcp_tw_pcbs; pcb; pcb = next) {
		next = pcb->next;
		if (pcb->errf)
			pcb->tmr = tcp_ticks;
		if (pcb->refused_data)
			(void)tcp_process_refused_data(pcb);
	}
}

void connection_let_go(struct tcp_pcb *pcb)
{
	tcp_err_fn error = pcb->errf;
	err_t why = pcb->refused_data ? ERR_ABRT : ERR_CLSD;

	if (pcb->refused_data)
		pbuf_free(pcb->refused_data);
	pcb->refused_data = NULL;
	if (!error)
		return;
	tcp_recv(pcb, NULL);
	tcp_err(pcb, NULL);
	error(pcb->callback_arg, why);
}

/* Without memory for a connection lwIP ends one of those: the last of those which it heard of longest ago. */
void *connection_alloc(memp_t type)
{
	void *memory = memp_malloc(type);
	struct tcp_pcb *chosen = NULL;
	uint32_t longest = 0;

	if (memory || type != MEMP_TCP_PCB)
		return memory;
	for (struct tcp_pcb *pcb = tcp_tw_pcbs; pcb; pcb = pcb->next)
		if (tcp_ticks - pcb->tmr >= longest) {
			longest = tcp_ticks - pcb->tmr;
			chosen = pcb;
		}
	if (chosen)
		connection_let_go(chosen);
	return NULL;
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
