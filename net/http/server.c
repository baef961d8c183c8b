/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The status page server: HTTP/1.1 with persistent connections, GET and HEAD.
 *
 * Connections live under the core lock. Answers are made by a thread of the server's own without
 * that lock, because drivers may sleep while they tell their facts; the connection may end
 * meanwhile.
 *
 *	READING --request--> WAITING --thread--> MAKING --> SENDING --all acknowledged--> READING
 *											  or closed
 *
 * A client has a bounded time for each state, whatever it trickles. When all places are taken, or memory is
 * low, those go first that have waited for a request, or taken an answer, for the longest time.
 */
#include "lwip/mem.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcpip.h"
#include "net/http/page.h"
#include "net/lwip/connection.h"
#include "net/lwip/memory.h"
#include "net/services/listen.h"
#include "net/services/service.h"

#include <errno.h>
#include <string.h>

#define PORT 80
#define REQUEST_MAX 4096
#define IDLE_SECONDS 30 /* from one request to the next, and without a segment of an answer taken */
/* To say a request, from its first byte or from the connection's start. */
#define REQUEST_SECONDS 10
#define ANSWER_SECONDS 120     /* to take an answer */
#define ANSWER_EVICT_SECONDS 5 /* where others want its place or its memory */
#define POLL_INTERVAL 1	       /* half seconds: each acknowledgement would put off a longer one */
#define THREAD_STACK (64u << 10)

enum state { READING, WAITING, MAKING, SENDING };

struct client {
	struct client *next; /* that waits for its answer */
	struct tcp_pcb *pcb; /* NULL: the connection ended while the answer was made */
	enum state state;
	char input[REQUEST_MAX];
	size_t input_length;
	struct pbuf *pending; /* what came behind that, until there is room: one segment at most */
	uint32_t since;	      /* tcp_ticks when the state began, or this request */
	uint32_t progress;    /* when something was acknowledged last */
	bool asked;	      /* there was a request before this one */
	bool peer_closed;

	struct http_request request;
	bool bad, too_large; /* what came is not a request */
	struct http_answer answer;
	bool keep_alive;
	struct http_block *sending; /* where sending goes on */
	size_t sending_offset;
	size_t acknowledged;
};

static struct client *waiting_first, *waiting_last;
static struct wait_queue waiting = WAIT_QUEUE_INIT;

static const struct service_callbacks callbacks;
static int start(void);
SERVICE(http, "tcp 80", "the status page, and the same as JSON", start);

static void client_free(struct client *client)
{
	http_answer_free(&client->answer);
	if (client->pending)
		pbuf_free(client->pending);
	mem_free(client);
	counters.connections_now--;
}

/* The connection is over for us: frees the client, now or when its answer is made. */
static void client_leave(struct client *client)
{
	struct tcp_pcb *pcb = client->pcb;

	if (pcb)
		connection_detach(pcb);
	client->pcb = NULL;
	if (client->state != WAITING && client->state != MAKING)
		client_free(client);
}

static err_t client_abort(struct client *client)
{
	struct tcp_pcb *pcb = client->pcb;

	client_leave(client);
	tcp_abort(pcb);
	return ERR_ABRT;
}

static err_t client_close(struct client *client)
{
	struct tcp_pcb *pcb = client->pcb;

	if (tcp_close(pcb) != ERR_OK)
		return client_abort(client);
	client_leave(client);
	return ERR_OK;
}

/* Takes as much of what came as there is room for, and lets as much more come. */
static void fill_input(struct client *client)
{
	u16_t length;

	if (!client->pending)
		return;
	length = (u16_t)LWIP_MIN(client->pending->tot_len, REQUEST_MAX - client->input_length);
	(void)pbuf_copy_partial(client->pending, client->input + client->input_length, length, 0);
	client->input_length += length;
	client->pending = pbuf_free_header(client->pending, length);
	counters.bytes_received += length;
	tcp_recved(client->pcb, length);
}

/* Looks for a whole request in what came, and queues it for the thread. */
static void take_request(struct client *client)
{
	int length;

	fill_input(client);
	length = http_request_parse(client->input, client->input_length, &client->request);
	client->bad = length < 0;
	client->too_large = !length && client->input_length == REQUEST_MAX;
	if (!length && !client->too_large)
		return;
	if (length > 0) {
		client->input_length -= (size_t)length;
		memmove(client->input, client->input + length, client->input_length);
	}
	counters.requests++;
	client->asked = true;
	client->state = WAITING;
	client->next = NULL;
	if (waiting_last)
		waiting_last->next = client;
	else
		waiting_first = client;
	waiting_last = client;
	wait_wake_one(&waiting);
}

static void send_more(struct client *client)
{
	while (client->sending) {
		struct http_block *block = client->sending;
		size_t length = block->length - client->sending_offset;
		/* Copied: the answer may be gone, with its connection, before the device has read what was lent to it. */
		u8_t flags = TCP_WRITE_FLAG_COPY | (block->next ? TCP_WRITE_FLAG_MORE : 0);

		if (length > tcp_sndbuf(client->pcb))
			length = tcp_sndbuf(client->pcb);
		if (!length || tcp_write(client->pcb, block->bytes + client->sending_offset,
					 (u16_t)length, flags) != ERR_OK)
			break;
		client->sending_offset += length;
		if (client->sending_offset == block->length) {
			client->sending = block->next;
			client->sending_offset = 0;
		}
	}
	tcp_output(client->pcb);
}

