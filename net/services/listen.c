/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/services/listen.h"

#include "lwip/ip.h"
#include "lwip/mem.h"
#include "net/lwip/memory.h"

#include <errno.h>

#define FIRST_PORT_ANSWERED 20

int service_listen_tcp(uint16_t port, tcp_accept_fn accept, struct tcp_pcb **listener)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_ANY), *listening;

	if (!pcb)
		return -ENOMEM;
	if (tcp_bind(pcb, IP_ANY_TYPE, port) != ERR_OK) {
		tcp_close(pcb);
		return -EADDRINUSE;
	}
	listening = tcp_listen(pcb);
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

void *service_accept(struct tcp_pcb *pcb, err_t error, struct service_counters *counters,
		     size_t size, const struct service_callbacks *callbacks)
{
	void *connection;

	if (error != ERR_OK || !pcb)
		return NULL;
	if (counters->connections_now >= SERVICE_CONNECTIONS_MAX || network_memory_low())
		return NULL;
	connection = mem_calloc(1, size);
	if (!connection)
		return NULL;
	counters->connections++;
	counters->connections_now++;
	tcp_arg(pcb, connection);
	tcp_recv(pcb, callbacks->receive);
	tcp_sent(pcb, callbacks->sent);
	tcp_err(pcb, callbacks->error);
	tcp_poll(pcb, callbacks->poll, callbacks->poll_interval);
	return connection;
}

void service_detach(struct tcp_pcb *pcb)
{
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
	tcp_poll(pcb, NULL, 0);
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
