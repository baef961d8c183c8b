/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command `ping`: ICMP and ICMPv6 echo, printed as iputils does. A link-local address is of a
 * link: %eth0 behind it says which; without that it is the only one.
 */
#include "kernel/random/random.h"
#include "kernel/shell/command.h"
#include "kernel/time/clock.h"
#include "lwip/api.h"
#include "lwip/icmp.h"
#include "lwip/inet_chksum.h"
#include "lwip/mem.h"
#include "lwip/prot/icmp6.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/ip6.h"
#include "lwip/raw.h"
#include "lwip/tcpip.h"
#include "net/lwip/address_text.h"
#include "net/lwip/interface.h"

#include <stdlib.h>
#include <string.h>

#define PAYLOAD 56u
#define COUNT_DEFAULT 4u
#define INTERVAL NANOSECONDS_PER_SECOND
#define STEP (100 * NANOSECONDS_PER_MILLISECOND) /* so often ^C is looked for */
#define ICMP6_CHECKSUM_OFFSET 2
#define HOST_MAX 256

struct ping {
	ip_addr_t target;
	struct raw_pcb *pcb;
	uint16_t id, sequence;
	uint64_t sent_at;
	struct wait_queue wait;
	/* The answer to the request with `sequence`, written under the core lock. */
	bool answered;
	uint64_t answered_at;
	uint8_t hops_left;
	uint16_t length;
	/* All of them; sent: those that did leave */
	unsigned int sent, received;
	uint64_t least, most, sum;
};

/* lwIP asks each raw pcb whether the packet is its own: 1 when it was taken (and freed). */
static u8_t on_packet(void *argument, struct raw_pcb *pcb, struct pbuf *packet,
		      const ip_addr_t *from)
{
	struct ping *ping = argument;
	const struct icmp_echo_hdr *header;
	bool v6 = IP_IS_V6(&ping->target);
	u16_t skip = ip_current_header_tot_len(); /* raw pcbs get packets with their IP headers */

	(void)pcb;
	if (packet->len < skip + sizeof(*header))
		return 0;
	header = (const void *)((const uint8_t *)packet->payload + skip);
	if (header->type != (v6 ? ICMP6_TYPE_EREP : ICMP_ER) || header->id != ping->id ||
	    header->seqno != lwip_htons(ping->sequence) || ping->answered ||
	    !ip_addr_cmp_zoneless(from, &ping->target))
		return 0;
	ping->answered_at = clock_monotonic();
	ping->hops_left = v6 ? IP6H_HOPLIM(ip6_current_header()) : IPH_TTL(ip4_current_header());
	ping->length = (uint16_t)(packet->tot_len - skip);
	ping->answered = true;
	wait_wake(&ping->wait);
	pbuf_free(packet);
	return 1;
}

/* Under the core lock. */
static const char *why_not_sent(const struct ping *ping, err_t error)
{
	if (error == ERR_RTE && ip_route(&ping->pcb->local_ip, &ping->target))
		return "no address to send from yet";
	return error == ERR_RTE ? "no route to the host" : "no memory";
}

static bool send_request(struct ping *ping)
{
	const char *failure;
	bool v6 = IP_IS_V6(&ping->target);
	struct pbuf *packet;
	struct icmp_echo_hdr *header;
	err_t error = ERR_MEM;

	LOCK_TCPIP_CORE();
	packet = pbuf_alloc(PBUF_IP, sizeof(*header) + PAYLOAD, PBUF_RAM);
	if (packet) {
		header = packet->payload;
		header->type = v6 ? ICMP6_TYPE_EREQ : ICMP_ECHO;
		header->code = 0;
		header->chksum = 0;
		header->id = ping->id;
		header->seqno = lwip_htons(++ping->sequence);
		for (unsigned int i = 0; i < PAYLOAD; i++)
			((uint8_t *)(header + 1))[i] = (uint8_t)i;
		/*
		 * The sum of ICMPv6 covers addresses that are not known yet: the raw pcb makes it.
		 */
		if (!v6)
			header->chksum = inet_chksum(header, packet->len);
		ping->answered = false;
		ping->sent_at = clock_monotonic();
		error = raw_sendto(ping->pcb, packet, &ping->target);
		pbuf_free(packet);
	}
	failure = error == ERR_OK ? NULL : why_not_sent(ping, error);
	UNLOCK_TCPIP_CORE();
	if (failure)
		command_print("ping: sending: %s\n", failure);
	else
		ping->sent++;
	return !failure;
}

/* Milliseconds with three decimals */
static void print_milliseconds(uint64_t nanoseconds)
{
	uint64_t microseconds = nanoseconds / NANOSECONDS_PER_MICROSECOND;

	command_print("%u.%03u", (unsigned int)(microseconds / 1000),
		      (unsigned int)(microseconds % 1000));
}

static void print_answer(struct ping *ping)
{
	uint64_t time = ping->answered_at - ping->sent_at;
	struct address_text address;

	ping->received++;
	ping->sum += time;
	if (time < ping->least)
		ping->least = time;
	if (time > ping->most)
		ping->most = time;
	command_print("%u bytes from %s: icmp_seq=%u ttl=%u time=", ping->length,
		      address_text(&address, &ping->target), ping->sequence, ping->hops_left);
	print_milliseconds(time);
	command_print(" ms\n");
}

/* False when the user has had enough. */
static bool wait_until(struct ping *ping, uint64_t deadline, bool for_answer)
{
	while (clock_monotonic() < deadline && !(for_answer && ping->answered)) {
		uint64_t now = clock_monotonic();
		uint64_t step = deadline - now < STEP ? deadline - now : STEP;

		if (for_answer)
			wait_event_timeout(&ping->wait,
					   __atomic_load_n(&ping->answered, __ATOMIC_ACQUIRE),
					   step);
		else
			thread_sleep(step);
		if (command_interrupted())
			return false;
	}
	return true;
}

