/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/resolve.h"

#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"
#include "lwip/dns.h"
#include "lwip/mem.h"
#include "lwip/tcpip.h"
#include "net/lwip/interface.h"

#include <errno.h>
#include <string.h>

/* A question to DNS: lives until it is answered, also when nobody waits for that any more. */
struct question {
	struct wait_queue wait;
	bool answered, abandoned;
	bool known;
	ip_addr_t address;
};

static struct interface *find_interface(const char *name)
{
	for (struct interface *i = interfaces; i; i = i->next)
		if (!strcmp(i->device->name, name))
			return i;
	return NULL;
}

int resolve_begin(struct resolver *resolver, struct transfer *transfer, const struct url *url)
{
	*resolver = (struct resolver){.transfer = transfer, .url = url};
	if (transfer->interface) {
		struct interface *interface = find_interface(transfer->interface);

		if (!interface)
			return transfer_fail(transfer, -ENODEV, "there is no interface %s",
					     transfer->interface);
		resolver->netif = &interface->netif;
	}
	return 0;
}

/* lwIP's answer, under the core lock. */
static void on_answer(const char *name, const ip_addr_t *address, void *argument)
{
	struct question *question = argument;

	(void)name;
	if (question->abandoned) {
		mem_free(question);
		return;
	}
	question->known = address != NULL;
	if (address)
		question->address = *address;
	__atomic_store_n(&question->answered, true, __ATOMIC_RELEASE);
	wait_wake(&question->wait);
}

static int wait_for_answer(struct transfer *transfer, struct question *question)
{
	uint64_t deadline = clock_monotonic() + transfer_patience();
	int status = 0;

	while (!status &&
	       !wait_event_timeout(&question->wait,
				   __atomic_load_n(&question->answered, __ATOMIC_ACQUIRE),
				   TRANSFER_TICK)) {
		status = transfer_tick(transfer);
		if (!status && clock_monotonic() >= deadline)
			status = -ETIMEDOUT;
	}
	return status;
}

/* 0, -ENOENT (no such name, or nobody answers), -ENETUNREACH (nobody to ask), -EINTR. */
static int ask(struct transfer *transfer, const char *name, u8_t type, ip_addr_t *address)
{
	struct question *question = mem_calloc(1, sizeof(*question));
	int status = 0;
	err_t error;

	if (!question)
		return -ENOMEM;
	wait_queue_init(&question->wait);
	LOCK_TCPIP_CORE();
	error = dns_gethostbyname_addrtype(name, &question->address, on_answer, question, type);
	UNLOCK_TCPIP_CORE();
	if (error == ERR_OK)
		question->answered = question->known = true;
	else if (error == ERR_VAL)
		status = -ENETUNREACH;
	else if (error != ERR_INPROGRESS)
		status = error == ERR_MEM ? -ENOMEM : -ENOENT;
	else
		status = wait_for_answer(transfer, question);
	LOCK_TCPIP_CORE();
	if (!status)
		status = question->known ? 0 : -ENOENT;
	if (!status)
		*address = question->address;
	if (error == ERR_INPROGRESS && !question->answered)
		question->abandoned = true;
	else
		mem_free(question);
	UNLOCK_TCPIP_CORE();
	return status == -ETIMEDOUT ? -ENOENT : status;
}

/* A link-local address is of a link: its zone says of which, else the only interface it is. */
static int literal(struct resolver *resolver, ip_addr_t *address)
{
	struct transfer *transfer = resolver->transfer;
	char host[URL_HOST_MAX], *zone;
	struct interface *interface = NULL;

	strcpy(host, resolver->url->host);
	zone = strchr(host, '%');
	if (zone)
		*zone++ = '\0';
	if (!ipaddr_aton(host, address) || (resolver->url->ipv6_literal && !IP_IS_V6(address)))
		return transfer_fail(transfer, -EINVAL, "%s is not an address",
				     resolver->url->host);
	if (!IP_IS_V6(address) || !ip6_addr_has_scope(ip_2_ip6(address), IP6_UNKNOWN))
		return zone ? transfer_fail(transfer, -EINVAL, "%s is not an address of one link",
					    host)
			    : 0;
	if (zone)
		interface = find_interface(zone);
	else if (resolver->netif)
		interface = (struct interface *)resolver->netif;
	else if (interfaces && !interfaces->next)
		interface = interfaces;
	if (!interface)
		return zone ? transfer_fail(transfer, -ENODEV, "there is no interface %s", zone)
			    : transfer_fail(transfer, -EINVAL,
					    "%s is of one link: say of which, as in %s%%eth0", host,
					    host);
	LOCK_TCPIP_CORE();
	ip6_addr_assign_zone(ip_2_ip6(address), IP6_UNKNOWN, &interface->netif);
	UNLOCK_TCPIP_CORE();
	if (!resolver->netif)
		resolver->netif = &interface->netif;
	return 0;
}

static bool is_literal(const struct url *url)
{
	ip4_addr_t address;

	return url->ipv6_literal || ip4addr_aton(url->host, &address);
}

int resolve_next(struct resolver *resolver, ip_addr_t *address)
{
	static const u8_t types[] = {LWIP_DNS_ADDRTYPE_IPV4, LWIP_DNS_ADDRTYPE_IPV6};
	struct transfer *transfer = resolver->transfer;
	const char *host = resolver->url->host;
	int status;

	if (is_literal(resolver->url))
		return resolver->step++ ? -ENOENT : literal(resolver, address);
	while (resolver->step < sizeof(types)) {
		status = ask(transfer, host, types[resolver->step++], address);
		if (!status) {
			resolver->found++;
			return 0;
		}
		if (status == -EINTR)
			return status;
		if (!resolver->failure || status == -ENETUNREACH)
			resolver->failure = status;
	}
	if (resolver->found)
		return -ENOENT;
	if (resolver->failure == -ENETUNREACH)
		return transfer_fail(transfer, -ENOENT,
				     "%s cannot be looked up: no name server is known", host);
	return transfer_fail(transfer, -ENOENT, "no name server knows %s, or none answers", host);
}
