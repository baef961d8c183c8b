/* SPDX-License-Identifier: BSD-2-Clause */
/* The sockets of lwIP under the usual name. */
#ifndef NET_LWIP_SYS_SOCKET_H
#define NET_LWIP_SYS_SOCKET_H

#include "lwip/sockets.h"

#define SOMAXCONN TCP_DEFAULT_LISTEN_BACKLOG

#endif
