/* SPDX-License-Identifier: BSD-2-Clause */
/* Names: DNS through lwIP, and numbers. */
#ifndef NET_LWIP_NETDB_H
#define NET_LWIP_NETDB_H

#include "lwip/netdb.h"

#define NI_MAXHOST 64
#define NI_MAXSERV 8
#define NI_NUMERICHOST 0x01
#define NI_NUMERICSERV 0x02
#define NI_NAMEREQD 0x04
#define NI_DGRAM 0x08

const char *gai_strerror(int error);
int getnameinfo(const struct sockaddr *address, socklen_t length, char *host, socklen_t host_size,
		char *service, socklen_t service_size, int flags);

#endif
