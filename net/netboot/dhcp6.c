/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/dhcp6.h"

#include "kernel/random/random.h"
#include "kernel/time/clock.h"
#include "lwip/dns.h"
#include "lwip/tcpip.h"
#include "net/netboot/answers.h"
#include "net/netboot/dhcp6_message.h"
#include "net/netboot/netboot.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CLIENT_PORT 546
#define SERVER_PORT 547
#define TRIES 3
#define PATIENCE NANOSECONDS_PER_SECOND /* for each of them */
#define STEP_MICROSECONDS 50000

struct exchange {
	int socket;
	struct interface *interface;
	uint32_t transaction;
	uint64_t start;
	struct dhcp6_boot boot;
	uint8_t message[DHCP6_MESSAGE_MAX];
};

static bool has_ipv6(const struct interface *interface)
{
	return ip6_addr_isvalid(netif_ip6_addr_state(&interface->netif, 0));
}

static int open_socket(void)
{
	const struct timeval step = {.tv_usec = STEP_MICROSECONDS};
	const struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(CLIENT_PORT)};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	if (fd < 0)
		return fd;
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &step, sizeof(step)) &&
	    !bind(fd, (const struct sockaddr *)&own, sizeof(own)))
		return fd;
	close(fd);
	return -1;
}

static void send_request(struct exchange *exchange)
{
	/* All servers and relays of the link, ff02::1:2 (RFC 8415, 7.1). */
	struct sockaddr_in6 all = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(SERVER_PORT),
		.sin6_scope_id = netif_get_index(&exchange->interface->netif),
	};
	uint64_t elapsed =
		(clock_monotonic() - exchange->start) / (10 * NANOSECONDS_PER_MILLISECOND);
	size_t length =
		dhcp6_information_request(exchange->message, sizeof(exchange->message),
					  netboot_client(), exchange->interface->device->mac,
					  exchange->transaction, (uint16_t)elapsed);

	inet_pton(AF_INET6, "ff02::1:2", &all.sin6_addr);
	(void)sendto(exchange->socket, exchange->message, length, 0, (const struct sockaddr *)&all,
		     sizeof(all));
}

/* -EAGAIN: nothing came that answers. */
static int receive_reply(struct exchange *exchange)
{
	struct sockaddr_in6 from;
	socklen_t from_length = sizeof(from);
	const char *why;
	ssize_t got = recvfrom(exchange->socket, exchange->message, sizeof(exchange->message), 0,
			       (struct sockaddr *)&from, &from_length);
	int error;

	if (got < 0)
		return -EAGAIN;
	error = dhcp6_reply_parse(&exchange->boot, exchange->message, (size_t)got,
				  exchange->transaction, &why);
	if (error == -EBADMSG)
		netboot_say("the DHCPv6 answer: %s: ignored", why);
	return error ? -EAGAIN : 0;
}

static int ask(struct exchange *exchange, bool (*interrupted)(void))
{
	exchange->start = clock_monotonic();
	exchange->transaction = random_u32() & 0xffffff;
	for (unsigned int try = 0; try < TRIES; try++) {
		uint64_t deadline = clock_monotonic() + PATIENCE;

		send_request(exchange);
		while (clock_monotonic() < deadline) {
			if (interrupted())
				return -EINTR;
			if (!receive_reply(exchange))
				return 0;
		}
	}
	return -ENOENT;
}

static void use_dns(const struct dhcp6_boot *boot)
{
	LOCK_TCPIP_CORE();
	for (unsigned int i = 0; i < boot->dns_count; i++) {
		ip_addr_t address = IPADDR6_INIT(0, 0, 0, 0);

		if (!ip_addr_isany(dns_getserver((u8_t)i)))
			continue;
		memcpy(ip_2_ip6(&address)->addr, boot->dns[i], 16);
		dns_setserver((u8_t)i, &address);
	}
	UNLOCK_TCPIP_CORE();
}

int dhcp6_boot_url(struct interface *interface, char url[static TRANSFER_URL_MAX],
		   bool (*interrupted)(void))
{
	struct exchange *exchange;
	int error;

	if (!has_ipv6(interface))
		return -ENOENT;
	exchange = calloc(1, sizeof(*exchange));
	if (!exchange)
		return -ENOMEM;
	exchange->interface = interface;
	exchange->socket = open_socket();
	error = exchange->socket < 0 ? -ENOENT : ask(exchange, interrupted);
	if (exchange->socket >= 0)
		close(exchange->socket);
	if (!error) {
		use_dns(&exchange->boot);
		strcpy(url, exchange->boot.url);
		error = url[0] ? 0 : -ENOENT;
	}
	free(exchange);
	return error;
}
