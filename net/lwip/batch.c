/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/batch.h"

#include "net/lwip/connection.h"

#define CONNECTIONS 16
/* The peer hears of no more than this, and one frame, together: it is to send meanwhile. */
#define ACKNOWLEDGE_BYTES (64u << 10)

static bool collecting;
static unsigned int count;
static struct waiting {
	struct tcp_pcb *pcb;
	uint32_t since; /* what was received of it when it began to wait */
} waiting[CONNECTIONS];

/* What lwIP calls tcp_output(): the Makefile gives it this name, so that calls of it, lwIP's own too, come here. */
err_t tcp_output_now(struct tcp_pcb *pcb);

/* Whether the connection may send later: it waits already, or there is room for one more. */
static bool put_off(struct tcp_pcb *pcb)
{
	unsigned int place = 0;

	while (place < count && waiting[place].pcb != pcb)
		place++;
	if (place == CONNECTIONS)
		return false;
	if (place == count) {
		waiting[count++] = (struct waiting){pcb, pcb->rcv_nxt};
		return true;
	}
	if (pcb->rcv_nxt - waiting[place].since < ACKNOWLEDGE_BYTES)
		return true;
	waiting[place] = waiting[--count];
	return false;
}

err_t tcp_output(struct tcp_pcb *pcb)
{
	/* A probe of a closed window may have been the last byte, and was taken: lwIP's timer goes on for nothing, and asserts. */
	if (!pcb->unsent)
		pcb->persist_backoff = 0;
	/* A callback of lwIP's, which asks again once it has taken the segment: nothing would be sent now. */
	if (pcb == tcp_input_pcb || connection_closes(pcb))
		return ERR_OK;
	/* Other states are left soon, and what belongs to them must be said before. */
	if (collecting && (pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT) && put_off(pcb))
		return ERR_OK;
	return tcp_output_now(pcb);
}

void batch_joined(struct tcp_pcb *pcb)
{
	/* As if one had come before: it is acknowledged at once, which is at the end. */
	tcp_set_flags(pcb, TF_ACK_DELAY);
}

void batch_begin(void)
{
	collecting = true;
}

void batch_end(void)
{
	collecting = false;
	/* They may have ended with what came after. */
	while (count)
		if (connection_active(waiting[--count].pcb))
			tcp_output_now(waiting[count].pcb);
}
