/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lwIP's TCP lacks when segments that it sent are lost: recovery.c. Under the core lock.
 */
#ifndef NET_LWIP_RECOVERY_H
#define NET_LWIP_RECOVERY_H

#include "lwip/pbuf.h"
#include "lwip/prot/tcp.h"
#include "lwip/tcp.h"

/*
 * Before lwIP looks at a segment: numbers of the header are in the host's order, its options follow it
 * for so many bytes, and the packet begins with its data.
 */
void recovery_segment(struct tcp_pcb *pcb, const struct tcp_hdr *header, unsigned int options,
		      const struct pbuf *packet);
/* After it did. */
void recovery_finish(void);

/* Before a segment of the connection's goes out that is kept until it is acknowledged. */
void recovery_sends(struct tcp_pcb *pcb, const struct tcp_hdr *header);
/* How many of them went out again so far. */
uint64_t recovery_sent_again(const struct tcp_pcb *pcb);

#endif
