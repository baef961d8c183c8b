/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server for iperf3's clients. All under the core lock.
 *
 *	client					server
 *	control connection, cookie ->	server.c
 *					<- PARAM_EXCHANGE
 *	parameters (JSON) ->			control.c, message.c
 *					<- CREATE_STREAMS
 *	connections with the same cookie,	streams.c
 *	or a datagram of each port ->		datagrams.c
 *					<- TEST_START, TEST_RUNNING
 *	data, one way or both
 *	TEST_END ->
 *					<- EXCHANGE_RESULTS
 *	results (JSON) ->
 *					<- results (JSON), DISPLAY_RESULTS
 *	IPERF_DONE ->
 *
 * One test at a time, as iperf3's own server; others are told ACCESS_DENIED.
 */
#ifndef NET_SERVICES_IPERF3_IPERF3_H
#define NET_SERVICES_IPERF3_IPERF3_H

#include "lwip/tcp.h"
#include "lwip/udp.h"
#include "net/services/iperf3/message.h"
#include "net/services/service.h"

#include <stdbool.h>
#include <stdint.h>

#define IPERF3_PORT 5201
#define IPERF3_COOKIE 37 /* with its 0 */

enum iperf3_state {
	IPERF3_IDLE,
	IPERF3_PARAMETERS, /* the client's are awaited */
	IPERF3_CREATING,   /* its streams are */
	IPERF3_RUNNING,
	IPERF3_RESULTS,	 /* the client's are awaited */
	IPERF3_DRAINING, /* what it says to have sent is */
	IPERF3_SHOWING,	 /* its goodbye is */
	IPERF3_ENDING,	 /* what is left is taken down as soon as no callback of it runs */
};

struct iperf3_stream {
	unsigned int id; /* as the client numbers them: 1, 3, 4, ... */
	bool sends;	 /* we do */
	struct tcp_pcb *pcb;
	ip_addr_t address, own; /* of UDP: the client's, and ours */
	uint16_t port;
	uint64_t bytes; /* of payload, since the counts began */
	uint64_t last;	/* when the last of them came or went; nanoseconds, as clock_monotonic() */
	uint64_t due;	/* when the next may be sent */
	uint32_t place; /* in what is sent */
	bool finished;	/* its end is sent */
	/* Of TCP: segments that were sent again, and those of them before the counts began. */
	uint64_t sent_again, omitted_again;
	/* Of UDP: the last number, how many of those up to it did not come, and both when the counts
	 * began. */
	uint64_t packets, lost, omitted_packets, omitted_lost;
	uint64_t jitter; /* sixteen times that of RFC 1889, in nanoseconds */
	int64_t transit;
};

struct iperf3_connection; /* server.c */

struct iperf3_test {
	enum iperf3_state state;
	struct iperf3_parameters parameters;
	char cookie[IPERF3_COOKIE];
	ip_addr_t client;
	struct iperf3_stream *streams;
	unsigned int streams_wanted, streams_there;
	uint64_t start; /* of what is counted; nanoseconds, as clock_monotonic() */
	bool omitting;	/* before that */
};

extern struct iperf3_test iperf3_test;
extern struct service_counters *const iperf3_counters;
/* What is sent: IPERF3_PATTERN bytes that stay as they are. */
#define IPERF3_PATTERN 32768u
extern uint8_t iperf3_pattern[IPERF3_PATTERN];

/* -- server.c */
/* The client's connection: to send on it, and to be done with it. */
err_t iperf3_control_write(const void *bytes, size_t length);
void iperf3_connections_close(void);

/* -- control.c */
void iperf3_control_begin(const ip_addr_t *client, const char *cookie);
void iperf3_control_received(const uint8_t *bytes, size_t length);
/* The client closed it, or it broke. */
void iperf3_control_gone(void);
/* Called every few seconds. */
void iperf3_control_poll(void);
/* What the states DRAINING and ENDING wait for. */
void iperf3_control_tick(void);
/* One more stream is there. */
void iperf3_stream_ready(void);
/* Ends the test; NULL: it came to its good end. */
void iperf3_end(const char *why);

/* -- streams.c */
/* The stream that is to be made next, NULL: all are there. */
struct iperf3_stream *iperf3_stream_next(void);
/* TCP takes more: sends what is due, or the stream's end when the test is over. */
void iperf3_stream_send(struct iperf3_stream *stream);
void iperf3_stream_received(struct iperf3_stream *stream, size_t length);
/* The payload of `length` bytes is on its way: counts it, and says when the next may go. */
void iperf3_stream_sent(struct iperf3_stream *stream, size_t length);
/* All are there, and time begins; then, in the state IPERF3_RUNNING, what may be sent at once. */
void iperf3_streams_start(void);
void iperf3_streams_send(void);
/* Whether something happens at a time, and not only with what comes. Context: any. */
bool iperf3_streams_timed(void);
/* That. Whether there is more of it already. */
bool iperf3_streams_tick(void);
/* Whether all came that the client says to have sent. */
bool iperf3_streams_complete(const struct iperf3_result *said, unsigned int count);
/* `results` has room for all streams. */
void iperf3_streams_results(struct iperf3_result *results);

/* -- datagrams.c */
/* 0, -EADDRINUSE, -ENOMEM. */
int iperf3_datagrams_listen(void);
/* Whether it listens or not. */
void iperf3_datagrams_unlisten(void);
/* Sends what is due, at most so many datagrams. True: that many. */
bool iperf3_datagrams_send(struct iperf3_stream *stream, unsigned int most);

/* -- worker.c */
/* Has the thread look at the state. Context: any. */
void iperf3_worker_wake(void);
/* 0 or -ENOMEM. */
int iperf3_worker_start(void);

#endif
