/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark `tcp`: a byte to the peer's echo service and back; the same with a connection for each;
 * and as much as goes to its discard and from its chargen service.
 */
#include "kernel/time/clock.h"
#include "net/services/bench_peer.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK (64u << 10)

struct stand {
	struct peer peer;
	int socket;
	uint8_t *data; /* BLOCK bytes */
};

/* What errno says, in our words for a time that is over. */
static int failure(void)
{
	return errno == EWOULDBLOCK ? -ETIMEDOUT : -errno;
}

static int ask(int handle)
{
	uint8_t byte = 'r', answer;
	ssize_t length;

	if (send(handle, &byte, 1, 0) != 1)
		return failure();
	length = recv(handle, &answer, 1, 0);
	if (length < 0)
		return failure();
	return length == 1 && answer == byte ? 0 : -EBADMSG;
}

static int request_response(struct bench_round *round)
{
	struct stand *stand = round->context;
	int error = 0;

	for (uint64_t i = 0; i < round->operations && !error; i++) {
		uint64_t start = clock_monotonic();

		error = ask(stand->socket);
		bench_single(round, clock_monotonic() - start);
	}
	return error;
}

static int connect_request_close(struct bench_round *round)
{
	struct stand *stand = round->context;
	int error = 0;

	for (uint64_t i = 0; i < round->operations && !error; i++) {
		uint64_t start = clock_monotonic();
		int handle = peer_connect(&stand->peer, SOCK_STREAM);

		if (handle < 0)
			return handle;
		error = ask(handle);
		close(handle);
		bench_single(round, clock_monotonic() - start);
	}
	return error;
}

/* An operation is a block. */
static int send_blocks(struct bench_round *round)
{
	struct stand *stand = round->context;

	for (uint64_t i = 0; i < round->operations; i++)
		for (size_t sent = 0; sent < BLOCK;) {
			ssize_t length = send(stand->socket, stand->data + sent, BLOCK - sent, 0);

			if (length <= 0)
				return length ? failure() : -EPIPE;
			sent += (size_t)length;
		}
	return 0;
}

static int receive_blocks(struct bench_round *round)
{
	struct stand *stand = round->context;

	for (uint64_t left = round->operations * BLOCK; left;) {
		ssize_t length = recv(stand->socket, stand->data, left < BLOCK ? left : BLOCK, 0);

		if (length <= 0)
			return length ? failure() : -EPIPE;
		left -= (uint64_t)length;
	}
	return 0;
}

static const struct load {
	const char *name;
	enum peer_port port;
	bool connected; /* before the round */
	uint64_t operations, bytes;
	int (*round)(struct bench_round *round);
} loads[] = {
	{"request and response", PEER_TCP_ECHO, true, 128, 1, request_response},
	{"connect, request, response, close", PEER_TCP_ECHO, false, 32, 1, connect_request_close},
	{"send, blocks of 64 KiB", PEER_DISCARD, true, 64, BLOCK, send_blocks},
	{"receive, blocks of 64 KiB", PEER_CHARGEN, true, 64, BLOCK, receive_blocks},
};

static int measure(struct bench *bench, struct stand *stand, const struct load *load)
{
	const struct bench_measurement measurement = {
		.device = stand->peer.device,
		.what = load->name,
		.operations = load->operations,
		.bytes = load->bytes,
		.round = load->round,
		.costs = peer_costs,
		.context = stand,
	};
	int error;

	stand->socket = -1;
	if (load->connected) {
		stand->socket = peer_connect(&stand->peer, SOCK_STREAM);
		if (stand->socket < 0)
			return stand->socket;
	}
	error = bench_measure(bench, &measurement);
	if (stand->socket >= 0)
		close(stand->socket);
	return error;
}

static int run(struct bench *bench)
{
	struct stand stand = {.data = calloc(1, BLOCK)};
	int error = stand.data ? 0 : -ENOMEM;

	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads) && !error; i++) {
		if (!peer_find(bench, loads[i].port, &stand.peer))
			break;
		error = measure(bench, &stand, &loads[i]);
	}
	free(stand.data);
	return error;
}
BENCH(tcp, 80, "connections to the services of bench.peer=", run);
