/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/acknowledge.h"

#include "net/lwip/connection.h"

#include "lwip/netif.h"

/* The connection whose last frame may still be to be acknowledged. */
static struct tcp_pcb *pending;

void acknowledge_joined(struct tcp_pcb *pcb)
{
	if (!pending)
		pending = pcb;
	/* One at a time is remembered: the others' frames count as the second at once. */
	if (pending != pcb)
		tcp_set_flags(pcb, TF_ACK_DELAY);
}

void acknowledge_finish(void)
{
	struct tcp_pcb *pcb = pending;

	if (!pcb)
		return;
	pending = NULL;
	/* It may have ended with one of the frames. */
	if (!connection_active(pcb) || !(pcb->flags & TF_ACK_DELAY))
		return;
	tcp_ack_now(pcb);
	tcp_output(pcb);
}

static bool is_of(const struct tcp_pcb *pcb, struct netif *netif)
{
	if (IP_IS_V4_VAL(pcb->local_ip))
		return ip4_addr_cmp(ip_2_ip4(&pcb->local_ip), netif_ip4_addr(netif));
	return netif_get_ip6_addr_match(netif, ip_2_ip6(&pcb->local_ip)) >= 0;
}

void acknowledge_again(struct netif *netif)
{
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
		if (pcb->state < ESTABLISHED || !is_of(pcb, netif))
			continue;
		tcp_ack_now(pcb);
		tcp_output(pcb);
	}
}
