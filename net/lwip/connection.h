/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_LWIP_CONNECTION_H
#define NET_LWIP_CONNECTION_H

#include "lwip/priv/tcp_priv.h"

#include <stdbool.h>

/* Whether a connection that was remembered while lwIP took segments is still there. Under the core lock. */
static inline bool connection_active(const struct tcp_pcb *pcb)
{
	const struct tcp_pcb *active = tcp_active_pcbs;

	while (active && active != pcb)
		active = active->next;
	return active;
}

#endif
