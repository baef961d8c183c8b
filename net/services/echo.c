/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Echo (RFC 862). Nothing is copied: a datagram goes back in the buffer in which it came; what
 * comes on a connection is sent by reference, and its buffers are kept until the peer has
 * acknowledged the answer.
 *
 *	ring:	| acknowledged | sent, kept | waiting to be sent | room |
 *			       ^first	    ^next		 ^first + count
 */
#include "lwip/ip.h"
#include "lwip/mem.h"
#include "net/lwip/connection.h"
#include "net/services/listen.h"
#include "net/services/service.h"

#define PORT 7
/*
 * Bytes that one connection may keep, so that a few of them do not hold all of the device's
 * buffers.
 */
#define WINDOW 0xffffu
#define RING_SIZE 256u

struct connection {
	struct tcp_pcb *pcb;
	unsigned int first, next, count; /* next: counted from first */
	const struct pbuf
		*piece; /* of the chain `next`: where sending goes on; NULL: at its start */
	u16_t piece_offset;
	uint32_t acknowledged; /* bytes of the chain `first` */
	unsigned int idle;     /* in poll intervals */
	bool finished;	       /* the peer has closed its side */
	struct pbuf *ring[RING_SIZE];
};

static int start(void);
SERVICE(echo, "tcp 7, udp 7", "RFC 862: sends back what it receives", start);

static struct pbuf *ring_at(const struct connection *connection, unsigned int place)
{
	return connection->ring[(connection->first + place) % RING_SIZE];
}

static void connection_free(struct connection *connection)
{
	for (unsigned int i = 0; i < connection->count; i++)
		pbuf_free(ring_at(connection, i));
	mem_free(connection);
	counters.connections_now--;
}

/* ERR_ABRT: the pcb is gone, which lwIP must be told from its callbacks. */
static err_t connection_abort(struct connection *connection)
{
	struct tcp_pcb *pcb = connection->pcb;

	connection_detach(pcb);
	tcp_abort(pcb);
	connection_free(connection);
	return ERR_ABRT;
}

/* Gives the rest of one chain to TCP. False when TCP takes no more now. */
static bool send_chain(struct connection *connection, const struct pbuf *chain)
{
	struct tcp_pcb *pcb = connection->pcb;

	if (!connection->piece) {
		connection->piece = chain;
		connection->piece_offset = 0;
	}
	while (connection->piece) {
		const struct pbuf *piece = connection->piece;
		tcpwnd_size_t left = (tcpwnd_size_t)(piece->len - connection->piece_offset);
		tcpwnd_size_t length = LWIP_MIN(left, tcp_sndbuf(pcb));

		if (left && !length)
			return false;
		if (left &&
		    tcp_write(pcb, (const uint8_t *)piece->payload + connection->piece_offset,
			      (u16_t)length, 0) != ERR_OK)
			return false;
		connection->piece_offset = (u16_t)(connection->piece_offset + length);
		if (length < left)
			return false;
		connection->piece = piece->next;
		connection->piece_offset = 0;
	}
	return true;
}

static err_t send_waiting(struct connection *connection)
{
	while (connection->next < connection->count &&
	       send_chain(connection, ring_at(connection, connection->next)))
		connection->next++;
	if (connection->finished && !connection->count) {
		struct tcp_pcb *pcb = connection->pcb;

		/*
		 * A window that is not all open looks to lwIP as if we had left data unread: it
		 * would reset.
		 */
		pcb->rcv_wnd = TCP_WND_MAX(pcb);
		if (tcp_close(pcb) != ERR_OK)
			return ERR_OK; /* no memory now: the poll comes back to it */
		connection_detach(pcb);
		connection_free(connection);
	}
	return ERR_OK;
}

static err_t on_receive(void *argument, struct tcp_pcb *pcb, struct pbuf *chain, err_t error)
{
	struct connection *connection = argument;

	(void)error;
	connection->idle = 0;
	if (!chain) {
		connection->finished = true;
		send_waiting(connection);
		return ERR_OK;
	}
	/* Refused: lwIP keeps the chain, closes the window, and comes again. */
	if (connection->count == RING_SIZE)
		return ERR_MEM;
	counters.bytes_received += chain->tot_len;
	connection->ring[(connection->first + connection->count++) % RING_SIZE] = chain;
	send_waiting(connection);
	tcp_output(pcb);
	return ERR_OK;
}

/* The peer has `length` more bytes: their buffers are released, and it may send as much again. */
static err_t on_sent(void *argument, struct tcp_pcb *pcb, u16_t length)
{
	struct connection *connection = argument;

	connection->idle = 0;
	counters.bytes_sent += length;
	connection->acknowledged += length;
	while (connection->next) {
		struct pbuf *chain = connection->ring[connection->first];

		if (connection->acknowledged < chain->tot_len)
			break;
		connection->acknowledged -= chain->tot_len;
		tcp_recved(pcb, chain->tot_len);
		connection->first = (connection->first + 1) % RING_SIZE;
		connection->next--;
		connection->count--;
		pbuf_free(chain);
	}
	/*
	 * lwIP tells a window that opens by a part of the largest that it has, which may be more than all of this
	 * one: the peer would wait, and ask after a while (RFC 9293, 3.8.6.2.2).
	 */
	if (pcb->rcv_nxt + pcb->rcv_wnd - pcb->rcv_ann_right_edge >= WINDOW / 4)
		tcp_set_flags(pcb, TF_ACK_NOW);
	return send_waiting(connection);
}

static err_t on_poll(void *argument, struct tcp_pcb *pcb)
{
	struct connection *connection = argument;

	(void)pcb;
	if (++connection->idle > SERVICE_IDLE_SECONDS * 2 / SERVICE_POLL_INTERVAL)
		return connection_abort(connection);
	return send_waiting(connection);
}

static void on_error(void *argument, err_t error)
{
	(void)error;
	connection_free(argument);
}

static const struct service_callbacks callbacks = {
	.receive = on_receive,
	.sent = on_sent,
	.poll = on_poll,
	.poll_interval = SERVICE_POLL_INTERVAL,
	.error = on_error,
	.left = sizeof(((struct connection *)NULL)->ring),
};

static err_t on_accept(void *argument, struct tcp_pcb *pcb, err_t error)
{
	struct connection *connection =
		service_accept(pcb, error, &counters, sizeof(*connection), &callbacks);

	(void)argument;
	if (!connection)
		return ERR_MEM;
	connection->pcb = pcb;
	/*
	 * The peer was told this window when it connected: unscaled, it is all that the field can
	 * say.
	 */
	if (pcb->rcv_wnd > WINDOW) {
		pcb->rcv_wnd = WINDOW;
		pcb->rcv_ann_wnd = WINDOW;
		pcb->rcv_ann_right_edge = pcb->rcv_nxt + WINDOW;
	}
	tcp_nagle_disable(pcb);
	return ERR_OK;
}

static void on_datagram(void *argument, struct udp_pcb *pcb, struct pbuf *datagram,
			const ip_addr_t *address, u16_t port)
{
	u16_t length = datagram->tot_len; /* it grows by the headers */

	(void)argument;
	counters.requests++;
	counters.bytes_received += length;
	if (service_may_answer(port) &&
	    udp_sendto_if_src(pcb, datagram, address, port, ip_current_input_netif(),
			      ip_current_dest_addr()) == ERR_OK)
		counters.bytes_sent += length;
	pbuf_free(datagram);
}

static int start(void)
{
	return service_listen(PORT, on_accept, on_datagram);
}
