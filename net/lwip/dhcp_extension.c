/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lwIP's hooks around its DHCP client. Answers are taken where IPv4 packets come in: the client shows only
 * those options that it does not know itself, and would take the offer of a server that has no address to
 * give (a PXE proxy) for an offer of one. And it walks over options as if each piece of a message held whole ones, which a
 * message that came in fragments need not: it gets those in one piece.
 */
#include "net/lwip/dhcp_extension.h"

#include "lwip/dhcp.h"
#include "lwip/inet_chksum.h"
#include "lwip/prot/dhcp.h"
#include "lwip/prot/ethernet.h"
#include "lwip/prot/iana.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/udp.h"
#include "lwip/udp.h"
#include "lwip_hooks.h"

#include <string.h>

#define MESSAGE_MIN 240u
#define MESSAGE_MAX 1500u
#define TRANSACTION 4u /* where fields are (RFC 2131, 2) */
#define HARDWARE_ADDRESS 28u

/* What lwIP's client calls udp_recv(): the Makefile gives it this name there. */
void dhcp_listen(struct udp_pcb *pcb, udp_recv_fn receive, void *argument);

static udp_recv_fn receive_whole;

static void receive_pieces(void *argument, struct udp_pcb *pcb, struct pbuf *message,
			   const ip_addr_t *from, u16_t port)
{
	if (message->next)
		message = pbuf_coalesce(message, PBUF_RAW);
	if (message->next)
		pbuf_free(message); /* no memory; the client asks again */
	else
		receive_whole(argument, pcb, message, from, port);
}

void dhcp_listen(struct udp_pcb *pcb, udp_recv_fn receive, void *argument)
{
	receive_whole = receive;
	udp_recv(pcb, receive_pieces, argument);
}

void network_dhcp_append(struct netif *netif, uint8_t *options, u16_t *length, u8_t type)
{
	if (type != DHCP_DISCOVER && type != DHCP_REQUEST)
		return;
	TABLE_FOREACH (dhcp_extensions, struct dhcp_extension, extension)
		*length = (u16_t)extension->append((struct interface *)netif, options, *length,
						   DHCP_OPTIONS_LEN);
}

/* Where the UDP header of a whole datagram to our client's port starts; 0: it is another packet. */
static u16_t datagram(const struct pbuf *packet, struct ip_hdr *ip, struct udp_hdr *udp)
{
	u16_t header, length;

	if (packet->len < IP_HLEN + UDP_HLEN)
		return 0;
	memcpy(ip, packet->payload, sizeof(*ip));
	header = IPH_HL_BYTES(ip);
	if (IPH_PROTO(ip) != IP_PROTO_UDP || IPH_OFFSET(ip) & PP_HTONS(IP_OFFMASK | IP_MF) ||
	    header < IP_HLEN || packet->len < header + UDP_HLEN)
		return 0;
	memcpy(udp, (const uint8_t *)packet->payload + header, sizeof(*udp));
	length = lwip_ntohs(IPH_LEN(ip));
	if (udp->dest != PP_HTONS(LWIP_IANA_PORT_DHCP_CLIENT) || length > packet->tot_len ||
	    length < header + UDP_HLEN || lwip_ntohs(udp->len) != length - header)
		return 0;
	return header;
}

/* The checksums, which lwIP has not looked at yet; that of UDP where nobody else has. */
static bool is_intact(struct pbuf *packet, const struct netif *netif, const struct ip_hdr *ip,
		      const struct udp_hdr *udp, u16_t header)
{
	ip4_addr_t from, to;
	struct pbuf *copy;
	bool good;

	if (inet_chksum(packet->payload, header))
		return false;
	if (!udp->chksum || !(netif->chksum_flags & NETIF_CHECKSUM_CHECK_UDP))
		return true;
	copy = pbuf_alloc(PBUF_RAW, lwip_ntohs(udp->len), PBUF_RAM);
	if (!copy)
		return false;
	ip4_addr_copy(from, ip->src);
	ip4_addr_copy(to, ip->dest);
	pbuf_copy_partial(packet, copy->payload, copy->tot_len, header);
	good = !inet_chksum_pseudo(copy, IP_PROTO_UDP, copy->tot_len, &from, &to);
	pbuf_free(copy);
	return good;
}

int network_dhcp_in(struct pbuf *packet, struct netif *netif)
{
	static uint8_t message[MESSAGE_MAX]; /* under the core lock */
	struct udp_hdr udp;
	struct ip_hdr ip;
	u16_t header = datagram(packet, &ip, &udp);
	uint32_t transaction;
	u16_t length;
	bool taken = false;

	if (!header || !(netif->flags & NETIF_FLAG_ETHERNET))
		return 0;
	length = (u16_t)(lwip_ntohs(udp.len) - UDP_HLEN);
	if (length < MESSAGE_MIN || length > sizeof(message) ||
	    !is_intact(packet, netif, &ip, &udp, header))
		return 0;
	pbuf_copy_partial(packet, message, length, (u16_t)(header + UDP_HLEN));
	if (message[0] != DHCP_BOOTREPLY ||
	    memcmp(message + HARDWARE_ADDRESS, netif->hwaddr, ETH_HWADDR_LEN))
		return 0;
	memcpy(&transaction, message + TRANSACTION, sizeof(transaction));
	TABLE_FOREACH (dhcp_extensions, struct dhcp_extension, extension)
		taken = extension->received((struct interface *)netif, message, length,
					    lwip_ntohl(transaction),
					    lwip_ntohl(ip4_addr_get_u32(&ip.src))) ||
			taken;
	if (taken)
		pbuf_free(packet);
	return taken;
}
