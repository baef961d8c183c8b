/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom the benchmarks `udp` and `tcp` talk to: bench.peer= and bench.ports=. Thread context. */
#ifndef NET_SERVICES_BENCH_PEER_H
#define NET_SERVICES_BENCH_PEER_H

#include "kernel/bench/bench.h"
#include "lwip/sockets.h"

enum peer_port { PEER_UDP_ECHO, PEER_TCP_ECHO, PEER_DISCARD, PEER_CHARGEN, PEER_PORTS };

struct peer {
	struct sockaddr_storage address;
	socklen_t length;
	char device[BENCH_TEXT_MAX]; /* "10.0.2.2" */
};

/* The address of one of its services; false after bench_skip() when none is given. */
bool peer_find(struct bench *bench, enum peer_port port, struct peer *peer);

/*
 * A socket of that type, connected, on which nothing waits for longer than some seconds; a negative
 * errno.
 */
int peer_connect(const struct peer *peer, int type);

/* Kicks, interrupts and copied bytes of all network devices. For bench_measurement. */
void peer_costs(void *context, struct bench_costs *costs);

#endif
