/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/stack.h"

#include "kernel/memory/dma.h"
#include "kernel/memory/pages.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcpip.h"
#include "lwip/timeouts.h"
#include "net/lwip/interface.h"
#include "net/lwip/sockets.h"
#include "net/lwip/stack.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY (64u << 20)
#define BUFFER 2048u
#define QUEUE 64u
#define SENT 64u
#define BUFFERS_MAX 256u
#define TIMERS_MAX 4096

struct stack_sent stack_sent_tcp[STACK_PORTS], stack_sent_dns, stack_sent_dhcp;

static struct network_device device;
static struct network_buffer *incoming[QUEUE];
static uint32_t lengths[QUEUE];
static bool good[QUEUE], joined[QUEUE];
static unsigned int incoming_count, buffers_out;
static void *done[SENT];
static unsigned int done_count;

static const uint8_t mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static const uint8_t peer[6] = {2, 0, 0, 0, 0, 1};

/* Sockets are file descriptors of newlib's, which the host has not got. */
void sockets_init(void)
{
}

/* -- The device */

static unsigned int poll(struct network_device *from, unsigned int queue, unsigned int budget)
{
	unsigned int count = 0;

	(void)queue;
	while (done_count)
		from->transmitted(from, done[--done_count]);
	for (; count < incoming_count && count < budget; count++) {
		const struct network_receive_info info = {.length = lengths[count],
							  .checksum_good = good[count],
							  .joined = joined[count]};

		from->receive(from, incoming[count], &info);
	}
	memmove(incoming, incoming + count, (incoming_count - count) * sizeof(incoming[0]));
	incoming_count -= count;
	return count;
}

static bool arm(struct network_device *from, unsigned int queue)
{
	(void)from;
	(void)queue;
	return incoming_count || done_count;
}

static void keep(struct stack_sent *sent, const uint8_t *bytes, size_t length)
{
	memcpy(sent->bytes, bytes, length);
	sent->length = length;
}

/* What a peer has to know to answer. */
static void look_at(const uint8_t *frame, size_t length)
{
	unsigned int port;

	if (length < 42 || stack_get16(frame + 12) != 0x0800)
		return;
	frame += 14;
	length -= 14;
	port = stack_get16(frame + 22);
	if (frame[9] == 6 && length >= 40 && port - STACK_PORT < STACK_PORTS)
		keep(&stack_sent_tcp[port - STACK_PORT], frame, length);
	if (frame[9] == 17 && port == 53)
		keep(&stack_sent_dns, frame, length);
	if (frame[9] == 17 && port == 67)
		keep(&stack_sent_dhcp, frame, length);
}

static int transmit(struct network_device *from, unsigned int queue,
		    const struct network_transmit *frame)
{
	uint8_t bytes[STACK_FRAME];
	size_t length = 0;

	(void)from;
	(void)queue;
	if (done_count == SENT)
		return -ENOBUFS;
	fuzz_check(frame->segment_count && frame->segment_count <= NETWORK_SEGMENTS_MAX,
		   "%u segments are sent", frame->segment_count);
	for (unsigned int i = 0; i < frame->segment_count; i++) {
		const struct network_segment *segment = &frame->segments[i];
		size_t part = segment->length;

		fuzz_check(dma_reachable(segment->data), "memory that a device cannot reach");
		if (part > sizeof(bytes) - length)
			part = sizeof(bytes) - length;
		memcpy(bytes + length, segment->data, part);
		length += part;
	}
	look_at(bytes, length);
	done[done_count++] = frame->token;
	return 0;
}

static void flush(struct network_device *from, unsigned int queue)
{
	(void)from;
	(void)queue;
}

static void buffer_free(struct network_device *from, struct network_buffer *buffer)
{
	fuzz_check(from == &device && buffer->lent, "a buffer is freed twice");
	buffer->lent = false;
	buffers_out--;
	dma_free(buffer, BUFFER);
}

static void mode_changed(struct network_device *from)
{
	fuzz_check(from->mode.group_count <= NETWORK_GROUPS_MAX, "%u groups",
		   from->mode.group_count);
}

static void statistics(struct network_device *from, struct network_statistics *result)
{
	(void)from;
	memset(result, 0, sizeof(*result));
}

static const struct network_operations operations = {
	.poll = poll,
	.arm = arm,
	.transmit = transmit,
	.flush = flush,
	.buffer_free = buffer_free,
	.mode_changed = mode_changed,
	.statistics = statistics,
};

/* -- The stack */

void fuzz_prepare(void)
{
	static uint8_t metadata[1 << 16];

	fuzz_check(pages_metadata_size(MEMORY) <= sizeof(metadata), "no room for the page bitmaps");
	fuzz_check(!pages_add_region(1u << 30, (1u << 30) + MEMORY, metadata), "no region");
}

void stack_open(const char *options)
{
	memset(&device, 0, sizeof(device));
	memset(stack_sent_tcp, 0, sizeof(stack_sent_tcp));
	stack_sent_dns.length = stack_sent_dhcp.length = 0;
	incoming_count = buffers_out = done_count = 0;
	host_threads();
	options_parse(options);
	device.operations = &operations;
	device.driver_name = device.bus_name = "fuzz";
	memcpy(device.mac, mac, 6);
	device.mtu = 1500;
	device.link_up = true;
	device.queue_pairs = device.queue_pairs_active = 1;
	device.receive_buffers = 16;
	device.segments_max = NETWORK_SEGMENTS_MAX;
	network_register(&device);
	network_stack_start();
}

static struct network_buffer *buffer_of(const uint8_t *bytes, uint32_t length)
{
	struct network_buffer *buffer = dma_alloc(BUFFER, NULL);

