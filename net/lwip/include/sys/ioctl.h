/* SPDX-License-Identifier: BSD-2-Clause */
/* FIONREAD and FIONBIO for sockets. */
#ifndef NET_LWIP_SYS_IOCTL_H
#define NET_LWIP_SYS_IOCTL_H

#include "lwip/sockets.h"

#define ioctl(descriptor, request, argument) lwip_ioctl(descriptor, request, argument)

#endif