/* The peer has the whole answer. */
static err_t answered(struct client *client)
{
	http_answer_free(&client->answer);
	client->acknowledged = 0;
	client->state = READING;
	client->since = tcp_ticks;
	if (!client->keep_alive)
		return client_close(client);
	take_request(client);
	if (client->state == READING && client->peer_closed)
		return client_close(client);
	return ERR_OK;
}

static void thread(void *argument)
{
	(void)argument;
	for (;;) {
		struct client *client;
		int status = 0;

		wait_event(&waiting, __atomic_load_n(&waiting_first, __ATOMIC_ACQUIRE));
		LOCK_TCPIP_CORE();
		client = waiting_first;
		waiting_first = client->next;
		if (!waiting_first)
			waiting_last = NULL;
		client->state = MAKING;
		/* An answer takes more memory than all else that a client can make us keep. */
		while (network_memory_low() && service_make_room(PORT, &counters, &callbacks))
			;
		if (client->pcb) {
			UNLOCK_TCPIP_CORE();
			status = http_answer_make(
				client->bad || client->too_large ? NULL : &client->request,
				client->too_large, &client->answer, &client->keep_alive);
			LOCK_TCPIP_CORE();
		}
		client->state = SENDING;
		client->since = client->progress = tcp_ticks;
		client->sending = client->answer.first;
		client->sending_offset = 0;
		if (!client->pcb)
			client_free(client);
		else if (status)
			client_abort(client);
		else
			send_more(client);
		UNLOCK_TCPIP_CORE();
	}
}

static err_t on_receive(void *argument, struct tcp_pcb *pcb, struct pbuf *chain, err_t error)
{
	struct client *client = argument;

	(void)pcb;
	(void)error;
	if (!chain) {
		client->peer_closed = true;
		return client->state == READING ? client_close(client) : ERR_OK;
	}
	if (client->pending)
		return ERR_MEM; /* later: lwIP keeps it and closes the window */
	if (client->state == READING && client->asked && !client->input_length)
		client->since = tcp_ticks;
	client->pending = chain;
	if (client->state == READING)
		take_request(client);
	else
		fill_input(client);
	return ERR_OK;
}

static err_t on_sent(void *argument, struct tcp_pcb *pcb, u16_t length)
{
	struct client *client = argument;

	(void)pcb;
	client->progress = tcp_ticks;
	client->acknowledged += length;
	counters.bytes_sent += length;
	if (client->state != SENDING)
		return ERR_OK;
	if (client->acknowledged >= client->answer.length)
		return answered(client);
	send_more(client);
	return ERR_OK;
}

static err_t on_poll(void *argument, struct tcp_pcb *pcb)
{
	struct client *client = argument;
	uint32_t in_state = tcp_ticks - client->since; /* half seconds */

	(void)pcb;
	if (client->state == READING) {
		bool begun = client->input_length || !client->asked;

		if (in_state > 2 * (begun ? REQUEST_SECONDS : IDLE_SECONDS))
			return client_close(client);
	} else if (client->state == SENDING) {
		if (in_state > 2 * ANSWER_SECONDS ||
		    tcp_ticks - client->progress > 2 * IDLE_SECONDS)
			return client_abort(client);
		send_more(client);
	}
	return ERR_OK;
}

static void on_error(void *argument, err_t error)
{
	struct client *client = argument;

	(void)error;
	client->pcb = NULL;
	client_leave(client);
}

static uint32_t wasted(const void *connection)
{
	const struct client *client = connection;
	uint32_t in_state = tcp_ticks - client->since;

	if (client->state == READING)
		return in_state + 1;
	return client->state == SENDING && in_state > 2 * ANSWER_EVICT_SECONDS ? in_state : 0;
}

static const struct service_callbacks callbacks = {
	.receive = on_receive,
	.sent = on_sent,
	.poll = on_poll,
	.poll_interval = POLL_INTERVAL,
	.error = on_error,
	.wasted = wasted,
};

static err_t on_accept(void *argument, struct tcp_pcb *pcb, err_t error)
{
	struct client *client = service_accept(pcb, error, &counters, sizeof(*client), &callbacks);

	(void)argument;
	if (!client)
		return ERR_MEM;
	client->pcb = pcb;
	client->since = tcp_ticks;
	tcp_nagle_disable(pcb);
	return ERR_OK;
}

static int start(void)
{
	struct thread_options options = {.cpu = 0, .stack_size = THREAD_STACK};
	struct tcp_pcb *listener;
	struct thread *worker;
	int status = service_listen_tcp(PORT, on_accept, &listener);

	if (status)
		return status;
	worker = thread_create("http", thread, NULL, &options);
	if (!worker) {
		service_unlisten_tcp(listener);
		return -ENOMEM;
	}
	thread_detach(worker);
	return 0;
}
