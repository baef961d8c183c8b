/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net's pairs of queues: how many, creating and releasing them, and what is known of them.
 *
 * Receive queue, transmit queue and interrupts of pair n are CPU n's. All pairs that exist have
 * queues with buffers from the start, so that the number in use can change at any time; the pairs
 * themselves, with their pools, live as long as the driver.
 */
#include "drivers/net/virtio_net.h"

#include "drivers/net/buffers.h"
#include "kernel/console/log.h"
#include "kernel/memory/budget.h"
#include "kernel/thread/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LOG_AREA "net"

#define RING_BUFFERS 256u
#define POOL_BUFFERS (RING_BUFFERS + RING_BUFFERS / 2)
#define POOL_BUFFERS_MIN 8u
#define FRAME_SEGMENTS 20u /* of a frame that the device does not cut */

/* 5.1.2: receiveq1, transmitq1, receiveq2, ... */
#define QUEUE_RECEIVE(pair) (2 * (pair))
#define QUEUE_TRANSMIT(pair) (2 * (pair) + 1)
#define QUEUES_MAX (2 * NETWORK_QUEUES_MAX + 1)

static unsigned int pool_size(unsigned int pairs)
{
	unsigned int each = network_buffers_wanted(RING_BUFFERS, pairs) / pairs;

	return each < POOL_BUFFERS_MIN ? POOL_BUFFERS_MIN : each;
}

/* Large ones where frames are joined that fill them, and memory is plenty: one for each place of the pool. */
static uint32_t block_size(const struct virtio_net *net, unsigned int pairs)
{
	if (!net->mergeable || net->header_alone || !(net->offloads & VIRTIO_NET_JOINS) ||
	    network_buffers_fair(VIRTIO_NET_BLOCK_LARGE) < POOL_BUFFERS * pairs ||
	    network_buffers_asked())
		return VIRTIO_NET_BLOCK;
	return VIRTIO_NET_BLOCK_LARGE;
}

/* As many as the device has, this machine has CPUs for, and virtio.queues= allows. */
static unsigned int pairs_possible(struct virtio_device *device,
				   const struct virtio_features *features)
{
	unsigned int count = 1;

	if (virtio_features_has(features, VIRTIO_NET_F_MQ) ||
	    virtio_features_has(features, VIRTIO_NET_F_RSS))
		count = virtio_config_read16(device, VIRTIO_NET_CONFIG_MAX_PAIRS);
	count = virtio_queues_allowed(count);
	if (count > thread_cpu_count())
		count = thread_cpu_count();
	if (count > NETWORK_QUEUES_MAX)
		count = NETWORK_QUEUES_MAX;
	return count ? count : 1; /* what was read once may read as 0 now */
}

unsigned int virtio_net_pool_size(struct virtio_device *device,
				  const struct virtio_features *features)
{
	const struct virtio_net *net = device->driver_data;

	return net ? net->pairs[0].receive.pool_count : pool_size(pairs_possible(device, features));
}

int virtio_net_pairs_create(struct virtio_net *net)
{
	unsigned int count = pairs_possible(net->virtio, &net->virtio->negotiated);
	unsigned int buffers = pool_size(count);
	uint32_t block = block_size(net, count);

	net->pairs = calloc(count, sizeof(*net->pairs));
	if (!net->pairs)
		return -ENOMEM;
	net->network.queue_pairs = count;
	for (unsigned int i = 0; i < count; i++) {
		struct virtio_net_pair *pair = &net->pairs[i];

		pair->net = net;
		pair->index = i;
		sniprintf(pair->receive_name, sizeof(pair->receive_name), "receive%u", i);
		sniprintf(pair->transmit_name, sizeof(pair->transmit_name), "transmit%u", i);
		pair->receive.chain = net->chain;
		if ((i && !memory_budget()) || virtio_net_receive_create(pair, buffers, block)) {
			if (!i)
				return -ENOMEM;
			log_notice("%s: memory for %u pairs of queues only", net->virtio->bus_name,
				   i);
			virtio_net_receive_destroy(pair);
			net->network.queue_pairs = i;
			break;
		}
		net->network.receive_buffers += pair->receive.pool_count;
	}
	return 0;
}

