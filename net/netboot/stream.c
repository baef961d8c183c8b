/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/stream.h"

#include "kernel/time/clock.h"
#include "lwip/tcp.h"
#include "lwip/tcpip.h"
#include "net/lwip/connection.h"

#include <errno.h>
#include <string.h>

#define CONNECT_PATIENCE (10 * NANOSECONDS_PER_SECOND)
#define POLL_INTERVAL 2 /* half seconds */
#define KEPT_SECONDS 15

static int error_of(err_t error)
{
	switch (error) {
	case ERR_OK:
		return 0;
	case ERR_RTE:
		return -ENETUNREACH;
	case ERR_MEM:
	case ERR_BUF:
		return -ENOMEM;
	case ERR_USE:
		return -EADDRINUSE;
	default:
		return -ECONNRESET;
	}
}

/* -- Under the core lock: what lwIP calls */
static void wake(struct stream *stream)
{
	stream->activity = clock_monotonic();
	wait_wake(&stream->wait);
}

/* The pcb is gone already. */
static void on_error(void *argument, err_t error)
{
	struct stream *stream = argument;

	stream->pcb = NULL;
	if (!stream->error)
		stream->error = stream->connected ? error_of(error) : -ECONNREFUSED;
	wake(stream);
}

static err_t on_connected(void *argument, struct tcp_pcb *pcb, err_t error)
{
	struct stream *stream = argument;

	(void)pcb;
	(void)error;
	stream->connected = true;
	wake(stream);
	return ERR_OK;
}

static err_t on_sent(void *argument, struct tcp_pcb *pcb, u16_t length)
{
	(void)pcb;
	(void)length;
	wake(argument);
	return ERR_OK;
}

/* Gives a chain to the input, piece by piece, as long as that wants more; the rest is not for it. */
static void feed(struct stream *stream, struct pbuf *chain)
{
	for (const struct pbuf *piece = chain; piece; piece = piece->next) {
		if (stream->result)
			stream->surplus = true;
		else if (piece->len)
			stream->result = stream->input(stream->context, piece->payload, piece->len);
	}
	if (stream->pcb)
		tcp_recved(stream->pcb, chain->tot_len);
	pbuf_free(chain);
}

static err_t on_receive(void *argument, struct tcp_pcb *pcb, struct pbuf *chain, err_t error)
{
	struct stream *stream = argument;

	(void)error;
	/* Nobody asked for it, and nobody reads it for as long as the connection is kept. */
	if (stream->kept && chain) {
		stream->surplus = true;
		tcp_recved(pcb, chain->tot_len);
		pbuf_free(chain);
		return ERR_OK;
	}
	if (!chain) {
		stream->ended = true;
		wake(stream);
		return ERR_OK;
	}
	if (stream->input && !stream->result) {
		stream->activity = clock_monotonic();
		feed(stream, chain);
		if (stream->result)
			wait_wake(&stream->wait);
		return ERR_OK;
	}
	if (!stream->queue)
		stream->queue = chain;
	else if (stream->queue->tot_len + chain->tot_len > UINT16_MAX)
		return ERR_MEM; /* lwIP keeps it and comes again */
	else
		pbuf_cat(stream->queue, chain);
	wake(stream);
	return ERR_OK;
}

/* Closes the pcb, or ends it the hard way; true: that one, which lwIP's callbacks must tell it. */
static bool end_pcb(struct stream *stream, bool hard)
{
	struct tcp_pcb *pcb = stream->pcb;

	stream->pcb = NULL;
	if (!pcb)
		return false;
	connection_detach(pcb);
	if (!hard && tcp_close(pcb) == ERR_OK)
		return false;
	tcp_abort(pcb);
	return true;
}

static err_t on_poll(void *argument, struct tcp_pcb *pcb)
{
	struct stream *stream = argument;

	(void)pcb;
	stream->idle += POLL_INTERVAL;
	if (!stream->kept || stream->idle < 2 * KEPT_SECONDS)
		return ERR_OK;
	return end_pcb(stream, false) ? ERR_ABRT : ERR_OK;
}

