/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a segment may bring to a connection that is open (RFC 9293, 3.10.7.4): what the window has room for, and no SYN. lwIP
 * cuts a segment that is next, and one behind all that came early; but not one between these, and it counts a SYN that comes
 * again with an acknowledgement. Then it finds more in its queue than the window has, and asserts.
 */
#include "net/lwip/trim.h"

#include "lwip/priv/tcp_priv.h"

/* The peer's end of the stream came before what is missing. */
static bool end_waits(const struct tcp_pcb *pcb)
{
	const struct tcp_seg *last = pcb->ooseq;

	while (last && last->next)
		last = last->next;
	return last && TCPH_FLAGS(last->tcphdr) & TCP_FIN;
}

/*
 * A SYN to a connection that a listener made. The same one again: our answer was lost. lwIP would take its options a second
 * time, the size of segments with no look at what the link carries.
 */
static void syn_again(struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
	if (TCPH_FLAGS(header) & TCP_ACK || header->seqno != pcb->rcv_nxt - 1)
		return;
	(void)tcp_rexmit(pcb);
	tcp_output(pcb);
}

bool trim_segment(struct tcp_pcb *pcb, struct tcp_hdr *header, struct pbuf *data)
{
	uint32_t edge = pcb->rcv_nxt + pcb->rcv_wnd, end = header->seqno + data->tot_len;
	uint8_t flags = TCPH_FLAGS(header);

	if (pcb->state < SYN_RCVD || flags & TCP_RST)
		return true;
	if (flags & TCP_SYN) {
		if (pcb->state != SYN_RCVD)
			return true;
		syn_again(pcb, header);
		return false;
	}
	if (TCP_SEQ_LT(end, edge) || !TCP_SEQ_LT(header->seqno, edge))
		return true;
	/* The stream's end takes a place of its own, behind whatever comes. */
	if (end_waits(pcb) && header->seqno == --edge) {
		tcp_ack_now(pcb);
		tcp_output(pcb);
		return false;
	}
	header->_hdrlen_rsvd_flags &= (u16_t)~PP_HTONS(TCP_FIN);
	if (TCP_SEQ_GT(end, edge))
		pbuf_realloc(data, (u16_t)(edge - header->seqno));
	return true;
}
