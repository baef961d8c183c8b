/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/connection.h"

#include "lwip/netif.h"

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
