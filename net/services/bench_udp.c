/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark `udp`: datagrams to the peer's echo service and back, one or several in flight. Each
 * carries its number, so that an answer of before is not taken for the one that is due. A datagram that
 * is lost ends it: what is measured then is the time-out.
 */
#include "kernel/time/clock.h"
#include "net/services/bench_peer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define IN_FLIGHT_MAX 32u
#define LENGTH_MAX 1400u

struct stand {
	int socket;
	uint32_t length;
	unsigned int in_flight;
	uint32_t number; /* of the next datagram */
};

static int send_one(struct stand *stand)
{
	uint8_t data[LENGTH_MAX] = {0};

	memcpy(data, &stand->number, sizeof(stand->number));
	stand->number++;
	return send(stand->socket, data, stand->length, 0) == (ssize_t)stand->length ? 0 : -errno;
}

/* The next answer to one of the `waited` datagrams that were sent last. */
static int receive_one(struct stand *stand, unsigned int waited)
{
	uint8_t data[LENGTH_MAX];
	uint32_t number;

	do {
		ssize_t length = recv(stand->socket, data, sizeof(data), 0);

		if (length < 0)
			return errno == EWOULDBLOCK ? -ETIMEDOUT : -errno;
		if (length != (ssize_t)stand->length)
			return -EBADMSG;
		memcpy(&number, data, sizeof(number));
	} while (stand->number - number > waited);
	return 0;
}

static int one_by_one(struct bench_round *round)
{
	struct stand *stand = round->context;
	int error = 0;

	for (uint64_t i = 0; i < round->operations && !error; i++) {
		uint64_t start = clock_monotonic();

		error = send_one(stand);
		if (!error)
			error = receive_one(stand, 1);
		bench_single(round, clock_monotonic() - start);
	}
	return error;
}

static int several(struct bench_round *round)
{
	struct stand *stand = round->context;
	uint64_t sent = 0, received = 0;
	int error = 0;

	while (received < round->operations && !error) {
		while (sent < round->operations && sent - received < stand->in_flight && !error) {
			error = send_one(stand);
			sent++;
		}
		if (!error)
			error = receive_one(stand,
					    stand->in_flight + (unsigned int)(sent - received));
		received++;
	}
	return error;
}

static int measure(struct bench *bench, const struct peer *peer, uint32_t length,
		   unsigned int in_flight)
{
	char what[BENCH_TEXT_MAX];
	struct stand stand = {.length = length, .in_flight = in_flight};
	const struct bench_measurement measurement = {
		.device = peer->device,
		.what = what,
		.operations = in_flight == 1 ? 128 : 512,
		.bytes = length,
		.round = in_flight == 1 ? one_by_one : several,
		.costs = peer_costs,
		.context = &stand,
	};
	int error;

	stand.socket = peer_connect(peer, SOCK_DGRAM);
	if (stand.socket < 0)
		return stand.socket;
	sniprintf(what, sizeof(what), "echo, %u bytes, %u in flight", (unsigned int)length,
		  in_flight);
	error = bench_measure(bench, &measurement);
	close(stand.socket);
	return error;
}

static int run(struct bench *bench)
{
	static const uint32_t lengths[] = {32, LENGTH_MAX};
	struct peer peer;
	int error = 0;

	if (!peer_find(bench, PEER_UDP_ECHO, &peer))
		return 0;
	for (unsigned int i = 0; i < 2 && !error; i++) {
		error = measure(bench, &peer, lengths[i], 1);
		if (!error)
			error = measure(bench, &peer, lengths[i], IN_FLIGHT_MAX);
	}
	return error;
}
BENCH(udp, 70, "round trips to the echo service of bench.peer=", run);
