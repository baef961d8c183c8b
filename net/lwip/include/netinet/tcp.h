/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of TCP sockets. */
#ifndef NET_LWIP_NETINET_TCP_H
#define NET_LWIP_NETINET_TCP_H

#include "lwip/sockets.h"

#endif
