/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The addresses of a URL's host: one that stands there as digits, or those that DNS knows, IPv4 before
 * IPv6, asked for as they are needed. Thread context.
 *
 *	resolve_begin(&resolver, transfer, &url);
 *	while (!(error = resolve_next(&resolver, &address)))
 *		try to reach it;
 */
#ifndef NET_NETBOOT_RESOLVE_H
#define NET_NETBOOT_RESOLVE_H

#include "lwip/ip_addr.h"
#include "lwip/netif.h"
#include "net/netboot/transfer.h"
#include "net/netboot/url.h"

struct resolver {
	struct transfer *transfer;
	const struct url *url;
	struct netif *netif; /* to go out by; NULL: as the routes say */
	unsigned int step, found;
	int failure; /* of the last question */
};

/* 0, or an error with its line: there is no such interface. */
int resolve_begin(struct resolver *resolver, struct transfer *transfer, const struct url *url);
/*
 * The next address. -ENOENT: there are no more; when there was none at all the transfer has its line.
 * Other errors (-EINTR) have theirs too.
 */
int resolve_next(struct resolver *resolver, ip_addr_t *address);

#endif
