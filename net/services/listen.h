/* SPDX-License-Identifier: BSD-2-Clause */
/* What the small services share. All under the core lock. */
#ifndef NET_SERVICES_LISTEN_H
#define NET_SERVICES_LISTEN_H

#include "lwip/tcp.h"
#include "lwip/udp.h"
#include "net/services/service.h"

#include <stdbool.h>

/* Connections of one service at a time; for more, those that do nothing make room. */
#define SERVICE_CONNECTIONS_MAX 256
/* A connection on which nothing happens for so long is closed. */
#define SERVICE_IDLE_SECONDS 300
/* Where others want its place, it is after so many already. */
#define SERVICE_EVICT_SECONDS 10
/* tcp_poll() counts in half seconds; idle connections are looked for at this interval. */
#define SERVICE_POLL_INTERVAL 10

/*
 * Listens on the port of all addresses, IPv4 and IPv6. The pcb is stored. 0, -EADDRINUSE, -ENOMEM.
 */
int service_listen_tcp(uint16_t port, tcp_accept_fn accept, struct tcp_pcb **listener);
int service_listen_udp(uint16_t port, udp_recv_fn receive);
void service_unlisten_tcp(struct tcp_pcb *listener);
/* Both on one port, or neither. Errors as above. */
int service_listen(uint16_t port, tcp_accept_fn accept, udp_recv_fn receive);

/* What lwIP calls for a connection; `sent` may be NULL. */
struct service_callbacks {
	tcp_recv_fn receive;
	tcp_sent_fn sent;
	tcp_poll_fn poll;
	uint8_t poll_interval; /* half seconds */
	tcp_err_fn error;
	size_t left; /* bytes at the end of the block of a connection that need not be zero */
	/*
	 * How long (half seconds) the connection has kept its place for nothing: the one that did so
	 * longest goes when another wants it; 0: it may not go. NULL: its time without a segment counts,
	 * above SERVICE_EVICT_SECONDS.
	 */
	uint32_t (*wasted)(const void *connection);
};

/*
 * In a tcp_accept_fn: counts the connection and gives it the callbacks, with a block of so many
 * bytes, zero but for what `left` says, as their argument, to be freed with mem_free(). When the service has all the connections that it may, or
 * memory is low, others are aborted for it. NULL: refused; the caller returns ERR_MEM.
 */
void *service_accept(struct tcp_pcb *pcb, err_t error, struct service_counters *counters,
		     size_t size, const struct service_callbacks *callbacks);

/*
 * Aborts the connection of the service at this port that keeps its place for nothing longest (its error callback
 * is called). False: each of them is in use.
 */
bool service_make_room(uint16_t port, struct service_counters *counters,
		       const struct service_callbacks *callbacks);

/*
 * Whether the datagram that is being received may be answered: from a port at which no small
 * service of somebody else listens (two echo servers would never stop), and sent to us alone.
 */
bool service_may_answer(uint16_t source_port);

#endif
