/* SPDX-License-Identifier: BSD-2-Clause */
/* BSD sockets for applications: lwIP's, as file descriptors of newlib's. */
#ifndef NET_LWIP_SOCKETS_H
#define NET_LWIP_SOCKETS_H

/* read(), write(), close() and fcntl() of sockets come here from now on. Once. */
void sockets_init(void);

#endif
