/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as text. */
#ifndef NET_LWIP_ARPA_INET_H
#define NET_LWIP_ARPA_INET_H

#include "lwip/def.h"
#include "lwip/inet.h"
#include "lwip/sockets.h"

#endif