/* -- Threads */
/* Whether nothing came for so long. Another CPU may say meanwhile that something does: later than we looked at the clock. */
static bool is_silent(const struct stream *stream, uint64_t patience)
{
	int64_t silence =
		(int64_t)(clock_monotonic() - __atomic_load_n(&stream->activity, __ATOMIC_RELAXED));

	return silence >= 0 && (uint64_t)silence >= patience;
}

/* Waits until the condition holds, or there is a reason not to wait any longer. */
#define WAIT_UNTIL(stream, transfer, patience, condition)                                          \
	({                                                                                         \
		int stream_status_ = 0;                                                            \
		while (!stream_status_ &&                                                          \
		       !wait_event_timeout(&(stream)->wait, (condition), TRANSFER_TICK)) {         \
			stream_status_ = transfer_tick(transfer);                                  \
			if (!stream_status_ && is_silent(stream, patience))                        \
				stream_status_ = -ETIMEDOUT;                                       \
		}                                                                                  \
		stream_status_;                                                                    \
	})

static bool is_connected(const struct stream *stream)
{
	return __atomic_load_n(&stream->connected, __ATOMIC_ACQUIRE) ||
	       !__atomic_load_n(&stream->pcb, __ATOMIC_ACQUIRE);
}

static err_t begin(struct stream *stream, const ip_addr_t *address, uint16_t port,
		   struct netif *netif)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(IP_GET_TYPE(address));
	err_t error;

	if (!pcb)
		return ERR_MEM;
	stream->pcb = pcb;
	stream->activity = clock_monotonic();
	tcp_arg(pcb, stream);
	tcp_err(pcb, on_error);
	tcp_recv(pcb, on_receive);
	tcp_sent(pcb, on_sent);
	tcp_poll(pcb, on_poll, POLL_INTERVAL);
	tcp_nagle_disable(pcb);
	if (netif)
		tcp_bind_netif(pcb, netif);
	error = tcp_connect(pcb, address, port, on_connected);
	if (error != ERR_OK)
		end_pcb(stream, true);
	return error;
}

int stream_connect(struct stream *stream, struct transfer *transfer, const ip_addr_t *address,
		   uint16_t port, struct netif *netif)
{
	uint64_t patience = transfer_patience();
	err_t error;
	int status;

	memset(stream, 0, sizeof(*stream));
	wait_queue_init(&stream->wait);
	if (patience > CONNECT_PATIENCE)
		patience = CONNECT_PATIENCE;
	LOCK_TCPIP_CORE();
	error = begin(stream, address, port, netif);
	UNLOCK_TCPIP_CORE();
	if (error != ERR_OK)
		return error_of(error);
	status = WAIT_UNTIL(stream, transfer, patience, is_connected(stream));
	if (!status && !stream->connected)
		status = stream->error ? stream->error : -ECONNREFUSED;
	if (status)
		stream_close(stream, true);
	return status;
}

/* How much was taken; negative: broken. */
static int send_some(struct stream *stream, const uint8_t *bytes, size_t length)
{
	size_t part;
	int status;

	LOCK_TCPIP_CORE();
	if (!stream->pcb) {
		status = -ECONNRESET;
	} else {
		part = tcp_sndbuf(stream->pcb) < length ? tcp_sndbuf(stream->pcb) : length;
		if (part > UINT16_MAX)
			part = UINT16_MAX;
		if (part &&
		    tcp_write(stream->pcb, bytes, (u16_t)part, TCP_WRITE_FLAG_COPY) != ERR_OK)
			part = 0;
		tcp_output(stream->pcb);
		status = (int)part;
	}
	UNLOCK_TCPIP_CORE();
	return status;
}

