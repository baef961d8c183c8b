/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net (virtio 1.4, 5.1): configuration, interrupts, link, failure, description. */
#include "drivers/net/virtio_net.h"

#include "kernel/console/log.h"
#include "kernel/memory/pages.h"
#include "kernel/options/options.h"
#include "kernel/random/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "net"

#define QUEUE_RECEIVE 0 /* receiveq1, transmitq1 (5.1.2) */
#define QUEUE_TRANSMIT 1

/* The pool: half as much again as the ring, so that the stack can hold some; less on small
 * machines. */
#define RING_BUFFERS 256u
#define POOL_BUFFERS (RING_BUFFERS + RING_BUFFERS / 2)
#define POOL_BUFFERS_MIN 32u
#define POOL_MEMORY_PART 8u /* of the memory that is free */

static bool check_number(const char *value)
{
	uint64_t number;

	return option_parse_number(value, &number) && number >= 8 && number <= 16384;
}

OPTION(net_buffers, "net.buffers", "8..16384",
       "receive buffers of a network device, 2 KiB each (default: 384, less on small machines)",
       check_number);

static const uint8_t features[] = {
	VIRTIO_NET_F_CSUM,   VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_MTU,	   VIRTIO_NET_F_MAC,
	VIRTIO_NET_F_STATUS, VIRTIO_NET_F_MRG_RXBUF,  VIRTIO_FEATURES_END,
};

static void validate(struct virtio_device *device, struct virtio_features *wanted)
{
	uint16_t mtu;

	if (!virtio_features_has(wanted, VIRTIO_NET_F_MTU))
		return;
	mtu = virtio_config_read16(device, VIRTIO_NET_CONFIG_MTU);
	if (mtu < VIRTIO_NET_MTU_MIN || mtu > VIRTIO_NET_MTU_MAX) {
		log_warning("%s: its MTU of %u is not used", device->bus_name, mtu);
		virtio_features_clear(wanted, VIRTIO_NET_F_MTU);
	}
}

/* -- Interrupts */

static void on_queue(struct virtqueue *vq)
{
	struct virtio_net *net = vq->context;

	network_notify(&net->network, NETWORK_EVENT_RECEIVE);
}

static bool read_link(struct virtio_net *net)
{
	if (!virtio_has(net->virtio, VIRTIO_NET_F_STATUS))
		return true; /* 5.1.5: without it the link is taken to be up */
	return virtio_config_read16(net->virtio, VIRTIO_NET_CONFIG_STATUS) &
	       VIRTIO_NET_STATUS_LINK_UP;
}

static void on_config(struct virtio_device *device)
{
	struct virtio_net *net = device->driver_data;
	bool up;

	if (!net || net->stopped)
		return;
	up = read_link(net);
	if (up == net->network.link_up)
		return;
	net->network.link_up = up;
	network_notify(&net->network, NETWORK_EVENT_LINK);
}

static void on_broken(struct virtio_device *device)
{
	struct virtio_net *net = device->driver_data;

	if (net)
		network_notify(&net->network, NETWORK_EVENT_RECEIVE);
}

/* -- Operations */

static void stack_lock(struct virtio_net *net)
{
	if (net->network.stack_lock)
		net->network.stack_lock(&net->network);
}

static void stack_unlock(struct virtio_net *net)
{
	if (net->network.stack_unlock)
		net->network.stack_unlock(&net->network);
}

static unsigned int poll(struct network_device *device, unsigned int queue, unsigned int budget)
{
	struct virtio_net *net = virtio_net_of(device);
	unsigned int frames;

	(void)queue;
	if (net->stopped)
		return 0;
	net->statistics.polls++;
	virtio_net_reclaim(net);
	frames = virtio_net_receive_poll(net, budget);
	/* Of a device that broke nothing more comes, and its queues wait for stop(). */
	return net->virtio->broken ? 0 : frames;
}

static bool arm(struct network_device *device, unsigned int queue)
{
	struct virtio_net *net = virtio_net_of(device);

	(void)queue;
	if (net->stopped || net->virtio->broken)
		return false;
	return virtqueue_interrupts_on(net->receive.vq, 1);
}

static void add_counters(struct network_statistics *result, const struct virtqueue *vq)
{
	if (!vq)
		return;
	result->kicks += vq->counters.kicks;
	result->interrupts += vq->counters.interrupts + vq->counters.interrupts_idle;
}

/* What queues counted that are gone stands in net->statistics. */
static void statistics(struct network_device *device, struct network_statistics *result)
{
	struct virtio_net *net = virtio_net_of(device);

	*result = net->statistics;
	add_counters(result, net->receive.vq);
	add_counters(result, net->transmit.vq);
}

