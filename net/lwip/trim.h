/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_LWIP_TRIM_H
#define NET_LWIP_TRIM_H

#include "lwip/prot/tcp.h"
#include "lwip/tcp.h"

#include <stdbool.h>

/*
 * Takes from a segment what its connection cannot take: `header` is in the host's byte order, `data` what follows it. False:
 * lwIP must not have it. Not for listeners. Under the core lock.
 */
bool trim_segment(struct tcp_pcb *pcb, struct tcp_hdr *header, struct pbuf *data);

#endif