static void run(struct ping *ping, unsigned int count)
{
	for (unsigned int i = 0; i < count && !command_interrupted(); i++) {
		uint64_t next = clock_monotonic() + INTERVAL;
		bool go_on;

		go_on = send_request(ping) ? wait_until(ping, next, true) : true;
		if (ping->answered)
			print_answer(ping);
		if (!go_on || (i + 1 < count && !wait_until(ping, next, false)))
			return;
	}
}

static void print_summary(const struct ping *ping, const char *name, uint64_t took)
{
	unsigned int lost = ping->sent - ping->received;

	command_print("\n--- %s ping statistics ---\n", name);
	command_print("%u packets transmitted, %u received", ping->sent, ping->received);
	if (ping->sent)
		command_print(", %u%% packet loss", lost * 100 / ping->sent);
	command_print(", time %ums\n", (unsigned int)(took / NANOSECONDS_PER_MILLISECOND));
	if (!ping->received)
		return;
	command_print("rtt min/avg/max = ");
	print_milliseconds(ping->least);
	command_print("/");
	print_milliseconds(ping->sum / ping->received);
	command_print("/");
	print_milliseconds(ping->most);
	command_print(" ms\n");
}

static bool open_pcb(struct ping *ping)
{
	bool v6 = IP_IS_V6(&ping->target);

	LOCK_TCPIP_CORE();
	ping->pcb =
		raw_new_ip_type(IP_GET_TYPE(&ping->target), v6 ? IP6_NEXTH_ICMP6 : IP_PROTO_ICMP);
	if (ping->pcb) {
		raw_recv(ping->pcb, on_packet, ping);
		raw_bind(ping->pcb, v6 ? IP6_ADDR_ANY : IP4_ADDR_ANY);
		if (v6) {
			ping->pcb->chksum_reqd = 1;
			ping->pcb->chksum_offset = ICMP6_CHECKSUM_OFFSET;
		}
	}
	UNLOCK_TCPIP_CORE();
	return ping->pcb;
}

/* The interface that the zone names (NULL: the only one). NULL when there is none, or no only one. */
static struct interface *find_interface(const char *zone)
{
	if (!zone)
		return interfaces && !interfaces->next ? interfaces : NULL;
	for (struct interface *i = interfaces; i; i = i->next)
		if (!strcmp(i->device->name, zone))
			return i;
	return NULL;
}

/* False, and said why, when the target is of a link and it is not known of which. */
static bool choose_link(struct ping *ping, const char *host, const char *zone)
{
	ip6_addr_t *target = ip_2_ip6(&ping->target);
	struct interface *interface;

	if (!IP_IS_V6(&ping->target) || !ip6_addr_has_scope(target, IP6_UNKNOWN)) {
		if (zone)
			command_print("ping: %s: is not an address of one link\n", host);
		return !zone;
	}
	LOCK_TCPIP_CORE();
	interface = find_interface(zone);
	if (interface)
		ip6_addr_assign_zone(target, IP6_UNKNOWN, &interface->netif);
	UNLOCK_TCPIP_CORE();
	if (interface)
		return true;
	if (zone)
		command_print("ping: %s: there is no interface %s\n", host, zone);
	else
		command_print("ping: %s: is of one link: say of which, as in %s%%eth0\n", host,
			      host);
	return false;
}

static bool parse(int argc, char **argv, const char **host, unsigned int *count, bool *v6)
{
	*host = NULL;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-6")) {
			*v6 = true;
		} else if (!strcmp(argv[i], "-c") && i + 1 < argc) {
			char *end;
			unsigned long value = strtoul(argv[++i], &end, 10);

			if (*end || !value || value > UINT16_MAX)
				return false;
			*count = (unsigned int)value;
		} else if (argv[i][0] == '-' || *host) {
			return false;
		} else {
			*host = argv[i];
		}
	}
	return *host;
}

static enum command_result command_ping(int argc, char **argv)
{
	struct ping ping = {.least = UINT64_MAX, .wait = WAIT_QUEUE_INIT};
	unsigned int count = COUNT_DEFAULT;
	bool v6 = false;
	struct address_text address;
	const char *host;
	char name[HOST_MAX], *zone;
	uint64_t start;

	if (!parse(argc, argv, &host, &count, &v6))
		return COMMAND_USAGE;
	strncpy(name, host, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	zone = strchr(name, '%');
	if (zone)
		*zone++ = '\0';
	if (netconn_gethostbyname_addrtype(
		    name, &ping.target, v6 ? NETCONN_DNS_IPV6 : NETCONN_DNS_IPV4_IPV6) != ERR_OK) {
		command_print("ping: %s: name is not known\n", host);
		return COMMAND_FAILED;
	}
	if (!choose_link(&ping, host, zone))
		return COMMAND_FAILED;
	ping.id = (uint16_t)random_u32();
	if (!open_pcb(&ping)) {
		command_print("ping: no memory\n");
		return COMMAND_FAILED;
	}
	command_print("PING %s (%s) %u data bytes\n", host, address_text(&address, &ping.target),
		      PAYLOAD);
	start = clock_monotonic();
	run(&ping, count);
	LOCK_TCPIP_CORE();
	raw_remove(ping.pcb);
	UNLOCK_TCPIP_CORE();
	print_summary(&ping, host, clock_monotonic() - start);
	return ping.received ? COMMAND_OK : COMMAND_FAILED;
}

COMMAND(ping, "ping [-c COUNT] [-6] HOST[%INTERFACE]", "echo requests to another machine",
	command_ping);
