/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections: each says a cookie first. The first one's becomes that of a test; those that say the
 * same are its streams.
 */
#include "lwip/mem.h"
#include "lwip/priv/tcp_priv.h"
#include "net/lwip/address_text.h"
#include "net/lwip/connection.h"
#include "net/services/iperf3/iperf3.h"
#include "net/services/listen.h"

#include "kernel/console/log.h"

#include <string.h>

#define LOG_AREA "iperf3"
#define COOKIE_SECONDS 10

struct iperf3_connection {
	struct tcp_pcb *pcb;
	struct iperf3_connection *next;
	enum { NEW, CONTROL, STREAM } kind;
	char cookie[IPERF3_COOKIE];
	size_t cookie_length;
	uint32_t since; /* tcp_ticks when it was accepted */
	struct iperf3_stream *stream;
};

static const int8_t access_denied = -1;
static struct iperf3_connection *connections;
uint8_t iperf3_pattern[IPERF3_PATTERN];

static int start(void);
SERVICE(iperf3, "tcp 5201, udp 5201", "measures for an iperf3 client, TCP and UDP, either way",
	start);

struct service_counters *const iperf3_counters = &counters;

static void forget(struct iperf3_connection *connection)
{
	struct iperf3_connection **link = &connections;

	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	if (connection->stream)
		connection->stream->pcb = NULL;
	mem_free(connection);
	counters.connections_now--;
}

/* What lwIP is to be told from a callback of the connection. */
static err_t drop(struct iperf3_connection *connection, bool politely)
{
	struct tcp_pcb *pcb = connection->pcb;

	connection_detach(pcb);
	forget(connection);
	if (politely && tcp_close(pcb) == ERR_OK)
		return ERR_OK;
	tcp_abort(pcb);
	return ERR_ABRT;
}

void iperf3_connections_close(void)
{
	struct iperf3_connection *next;

	for (struct iperf3_connection *connection = connections; connection; connection = next) {
		next = connection->next;
		/* What was still to be sent on a stream, nobody reads. */
		if (connection->kind != NEW)
			(void)drop(connection, connection->kind == CONTROL);
	}
}

err_t iperf3_control_write(const void *bytes, size_t length)
{
	for (struct iperf3_connection *connection = connections; connection;
	     connection = connection->next) {
		err_t error;

		if (connection->kind != CONTROL)
			continue;
		error = tcp_write(connection->pcb, bytes, (u16_t)length, TCP_WRITE_FLAG_COPY);
		if (error == ERR_OK)
			tcp_output(connection->pcb);
		return error;
	}
	return ERR_CONN;
}

static bool is_cookie(const char *cookie)
{
	for (size_t i = 0; i < IPERF3_COOKIE - 1; i++)
		if (cookie[i] < '!' || cookie[i] > '~')
			return false;
	return !cookie[IPERF3_COOKIE - 1];
}

static void become_control(struct iperf3_connection *connection)
{
	struct tcp_pcb *pcb = connection->pcb;

	connection->kind = CONTROL;
	/* A client that vanishes, without a word, must not keep the server for itself. */
	ip_set_option(pcb, SOF_KEEPALIVE);
	pcb->keep_idle = pcb->keep_intvl = 10000;
	pcb->keep_cnt = 3;
	tcp_nagle_disable(pcb);
	iperf3_control_begin(&pcb->remote_ip, connection->cookie);
}

static void become_stream(struct iperf3_connection *connection, struct iperf3_stream *stream)
{
	connection->kind = STREAM;
	connection->stream = stream;
	stream->pcb = connection->pcb;
	if (iperf3_test.parameters.no_delay)
		tcp_nagle_disable(connection->pcb);
	iperf3_stream_ready();
}

/* The cookie is complete. False: there is no place for such a one. */
static bool decide(struct iperf3_connection *connection)
{
	struct iperf3_test *test = &iperf3_test;
	struct iperf3_stream *stream;

	if (test->state == IPERF3_IDLE) {
		become_control(connection);
		return true;
	}
	if (test->state != IPERF3_CREATING || test->parameters.udp ||
	    memcmp(connection->cookie, test->cookie, IPERF3_COOKIE) ||
	    !ip_addr_cmp(&connection->pcb->remote_ip, &test->client))
		return false;
	stream = iperf3_stream_next();
	if (!stream)
		return false;
	become_stream(connection, stream);
	return true;
}

