/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fast recovery, as far as lwIP does not have it, or wrong:
 *
 * - It takes an acknowledgement for a duplicate only when the window in it is the same (RFC 5681, 2).
 *   Linux tells a larger one with each segment that it keeps, so that there are none, and each loss
 *   costs a time-out. What says by SACK that something beyond came is a duplicate whatever its window
 *   (RFC 6675, 2).
 * - It leaves fast recovery at the first acknowledgement of something new, though that may say that
 *   another segment of the same window is missing: then it is sent at once, and recovery goes on
 *   (NewReno, RFC 6582, 3.2).
 * - A second time-out is taken to send again only what was sent again after the first: what follows
 *   counts as new then, though it went out before. The end is the highest that was sent (step 4 there).
 * - It adds what is written, and a FIN, to the last segment that waits to be sent, when there is room. That may be one
 *   which is to be sent again, from the middle of the stream: new data would overwrite what follows it there, and be
 *   missing at the end.
 * - It makes segments of half the largest window, once it knows one, and asserts that none which waits is longer.
 * - When it cuts one for a window that is smaller, both halves say what the whole said: the first ends the stream.
 *
 * A connection's state is two words: where recovery ends, and how many duplicates came; and how many segments were sent
 * again.
 */
#include "net/lwip/recovery.h"

#include "net/lwip/connection.h"

#include <stdbool.h>

/* What lwIP calls tcp_write() and so on: the Makefile gives them these names, so that calls come here. */
err_t tcp_write_now(struct tcp_pcb *pcb, const void *data, u16_t length, u8_t flags);
err_t tcp_send_fin_now(struct tcp_pcb *pcb);
err_t tcp_split_unsent_seg_now(struct tcp_pcb *pcb, u16_t length);

#define DUPLICATES 3
#define COUNT_MOST 0xffffu
#define OPTION_END 0
#define OPTION_NOTHING 1
#define OPTION_SACK 5
#define BLOCK 8 /* bytes of each in that option */

/* A segment that has to be sent again once lwIP has taken the acknowledgement. */
static struct tcp_pcb *pending;
static tcpwnd_size_t pending_window;

static uint32_t recover_of(const struct tcp_pcb *pcb)
{
	return (uint32_t)(uintptr_t)pcb->ext_args[0].data;
}

static unsigned int count_of(const struct tcp_pcb *pcb)
{
	return (unsigned int)((uintptr_t)pcb->ext_args[0].data >> 32);
}

static void remember(struct tcp_pcb *pcb, uint32_t recover, unsigned int count)
{
	pcb->ext_args[0].data = (void *)((uintptr_t)count << 32 | recover);
}

static uint32_t read_32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* Whether the first block is of what came beyond a gap, and not of what came twice (RFC 2883). */
static bool is_news(const uint8_t *blocks, unsigned int length, uint32_t acknowledged)
{
	uint32_t left, right;

	if (length < BLOCK)
		return false;
	left = read_32(blocks);
	right = read_32(blocks + 4);
	if (!TCP_SEQ_GT(left, acknowledged) || !TCP_SEQ_GT(right, left))
		return false;
	return length < 2 * BLOCK || TCP_SEQ_LT(left, read_32(blocks + BLOCK)) ||
	       TCP_SEQ_GT(right, read_32(blocks + BLOCK + 4));
}

static bool has_news(const struct tcp_hdr *header, unsigned int length)
{
	const uint8_t *options = (const uint8_t *)(header + 1);

	for (unsigned int i = 0; i < length && options[i] != OPTION_END;) {
		unsigned int size;

		if (options[i] == OPTION_NOTHING) {
			i++;
			continue;
		}
		if (i + 1 == length)
			return false;
		size = options[i + 1];
		if (size < 2 || size > length - i)
			return false;
		if (options[i] == OPTION_SACK)
			return is_news(options + i + 2, size - 2, header->ackno);
		i += size;
	}
	return false;
}

/* Something beyond the first that is missing has come. */
static void duplicate(struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
	bool same_window = (tcpwnd_size_t)header->wnd << pcb->snd_scale == pcb->snd_wnd;
	unsigned int count = count_of(pcb);

	if (count < COUNT_MOST)
		count++;
	if (pcb->flags & TF_INFR) {
		/* One segment less is on its way; lwIP adds it for those that it counts itself. */
		if (!same_window || pcb->dupacks < DUPLICATES)
			TCP_WND_INC(pcb->cwnd, pcb->mss);
		remember(pcb, recover_of(pcb), count);
		return;
	}
	remember(pcb, pcb->snd_nxt, count);
	if (count >= DUPLICATES)
		tcp_rexmit_fast(pcb);
}

