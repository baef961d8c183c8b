/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/acknowledge.h"

#include "net/lwip/connection.h"

/* The connection whose last frame may still be to be acknowledged. */
static struct tcp_pcb *pending;

void acknowledge_joined(struct tcp_pcb *pcb)
{
	if (!pending)
		pending = pcb;
	/* One at a time is remembered: the others' frames count as the second at once. */
	if (pending != pcb)
		tcp_set_flags(pcb, TF_ACK_DELAY);
}

void acknowledge_finish(void)
{
	struct tcp_pcb *pcb = pending;

	if (!pcb)
		return;
	pending = NULL;
	/* It may have ended with one of the frames. */
	if (!connection_active(pcb) || !(pcb->flags & TF_ACK_DELAY))
		return;
	tcp_ack_now(pcb);
	tcp_output(pcb);
}
