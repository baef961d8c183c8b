/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Discard (RFC 863), with a receipt: when the peer closes its side of a connection, it is told how
 * many bytes came, as a decimal number and a newline.
 */
#include "lwip/mem.h"
#include "net/lwip/connection.h"
#include "net/services/listen.h"
#include "net/services/service.h"

#include <inttypes.h>
#include <stdio.h>

#define PORT 9

struct connection {
	uint64_t received;
	unsigned int idle; /* in poll intervals */
	bool finished;
};

static int start(void);
SERVICE(discard, "tcp 9, udp 9", "RFC 863: takes everything, and says how many bytes at the end",
	start);

static void connection_free(struct connection *connection)
{
	mem_free(connection);
	counters.connections_now--;
}

static err_t answer_and_close(struct connection *connection, struct tcp_pcb *pcb)
{
	char text[24];
	int length = sniprintf(text, sizeof(text), "%" PRIu64 "\n", connection->received);

	/* Without memory for it the poll tries again. */
	if (tcp_write(pcb, text, (u16_t)length, TCP_WRITE_FLAG_COPY) != ERR_OK)
		return ERR_OK;
	counters.bytes_sent += (uint64_t)length;
	connection_detach(pcb);
	connection_free(connection);
	if (tcp_close(pcb) == ERR_OK)
		return ERR_OK;
	tcp_abort(pcb);
	return ERR_ABRT;
}

static err_t on_receive(void *argument, struct tcp_pcb *pcb, struct pbuf *chain, err_t error)
{
	struct connection *connection = argument;

	(void)error;
	connection->idle = 0;
	if (!chain) {
		connection->finished = true;
		return answer_and_close(connection, pcb);
	}
	connection->received += chain->tot_len;
	counters.bytes_received += chain->tot_len;
	tcp_recved(pcb, chain->tot_len);
	pbuf_free(chain);
	return ERR_OK;
}

static err_t on_poll(void *argument, struct tcp_pcb *pcb)
{
	struct connection *connection = argument;

	if (connection->finished)
		return answer_and_close(connection, pcb);
	if (++connection->idle <= SERVICE_IDLE_SECONDS * 2 / SERVICE_POLL_INTERVAL)
		return ERR_OK;
	connection_detach(pcb);
	connection_free(connection);
	tcp_abort(pcb);
	return ERR_ABRT;
}

static void on_error(void *argument, err_t error)
{
	(void)error;
	connection_free(argument);
}

static const struct service_callbacks callbacks = {
	.receive = on_receive,
	.poll = on_poll,
	.poll_interval = SERVICE_POLL_INTERVAL,
	.error = on_error,
};

static err_t on_accept(void *argument, struct tcp_pcb *pcb, err_t error)
{
	(void)argument;
	return service_accept(pcb, error, &counters, sizeof(struct connection), &callbacks)
		       ? ERR_OK
		       : ERR_MEM;
}

static void on_datagram(void *argument, struct udp_pcb *pcb, struct pbuf *datagram,
			const ip_addr_t *address, u16_t port)
{
	(void)argument;
	(void)pcb;
	(void)address;
	(void)port;
	counters.requests++;
	counters.bytes_received += datagram->tot_len;
	pbuf_free(datagram);
}

static int start(void)
{
	return service_listen(PORT, on_accept, on_datagram);
}
