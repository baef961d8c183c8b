/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames: taken from the queue with odd number, and an answer put into the other one. */
#include "tests/conformance/back_end/net.h"

#include "tests/conformance/back_end/back_end.h"
#include "tests/conformance/back_end/faults.h"

#include <errno.h>
#include <string.h>

enum { F_GUEST_CSUM = 1, F_GUEST_TSO4 = 7, F_MRG_RXBUF = 15 }; /* feature bits (5.1.3) */
enum { RECEIVE = 0, TRANSMIT = 1 };			       /* queues (5.1.2) */

/* In front of each frame (5.1.9). */
struct header {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};
_Static_assert(sizeof(struct header) == 12, "5.1.9");

#define NEEDS_CSUM 1u
#define GSO_TCPV4 1u

/* Places in a frame. */
enum { ETHERNET = 14, TYPE = 12, SOURCE = 6, ARP_OPERATION = 20, ARP_SENDER = 22, ARP_TARGET = 32 };
enum { ARP_END = 42, IP_PROTOCOL = 23, IP_SOURCE = 26, IP_TARGET = 30, ICMP = 34, ICMP_END = 42 };
#define FRAME_MAX 1514u

static const uint8_t our_mac[6] = {0x52, 0x54, 0, 0x0a, 0x09, 1};
static const uint8_t our_address[4] = {10, 9, 0, 1};

static unsigned int get16(const uint8_t *place)
{
	return (unsigned int)place[0] << 8 | place[1];
}

static void put16(uint8_t *place, unsigned int value)
{
	place[0] = (uint8_t)(value >> 8);
	place[1] = (uint8_t)value;
}

static void swap(uint8_t *a, uint8_t *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

/* Makes the answer of the frame. False: it gets none. */
static bool answer(uint8_t *frame, size_t size)
{
	if (size >= ARP_END && get16(frame + TYPE) == 0x0806 && get16(frame + ARP_OPERATION) == 1 &&
	    !memcmp(frame + ARP_TARGET + 6, our_address, sizeof(our_address))) {
		put16(frame + ARP_OPERATION, 2);
		swap(frame + ARP_SENDER, frame + ARP_TARGET, 10);
		memcpy(frame + ARP_SENDER, our_mac, sizeof(our_mac));
	} else if (size >= ICMP_END && get16(frame + TYPE) == 0x0800 && frame[ETHERNET] == 0x45 &&
		   frame[IP_PROTOCOL] == 1 && frame[ICMP] == 8 &&
		   !memcmp(frame + IP_TARGET, our_address, sizeof(our_address))) {
		unsigned int sum = get16(frame + ICMP + 2) + 0x0800;

		frame[ICMP] = 0;
		put16(frame + ICMP + 2, (sum & 0xffff) + (sum >> 16));
		swap(frame + IP_SOURCE, frame + IP_TARGET, sizeof(our_address));
	} else {
		return false;
	}
	memcpy(frame, frame + SOURCE, sizeof(our_mac));
	memcpy(frame + SOURCE, our_mac, sizeof(our_mac));
	return true;
}

static void lie(struct header *header)
{
	if (fault_now(FAULT_NUM_BUFFERS_ZERO))
		header->num_buffers = 0;
	if (fault_now(FAULT_NUM_BUFFERS_MANY))
		header->num_buffers = 0xffff;
	if (fault_now(FAULT_NUM_BUFFERS_NEXT))
		header->num_buffers = 2;
	if (fault_now(FAULT_HEADER_CHECKSUM))
		*header = (struct header){NEEDS_CSUM, 0, 0, 0, 0xffff, 0xffff, 1};
	if (fault_now(FAULT_HEADER_FLAGS))
		header->flags = 0xfc;
	if (fault_now(FAULT_HEADER_LENGTH))
		header->hdr_len = 0xffff;
	if (fault_now(FAULT_HEADER_TYPE))
		header->gso_type = 0x55;
	if (fault_now(FAULT_HEADER_SEGMENT))
		*header = (struct header){NEEDS_CSUM, GSO_TCPV4, 54, 0, 34, 16, 1};
}

/* A frame that finds no buffer is lost, as on any cable. */
static void give(struct back_end *back_end, const uint8_t *frame, size_t size)
{
	static struct chain chain;
	struct ring *ring = &back_end->rings[RECEIVE];
	struct header header = {.num_buffers = 1};
	size_t written = sizeof(header) + size;

	if (!ring->kicked || !ring->enabled || ring_next(ring, &chain) <= 0)
		return;
	lie(&header);
	chain_write(&chain, 0, &header, sizeof(header));
	chain_write(&chain, sizeof(header), frame, size);
	if (fault_now(FAULT_FRAME_SHORT))
		written = sizeof(header) / 2;
	if (fault_now(FAULT_FRAME_EMPTY))
		written = sizeof(header);
	if (written > chain.in_bytes)
		written = chain.in_bytes;
	ring_complete(ring, &chain, (uint32_t)written);
	ring_signal(ring);
}

static int64_t execute(struct device *device, struct back_end *back_end, const struct chain *chain)
{
	uint8_t frame[FRAME_MAX];
	size_t size;

	(void)device;
	if (chain->out_bytes < sizeof(struct header) || chain->in)
		return -EINVAL;
	size = chain->out_bytes - sizeof(struct header);
	if (size > sizeof(frame))
		return 0;
	chain_read(chain, sizeof(struct header), frame, size);
	if (answer(frame, size))
		give(back_end, frame, size);
	return 0;
}

static uint64_t features(const struct device *device)
{
	(void)device;
	return 1u << F_GUEST_CSUM | 1u << F_GUEST_TSO4 | 1u << F_MRG_RXBUF;
}

static bool waits(const struct device *device, unsigned int queue)
{
	(void)device;
	return queue % 2 == RECEIVE;
}

void net_open(struct net *net)
{
	static const struct device_operations operations = {
		.features = features, .waits = waits, .execute = execute};

	net->device = (struct device){&operations, TRANSMIT + 1};
}
