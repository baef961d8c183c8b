/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams: what is sent on those that we send on, when it is due; what came on the others; and
 * the counts of both.
 */
#include "kernel/time/clock.h"
#include "net/lwip/recovery.h"
#include "net/services/iperf3/iperf3.h"

#define AT_ONCE 64u /* datagrams of a stream at each tick */

struct iperf3_stream *iperf3_stream_next(void)
{
	struct iperf3_test *test = &iperf3_test;

	return test->streams_there < test->streams_wanted ? &test->streams[test->streams_there]
							  : NULL;
}

void iperf3_stream_received(struct iperf3_stream *stream, size_t length)
{
	iperf3_counters->bytes_received += length;
	/* What is told to the client is not changed by what comes later. */
	if (iperf3_test.state >= IPERF3_SHOWING || stream->sends)
		return;
	stream->bytes += length;
	stream->last = clock_monotonic();
}

void iperf3_stream_sent(struct iperf3_stream *stream, size_t length)
{
	const struct iperf3_parameters *parameters = &iperf3_test.parameters;

	iperf3_counters->bytes_sent += length;
	stream->bytes += length;
	stream->last = clock_monotonic();
	stream->place = (stream->place + (uint32_t)length) % IPERF3_PATTERN;
	if (parameters->rate)
		stream->due += length * 8 * NANOSECONDS_PER_SECOND / parameters->rate;
}

/* Of the client's number of bytes, those that are not sent yet. */
static uint64_t bytes_left(void)
{
	const struct iperf3_test *test = &iperf3_test;
	uint64_t sent = 0;

	/*
	 * What is omitted does not count, and we would stop too early; and with both ways it is the
	 * faster one that ends the test.
	 */
	if (!test->parameters.bytes || test->parameters.omit || test->parameters.to_server)
		return UINT64_MAX;
	for (unsigned int i = 0; i < test->streams_there; i++)
		if (test->streams[i].sends)
			sent += test->streams[i].bytes;
	return sent < test->parameters.bytes ? test->parameters.bytes - sent : 0;
}

/* How much may be given to TCP now, in one piece. */
static size_t tcp_piece(const struct iperf3_stream *stream, uint64_t left)
{
	const struct iperf3_parameters *parameters = &iperf3_test.parameters;
	size_t length = IPERF3_PATTERN - stream->place, room = tcp_sndbuf(stream->pcb);

	if (parameters->rate && stream->due > clock_monotonic())
		return 0;
	if (parameters->rate && length > parameters->block)
		length = parameters->block;
	if (length > left)
		length = (size_t)left;
	if (length <= room)
		return length;
	/* Not in crumbs: later, when the client has taken more. */
	return room < tcp_mss(stream->pcb) ? 0 : room;
}

void iperf3_stream_send(struct iperf3_stream *stream)
{
	uint64_t left = bytes_left();

	if (!stream->sends || !stream->pcb || iperf3_test.state < IPERF3_RUNNING)
		return;
	/* The connection may be gone when it is asked for. */
	stream->sent_again = recovery_sent_again(stream->pcb);
	if (iperf3_test.state > IPERF3_RUNNING) {
		/* The client reads in blocks: it would wait for the rest of one for seconds. */
		if (!stream->finished)
			stream->finished = tcp_shutdown(stream->pcb, 0, 1) == ERR_OK;
		return;
	}
	for (;;) {
		size_t length = tcp_piece(stream, left);
		bool last = length == left || iperf3_test.parameters.rate;

		if (!length || tcp_write(stream->pcb, iperf3_pattern + stream->place, (u16_t)length,
					 last ? 0 : TCP_WRITE_FLAG_MORE) != ERR_OK)
			break;
		iperf3_stream_sent(stream, length);
		if (left != UINT64_MAX)
			left -= length;
	}
	tcp_output(stream->pcb);
}

/* The counts begin now. */
static void begin_counts(void)
{
	struct iperf3_test *test = &iperf3_test;

	test->omitting = false;
	test->start = clock_monotonic();
	for (unsigned int i = 0; i < test->streams_there; i++) {
		struct iperf3_stream *stream = &test->streams[i];

		stream->bytes = 0;
		stream->omitted_packets = stream->packets;
		stream->omitted_lost = stream->lost;
		stream->omitted_again = stream->sent_again;
		stream->jitter = 0;
		stream->last = test->start;
	}
}

void iperf3_streams_start(void)
{
	struct iperf3_test *test = &iperf3_test;

	begin_counts();
	test->omitting = test->parameters.omit;
	for (unsigned int i = 0; i < test->streams_there; i++)
		test->streams[i].due = test->start;
}

void iperf3_streams_send(void)
{
	const struct iperf3_test *test = &iperf3_test;

	for (unsigned int i = 0; i < test->streams_there; i++)
		iperf3_stream_send(&test->streams[i]);
}

bool iperf3_streams_timed(void)
{
	const struct iperf3_parameters *parameters = &iperf3_test.parameters;

	return (parameters->to_client && (parameters->udp || parameters->rate)) ||
	       iperf3_test.omitting;
}

bool iperf3_streams_tick(void)
{
	const struct iperf3_test *test = &iperf3_test;
	bool more = false;

	if (test->omitting &&
	    clock_monotonic() - test->start >= test->parameters.omit * NANOSECONDS_PER_SECOND)
		begin_counts();
	for (unsigned int i = 0; i < test->streams_there; i++) {
		struct iperf3_stream *stream = &test->streams[i];

		if (stream->sends && test->parameters.udp)
			more |= iperf3_datagrams_send(stream, AT_ONCE);
		else
			iperf3_stream_send(stream);
	}
	return more;
}

bool iperf3_streams_complete(const struct iperf3_result *said, unsigned int count)
{
	const struct iperf3_test *test = &iperf3_test;
	uint64_t here = 0, there = 0;

	/* The client counted from another moment on. */
	if (test->parameters.omit)
		return true;
	for (unsigned int i = 0; i < test->streams_there; i++) {
		const struct iperf3_stream *stream = &test->streams[i];

		if (stream->sends)
			continue;
		here += test->parameters.udp ? stream->packets : stream->bytes;
		for (unsigned int j = 0; j < count; j++)
			if (said[j].id == stream->id)
				there += test->parameters.udp ? said[j].packets : said[j].bytes;
	}
	return here >= there;
}

void iperf3_streams_results(struct iperf3_result *results)
{
	const struct iperf3_test *test = &iperf3_test;

	for (unsigned int i = 0; i < test->streams_there; i++) {
		const struct iperf3_stream *stream = &test->streams[i];

		results[i] = (struct iperf3_result){
			.id = stream->id,
			.bytes = stream->bytes,
			.packets = stream->packets,
			.lost = stream->lost,
			.jitter = stream->jitter / 16,
			.end = stream->last - test->start,
			.omitted_packets = stream->omitted_packets,
			.omitted_lost = stream->omitted_lost,
			.sent_again =
				stream->sends && !test->parameters.udp
					? (int64_t)(stream->sent_again - stream->omitted_again)
					: -1,
		};
	}
}
