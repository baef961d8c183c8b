/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TCP connection as a client needs it. What comes is handed on in one of two ways:
 *
 *	stream_receive()	to a function, from within the thread that receives packets and under the
 *				network's lock, out of the packets: nothing is queued and nobody is woken
 *				until it has had enough
 *	stream_read()		copied to whoever asks (TLS, which must work on it in its own thread)
 *
 * What comes while neither is at work waits in the connection, and the window closes. Every wait ends:
 * with the end of the connection, after transfer_patience() without a byte, or when the user wants it.
 *
 * All functions: thread context, one thread at a time for each stream, without the network's lock.
 */
#ifndef NET_NETBOOT_STREAM_H
#define NET_NETBOOT_STREAM_H

#include "kernel/thread/thread.h"
#include "lwip/ip_addr.h"
#include "lwip/netif.h"
#include "net/netboot/input.h"
#include "net/netboot/transfer.h"

struct tcp_pcb;
struct pbuf;

struct stream {
	struct wait_queue wait;
	/* The rest is written under the core lock. */
	struct tcp_pcb *pcb; /* NULL: none, or it broke */
	struct pbuf *queue;  /* came, and is not taken */
	bool connected;
	bool ended;	   /* the peer sends no more */
	bool surplus;	   /* more came than the input wanted */
	int error;	   /* why it broke */
	uint64_t activity; /* clock_monotonic() of the last that came or was acknowledged */
	uint64_t ticked;   /* when stream_read() last looked whether it is to go on */
	stream_input input;
	void *context;
	int result;	   /* of input, once it is not 0 */
	unsigned int idle; /* half seconds; of one that is kept for later */
	bool kept;
};

/*
 * 0; -ECONNREFUSED, -ETIMEDOUT, -ENETUNREACH (no route, no address of ours), -ENOMEM: the transfer has
 * no line yet, as another address may do better; -EINTR has it.
 */
int stream_connect(struct stream *stream, struct transfer *transfer, const ip_addr_t *address,
		   uint16_t port, struct netif *netif);
/* Sends all of it; the bytes are copied. 0, -ECONNRESET, -ETIMEDOUT, -EINTR. */
int stream_send(struct stream *stream, struct transfer *transfer, const void *bytes, size_t length);
/* What `input` returned at last; 0: the peer has closed; -ECONNRESET, -ETIMEDOUT, -EINTR. */
int stream_receive(struct stream *stream, struct transfer *transfer, stream_input input,
		   void *context);
/* The number of bytes; 0: the peer has closed; -ECONNRESET, -ETIMEDOUT, -EINTR. */
int stream_read(struct stream *stream, struct transfer *transfer, void *bytes, size_t size);

/* Whether one that was kept can still be used: nothing came and it is there. */
bool stream_take(struct stream *stream);
/* Keeps it for later, for some seconds; then it is closed. */
void stream_keep(struct stream *stream);
/*
 * Ends it, whatever its state. `broken`: with a reset (RFC 9293, 3.10.4), so that the peer does not go on
 * sending what nobody takes.
 */
void stream_close(struct stream *stream, bool broken);

#endif
