/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/services/bench_peer.h"

#include "drivers/net/network.h"
#include "kernel/cold/cold.h"
#include "kernel/options/options.h"
#include "lwip/ip_addr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_SECONDS 3

static const uint16_t customary[PEER_PORTS] = {7, 7, 9, 19}; /* RFC 862, 863, 864 */

static RESIDENT bool check_address(const char *value)
{
	ip_addr_t address;

	return ipaddr_aton(value, &address);
}

/* All of them, or false. */
static RESIDENT bool parse_ports(const char *text, uint16_t ports[PEER_PORTS])
{
	for (unsigned int i = 0; i < PEER_PORTS; i++) {
		char *end;
		unsigned long port = strtoul(text, &end, 10);

		if (end == text || !port || port > UINT16_MAX ||
		    *end != (i + 1 < PEER_PORTS ? ',' : '\0'))
			return false;
		ports[i] = (uint16_t)port;
		text = end + 1;
	}
	return true;
}

static RESIDENT bool check_ports(const char *value)
{
	uint16_t ports[PEER_PORTS];

	return parse_ports(value, ports);
}

OPTION(bench_peer, "bench.peer", "ADDR",
       "bench: who serves echo, discard and chargen for udp and tcp (default: nobody)",
       check_address);
OPTION(bench_ports, "bench.ports", "UDPECHO,ECHO,DISCARD,CHARGEN",
       "bench: the ports of bench.peer (default: 7,7,9,19)", check_ports);

bool peer_find(struct bench *bench, enum peer_port port, struct peer *peer)
{
	const char *name = option_get("bench.peer", NULL), *given = option_get("bench.ports", NULL);
	uint16_t ports[PEER_PORTS];
	ip_addr_t address;

	if (!name || !ipaddr_aton(name, &address)) {
		bench_skip(bench, "bench.peer= does not say who answers");
		return false;
	}
	memcpy(ports, customary, sizeof(ports));
	if (given)
		(void)parse_ports(given, ports);
	memset(peer, 0, sizeof(*peer));
	strncpy(peer->device, name, sizeof(peer->device) - 1);
	if (IP_IS_V6(&address)) {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&peer->address;

		peer->length = sizeof(*v6);
		v6->sin6_len = sizeof(*v6);
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(ports[port]);
		inet6_addr_from_ip6addr(&v6->sin6_addr, ip_2_ip6(&address));
	} else {
		struct sockaddr_in *v4 = (struct sockaddr_in *)&peer->address;

		peer->length = sizeof(*v4);
		v4->sin_len = sizeof(*v4);
		v4->sin_family = AF_INET;
		v4->sin_port = htons(ports[port]);
		inet_addr_from_ip4addr(&v4->sin_addr, ip_2_ip4(&address));
	}
	return true;
}

int peer_connect(const struct peer *peer, int type)
{
	static const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
	int handle = socket(peer->address.ss_family, type, 0), one = 1;

	if (handle < 0)
		return -errno;
	(void)setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (type == SOCK_STREAM)
		(void)setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(handle, (const struct sockaddr *)&peer->address, peer->length)) {
		int error = -errno;

		close(handle);
		return error;
	}
	return handle;
}

void peer_costs(void *context, struct bench_costs *costs)
{
	(void)context;
	for (struct network_device *device = network_first(); device; device = device->next) {
		struct network_statistics statistics;

		network_statistics(device, &statistics);
		costs->kicks += statistics.kicks;
		costs->interrupts += statistics.interrupts;
		costs->bytes_copied += statistics.bytes_copied;
	}
}
