/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net (virtio 1.4, 5.1): configuration, interrupts, link, failure, description. */
#include "drivers/net/virtio_net.h"

#include "kernel/console/log.h"
#include "kernel/options/options.h"
#include "kernel/random/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "net"

/* Receive buffers that a ring must hold for a frame of joined segments (5.1.9.3.1), and some more. */
#define JOINED_BUFFERS 64u

static const uint8_t features[] = {
	VIRTIO_NET_F_CSUM,
	VIRTIO_NET_F_GUEST_CSUM,
	VIRTIO_NET_F_MTU,
	VIRTIO_NET_F_MAC,
	VIRTIO_NET_F_STATUS,
	VIRTIO_NET_F_MRG_RXBUF,
	VIRTIO_NET_F_GUEST_TSO4,
	VIRTIO_NET_F_GUEST_TSO6,
	VIRTIO_NET_F_GUEST_ECN,
	VIRTIO_NET_F_GUEST_USO4,
	VIRTIO_NET_F_GUEST_USO6,
	VIRTIO_NET_F_HOST_TSO4,
	VIRTIO_NET_F_HOST_TSO6,
	VIRTIO_NET_F_HOST_ECN,
	VIRTIO_NET_F_HOST_USO,
	VIRTIO_NET_F_CTRL_VQ,
	VIRTIO_NET_F_CTRL_RX,
	VIRTIO_NET_F_CTRL_RX_EXTRA,
	VIRTIO_NET_F_CTRL_VLAN,
	VIRTIO_NET_F_CTRL_MAC_ADDR,
	VIRTIO_NET_F_GUEST_ANNOUNCE,
	VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
	VIRTIO_NET_F_MQ,
	VIRTIO_NET_F_RSS,
	VIRTIO_NET_F_HASH_REPORT,
	VIRTIO_NET_F_SPEED_DUPLEX,
	VIRTIO_FEATURES_END,
};

static const uint8_t joining[] = {
	VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_ECN,
	VIRTIO_NET_F_GUEST_USO4, VIRTIO_NET_F_GUEST_USO6,
};

static const uint8_t cutting[] = {
	VIRTIO_NET_F_HOST_TSO4,
	VIRTIO_NET_F_HOST_TSO6,
	VIRTIO_NET_F_HOST_ECN,
	VIRTIO_NET_F_HOST_USO,
};

/* Those of `list` that were negotiated, as bits. */
static uint64_t negotiated(const struct virtio_device *device, const uint8_t *list, size_t count)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < count; i++)
		if (virtio_has(device, list[i]))
			bits |= 1ull << list[i];
	return bits;
}

static void validate(struct virtio_device *device, struct virtio_features *wanted)
{
	uint16_t mtu, pairs;

	/* 5.1.5: 1 to 0x8000 */
	pairs = virtio_config_read16(device, VIRTIO_NET_CONFIG_MAX_PAIRS);
	if ((virtio_features_has(wanted, VIRTIO_NET_F_MQ) ||
	     virtio_features_has(wanted, VIRTIO_NET_F_RSS)) &&
	    (!pairs || pairs > VIRTIO_NET_PAIRS_MAX)) {
		log_warning("%s: its %u pairs of queues are not used", device->bus_name, pairs);
		virtio_features_clear(wanted, VIRTIO_NET_F_MQ);
		virtio_features_clear(wanted, VIRTIO_NET_F_RSS);
	}
	virtio_net_steering_validate(device, wanted);
	/* 5.1.9.3.1: 64 KiB come in one frame, which is many buffers that must be there at once. */
	if (!virtio_features_has(wanted, VIRTIO_NET_F_MRG_RXBUF) ||
	    virtio_queue_size_max(device, 0) < JOINED_BUFFERS ||
	    virtio_net_pool_size(device, wanted) < JOINED_BUFFERS)
		for (unsigned int i = 0; i < sizeof(joining); i++)
			virtio_features_clear(wanted, joining[i]);
	if (!virtio_features_has(wanted, VIRTIO_NET_F_MTU))
		return;
	mtu = virtio_config_read16(device, VIRTIO_NET_CONFIG_MTU);
	if (mtu < VIRTIO_NET_MTU_MIN || mtu > VIRTIO_NET_MTU_MAX) {
		log_warning("%s: its MTU of %u is not used", device->bus_name, mtu);
		virtio_features_clear(wanted, VIRTIO_NET_F_MTU);
	}
}

/* -- Interrupts */

static uint16_t read_status(struct virtio_net *net)
{
	if (!virtio_has(net->virtio, VIRTIO_NET_F_STATUS))
		return VIRTIO_NET_STATUS_LINK_UP; /* 5.1.5: without it the link is taken to be up */
	return virtio_config_read16(net->virtio, VIRTIO_NET_CONFIG_STATUS);
}

