/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP asks us in between. */
#ifndef NET_LWIP_HOOKS_H
#define NET_LWIP_HOOKS_H

#include "lwip/prot/tcp.h"
#include "lwip/tcp.h"
#include "net/lwip/batch.h"
#include "net/lwip/recovery.h"
#include "net/lwip/trim.h"

#include <stdbool.h>

/* The frame that is being received stands for several segments; under the core lock. */
extern bool network_frame_joined;

/* guard.c; true: lwIP must not have it */
bool guard_ip4_refused(const struct pbuf *packet);
bool guard_ip6_refused(const struct pbuf *packet);
/* The options behind a TCP header: `length` bytes, of which all after the first `first` stand at `second`. */
bool guard_tcp_refused(const struct tcp_hdr *header, unsigned int length, unsigned int first,
		       const uint8_t *second);

/*
 * connection.c; whether the connection may not end yet, because its owner has no room for what came before: then the segment
 * that would end it is dropped, and comes again.
 */
bool connection_waits(struct tcp_pcb *pcb, const struct tcp_hdr *header);

/*
 * syn.c; when a connection begins: of those that their owners closed, and whose peers do not say that they have it all, the
 * one that was asked most often ends, when there are too many.
 */
void network_forget_orphan(void);

/*
 * A peer takes our window from no segment that is older than the last that told it one (3.10.7.4). So
 * what was said with data that was sent again, it did not hear, and lwIP does not repeat it: at the end
 * the window, which may have been closed when the data went first, is told once more.
 */
static inline err_t network_tcp_in(struct tcp_pcb *pcb, struct tcp_hdr *header,
				   unsigned int options_length, unsigned int options1_length,
				   const uint8_t *options2, struct pbuf *packet)
{
	if (guard_tcp_refused(header, options_length, options1_length, options2))
		return ERR_VAL;
	/* Listeners are shorter structures, and have no such flags. */
	if (pcb->state == LISTEN) {
		if (TCPH_FLAGS(header) & TCP_SYN)
			network_forget_orphan();
		return ERR_OK;
	}
	if (connection_waits(pcb, header) || !trim_segment(pcb, header, packet))
		return ERR_VAL;
	recovery_segment(pcb, header, options1_length, packet);
	if (network_frame_joined && packet->tot_len)
		batch_joined(pcb);
	if (pcb->flags & (TF_RTO | TF_INFR) && header->ackno == pcb->snd_nxt)
		tcp_set_flags(pcb, TF_ACK_NOW);
	return ERR_OK;
}

#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, options_length, options1_length, options2, packet) \
	network_tcp_in(pcb, header, options_length, options1_length, options2, packet)

/* Acknowledgements, resets and probes, which are kept by nobody. */
static inline u32_t *network_control_out(const struct tcp_pcb *pcb, const struct tcp_hdr *header,
					 u32_t *options)
{
	(void)pcb;
	(void)header;
	return options;
}

static inline u32_t *network_segment_out(struct tcp_pcb *pcb, const struct tcp_hdr *header,
					 u32_t *options)
{
	recovery_sends(pcb, header);
	return options;
}

/* We add no options. lwIP asks in two places, and may not change the connection in that of control segments. */
#define LWIP_HOOK_TCP_OUT_ADD_TCPOPTS(packet, header, pcb, options)                                \
	_Generic((pcb), const struct tcp_pcb *: network_control_out,                               \
		 struct tcp_pcb *: network_segment_out)(pcb, header, options)

/* syn.c; under the core lock, before the packet is checked. True: it is dropped. */
bool network_ip4_in(const struct pbuf *packet, struct netif *netif);
bool network_ip6_in(const struct pbuf *packet, struct netif *netif);

/* net/services/frames.c; under the core lock. True: it took the frame, and frees it. */
bool network_experiment_in(struct pbuf *frame, struct netif *netif);
#define LWIP_HOOK_UNKNOWN_ETH_PROTOCOL(frame, netif)                                               \
	(network_experiment_in(frame, netif) ? ERR_OK : ERR_ARG)

/* isn.c; under the core lock */
u32_t network_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote,
		  u16_t remote_port);
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port)                                  \
	network_isn(local, local_port, remote, remote_port)

/* dhcp_extension.c; under the core lock. Other than 0: the packet was taken. */
int network_dhcp_in(struct pbuf *packet, struct netif *netif);
void network_dhcp_append(struct netif *netif, uint8_t *options, u16_t *length, u8_t type);

static inline int network_ip4_hook(struct pbuf *packet, struct netif *netif)
{
	if (!network_ip4_in(packet, netif) && !guard_ip4_refused(packet))
		return network_dhcp_in(packet, netif);
	pbuf_free(packet);
	return 1;
}

static inline int network_ip6_hook(struct pbuf *packet, struct netif *netif)
{
	if (!network_ip6_in(packet, netif) && !guard_ip6_refused(packet))
		return 0;
	pbuf_free(packet);
	return 1;
}

/* 0: the packet goes on. */
#define LWIP_HOOK_IP4_INPUT(packet, netif) network_ip4_hook(packet, netif)
#define LWIP_HOOK_IP6_INPUT(packet, netif) network_ip6_hook(packet, netif)
#define LWIP_HOOK_DHCP_APPEND_OPTIONS(netif, dhcp, state, message, type, length)                   \
	network_dhcp_append(netif, (message)->options, length, type)

#endif