static void describe(struct network_device *device, struct facts *facts)
{
	struct virtio_net *net = virtio_net_of(device);

	fact_text(facts, "virtio_device", net->virtio->name);
	fact_flag(facts, "stopped", net->stopped);
	fact_flag(facts, "mergeable_buffers", net->mergeable);
	fact_flag(facts, "checksum_receive", net->guest_csum);
	fact_number(facts, "receive_buffers", net->receive.pool_count);
	fact_number(facts, "receive_posted", net->receive.posted);
	fact_number(facts, "refills", net->refills);
	fact_number(facts, "transmit_outstanding", net->transmit.outstanding);
	fact_number(facts, "header_segments", net->header_segments);
	fact_number(facts, "ring_full", net->ring_full);
}

static const struct network_operations operations = {
	.poll = poll,
	.arm = arm,
	.transmit = virtio_net_transmit,
	.flush = virtio_net_flush,
	.buffer_free = virtio_net_buffer_free,
	.statistics = statistics,
	.describe = describe,
};

/* -- Finding and setting up */

static unsigned int pool_size(void)
{
	uint64_t affordable = pages_available() * PAGE_SIZE / POOL_MEMORY_PART / VIRTIO_NET_BLOCK;

	if (affordable > POOL_BUFFERS)
		affordable = POOL_BUFFERS;
	if (affordable < POOL_BUFFERS_MIN)
		affordable = POOL_BUFFERS_MIN;
	return (unsigned int)option_number("net.buffers", 8, 16384, affordable);
}

/* 5.1.5: the device's address, or one of our own making. */
static int read_mac(struct virtio_net *net)
{
	uint8_t *mac = net->network.mac;

	if (virtio_has(net->virtio, VIRTIO_NET_F_MAC)) {
		static const uint8_t zero[6];
		int error = virtio_config_read(net->virtio, VIRTIO_NET_CONFIG_MAC, mac, 6, 1);

		if (error)
			return error;
		if (!(mac[0] & 1) && memcmp(mac, zero, 6))
			return 0;
		log_warning("%s: its address is not one of a station, a random one is used",
			    net->virtio->bus_name);
	}
	random_bytes(mac, 6);
	mac[0] = (uint8_t)((mac[0] & ~1u) | 2u); /* a station's, locally administered */
	return 0;
}

static int configure(struct virtio_net *net)
{
	struct virtio_device *device = net->virtio;
	struct network_device *network = &net->network;
	uint32_t buffer;
	int error = read_mac(net);

	if (error)
		return error;
	network->mtu = ETHERNET_MTU;
	if (virtio_has(device, VIRTIO_NET_F_MTU))
		network->mtu = virtio_config_read16(device, VIRTIO_NET_CONFIG_MTU);
	if (network->mtu < VIRTIO_NET_MTU_MIN || network->mtu > VIRTIO_NET_MTU_MAX) {
		log_error("%s: its MTU has become %u", device->bus_name, network->mtu);
		return -EINVAL;
	}
	network->checksum_transmit = virtio_has(device, VIRTIO_NET_F_CSUM);
	network->link_up = read_link(net);
	network->queue_pairs = 1;
	net->mergeable = virtio_has(device, VIRTIO_NET_F_MRG_RXBUF);
	net->guest_csum = virtio_has(device, VIRTIO_NET_F_GUEST_CSUM);
	net->frame_max = network->mtu + ETHERNET_HEADER_SIZE + ETHERNET_VLAN_SIZE;
	net->header_size = VIRTIO_NET_HEADER_SIZE;
	net->header_alone = false;
	if (!virtio_has(device, VIRTIO_F_VERSION_1)) {
		/* 2.7.4.2 and 5.1.9.1 */
		if (!net->mergeable)
			net->header_size = VIRTIO_NET_HEADER_SIZE_LEGACY;
		net->header_alone = !virtio_has(device, VIRTIO_F_ANY_LAYOUT);
	}
	/* 5.1.9.3.1: a buffer that is not merged with others holds the largest frame. */
	buffer = net->header_size + net->frame_max;
	net->receive.chain =
		net->mergeable ? 1 : (buffer + VIRTIO_NET_CAPACITY - 1) / VIRTIO_NET_CAPACITY;
	return 0;
}

/* Takes back what a queue of a device that was reset, or was never told about it, has. */
static void release_queues(struct virtio_net *net)
{
	if (net->receive.vq) {
		virtio_net_receive_stop(net);
		add_counters(&net->statistics, net->receive.vq);
		net->receive.vq = NULL;
	}
	if (net->transmit.vq) {
		virtio_net_transmit_stop(net);
		add_counters(&net->statistics, net->transmit.vq);
		virtio_net_transmit_destroy(net);
	}
}

/* A frame is no longer than the ring (2.7.5.3), with its header where that is a piece of its own. */
static int limit_segments(struct virtio_net *net)
{
	unsigned int size = net->transmit.vq->size;

	if (size < 1u + net->header_alone) {
		log_error("%s: its transmit queue holds no frame", net->virtio->bus_name);
		return -ENOSPC;
	}
	net->network.segments_max = size > NETWORK_SEGMENTS_MAX ? NETWORK_SEGMENTS_MAX
				    : size > 1			? size - 1
								: 1;
	return 0;
}