static bool read_link(struct virtio_net *net)
{
	return read_status(net) & VIRTIO_NET_STATUS_LINK_UP;
}

static void on_config(struct virtio_device *device)
{
	struct virtio_net *net = device->driver_data;
	uint16_t status;
	bool up;

	if (!net || net->stopped)
		return;
	status = read_status(net);
	if (status & VIRTIO_NET_STATUS_ANNOUNCE && virtio_has(device, VIRTIO_NET_F_GUEST_ANNOUNCE))
		virtio_net_control_wake(net, VIRTIO_NET_WORK_ANNOUNCE);
	up = status & VIRTIO_NET_STATUS_LINK_UP;
	if (up == net->network.link_up)
		return;
	net->network.link_up = up;
	network_notify(&net->network, 0, NETWORK_EVENT_LINK);
}

static void on_broken(struct virtio_device *device)
{
	struct virtio_net *net = device->driver_data;

	if (net)
		network_notify(&net->network, 0, NETWORK_EVENT_RECEIVE);
}

/* -- Operations */

static unsigned int poll(struct network_device *device, unsigned int queue, unsigned int budget)
{
	struct virtio_net *net = virtio_net_of(device);
	unsigned int frames;

	if (net->stopped || queue >= net->pairs_created)
		return 0;
	net->statistics.polls++;
	virtio_net_reclaim(&net->pairs[queue]);
	frames = virtio_net_receive_poll(&net->pairs[queue], budget);
	/* Of a device that broke nothing more comes, and its queues wait for stop(). */
	return net->virtio->recovery.broken ? 0 : frames;
}

static bool arm(struct network_device *device, unsigned int queue)
{
	struct virtio_net *net = virtio_net_of(device);

	if (net->stopped || net->virtio->recovery.broken || queue >= net->pairs_created)
		return false;
	return virtqueue_interrupts_on(net->pairs[queue].receive.vq, 1);
}

static void mode_changed(struct network_device *device)
{
	virtio_net_control_wake(virtio_net_of(device), VIRTIO_NET_WORK_MODE);
}

static const struct network_operations operations = {
	.poll = poll,
	.arm = arm,
	.transmit = virtio_net_transmit,
	.watch = virtio_net_watch,
	.flush = virtio_net_flush,
	.buffer_free = virtio_net_buffer_free,
	.set_queue_pairs = virtio_net_set_pairs,
	.set_mac = virtio_net_set_mac,
	.set_vlan = virtio_net_set_vlan,
	.has_vlan = virtio_net_has_vlan,
	.set_feature = virtio_net_set_feature,
	.mode_changed = mode_changed,
	.information = virtio_net_information,
	.features = virtio_net_features,
	.steering = virtio_net_steering,
	.queue_statistics = virtio_net_queue_statistics,
	.statistics = virtio_net_statistics,
	.describe = virtio_net_describe,
};

/* -- Finding and setting up */

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
	network->queue_pairs_active = 1; /* 5.1.5.1: until more are asked for */
	net->mergeable = virtio_has(device, VIRTIO_NET_F_MRG_RXBUF);
	net->guest_csum = virtio_has(device, VIRTIO_NET_F_GUEST_CSUM);
	net->offloads = negotiated(device, joining, sizeof(joining));
	if (net->guest_csum)
		net->offloads |= 1ull << VIRTIO_NET_F_GUEST_CSUM;
	net->cuts = negotiated(device, cutting, sizeof(cutting));
	virtio_net_cuts_update(net);
	net->steering_length = 0;
	net->hash_types = 0;
	net->frame_max = network->mtu + ETHERNET_HEADER_SIZE + ETHERNET_VLAN_SIZE;
	net->header_size = virtio_has(device, VIRTIO_NET_F_HASH_REPORT)
				   ? VIRTIO_NET_HEADER_SIZE_HASH
				   : VIRTIO_NET_HEADER_SIZE;
	net->header_alone = false;
	if (!virtio_has(device, VIRTIO_F_VERSION_1)) {
		/* 2.7.4.2 and 5.1.9.1 */
		if (!net->mergeable)
			net->header_size = VIRTIO_NET_HEADER_SIZE_LEGACY;
		net->header_alone = !virtio_has(device, VIRTIO_F_ANY_LAYOUT);
	}
	/* 5.1.9.3.1: a buffer that is not merged with others holds the largest frame. */
	buffer = net->header_size + net->frame_max;
	net->chain = net->mergeable ? 1 : (buffer + VIRTIO_NET_CAPACITY - 1) / VIRTIO_NET_CAPACITY;
	return 0;
}