void recovery_segment(struct tcp_pcb *pcb, const struct tcp_hdr *header, unsigned int options,
		      const struct pbuf *packet)
{
	uint8_t flags = TCPH_FLAGS(header);

	/* While any of it still waits to be sent again, all that was ever sent is part of that. */
	if (pcb->flags & TF_RTO && pcb->unsent &&
	    TCP_SEQ_LT(lwip_ntohl(pcb->unsent->tcphdr->seqno), pcb->snd_nxt))
		pcb->rto_end = pcb->snd_nxt;
	/* After a time-out lwIP sends all again. */
	if (!(flags & TCP_ACK) || flags & (TCP_SYN | TCP_RST) || !pcb->unacked ||
	    pcb->flags & TF_RTO)
		return;
	if (header->ackno == pcb->lastack) {
		if (!packet->tot_len && has_news(header, options))
			duplicate(pcb, header);
		else if (!(pcb->flags & TF_INFR))
			remember(pcb, pcb->snd_nxt, count_of(pcb));
	} else if (TCP_SEQ_BETWEEN(header->ackno, pcb->lastack + 1, pcb->snd_nxt)) {
		if (pcb->flags & TF_INFR && TCP_SEQ_LT(header->ackno, recover_of(pcb))) {
			tcpwnd_size_t news = header->ackno - pcb->lastack;

			pending = pcb;
			pending_window = pcb->cwnd > news ? pcb->cwnd - news : 0;
			remember(pcb, recover_of(pcb), 0);
		} else {
			remember(pcb, pcb->snd_nxt, 0);
		}
	}
}

void recovery_sends(struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
	uint64_t count = recovery_sent_again(pcb);

	if (TCP_SEQ_LT(lwip_ntohl(header->seqno), pcb->snd_nxt))
		pcb->ext_args[1].data = (void *)(uintptr_t)(count + 1);
}

uint64_t recovery_sent_again(const struct tcp_pcb *pcb)
{
	return (uintptr_t)pcb->ext_args[1].data;
}

void recovery_finish(void)
{
	struct tcp_pcb *pcb = pending;

	if (!pcb)
		return;
	pending = NULL;
	/* It may have ended with that segment. */
	if (!connection_active(pcb))
		return;
	if (!pcb->unacked || pcb->flags & (TF_INFR | TF_RTO) || tcp_rexmit(pcb) != ERR_OK)
		return;
	tcp_set_flags(pcb, TF_INFR);
	pcb->cwnd = LWIP_MAX(pending_window + pcb->mss, pcb->ssthresh);
	pcb->rtime = 0;
	tcp_output(pcb);
}

/*
 * Takes away the segments that wait, when the last of them is not the end of what was written: all of them were sent
 * before, for the end was, too. NULL: nothing is taken away.
 */
static struct tcp_seg *hide_sent(struct tcp_pcb *pcb)
{
	struct tcp_seg *first = pcb->unsent, *last = first;

	if (!first || !TCP_SEQ_LT(lwip_ntohl(first->tcphdr->seqno), pcb->snd_nxt))
		return NULL;
	while (last->next)
		last = last->next;
	if (lwip_ntohl(last->tcphdr->seqno) + TCP_TCPLEN(last) == pcb->snd_lbb)
		return NULL;
	pcb->unsent = NULL;
	return first;
}

/* Puts them back, before what was added meanwhile. */
static void show_sent(struct tcp_pcb *pcb, struct tcp_seg *first)
{
	struct tcp_seg **end = &first;

	while (*end)
		end = &(*end)->next;
	*end = pcb->unsent;
	pcb->unsent = first;
}

/* The largest window that tcp_write() may take for true: at least twice what the segment has room for that it will add to. */
static tcpwnd_size_t window_most(const struct tcp_pcb *pcb)
{
	const struct tcp_seg *last = pcb->unsent;

	if (!last || pcb->snd_wnd_max / 2 >= pcb->mss)
		return pcb->snd_wnd_max;
	while (last->next)
		last = last->next;
	return LWIP_MAX(pcb->snd_wnd_max, 2u * (last->len + pcb->unsent_oversize));
}

err_t tcp_write(struct tcp_pcb *pcb, const void *data, u16_t length, u8_t flags)
{
	struct tcp_seg *sent = hide_sent(pcb);
	tcpwnd_size_t window = pcb->snd_wnd_max;
	err_t result;

	pcb->snd_wnd_max = window_most(pcb);
	result = tcp_write_now(pcb, data, length, flags);
	pcb->snd_wnd_max = window;
	show_sent(pcb, sent);
	return result;
}

err_t tcp_send_fin(struct tcp_pcb *pcb)
{
	struct tcp_seg *sent = hide_sent(pcb);
	err_t result = tcp_send_fin_now(pcb);

	show_sent(pcb, sent);
	return result;
}

/* `length`: of the first half; lwIP gives it the window's lowest 16 bits, which are 0 for one of 64 KiB. */
err_t tcp_split_unsent_seg(struct tcp_pcb *pcb, u16_t length)
{
	struct tcp_seg *first = pcb->unsent, *next = first ? first->next : NULL;
	err_t result;

	if (!length)
		return ERR_OK; /* it fits */
	result = tcp_split_unsent_seg_now(pcb, length);
	if (first && first->next != next)
		first->tcphdr->_hdrlen_rsvd_flags &= (u16_t)~PP_HTONS(TCP_FIN | TCP_PSH);
	return result;
}
