/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP: a datagram from a port that is not known yet asks for a stream, and is answered. Each of a
 * stream's says when it was sent and its number, so that what is lost can be counted, and jitter
 * (RFC 1889, A.8).
 *
 *	| seconds, 4 | microseconds, 4 | number, 4 or 8 | anything |	big endian
 */
#include "kernel/time/clock.h"
#include "net/services/iperf3/iperf3.h"

#include <errno.h>
#include <string.h>

#define HEADER_MAX 16u
#define ASK_LENGTH 4
#define MICROSECOND 1000u

static struct udp_pcb *listener;

static uint32_t read_32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static void write_32(uint8_t *bytes, uint64_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

static unsigned int header_length(void)
{
	return iperf3_test.parameters.counters_64bit ? 16 : 12;
}

/* -- What comes */

static struct iperf3_stream *find(const ip_addr_t *address, uint16_t port)
{
	const struct iperf3_test *test = &iperf3_test;

	for (unsigned int i = 0; i < test->streams_there; i++)
		if (test->streams[i].port == port &&
		    ip_addr_cmp(&test->streams[i].address, address))
			return &test->streams[i];
	return NULL;
}

/* "9876": the client waits for it before it goes on. */
static void answer(struct udp_pcb *pcb, const ip_addr_t *address, uint16_t port)
{
	struct pbuf *reply = pbuf_alloc(PBUF_TRANSPORT, ASK_LENGTH, PBUF_RAM);

	if (!reply)
		return;
	memcpy(reply->payload, "6789", ASK_LENGTH);
	(void)udp_sendto_if_src(pcb, reply, address, port, ip_current_input_netif(),
				ip_current_dest_addr());
	pbuf_free(reply);
}

/* Somebody asks for a stream, or asks again because our answer was lost. */
static void asked(struct udp_pcb *pcb, const ip_addr_t *address, uint16_t port)
{
	struct iperf3_stream *stream = find(address, port);

	if (!ip_addr_cmp(address, &iperf3_test.client))
		return;
	if (!stream) {
		stream = iperf3_stream_next();
		if (!stream)
			return;
		ip_addr_copy(stream->address, *address);
		ip_addr_copy(stream->own, *ip_current_dest_addr());
		stream->port = port;
		answer(pcb, address, port);
		iperf3_stream_ready();
	} else {
		answer(pcb, address, port);
	}
}

static void take_number(struct iperf3_stream *stream, uint64_t number)
{
	if (number > stream->packets) {
		stream->lost += number - stream->packets - 1;
		stream->packets = number;
	} else if (stream->lost > stream->omitted_lost) {
		stream->lost--; /* it was only late */
	}
}

static void take_time(struct iperf3_stream *stream, uint64_t sent)
{
	int64_t transit = (int64_t)(stream->last - sent);
	int64_t change = transit - stream->transit;

	if (stream->transit) {
		stream->jitter += (uint64_t)(change < 0 ? -change : change);
		stream->jitter -= stream->jitter / 16;
	}
	stream->transit = transit;
}

static void count(struct iperf3_stream *stream, const struct pbuf *datagram)
{
	uint8_t header[HEADER_MAX];
	uint64_t number, sent;

	if (iperf3_test.state >= IPERF3_SHOWING || stream->sends ||
	    pbuf_copy_partial(datagram, header, (u16_t)header_length(), 0) != header_length())
		return;
	sent = read_32(header) * NANOSECONDS_PER_SECOND +
	       (uint64_t)read_32(header + 4) * MICROSECOND;
	number = read_32(header + 8);
	if (iperf3_test.parameters.counters_64bit)
		number = number << 32 | read_32(header + 12);
	/* As many as that nobody sends: it is not of the client's. */
	if (!number || number > UINT64_MAX / 2)
		return;
	iperf3_stream_received(stream, datagram->tot_len);
	take_number(stream, number);
	take_time(stream, sent);
}

static void on_datagram(void *argument, struct udp_pcb *pcb, struct pbuf *datagram,
			const ip_addr_t *address, u16_t port)
{
	(void)argument;
	if (iperf3_test.parameters.udp && iperf3_test.state >= IPERF3_CREATING) {
		struct iperf3_stream *stream = find(address, port);

		if (iperf3_test.state <= IPERF3_RUNNING && datagram->tot_len == ASK_LENGTH)
			asked(pcb, address, port);
		else if (stream)
			count(stream, datagram);
	}
	pbuf_free(datagram);
}

int iperf3_datagrams_listen(void)
{
	listener = udp_new_ip_type(IPADDR_TYPE_ANY);
	if (!listener)
		return -ENOMEM;
	if (udp_bind(listener, IP_ANY_TYPE, IPERF3_PORT) != ERR_OK) {
		iperf3_datagrams_unlisten();
		return -EADDRINUSE;
	}
	udp_recv(listener, on_datagram, NULL);
	return 0;
}

void iperf3_datagrams_unlisten(void)
{
	if (listener)
		udp_remove(listener);
	listener = NULL;
}

/* -- What goes */

/* A header, and behind it what is anything, where it lies. NULL: no memory. */
static struct pbuf *make_datagram(uint64_t number, uint32_t length)
{
	struct pbuf *datagram = pbuf_alloc(PBUF_TRANSPORT, (u16_t)header_length(), PBUF_RAM);
	uint64_t now = clock_monotonic();
	uint8_t *header;

	if (!datagram)
		return NULL;
	header = datagram->payload;
	write_32(header, now / NANOSECONDS_PER_SECOND);
	write_32(header + 4, now % NANOSECONDS_PER_SECOND / MICROSECOND);
	if (iperf3_test.parameters.counters_64bit) {
		write_32(header + 8, number >> 32);
		write_32(header + 12, number);
	} else {
		write_32(header + 8, number);
	}
	for (uint32_t left = length - header_length(); left;) {
		uint32_t part = LWIP_MIN(left, IPERF3_PATTERN);
		struct pbuf *rest = pbuf_alloc(PBUF_RAW, (u16_t)part, PBUF_ROM);

		if (!rest) {
			pbuf_free(datagram);
			return NULL;
		}
		rest->payload = iperf3_pattern;
		pbuf_cat(datagram, rest);
		left -= part;
	}
	return datagram;
}

static bool send_one(struct iperf3_stream *stream)
{
	uint32_t length = iperf3_test.parameters.block;
	struct netif *netif = ip_route(&stream->own, &stream->address);
	struct pbuf *datagram;
	err_t error;

	if (!netif)
		return false;
	datagram = make_datagram(stream->packets + 1, length);
	if (!datagram)
		return false;
	error = udp_sendto_if_src(listener, datagram, &stream->address, stream->port, netif,
				  &stream->own);
	pbuf_free(datagram);
	if (error != ERR_OK)
		return false;
	stream->packets++;
	iperf3_stream_sent(stream, length);
	return true;
}

bool iperf3_datagrams_send(struct iperf3_stream *stream, unsigned int most)
{
	const struct iperf3_parameters *parameters = &iperf3_test.parameters;
	uint64_t now = clock_monotonic();

	while (most && stream->due <= now) {
		/* With a burst, so many go when one is due. */
		unsigned int burst = parameters->burst ? parameters->burst : 1;

		for (; burst && most; burst--, most--)
			if (!send_one(stream))
				return false;
	}
	return !most;
}
