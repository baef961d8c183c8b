/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes of received frames and the queue that they choose (virtio 1.4, 5.1.9.4.3 and 5.1.9.5.7), of IPv4 only. */
#include "tests/device/faults.h"
#include "tests/device/virtio_model_net.h"

#include <string.h>

#define TYPE_IPV4 1u
#define TYPE_TCPV4 2u
#define TYPE_UDPV4 4u
#define REPORT_NONE 0
#define IP 14u
#define ADDRESSES 26u
#define ADDRESSES_BYTES 8u
#define PORTS_BYTES 4u
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

static uint32_t get(const uint8_t *data, unsigned int bytes)
{
	uint32_t value = 0;

	memcpy(&value, data, bytes);
	return value;
}

/* 5.1.9.4.3.1: Toeplitz. */
static uint32_t toeplitz(const uint8_t *key, const uint8_t *data, unsigned int count)
{
	uint32_t window =
		(uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];
	uint32_t hash = 0;

	for (unsigned int i = 0; i < 8 * count; i++) {
		unsigned int next = i + 32;

		if (data[i / 8] >> (7 - i % 8) & 1)
			hash ^= window;
		window = window << 1 | (key[next / 8] >> (7 - next % 8) & 1);
	}
	return hash;
}

void model_net_hash_configure(struct virtio_model_net *net, const struct model_net_command *command,
			      bool redirects)
{
	struct model_net_hash *hash = &net->hash;
	unsigned int entries = redirects ? get(command->data + 4, 2) + 1u : 1;

	memset(hash, 0, sizeof(*hash));
	hash->on = true;
	hash->redirects = redirects;
	hash->types = get(command->data, 4);
	if (redirects) {
		hash->mask = (uint16_t)(entries - 1);
		hash->unclassified = (uint16_t)get(command->data + 6, 2);
		memcpy(hash->table, command->data + 8, 2 * (size_t)entries);
	}
	/* The key is the last of both commands. */
	memcpy(hash->key, command->data + command->length - sizeof(hash->key), sizeof(hash->key));
}

/* What is hashed of the frame: its hash_report, or 0 for nothing. */
static uint16_t classify(const struct model_net_hash *hash, const struct model_net_frame *frame,
			 unsigned int *bytes)
{
	uint8_t protocol = frame->data[IP + 9];

	if (frame->length < ADDRESSES + ADDRESSES_BYTES + PORTS_BYTES || frame->data[12] != 8 ||
	    frame->data[13])
		return REPORT_NONE;
	*bytes = ADDRESSES_BYTES + PORTS_BYTES;
	if (protocol == PROTOCOL_TCP && hash->types & TYPE_TCPV4)
		return 2;
	if (protocol == PROTOCOL_UDP && hash->types & TYPE_UDPV4)
		return 3;
	*bytes = ADDRESSES_BYTES;
	return hash->types & TYPE_IPV4 ? 1 : REPORT_NONE;
}

unsigned int model_net_hash_frame(const struct virtio_model_net *net, struct model_net_frame *frame,
				  unsigned int pair)
{
	const struct model_net_hash *hash = &net->hash;
	unsigned int bytes = 0;
	uint16_t report;
	uint32_t value = 0;

	if (!hash->on)
		return pair;
	report = classify(hash, frame, &bytes);
	if (report)
		value = toeplitz(hash->key, frame->data + ADDRESSES, bytes);
	if (fault(FAULT_NET_HASH_WRONG))
		value = (value << 1) | (value >> 31);
	frame->header.hash_value = value;
	frame->header.hash_report = report;
	if (!hash->redirects)
		return pair;
	if (!report)
		return fault(FAULT_NET_UNCLASSIFIED_IGNORED) ? 0 : hash->unclassified;
	return fault(FAULT_NET_TABLE_UNMASKED) ? hash->table[0] : hash->table[value & hash->mask];
}