void virtio_net_pairs_destroy(struct virtio_net *net)
{
	for (unsigned int i = 0; net->pairs && i < net->network.queue_pairs; i++)
		virtio_net_receive_destroy(&net->pairs[i]);
	free(net->pairs);
	net->pairs = NULL;
}

/* -- Queues */

static void on_queue(struct virtqueue *vq)
{
	struct virtio_net_pair *pair = vq->context;

	network_notify(&pair->net->network, pair->index, NETWORK_EVENT_RECEIVE);
}

static void add_counters(struct network_statistics *result, const struct virtqueue *vq)
{
	if (!vq)
		return;
	result->kicks += vq->counters.kicks;
	result->interrupts += vq->counters.interrupts + vq->counters.interrupts_idle;
}

void virtio_net_queues_release(struct virtio_net *net)
{
	for (unsigned int i = 0; i < net->network.queue_pairs; i++) {
		struct virtio_net_pair *pair = &net->pairs[i];

		if (pair->receive.vq) {
			virtio_net_receive_stop(pair);
			add_counters(&net->statistics, pair->receive.vq);
			pair->receive.vq = NULL;
		}
		if (pair->transmit.vq) {
			virtio_net_transmit_stop(pair);
			add_counters(&net->statistics, pair->transmit.vq);
			virtio_net_transmit_destroy(pair);
		}
	}
	net->pairs_created = 0;
}

/* Each piece that a frame may have costs memory: many only where frames are up to 64 KiB long. */
static unsigned int segments_wanted(const struct virtio_net *net)
{
	return net->cuts ? NETWORK_SEGMENTS_MAX : FRAME_SEGMENTS;
}

/* A frame is no longer than the ring (2.7.5.3), with its header where that is a piece of its own. */
static int limit_segments(struct virtio_net *net)
{
	unsigned int size = net->pairs[0].transmit.vq->size;

	for (unsigned int i = 1; i < net->pairs_created; i++)
		if (net->pairs[i].transmit.vq->size < size)
			size = net->pairs[i].transmit.vq->size;
	if (size < 1u + net->header_alone) {
		log_error("%s: its transmit queue holds no frame", net->virtio->bus_name);
		return -ENOSPC;
	}
	if (size > segments_wanted(net))
		net->network.segments_max = segments_wanted(net);
	else
		net->network.segments_max = size > 1 ? size - 1 : 1;
	return 0;
}

static int fill_queues(struct virtio_net *net)
{
	struct virtqueue **queues = net->virtio->queues;
	int error;

	for (unsigned int i = 0; i < net->pairs_created; i++) {
		error = virtio_net_transmit_create(&net->pairs[i], queues[QUEUE_TRANSMIT(i)]);
		if (error)
			return error;
	}
	error = limit_segments(net);
	for (unsigned int i = 0; i < net->pairs_created && !error; i++) {
		virtio_net_receive_start(&net->pairs[i], queues[QUEUE_RECEIVE(i)]);
		if (net->pairs[i].receive.posted)
			continue;
		log_error("%s: its receive queue holds no frame", net->virtio->bus_name);
		error = -ENOSPC;
	}
	return error;
}

