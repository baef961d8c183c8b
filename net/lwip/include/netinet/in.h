/* SPDX-License-Identifier: BSD-2-Clause */
/* Internet addresses. */
#ifndef NET_LWIP_NETINET_IN_H
#define NET_LWIP_NETINET_IN_H

#include "lwip/def.h"
#include "lwip/sockets.h"

extern const struct in6_addr in6addr_loopback;

#endif
