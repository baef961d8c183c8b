/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Character generator (RFC 864): lines of 72 printable characters, each line beginning one
 * character later than the one before, for as long as the peer takes them. They are sent by
 * reference from one pattern, which a device can read where it stands in the image.
 */
#include "lwip/ip.h"
#include "lwip/mem.h"
#include "net/lwip/connection.h"
#include "net/services/listen.h"
#include "net/services/service.h"

#define PORT 19
#define FIRST_CHARACTER ' '
#define CHARACTERS 95u
#define LINE 72u
#define PERIOD (CHARACTERS * (LINE + 2)) /* then it starts again */
#define PERIODS 9u /* so many together: fewer, larger writes, of less than 64 KiB */
#define DATAGRAM_MAX 512u

static char pattern[PERIOD * PERIODS]; /* made when the first asks: few do */

struct connection {
	unsigned int place; /* in the pattern */
	unsigned int idle;  /* in poll intervals */
};

static int start(void);
SERVICE(chargen, "tcp 19, udp 19", "RFC 864: sends characters without end", start);

static void make_pattern(void)
{
	char *next = pattern;

	if (*pattern)
		return;
	for (unsigned int line = 0; line < CHARACTERS * PERIODS; line++) {
		for (unsigned int i = 0; i < LINE; i++)
			*next++ = (char)(FIRST_CHARACTER + (line + i) % CHARACTERS);
		*next++ = '\r';
		*next++ = '\n';
	}
}

static void connection_free(struct connection *connection)
{
	mem_free(connection);
	counters.connections_now--;
}

static void send_more(struct connection *connection, struct tcp_pcb *pcb)
{
	for (;;) {
		tcpwnd_size_t rest = (tcpwnd_size_t)(sizeof(pattern) - connection->place);
		tcpwnd_size_t length = LWIP_MIN(rest, tcp_sndbuf(pcb));

		/*
		 * Not in crumbs: wait until the peer has taken more. lwIP looks for the end of all that is not
		 * sent yet at each write.
		 */
		if (length < LWIP_MIN(rest, TCP_SND_BUF / 2))
			return;
		if (tcp_write(pcb, pattern + connection->place, (u16_t)length,
			      TCP_WRITE_FLAG_MORE) != ERR_OK)
			return;
		connection->place = (unsigned int)((connection->place + length) % sizeof(pattern));
	}
}

/* Closes from our side; the pcb is lwIP's then. */
static err_t finish(struct connection *connection, struct tcp_pcb *pcb)
{
	connection_detach(pcb);
	connection_free(connection);
	/* There is always more to send: a clean end would never come. */
	tcp_abort(pcb);
	return ERR_ABRT;
}

static err_t on_receive(void *argument, struct tcp_pcb *pcb, struct pbuf *chain, err_t error)
{
	(void)error;
	if (!chain)
		return finish(argument, pcb);
	counters.bytes_received += chain->tot_len;
	tcp_recved(pcb, chain->tot_len);
	pbuf_free(chain);
	return ERR_OK;
}

static err_t on_sent(void *argument, struct tcp_pcb *pcb, u16_t length)
{
	struct connection *connection = argument;

	connection->idle = 0;
	counters.bytes_sent += length;
	send_more(connection, pcb);
	return ERR_OK;
}

static err_t on_poll(void *argument, struct tcp_pcb *pcb)
{
	struct connection *connection = argument;

	if (++connection->idle > SERVICE_IDLE_SECONDS * 2 / SERVICE_POLL_INTERVAL)
		return finish(connection, pcb);
	send_more(connection, pcb);
	tcp_output(pcb);
	return ERR_OK;
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
};

static err_t on_accept(void *argument, struct tcp_pcb *pcb, err_t error)
{
	struct connection *connection =
		service_accept(pcb, error, &counters, sizeof(*connection), &callbacks);

	(void)argument;
	if (!connection)
		return ERR_MEM;
	make_pattern();
	send_more(connection, pcb);
	return ERR_OK;
}

/* One datagram of 0 to 512 characters for each that comes, as the RFC says. */
static void on_datagram(void *argument, struct udp_pcb *pcb, struct pbuf *datagram,
			const ip_addr_t *address, u16_t port)
{
	struct pbuf *answer;
	u16_t length = (u16_t)(LWIP_RAND() % (DATAGRAM_MAX + 1));

	(void)argument;
	counters.requests++;
	counters.bytes_received += datagram->tot_len;
	pbuf_free(datagram);
	if (!service_may_answer(port))
		return;
	answer = pbuf_alloc(PBUF_RAW, length, PBUF_ROM);
	if (!answer)
		return;
	make_pattern();
	answer->payload = pattern;
	if (udp_sendto_if_src(pcb, answer, address, port, ip_current_input_netif(),
			      ip_current_dest_addr()) == ERR_OK)
		counters.bytes_sent += length;
	pbuf_free(answer);
}

static int start(void)
{
	return service_listen(PORT, on_accept, on_datagram);
}