/* Step 7: queues with buffers in them. */
static int create_queues(struct virtio_net *net)
{
	struct virtio_device *device = net->virtio;
	const struct virtio_queue_request requests[] = {
		[QUEUE_RECEIVE] = {.name = "receive0",
				   .callback = on_queue,
				   .context = net,
				   .segments_max = net->receive.chain + net->header_alone},
		[QUEUE_TRANSMIT] = {.name = "transmit0",
				    .callback = on_queue,
				    .context = net,
				    .segments_max = NETWORK_SEGMENTS_MAX + 1},
	};
	int error = virtio_queues_create(device, requests, 2);

	if (error)
		return error;
	error = virtio_net_transmit_create(net, device->queues[QUEUE_TRANSMIT]);
	if (!error)
		error = limit_segments(net);
	if (!error) {
		virtio_net_receive_start(net, device->queues[QUEUE_RECEIVE]);
		if (net->receive.posted)
			return 0;
		log_error("%s: its receive queue holds no frame", device->bus_name);
		error = -ENOSPC;
	}
	if (virtio_reset(device))
		return error; /* it may still write to what was lent */
	release_queues(net);
	virtio_queues_destroy(device);
	return error;
}

/* Step 8 */
static void run(struct virtio_net *net)
{
	virtio_driver_ok(net->virtio);
	virtqueue_kick(net->receive.vq);
	net->network.link_up = read_link(net); /* changes before now went unheard */
}

static int probe(struct virtio_device *device)
{
	struct virtio_net *net = calloc(1, sizeof(*net));
	int error;

	if (!net)
		return -ENOMEM;
	net->virtio = device;
	net->network.operations = &operations;
	net->network.driver_data = net;
	net->network.driver_name = "virtio_net";
	net->network.bus_name = device->bus_name;
	wait_queue_init(&net->network.wait);
	error = configure(net);
	if (error)
		goto free_net;
	error = virtio_net_receive_create(net, pool_size());
	if (error) {
		log_error("%s: no memory for receive buffers", device->bus_name);
		goto free_receive;
	}
	error = create_queues(net);
	if (error) {
		if (device->reset_failed)
			return error;
		goto free_receive;
	}
	device->driver_data = net;
	net->network.receive_buffers = net->receive.pool_count;
	run(net);
	network_register(&net->network);
	return 0;

free_receive:
	virtio_net_receive_destroy(net);
free_net:
	free(net);
	return error;
}

/* -- Recovery */

static void stop(struct virtio_device *device)
{
	struct virtio_net *net = device->driver_data;

	stack_lock(net);
	net->stopped = true;
	net->network.link_up = false;
	if (device->reset_failed) {
		/* It may still write: its buffers stay lent. Frames can be given back. */
		net->receive.vq = NULL;
		net->receive.posted = 0;
	}
	release_queues(net);
	stack_unlock(net);
	log_info("%s: stopped, the device %s", net->network.name, device->failure);
	network_notify(&net->network, NETWORK_EVENT_STOPPED | NETWORK_EVENT_LINK);
}

static int start(struct virtio_device *device)
{
	struct virtio_net *net = device->driver_data;
	uint8_t mac[sizeof(net->network.mac)];
	int error;

	/* The stack and its neighbours know us by the address that we had. */
	memcpy(mac, net->network.mac, sizeof(mac));
	error = configure(net);
	memcpy(net->network.mac, mac, sizeof(mac));
	if (!error)
		error = create_queues(net);
	if (error)
		return error;
	stack_lock(net);
	net->stopped = false;
	run(net);
	stack_unlock(net);
	network_notify(&net->network, NETWORK_EVENT_RECEIVE | NETWORK_EVENT_LINK);
	return 0;
}

/* 2.6.1: one queue is renewed while the other goes on. What it had is lost, as on a bad wire. */
static int queue_reset(struct virtio_device *device, struct virtqueue *vq)
{
	struct virtio_net *net = device->driver_data;
	int error = -ENETDOWN;

	stack_lock(net);
	if (!net->stopped)
		error = virtio_queue_reset(vq);
	if (!error && vq == net->receive.vq)
		virtio_net_receive_stop(net);
	else if (!error)
		virtio_net_transmit_stop(net);
	if (!error)
		error = virtio_queue_resume(vq);
	if (!error && vq == net->receive.vq) {
		virtio_net_receive_start(net, vq);
		virtqueue_kick(vq);
	}
	stack_unlock(net);
	network_notify(&net->network, NETWORK_EVENT_RECEIVE);
	return error;
}

VIRTIO_DRIVER(net) = {
	.name = "virtio_net",
	.device_type = VIRTIO_ID_NET,
	.features = features,
	.validate = validate,
	.probe = probe,
	.config_changed = on_config,
	.broken = on_broken,
	.stop = stop,
	.start = start,
	.queue_reset = queue_reset,
};