int stream_send(struct stream *stream, struct transfer *transfer, const void *bytes, size_t length)
{
	const uint8_t *next = bytes;
	int sent, status;

	stream->activity = clock_monotonic();
	while (length) {
		status = WAIT_UNTIL(stream, transfer, transfer_patience(),
				    (sent = send_some(stream, next, length)) != 0);
		if (status)
			return status;
		if (sent < 0)
			return sent;
		next += sent;
		length -= (size_t)sent;
	}
	return 0;
}

/* Under the core lock: takes all that waits off the stream. */
static void feed_queue(struct stream *stream)
{
	struct pbuf *chain = stream->queue;

	if (!chain)
		return;
	stream->queue = NULL;
	feed(stream, chain);
}

static bool receive_over(const struct stream *stream)
{
	return __atomic_load_n(&stream->result, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&stream->ended, __ATOMIC_ACQUIRE) ||
	       !__atomic_load_n(&stream->pcb, __ATOMIC_ACQUIRE);
}

int stream_receive(struct stream *stream, struct transfer *transfer, stream_input input,
		   void *context)
{
	int status;

	LOCK_TCPIP_CORE();
	stream->result = 0;
	stream->context = context;
	stream->input = input;
	stream->activity = clock_monotonic();
	feed_queue(stream);
	UNLOCK_TCPIP_CORE();
	status = WAIT_UNTIL(stream, transfer, transfer_patience(), receive_over(stream));
	LOCK_TCPIP_CORE();
	stream->input = NULL;
	if (stream->result)
		status = stream->result;
	else if (!status && !stream->ended)
		status = stream->error ? stream->error : -ECONNRESET;
	UNLOCK_TCPIP_CORE();
	return status;
}

static bool readable(const struct stream *stream)
{
	return __atomic_load_n(&stream->queue, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&stream->ended, __ATOMIC_ACQUIRE) ||
	       !__atomic_load_n(&stream->pcb, __ATOMIC_ACQUIRE);
}

int stream_read(struct stream *stream, struct transfer *transfer, void *bytes, size_t size)
{
	int status = 0;

	stream->activity = clock_monotonic();
	/* A server that always has something to say keeps nobody from saying ^C. */
	if (stream->activity - stream->ticked >= TRANSFER_TICK) {
		stream->ticked = stream->activity;
		status = transfer_tick(transfer);
	}
	if (!status)
		status = WAIT_UNTIL(stream, transfer, transfer_patience(), readable(stream));
	if (status)
		return status;
	if (size > UINT16_MAX)
		size = UINT16_MAX;
	LOCK_TCPIP_CORE();
	if (stream->queue) {
		status = pbuf_copy_partial(stream->queue, bytes, (u16_t)size, 0);
		stream->queue = pbuf_free_header(stream->queue, (u16_t)status);
		if (stream->pcb)
			tcp_recved(stream->pcb, (u16_t)status);
	} else if (!stream->ended) {
		status = stream->error ? stream->error : -ECONNRESET;
	}
	UNLOCK_TCPIP_CORE();
	return status;
}

bool stream_take(struct stream *stream)
{
	bool usable;

	LOCK_TCPIP_CORE();
	stream->kept = false;
	usable = stream->pcb && !stream->ended && !stream->queue && !stream->surplus;
	UNLOCK_TCPIP_CORE();
	return usable;
}

/* The connection, and what came of it that nobody read. Under the core lock, and in no callback. */
static void end(struct stream *stream, bool hard)
{
	end_pcb(stream, hard);
	if (stream->queue)
		pbuf_free(stream->queue);
	stream->queue = NULL;
}

void stream_keep(struct stream *stream)
{
	LOCK_TCPIP_CORE();
	stream->idle = 0;
	stream->kept = true;
	if (stream->queue || stream->surplus)
		end(stream, true);
	UNLOCK_TCPIP_CORE();
}

void stream_close(struct stream *stream, bool broken)
{
	LOCK_TCPIP_CORE();
	end(stream, broken || stream->queue);
	UNLOCK_TCPIP_CORE();
}
