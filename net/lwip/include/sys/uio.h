/* SPDX-License-Identifier: BSD-2-Clause */
/* Scattered reads and writes, for sockets. */
#ifndef NET_LWIP_SYS_UIO_H
#define NET_LWIP_SYS_UIO_H

#include "lwip/sockets.h"

#define readv(descriptor, parts, count) lwip_readv(descriptor, parts, count)
#define writev(descriptor, parts, count) lwip_writev(descriptor, parts, count)

#endif