/* Step 8, and what the device is told through its control queue. With that queue's lock. */
static void run(struct virtio_net *net)
{
	virtio_driver_ok(net->virtio);
	for (unsigned int i = 0; i < net->pairs_created; i++)
		virtqueue_kick(net->pairs[i].receive.vq);
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
	for (unsigned int i = 0; i < NETWORK_QUEUES_MAX; i++)
		wait_queue_init(&net->network.queues[i].wait);
	error = configure(net);
	if (error)
		goto free_net;
	memcpy(net->network.permanent_mac, net->network.mac, sizeof(net->network.mac));
	error = virtio_net_pairs_create(net);
	if (!error)
		error = virtio_net_control_create(net);
	if (error) {
		log_error("%s: no memory for receive buffers", device->bus_name);
		goto free_pairs;
	}
	error = virtio_net_queues_create(net);
	if (error) {
		if (device->reset_failed)
			return error;
		goto free_pairs;
	}
	device->driver_data = net;
	run(net);
	network_register(&net->network);
	mutex_lock(&net->control.lock);
	virtio_net_settings_apply(net);
	mutex_unlock(&net->control.lock);
	/*
	 * A device that was reset lets everything in: what is not wanted is said later, when the stack has its groups, and
	 * the start does not wait for the answers.
	 */
	virtio_net_control_wake(net, VIRTIO_NET_WORK_MODE);
	return 0;

free_pairs:
	virtio_net_control_destroy(net);
	virtio_net_pairs_destroy(net);
free_net:
	free(net);
	return error;
}

/* -- Recovery */

static void stop(struct virtio_device *device)
{
	struct virtio_net *net = device->driver_data;

	mutex_lock(&net->control.lock); /* a command that waits for its answer gives up now */
	virtio_net_stack_lock(net);
	net->stopped = true;
	net->network.link_up = false;
	if (device->reset_failed) {
		/* It may still write: its buffers stay lent. Frames can be given back. */
		for (unsigned int i = 0; i < net->network.queue_pairs; i++) {
			net->pairs[i].receive.vq = NULL;
			net->pairs[i].receive.posted = 0;
		}
	}
	virtio_net_queues_release(net);
	virtio_net_control_stop(net);
	virtio_net_stack_unlock(net);
	mutex_unlock(&net->control.lock);
	log_info("%s: stopped, the device %s", net->network.name, device->recovery.failure);
	network_notify(&net->network, 0, NETWORK_EVENT_STOPPED | NETWORK_EVENT_LINK);
}

static int start(struct virtio_device *device)
{
	struct virtio_net *net = device->driver_data;
	uint8_t mac[sizeof(net->network.mac)];
	int error;

	mutex_lock(&net->control.lock);
	/* The stack and its neighbours know us by the address that we had. */
	memcpy(mac, net->network.mac, sizeof(mac));
	error = configure(net);
	memcpy(net->network.mac, mac, sizeof(mac));
	if (!error)
		error = virtio_net_queues_create(net);
	if (!error) {
		virtio_net_stack_lock(net);
		net->stopped = false;
		run(net);
		virtio_net_stack_unlock(net);
		virtio_net_settings_apply(net);
		virtio_net_mode_apply(net);
	}
	mutex_unlock(&net->control.lock);
	if (error)
		return error;
	for (unsigned int i = 1; i < net->network.queue_pairs; i++)
		network_notify(&net->network, i, NETWORK_EVENT_RECEIVE);
	network_notify(&net->network, 0, NETWORK_EVENT_RECEIVE | NETWORK_EVENT_LINK);
	return 0;
}

/* 2.6.1: one queue is renewed while the others go on. What it had is lost, as on a bad wire. */
static int renew(struct virtio_net *net, struct virtio_net_pair *pair, struct virtqueue *vq)
{
	bool receive = vq == pair->receive.vq;
	int error = -ENETDOWN;

	virtio_net_stack_lock(net);
	if (!net->stopped)
		error = virtio_queue_reset(vq);
	if (!error && receive)
		virtio_net_receive_stop(pair);
	else if (!error)
		virtio_net_transmit_stop(pair);
	if (!error)
		error = virtio_queue_resume(vq);
	if (!error && receive) {
		virtio_net_receive_start(pair, vq);
		virtqueue_kick(vq);
	}
	virtio_net_stack_unlock(net);
	network_notify(&net->network, pair->index, NETWORK_EVENT_RECEIVE);
	return error;
}

static int queue_reset(struct virtio_device *device, struct virtqueue *vq)
{
	struct virtio_net *net = device->driver_data;
	int error;

	for (unsigned int i = 0; i < net->pairs_created; i++)
		if (vq == net->pairs[i].receive.vq || vq == net->pairs[i].transmit.vq)
			return renew(net, &net->pairs[i], vq);
	/* The control queue: nothing is lent between two commands. */
	mutex_lock(&net->control.lock);
	error = net->stopped ? -ENETDOWN : virtio_queue_reset(vq);
	if (!error)
		error = virtio_queue_resume(vq);
	mutex_unlock(&net->control.lock);
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