int virtio_net_queues_create(struct virtio_net *net)
{
	struct virtio_device *device = net->virtio;
	struct virtio_queue_request requests[QUEUES_MAX] = {{0}};
	unsigned int pairs = pairs_possible(device, &device->negotiated), count;
	bool control = virtio_has(device, VIRTIO_NET_F_CTRL_VQ);
	int error;

	if (pairs > net->network.queue_pairs)
		pairs = net->network.queue_pairs;
	for (unsigned int i = 0; i < pairs; i++) {
		struct virtio_net_pair *pair = &net->pairs[i];

		pair->receive.chain = net->chain;
		requests[QUEUE_RECEIVE(i)] = (struct virtio_queue_request){
			.name = pair->receive_name,
			.callback = on_queue,
			.context = pair,
			.segments_max = net->chain + net->header_alone,
			.cpu = i,
		};
		requests[QUEUE_TRANSMIT(i)] = (struct virtio_queue_request){
			.name = pair->transmit_name,
			.callback = on_queue,
			.context = pair,
			.segments_max = segments_wanted(net) + 1,
			.cpu = i,
		};
	}
	count = 2 * pairs;
	/* Its answers are looked for, not interrupted for: they come at once, and it needs no vector. */
	if (control)
		requests[count++] = (struct virtio_queue_request){
			.name = "control",
			.index = (uint16_t)virtio_net_control_index(net),
			.segments_max = 4,
		};
	error = virtio_queues_create(device, requests, count);
	if (error)
		return error;
	net->pairs_created = pairs;
	error = fill_queues(net);
	if (!error) {
		virtio_net_control_start(net, control ? device->queues[count - 1] : NULL);
		return 0;
	}
	if (virtio_reset(device))
		return error; /* it may still write to what was lent */
	virtio_net_queues_release(net);
	virtio_queues_destroy(device);
	return error;
}

/* -- What is known of them */

/* What queues counted that are gone stands in net->statistics. */
void virtio_net_statistics(struct network_device *device, struct network_statistics *result)
{
	struct virtio_net *net = virtio_net_of(device);
	const struct virtqueue *control;

	virtio_queues_hold();
	*result = net->statistics;
	for (unsigned int i = 0; i < device->queue_pairs; i++) {
		const struct virtio_net_pair *pair = &net->pairs[i];

		result->receive_packets += pair->receive.packets;
		result->receive_bytes += pair->receive.bytes;
		result->transmit_packets += pair->transmit.packets;
		result->transmit_bytes += pair->transmit.bytes;
		result->receive_joined += pair->receive.joined;
		result->transmit_cut += pair->transmit.cut;
		result->transmit_cut_into += pair->transmit.cut_into;
		add_counters(result, pair->receive.vq);
		add_counters(result, pair->transmit.vq);
	}
	control = net->control.vq;
	if (control)
		result->kicks += control->counters.kicks;
	virtio_queues_release();
}

static uint64_t hashes(const struct virtio_net_receive *receive)
{
	uint64_t sum = 0;

	for (unsigned int i = 1; i < VIRTIO_NET_HASH_REPORTS; i++)
		sum += receive->hashes[i];
	return sum;
}

void virtio_net_queue_statistics(struct network_device *device, unsigned int queue,
				 struct network_queue_statistics *result)
{
	const struct virtio_net_pair *pair = &virtio_net_of(device)->pairs[queue];
	struct network_statistics receive = {0}, transmit = {0};

	virtio_queues_hold();
	add_counters(&receive, pair->receive.vq);
	add_counters(&transmit, pair->transmit.vq);
	virtio_queues_release();
	*result = (struct network_queue_statistics){
		.receive_packets = pair->receive.packets,
		.receive_bytes = pair->receive.bytes,
		.receive_kicks = receive.kicks,
		.receive_interrupts = receive.interrupts,
		.hashes = hashes(&pair->receive),
		.transmit_packets = pair->transmit.packets,
		.transmit_bytes = pair->transmit.bytes,
		.transmit_kicks = transmit.kicks,
	};
}