	fuzz_check(buffer, "no memory for a frame");
	buffer->device = &device;
	buffer->size = BUFFER;
	buffer->lent = true;
	/* At the block's end, so that the sanitizer sees what is read beyond. */
	buffer->data = (uint8_t *)buffer + BUFFER - length;
	buffer->length = length;
	memcpy(buffer->data, bytes, length);
	buffers_out++;
	return buffer;
}

void stack_bring(const struct stack_frame *frame)
{
	struct network_buffer **link = &incoming[incoming_count];
	uint32_t offset = 0, length = (uint32_t)frame->length;
	uint8_t how = fuzz_byte();

	if (!length || incoming_count == QUEUE || buffers_out >= BUFFERS_MAX)
		return;
	lengths[incoming_count] = length;
	good[incoming_count] = !(how & 1);
	joined[incoming_count] = how & 2;
	while (offset < length) {
		uint32_t part = length - offset, most = BUFFER - (uint32_t)sizeof(**link);

		if (how & 4)
			part = part > 1 ? 1 + fuzz_choose(part) : 1;
		if (part > most)
			part = most;
		*link = buffer_of(frame->bytes + offset, part);
		link = &(*link)->next;
		offset += part;
	}
	incoming_count++;
}

static void work(void)
{
	LOCK_TCPIP_CORE();
	for (unsigned int i = 0; i < 64 && arm(&device, 0); i++) {
		(void)poll(&device, 0, 64);
		interface_drain(interfaces);
		interface_flush(interfaces);
	}
	UNLOCK_TCPIP_CORE();
	host_thread_work("http");
}

void stack_wait(uint64_t nanoseconds)
{
	work();
	host_clock_advance(nanoseconds);
	LOCK_TCPIP_CORE();
	sys_check_timeouts();
	UNLOCK_TCPIP_CORE();
	work();
}

static void abort_all(struct tcp_pcb **list)
{
	for (unsigned int i = 0; *list; i++) {
		fuzz_check(i < 10000, "connections without end");
		tcp_abort(*list);
	}
}

void stack_close(void)
{
	work();
	LOCK_TCPIP_CORE();
	abort_all(&tcp_active_pcbs);
	abort_all(&tcp_tw_pcbs);
	UNLOCK_TCPIP_CORE();
	/* Fragments, neighbours that are asked for, names: all of it ends. */
	for (unsigned int i = 0; i < 300 && (buffers_out || i < 4); i++)
		stack_wait(NANOSECONDS_PER_SECOND);
	fuzz_check(!buffers_out, "%u receive buffers do not come back", buffers_out);
}

/* -- Frames */

void stack_add(struct stack_frame *frame, const void *bytes, size_t length)
{
	if (length > STACK_FRAME - frame->length)
		length = STACK_FRAME - frame->length;
	memcpy(frame->bytes + frame->length, bytes, length);
	frame->length += length;
}

void stack_add8(struct stack_frame *frame, uint8_t value)
{
	stack_add(frame, &value, 1);
}

void stack_add16(struct stack_frame *frame, uint16_t value)
{
	stack_add8(frame, (uint8_t)(value >> 8));
	stack_add8(frame, (uint8_t)value);
}

void stack_add32(struct stack_frame *frame, uint32_t value)
{
	stack_add16(frame, (uint16_t)(value >> 16));
	stack_add16(frame, (uint16_t)value);
}

void stack_add_input(struct stack_frame *frame, size_t most)
{
	uint8_t bytes[STACK_FRAME];
	size_t length = fuzz_choose((uint32_t)(most < STACK_FRAME ? most : STACK_FRAME) + 1);

	fuzz_fill(bytes, length);
	stack_add(frame, bytes, length);
}

void stack_ethernet(struct stack_frame *frame, uint16_t type)
{
	static const uint8_t others[][6] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
					    {0x33, 0x33, 0, 0, 0, 1},
					    {1, 0, 0x5e, 0, 0, 1}};
	uint8_t to = fuzz_byte();

	frame->length = 0;
	stack_add(frame, to < 0xc0 ? mac : others[to % 3], 6);
	stack_add(frame, peer, 6);
	stack_add16(frame, type);
}

uint16_t stack_sum(const uint8_t *bytes, size_t length, uint32_t start)
{
	uint32_t sum = start;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint16_t stack_sum_ip6(const uint8_t *ip, uint8_t protocol, size_t length)
{
	uint32_t start = protocol + (uint32_t)length;

	for (unsigned int i = 8; i < 40; i += 2)
		start += stack_get16(ip + i);
	return stack_sum(ip + 40, length, start);
}

void stack_ip4(struct stack_frame *frame, uint8_t protocol, uint16_t fragment, size_t length)
{
	size_t at = frame->length;
	uint16_t sum;

	stack_add16(frame, 0x4500);
	stack_add16(frame, (uint16_t)(20 + length));
	stack_add16(frame, 7); /* all fragments are of one datagram */
	stack_add16(frame, fragment);
	stack_add16(frame, (uint16_t)(0x4000 | protocol));
	stack_add16(frame, 0);
	stack_add32(frame, STACK_PEER);
	stack_add32(frame, STACK_ADDRESS);
	sum = stack_sum(frame->bytes + at, 20, 0);
	frame->bytes[at + 10] = (uint8_t)(sum >> 8);
	frame->bytes[at + 11] = (uint8_t)sum;
}

void stack_udp(struct stack_frame *frame, uint16_t from, uint16_t to, const void *bytes,
	       size_t length)
{
	stack_ethernet(frame, 0x0800);
	stack_ip4(frame, 17, 0, 8 + length);
	stack_add16(frame, from);
	stack_add16(frame, to);
	stack_add16(frame, (uint16_t)(8 + length));
	stack_add16(frame, 0); /* none: RFC 768 */
	stack_add(frame, bytes, length);
}