/* Takes what belongs to the cookie; how many bytes. */
static size_t take_cookie(struct iperf3_connection *connection, const uint8_t *bytes, size_t length)
{
	size_t more = IPERF3_COOKIE - connection->cookie_length;

	if (more > length)
		more = length;
	memcpy(connection->cookie + connection->cookie_length, bytes, more);
	connection->cookie_length += more;
	return more;
}

/* False: the connection is to end, politely or not. */
static bool take_bytes(struct iperf3_connection *connection, const uint8_t *bytes, size_t length,
		       bool *politely)
{
	if (connection->kind == NEW) {
		size_t taken = take_cookie(connection, bytes, length);

		bytes += taken;
		length -= taken;
		if (connection->cookie_length < IPERF3_COOKIE)
			return true;
		*politely = is_cookie(connection->cookie);
		if (!*politely) {
			struct address_text text;

			log_warning("%s does not speak iperf3",
				    address_text(&text, &connection->pcb->remote_ip));
			return false;
		}
		if (!decide(connection)) {
			counters.refused++;
			tcp_write(connection->pcb, &access_denied, 1, TCP_WRITE_FLAG_COPY);
			return false;
		}
	}
	if (!length)
		return true;
	if (connection->kind == CONTROL)
		iperf3_control_received(bytes, length);
	else
		iperf3_stream_received(connection->stream, length);
	return true;
}

static err_t on_receive(void *argument, struct tcp_pcb *pcb, struct pbuf *chain, err_t error)
{
	struct iperf3_connection *connection = argument;
	bool going_on = true, politely = false;

	(void)error;
	if (!chain) {
		if (connection->kind == CONTROL)
			iperf3_control_gone();
		return drop(connection, true);
	}
	tcp_recved(pcb, chain->tot_len);
	if (connection->kind == STREAM)
		iperf3_stream_received(connection->stream, chain->tot_len);
	else
		for (const struct pbuf *piece = chain; piece && going_on; piece = piece->next)
			going_on = take_bytes(connection, piece->payload, piece->len, &politely);
	pbuf_free(chain);
	return going_on ? ERR_OK : drop(connection, politely);
}

static err_t on_sent(void *argument, struct tcp_pcb *pcb, u16_t length)
{
	struct iperf3_connection *connection = argument;

	(void)pcb;
	(void)length;
	if (connection->kind == STREAM)
		iperf3_stream_send(connection->stream);
	return ERR_OK;
}

static err_t on_poll(void *argument, struct tcp_pcb *pcb)
{
	struct iperf3_connection *connection = argument;

	(void)pcb;
	if (connection->kind == CONTROL)
		iperf3_control_poll();
	else if (connection->kind == STREAM)
		iperf3_stream_send(connection->stream);
	else if (tcp_ticks - connection->since > 2 * COOKIE_SECONDS)
		return drop(connection, false);
	return ERR_OK;
}

static void on_error(void *argument, err_t error)
{
	struct iperf3_connection *connection = argument;

	(void)error;
	if (connection->kind == CONTROL)
		iperf3_control_gone();
	forget(connection);
}

/* Those that have not said their cookie make room for others. */
static uint32_t wasted(const void *argument)
{
	const struct iperf3_connection *connection = argument;

	return connection->kind == NEW ? tcp_ticks - connection->since : 0;
}

static const struct service_callbacks callbacks = {
	.receive = on_receive,
	.sent = on_sent,
	.poll = on_poll,
	.poll_interval = SERVICE_POLL_INTERVAL,
	.error = on_error,
	.wasted = wasted,
};

static err_t on_accept(void *argument, struct tcp_pcb *pcb, err_t error)
{
	struct iperf3_connection *connection =
		service_accept(pcb, error, &counters, sizeof(*connection), &callbacks);

	(void)argument;
	if (!connection)
		return ERR_MEM;
	connection->pcb = pcb;
	connection->since = tcp_ticks;
	connection->next = connections;
	connections = connection;
	return ERR_OK;
}

static int start(void)
{
	struct tcp_pcb *listener;
	int status = service_listen_tcp(IPERF3_PORT, on_accept, &listener);

	if (status)
		return status;
	status = iperf3_datagrams_listen();
	if (!status)
		status = iperf3_worker_start();
	if (status) {
		iperf3_datagrams_unlisten();
		service_unlisten_tcp(listener);
	}
	for (size_t i = 0; i < IPERF3_PATTERN; i++)
		iperf3_pattern[i] = (uint8_t)LWIP_RAND();
	return status;
}
