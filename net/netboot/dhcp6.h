/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks DHCPv6 servers for a boot file. lwIP's own client asks for nothing else than DNS servers. */
#ifndef NET_NETBOOT_DHCP6_H
#define NET_NETBOOT_DHCP6_H

#include "net/lwip/interface.h"
#include "net/netboot/transfer.h"

/*
 * The URL of option 59, asked for on that link; DNS servers in the answer are used when there are none
 * yet. 0, -ENOENT: no server said one, -EINTR, -ENOMEM. Thread context.
 */
int dhcp6_boot_url(struct interface *interface, char url[static TRANSFER_URL_MAX],
		   bool (*interrupted)(void));

#endif
