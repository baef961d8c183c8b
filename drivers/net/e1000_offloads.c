/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * e1000: checksums and segmentation of what is sent (SDM 3.4 to 3.6). A context descriptor tells where sums
 * are and how to cut; the chip keeps it for the frames that follow.
 *
 * For a frame to be cut the chip wants other headers than the stack makes (3.5.6): no length and no sum of IP,
 * and TCP's sum of the pseudo header without the length, which it adds for each piece. So these are a copy.
 *
 * Not IPv6, as in Linux's driver: QEMU's device counts that header among the payload whose length it writes.
 */
#include "drivers/net/e1000.h"

#include <errno.h>
#include <string.h>

#define ETHERNET_HEADER 14u
#define IP4_HEADER 20u

#define TCP_HEADER 20u
#define IP4_LENGTH (ETHERNET_HEADER + 2u)
#define IP4_CHECKSUM (ETHERNET_HEADER + 10u)
#define CONTEXT_PLACE_MAX UINT8_MAX

static int check_cut(const struct network_device *network, const struct network_transmit *frame,
		     uint32_t length)
{
	if (frame->cut != NETWORK_CUT_TCP4 || !(network->cuts & E1000_CUTS) || frame->cut_ecn ||
	    !frame->checksum || frame->checksum_start < ETHERNET_HEADER + IP4_HEADER ||
	    !frame->cut_length || frame->cut_header < frame->checksum_start + TCP_HEADER ||
	    frame->checksum_offset > TCP_HEADER - sizeof(uint16_t) || frame->cut_header >= length)
		return -EINVAL;
	return frame->cut_header > E1000_HEADERS_MAX ||
			       (uint32_t)frame->cut_header + frame->cut_length > E1000_FRAME_MAX
		       ? -EMSGSIZE
		       : 0;
}

int e1000_offloads_check(const struct network_device *network, const struct network_transmit *frame,
			 uint32_t length)
{
	uint32_t place = (uint32_t)frame->checksum_start + frame->checksum_offset;

	if (frame->checksum && (frame->checksum_start < ETHERNET_HEADER ||
				place > CONTEXT_PLACE_MAX || place + sizeof(uint16_t) > length))
		return -EINVAL;
	return frame->cut ? check_cut(network, frame, length) : 0;
}

void e1000_offloads_headers(const struct network_transmit *frame, uint32_t length,
			    uint8_t headers[E1000_HEADERS_MAX])
{
	uint8_t *sum = headers + frame->checksum_start + frame->checksum_offset;
	uint32_t copied = 0, value;

	for (unsigned int i = 0; copied < frame->cut_header; i++) {
		uint32_t part = frame->segments[i].length;

		if (part > frame->cut_header - copied)
			part = frame->cut_header - copied;
		memcpy(headers + copied, frame->segments[i].data, part);
		copied += part;
	}
	memset(headers + IP4_LENGTH, 0, sizeof(uint16_t));
	memset(headers + IP4_CHECKSUM, 0, sizeof(uint16_t));

	/* Less the length, as ones' complements are subtracted. */
	value = (uint32_t)(sum[0] << 8 | sum[1]) + (UINT16_MAX - (length - frame->checksum_start));
	value = (value & UINT16_MAX) + (value >> 16);
	sum[0] = (uint8_t)(value >> 8);
	sum[1] = (uint8_t)value;
}

struct e1000_context_descriptor e1000_offloads_context(const struct network_transmit *frame,
						       uint32_t length)
{
	struct e1000_context_descriptor context = {
		.tcp_start = (uint8_t)frame->checksum_start,
		.tcp_offset = (uint8_t)(frame->checksum_start + frame->checksum_offset),
		.payload_command = E1000_CONTEXT_DEXT,
	};

	if (!frame->cut)
		return context;
	context.ip_start = ETHERNET_HEADER;
	context.ip_offset = IP4_CHECKSUM;
	context.ip_end = (uint16_t)(frame->checksum_start - 1u);
	context.payload_command |= (length - frame->cut_header) | E1000_CONTEXT_TSE |
				   E1000_CONTEXT_TCP | E1000_CONTEXT_IP4;

	context.header = (uint8_t)frame->cut_header;
	context.segment = frame->cut_length;
	return context;
}

int e1000_set_feature(struct network_device *network, const char *name, bool on)
{
	struct e1000 *e1000 = e1000_of(network);

	if (strcmp(name, "tcp-segmentation-offload") != 0)
		return -EOPNOTSUPP;
	if (network->stack_lock)
		network->stack_lock(network);
	if (!e1000->stopped)
		network->cuts = on ? E1000_CUTS : 0;
	if (network->stack_unlock)
		network->stack_unlock(network);
	return e1000->stopped ? -ENETDOWN : 0;
}
