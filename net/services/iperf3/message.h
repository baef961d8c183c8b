/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What iperf3's client and server tell each other in JSON on the control connection: what is to be
 * done, and what came of it. Context: any.
 */
#ifndef NET_SERVICES_IPERF3_MESSAGE_H
#define NET_SERVICES_IPERF3_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPERF3_STREAMS_MAX 128u /* each way, as iperf3 has it */
#define IPERF3_TCP_BLOCK_MAX (1u << 20)
#define IPERF3_UDP_BLOCK_MIN 16u
#define IPERF3_UDP_BLOCK_MAX 65507u
#define IPERF3_SECONDS_MAX 86400u
#define IPERF3_OMIT_MAX 600u
/* Texts longer than these are not read. */
#define IPERF3_PARAMETERS_MAX 8192u
#define IPERF3_RESULTS_MAX (128u << 10)

struct iperf3_parameters {
	bool udp;
	bool to_server, to_client; /* which way data goes: one of them, or both */
	bool counters_64bit;	   /* in UDP datagrams */
	bool no_delay;
	unsigned int streams; /* each way */
	uint32_t block;	      /* bytes of a datagram, and of one write to TCP */
	uint64_t rate;	      /* bit/s of each stream; 0: as much as goes */
	uint32_t burst;	      /* blocks that are sent at once, where there is a rate; 0: one */
	uint32_t seconds;     /* 0: until `bytes` are over, or the client says so */
	uint32_t omit;	      /* seconds before the counts begin */
	uint64_t bytes;	      /* of all streams of one way together; 0: no bound */
};

/* What one side says of one stream. Times are nanoseconds. */
struct iperf3_result {
	unsigned int id;
	uint64_t bytes, packets, lost, jitter, end;
	uint64_t omitted_packets, omitted_lost;
	int64_t sent_again; /* segments; -1: this side does not send, or not by TCP */
};

/* Checks all that is used later. NULL, or what is wrong with it, for people. */
const char *iperf3_read_parameters(const char *text, size_t length,
				   struct iperf3_parameters *parameters);

/* The client's results: at most `room`, and how many. NULL, or what is wrong. */
const char *iperf3_read_results(const char *text, size_t length, struct iperf3_result *results,
				unsigned int room, unsigned int *count);

/* Bytes that iperf3_write_results() wants at most, for so many. */
size_t iperf3_results_size(unsigned int count);
/* The server's results, as a string. Its length. */
size_t iperf3_write_results(char *text, size_t size, const struct iperf3_result *results,
			    unsigned int count);

#endif
