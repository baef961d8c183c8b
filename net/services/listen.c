/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/services/listen.h"

#include "lwip/ip.h"
#include "lwip/mem.h"
#include "lwip/priv/tcp_priv.h"
#include "net/lwip/memory.h"

#include <errno.h>
#include <string.h>

#define FIRST_PORT_ANSWERED 20
/* As many connections that are not taken yet as lwIP can count; net/lwip/syn.c keeps few half-open ones. */
#define BACKLOG 255
/* Connections that are aborted for one, at most, when memory is low. */
#define EVICTED_AT_ONCE 8

int service_listen_tcp(uint16_t port, tcp_accept_fn accept, struct tcp_pcb **listener)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_ANY), *listening;

	if (!pcb)
		return -ENOMEM;
	if (tcp_bind(pcb, IP_ANY_TYPE, port) != ERR_OK) {
		tcp_close(pcb);
		return -EADDRINUSE;
	}
	listening = tcp_listen_with_backlog(pcb, BACKLOG);
	if (!listening) {
		tcp_close(pcb);
		return -ENOMEM;
	}
	tcp_accept(listening, accept);
	*listener = listening;
	return 0;
}

int service_listen_udp(uint16_t port, udp_recv_fn receive)
{
	struct udp_pcb *pcb = udp_new_ip_type(IPADDR_TYPE_ANY);

	if (!pcb)
		return -ENOMEM;
	if (udp_bind(pcb, IP_ANY_TYPE, port) != ERR_OK) {
		udp_remove(pcb);
		return -EADDRINUSE;
	}
	udp_recv(pcb, receive, pcb);
	return 0;
}

void service_unlisten_tcp(struct tcp_pcb *listener)
{
	tcp_close(listener);
}

/* Half seconds. */
static uint32_t wasted(const struct tcp_pcb *pcb, const struct service_callbacks *callbacks)
{
	uint32_t quiet;

	if (callbacks->wasted)
		return callbacks->wasted(pcb->callback_arg);
	quiet = tcp_ticks - pcb->tmr;
	return quiet > 2 * SERVICE_EVICT_SECONDS ? quiet : 0;
}

bool service_make_room(uint16_t port, struct service_counters *counters,
		       const struct service_callbacks *callbacks)
{
	struct tcp_pcb *longest = NULL;
	uint32_t most = 1;

	/* Later ones stand first. */
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
		uint32_t time;

		if (pcb->local_port != port || pcb->errf != callbacks->error)
			continue;
		time = wasted(pcb, callbacks);
		if (time >= most) {
			longest = pcb;
			most = time;
		}
	}
	if (!longest)
		return false;
	counters->evicted++;
	tcp_abort(longest);
	return true;
}

static bool has_room(uint16_t port, struct service_counters *counters,
		     const struct service_callbacks *callbacks)
{
	for (unsigned int i = 0; i <= EVICTED_AT_ONCE; i++) {
		if (counters->connections_now < SERVICE_CONNECTIONS_MAX && !network_memory_low())
			return true;
		if (!service_make_room(port, counters, callbacks))
			return false;
	}
	return false;
}

void *service_accept(struct tcp_pcb *pcb, err_t error, struct service_counters *counters,
		     size_t size, const struct service_callbacks *callbacks)
{
	void *connection = NULL;

	if (error != ERR_OK || !pcb)
		return NULL;
	if (has_room(pcb->local_port, counters, callbacks))
		connection = mem_malloc(size);
	if (!connection) {
		counters->refused++;
		return NULL;
	}
	memset(connection, 0, size - callbacks->left);
	counters->connections++;
	counters->connections_now++;
	tcp_arg(pcb, connection);
	tcp_recv(pcb, callbacks->receive);
	tcp_sent(pcb, callbacks->sent);
	tcp_err(pcb, callbacks->error);
	tcp_poll(pcb, callbacks->poll, callbacks->poll_interval);
	return connection;
}

bool service_may_answer(uint16_t source_port)
{
	const ip_addr_t *destination = ip_current_dest_addr();

	return source_port >= FIRST_PORT_ANSWERED && !ip_addr_ismulticast(destination) &&
	       !ip_addr_isbroadcast(destination, ip_current_input_netif());
}

int service_listen(uint16_t port, tcp_accept_fn accept, udp_recv_fn receive)
{
	struct tcp_pcb *listener;
	int status = service_listen_tcp(port, accept, &listener);

	if (status)
		return status;
	status = service_listen_udp(port, receive);
	if (status)
		service_unlisten_tcp(listener);
	return status;
}
