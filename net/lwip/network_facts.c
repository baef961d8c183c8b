/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the network stack tells about itself: the section "network". What drivers know is in
 * "network_devices".
 */
#include "drivers/net/network.h"
#include "kernel/facts/facts.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/prot/dhcp.h"
#include "lwip/stats.h"
#include "lwip/tcpip.h"
#include "net/lwip/address_text.h"
#include "net/lwip/interface.h"
#include "net/lwip/memory.h"
#include "net/lwip/stack.h"

static const char *ipv6_state(u8_t state)
{
	if (ip6_addr_istentative(state))
		return "tentative";
	if (ip6_addr_ispreferred(state))
		return "preferred";
	if (ip6_addr_isdeprecated(state))
		return "deprecated";
	return "duplicate";
}

static void describe_ipv6(struct facts *facts, const struct netif *netif)
{
	struct address_text text;

	fact_list(facts, "ipv6");
	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
		if (ip6_addr_isinvalid(netif_ip6_addr_state(netif, i)))
			continue;
		fact_item(facts);
		fact_text(facts, "address", address_text_v6(&text, netif_ip6_addr(netif, i)));
		fact_text(facts, "state", ipv6_state(netif_ip6_addr_state(netif, i)));
		fact_end(facts);
	}
	fact_end(facts);
}

static void describe_ipv4(struct facts *facts, const struct interface *interface)
{
	const struct netif *netif = &interface->netif;
	const struct dhcp *dhcp = netif_dhcp_data(netif);
	struct address_text text;

	if (ip4_addr_isany(netif_ip4_addr(netif))) {
		fact_none(facts, "ipv4");
	} else {
		fact_format(facts, "ipv4", "%s/%u", address_text_v4(&text, netif_ip4_addr(netif)),
			    address_prefix_length(netif_ip4_netmask(netif)));
		if (ip4_addr_isany(netif_ip4_gw(netif)))
			fact_none(facts, "gateway");
		else
			fact_text(facts, "gateway", address_text_v4(&text, netif_ip4_gw(netif)));
	}
	if (!interface->wants_dhcp || !dhcp)
		return;
	fact_text(facts, "dhcp", dhcp->state == DHCP_STATE_BOUND ? "bound" : "asking");
	if (dhcp->state != DHCP_STATE_BOUND)
		return;
	fact_text(facts, "dhcp_server", address_text(&text, &dhcp->server_ip_addr));
	fact_number(facts, "dhcp_lease_seconds", dhcp->offered_t0_lease);
}

static void describe_interface(struct facts *facts, const struct interface *interface)
{
	fact_item(facts);
	fact_text(facts, "name", interface->device->name);
	fact_number(facts, "mtu", interface->netif.mtu);
	fact_text(facts, "link", netif_is_link_up(&interface->netif) ? "up" : "down");
	describe_ipv4(facts, interface);
	describe_ipv6(facts, &interface->netif);
	fact_object(facts, "counters");
	fact_number(facts, "receive_dropped", interface->receive_dropped);
	fact_number(facts, "transmit_dropped", interface->transmit_dropped);
	fact_number(facts, "received_frames_copied", interface->receive_copied);
	fact_number(facts, "sent_frames_copied", interface->transmit_copied);
	fact_number(facts, "buffers_held", interface->held);
	fact_number(facts, "frames_waiting", interface->waiting_count);
	fact_end(facts);
	fact_end(facts);
}

static void describe_protocol(struct facts *facts, const char *name,
			      const struct stats_proto *counters)
{
	fact_item(facts);
	fact_text(facts, "name", name);
	fact_number(facts, "received", counters->recv);
	fact_number(facts, "sent", counters->xmit);
	fact_number(facts, "dropped", counters->drop);
	fact_number(facts, "checksum_errors", counters->chkerr);
	fact_number(facts, "length_errors", counters->lenerr);
	fact_number(facts, "no_memory", counters->memerr);
	fact_number(facts, "other_errors",
		    counters->rterr + counters->proterr + counters->opterr + counters->err);
	fact_end(facts);
}

static void describe_protocols(struct facts *facts)
{
	fact_list(facts, "protocols");
	describe_protocol(facts, "ARP", &lwip_stats.etharp);
	describe_protocol(facts, "IPv4", &lwip_stats.ip);
	describe_protocol(facts, "IPv4 fragments", &lwip_stats.ip_frag);
	describe_protocol(facts, "ICMP", &lwip_stats.icmp);
	describe_protocol(facts, "IPv6", &lwip_stats.ip6);
	describe_protocol(facts, "IPv6 fragments", &lwip_stats.ip6_frag);
	describe_protocol(facts, "ICMPv6", &lwip_stats.icmp6);
	describe_protocol(facts, "UDP", &lwip_stats.udp);
	describe_protocol(facts, "TCP", &lwip_stats.tcp);
	fact_end(facts);
}

static void describe_memory(struct facts *facts)
{
	struct network_memory memory;

	network_memory_state(&memory);
	fact_object(facts, "memory");
	fact_bytes(facts, "limit", memory.limit);
	fact_bytes(facts, "reserved", memory.reserved);
	fact_bytes(facts, "used", memory.used);
	fact_bytes(facts, "used_most", memory.used_most);
	fact_number(facts, "failures", memory.failures);
	fact_end(facts);
}

static void describe(struct facts *facts)
{
	struct address_text text;
	uint64_t ready_after;

	if (network_stack_ready(&ready_after))
		fact_nanoseconds(facts, "ready_after", ready_after);
	else
		fact_none(facts, "ready_after");
	LOCK_TCPIP_CORE();
	fact_list(facts, "interfaces");
	for (const struct interface *i = interfaces; i; i = i->next)
		describe_interface(facts, i);
	fact_end(facts);
	fact_string_list(facts, "dns");
	for (u8_t i = 0; i < DNS_MAX_SERVERS; i++)
		if (!ip_addr_isany(dns_getserver(i)))
			fact_string(facts, address_text(&text, dns_getserver(i)));
	fact_end(facts);
	fact_bytes(facts, "bytes_copied", network_stack_copied());
	describe_memory(facts);
	describe_protocols(facts);
	UNLOCK_TCPIP_CORE();
}

FACTS(network, "network", 70, describe);