void virtio_net_information(struct network_device *device, struct network_information *result)
{
	struct virtio_net *net = virtio_net_of(device);
	struct virtio_device *virtio = net->virtio;
	const struct virtqueue *receive, *transmit;

	*result = (struct network_information){.speed = NETWORK_SPEED_UNKNOWN,
					       .duplex = NETWORK_DUPLEX_UNKNOWN};
	if (net->stopped)
		return;
	if (virtio_has(virtio, VIRTIO_NET_F_SPEED_DUPLEX)) {
		uint8_t duplex = virtio_config_read8(virtio, VIRTIO_NET_CONFIG_DUPLEX);

		/* 5.1.4.1: up to 0x7fffffff, or unknown. */
		result->speed = virtio_config_read32(virtio, VIRTIO_NET_CONFIG_SPEED);
		if (result->speed > INT32_MAX)
			result->speed = NETWORK_SPEED_UNKNOWN;
		result->duplex = duplex <= 1 ? duplex : NETWORK_DUPLEX_UNKNOWN;
	}
	virtio_queues_hold();
	receive = net->pairs[0].receive.vq;
	transmit = net->pairs[0].transmit.vq;
	if (receive && transmit) {
		result->receive_ring = receive->size;
		result->transmit_ring = transmit->size;
	}
	virtio_queues_release();
	result->receive_ring_max = virtio_queue_size_max(virtio, QUEUE_RECEIVE(0));
	result->transmit_ring_max = virtio_queue_size_max(virtio, QUEUE_TRANSMIT(0));
}

static void describe_pairs(const struct virtio_net *net, struct facts *facts)
{
	fact_list(facts, "pairs");
	for (unsigned int i = 0; i < net->network.queue_pairs; i++) {
		const struct virtio_net_pair *pair = &net->pairs[i];

		fact_item(facts);
		fact_flag(facts, "active", i < net->network.queue_pairs_active);
		fact_number(facts, "receive_buffers", pair->receive.pool_count);
		fact_number(facts, "receive_posted", pair->receive.posted);
		fact_number(facts, "receive_packets", pair->receive.packets);
		fact_number(facts, "receive_bytes", pair->receive.bytes);
		fact_number(facts, "reminders", pair->receive.reminders);
		fact_number(facts, "joined", pair->receive.joined);
		fact_number(facts, "hashes", hashes(&pair->receive));
		fact_number(facts, "hashes_unknown", pair->receive.hashes_unknown);
		fact_number(facts, "transmit_packets", pair->transmit.packets);
		fact_number(facts, "transmit_bytes", pair->transmit.bytes);
		fact_number(facts, "cut", pair->transmit.cut);
		fact_number(facts, "cut_into", pair->transmit.cut_into);
		fact_number(facts, "transmit_outstanding", pair->transmit.outstanding);
		fact_end(facts);
	}
	fact_end(facts);
}

void virtio_net_describe(struct network_device *device, struct facts *facts)
{
	struct virtio_net *net = virtio_net_of(device);
	unsigned int posted = 0, outstanding = 0;

	for (unsigned int i = 0; i < device->queue_pairs; i++) {
		posted += net->pairs[i].receive.posted;
		outstanding += net->pairs[i].transmit.outstanding;
	}
	fact_text(facts, "virtio_device", net->virtio->name);
	fact_flag(facts, "stopped", net->stopped);
	fact_flag(facts, "mergeable_buffers", net->mergeable);
	fact_flag(facts, "checksum_receive", net->guest_csum);
	fact_number(facts, "receive_buffers", device->receive_buffers);
	fact_number(facts, "receive_posted", posted);
	fact_number(facts, "refills", net->refills);
	fact_number(facts, "transmit_outstanding", outstanding);
	fact_number(facts, "header_segments", net->header_segments);
	fact_number(facts, "ring_full", net->ring_full);
	fact_flag(facts, "control_queue", net->control.vq != NULL);
	fact_number(facts, "commands", net->control.commands);
	fact_number(facts, "commands_refused", net->control.refused);
	fact_number(facts, "announced", net->control.announced);
	fact_flag(facts, "promiscuous", device->mode.promiscuous);
	fact_flag(facts, "all_multicast", device->mode.all_multicast);
	fact_number(facts, "groups", device->mode.group_count);
	fact_flag(facts, "steered", net->steering_length);
	fact_hex(facts, "hash_types", net->hash_types);
	describe_pairs(net, facts);
}
