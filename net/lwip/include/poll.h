/* SPDX-License-Identifier: BSD-2-Clause */
/* poll() for sockets. */
#ifndef NET_LWIP_POLL_H
#define NET_LWIP_POLL_H

#include "lwip/sockets.h"

#endif
