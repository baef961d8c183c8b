/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a virtio-net device is told through its control queue (virtio 1.4, 5.1.9.5): how many pairs of
 * queues are used and how frames are spread over them, which frames it lets in, and its address. All of it is remembered, and told again after a reset.
 */
#include "drivers/net/virtio_net.h"

#include "kernel/console/log.h"
#include "kernel/random/random.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "net"

/* Classes and commands of 5.1.9.5. */
#define CLASS_RX 0
#define CLASS_MAC 1
#define MAC_TABLE_SET 0
#define MAC_ADDR_SET 1
#define CLASS_VLAN 2
#define VLAN_ADD 0
#define VLAN_DEL 1
#define CLASS_MQ 4
#define MQ_VQ_PAIRS_SET 0
#define MQ_RSS_CONFIG 1
#define MQ_HASH_CONFIG 2

/* What is on its way in queues that will not be used any more gets so long to be sent. */
#define DRAIN_TIME NANOSECONDS_PER_SECOND
#define DRAIN_NAP NANOSECONDS_PER_MILLISECOND

#define HASH_TYPES 0x1ffu /* 5.1.9.4.3: those without tunnels */
#define RSS_KEY_SIZE VIRTIO_NET_RSS_KEY_SIZE
#define RSS_TABLE_MAX NETWORK_STEERING_TABLE_MAX

/* 5.1.9.5.7.1, up to the indirection table; the rest follows it. */
struct rss_head {
	le32 hash_types;
	le16 indirection_table_mask;
	le16 unclassified_queue;
	le16 indirection_table[RSS_TABLE_MAX];
};

struct rss_tail {
	le16 max_tx_vq;
	uint8_t hash_key_length;
	uint8_t hash_key[RSS_KEY_SIZE];
} __attribute__((packed));

/* 5.1.9.5.6.4 */
struct hash_configuration {
	le32 hash_types;
	le16 reserved[4];
	uint8_t hash_key_length;
	uint8_t hash_key[RSS_KEY_SIZE];
} __attribute__((packed));

_Static_assert(offsetof(struct rss_head, indirection_table) == 8, "5.1.9.5.7.1");
_Static_assert(sizeof(struct rss_tail) == 3 + RSS_KEY_SIZE, "5.1.9.5.7.1");
_Static_assert(sizeof(struct hash_configuration) == 13 + RSS_KEY_SIZE, "5.1.9.5.6.4");

/* -- Pairs of queues, and how what comes is spread over them */

void virtio_net_steering_validate(struct virtio_device *device, struct virtio_features *wanted)
{
	bool rss = virtio_features_has(wanted, VIRTIO_NET_F_RSS);
	bool report = virtio_features_has(wanted, VIRTIO_NET_F_HASH_REPORT);
	unsigned int key, table;
	uint32_t types;

	if (!rss && !report)
		return;
	if (virtio_config_read(device, VIRTIO_NET_CONFIG_HASH_TYPES, &types, sizeof(types),
			       sizeof(types)))
		types = 0;
	key = virtio_config_read8(device, VIRTIO_NET_CONFIG_RSS_KEY_SIZE);
	table = virtio_config_read16(device, VIRTIO_NET_CONFIG_RSS_TABLE_LENGTH);
	if (key < RSS_KEY_SIZE || !(types & HASH_TYPES) || (rss && !table)) {
		log_warning("%s: no hashes, with a key of %u bytes, a table of %u and types %x",
			    device->bus_name, key, table, (unsigned int)types);
		virtio_features_clear(wanted, VIRTIO_NET_F_RSS);
		virtio_features_clear(wanted, VIRTIO_NET_F_HASH_REPORT);
	}
}

static uint32_t hash_types(struct virtio_net *net)
{
	if (!net->hash_key[0])
		random_bytes(net->hash_key, sizeof(net->hash_key));
	return virtio_config_read32(net->virtio, VIRTIO_NET_CONFIG_HASH_TYPES) & HASH_TYPES;
}

static int configure_rss(struct virtio_net *net, unsigned int pairs)
{
	struct rss_head head = {.hash_types = hash_types(net)};
	struct rss_tail tail = {.max_tx_vq = (le16)pairs, .hash_key_length = RSS_KEY_SIZE};
	unsigned int offered =
		virtio_config_read16(net->virtio, VIRTIO_NET_CONFIG_RSS_TABLE_LENGTH);
	unsigned int length = RSS_TABLE_MAX;
	int error;

	while (length > offered && length > 1)
		length /= 2;
	head.indirection_table_mask = (le16)(length - 1);
	for (unsigned int i = 0; i < length; i++)
		head.indirection_table[i] = (le16)(i % pairs);
	memcpy(tail.hash_key, net->hash_key, RSS_KEY_SIZE);
	error = virtio_net_command(net, CLASS_MQ, MQ_RSS_CONFIG, &head,
				   offsetof(struct rss_head, indirection_table) +
					   length * (unsigned int)sizeof(le16),
				   &tail, sizeof(tail));
	if (!error) {
		net->steering_length = length;
		net->hash_types = head.hash_types;
	}
	return error;
}

static int configure_hash(struct virtio_net *net)
{
	struct hash_configuration configuration = {.hash_types = hash_types(net),
						   .hash_key_length = RSS_KEY_SIZE};
	int error;

	memcpy(configuration.hash_key, net->hash_key, RSS_KEY_SIZE);
	error = virtio_net_command(net, CLASS_MQ, MQ_HASH_CONFIG, &configuration,
				   sizeof(configuration), NULL, 0);
	if (!error)
		net->hash_types = configuration.hash_types;
	return error;
}

void virtio_net_steering(struct network_device *device, struct network_steering *steering)
{
	struct virtio_net *net = virtio_net_of(device);

	*steering = (struct network_steering){0};
	mutex_lock(&net->control.lock);
	steering->table_length = net->steering_length;
	for (unsigned int i = 0; i < steering->table_length; i++)
		steering->table[i] = (uint16_t)(i % device->queue_pairs_active);
	if (net->hash_types) {
		steering->key_length = RSS_KEY_SIZE;
		memcpy(steering->key, net->hash_key, RSS_KEY_SIZE);
	}
	mutex_unlock(&net->control.lock);
}

static int tell_pairs(struct virtio_net *net, unsigned int pairs)
{
	le16 count = (le16)pairs;
	int error = 0;

	if (virtio_has(net->virtio, VIRTIO_NET_F_RSS))
		return configure_rss(net, pairs);
	if (virtio_has(net->virtio, VIRTIO_NET_F_MQ))
		error = virtio_net_command(net, CLASS_MQ, MQ_VQ_PAIRS_SET, &count, sizeof(count),
					   NULL, 0);
	else if (pairs > 1)
		return -EOPNOTSUPP;
	/* Setting the pairs ends what was configured before. */
	if (!error && virtio_has(net->virtio, VIRTIO_NET_F_HASH_REPORT))
		error = configure_hash(net);
	return error;
}

static void use_pairs(struct virtio_net *net, unsigned int pairs)
{
	virtio_net_stack_lock(net);
	if (!net->stopped)
		net->network.queue_pairs_active = pairs;
	virtio_net_stack_unlock(net);
}

/* Waits until the queues from `first` on have sent what they have. */
static void drain(struct virtio_net *net, unsigned int first)
{
	uint64_t deadline = clock_monotonic() + DRAIN_TIME;
	bool left;

	do {
		left = false;
		virtio_net_stack_lock(net);
		for (unsigned int i = first;
		     i < net->pairs_created && !net->virtio->recovery.broken; i++) {
			virtqueue_kick(net->pairs[i].transmit.vq);
			virtio_net_reclaim(&net->pairs[i]);
			left |= net->pairs[i].transmit.outstanding != 0;
		}
		virtio_net_stack_unlock(net);
		if (left)
			thread_sleep(DRAIN_NAP);
	} while (left && clock_monotonic() < deadline);
}

int virtio_net_set_pairs(struct network_device *device, unsigned int count)
{
	struct virtio_net *net = virtio_net_of(device);
	unsigned int before;
	int error = 0;

	if (!count || count > device->queue_pairs)
		return -EINVAL;
	mutex_lock(&net->control.lock);
	before = device->queue_pairs_active;
	if (net->stopped)
		error = -ENETDOWN;
	else if (count > net->pairs_created)
		error = -EINVAL;
	if (!error && count < before) {
		/* 5.1.9.5.5: from the command on nothing may be sent there. */
		use_pairs(net, count);
		drain(net, count);
	}
	if (!error && count != before) {
		error = tell_pairs(net, count);
		if (!error)
			net->pairs_wanted = count;
		use_pairs(net, error ? before : count);
	}
	mutex_unlock(&net->control.lock);
	return error;
}

/* -- Which frames are let in */

struct mode_flag {
	uint8_t command;
	bool extra; /* needs CTRL_RX_EXTRA */
	size_t offset;
};

#define FLAG(command, extra, field)                                                                \
	{                                                                                          \
		command, extra, offsetof(struct network_receive_mode, field)                       \
	}

/* 5.1.9.5.1; the first two last, as they close what the others and the table have opened. */
static const struct mode_flag mode_flags[] = {
	FLAG(2, true, all_unicast),  FLAG(3, true, no_multicast),   FLAG(4, true, no_unicast),
	FLAG(5, true, no_broadcast), FLAG(1, false, all_multicast), FLAG(0, false, promiscuous),
};

static bool flag_of(const struct network_receive_mode *mode, const struct mode_flag *flag)
{
	return *(const bool *)((const char *)mode + flag->offset);
}

/* A table without unicast addresses, and one of the groups (5.1.9.5.2). */
static int tell_groups(struct virtio_net *net, const struct network_receive_mode *mode)
{
	const le32 unicast = 0;
	struct {
		le32 count;
		uint8_t addresses[NETWORK_GROUPS_MAX][6];
	} multicast = {.count = mode->group_count};

	memcpy(multicast.addresses, mode->groups, sizeof(multicast.addresses));
	return virtio_net_command(net, CLASS_MAC, MAC_TABLE_SET, &unicast, sizeof(unicast),
				  &multicast, (unsigned int)sizeof(le32) + 6 * mode->group_count);
}

static bool same_groups(const struct network_receive_mode *a, const struct network_receive_mode *b)
{
	return a->group_count == b->group_count &&
	       !memcmp(a->groups, b->groups, 6 * (size_t)a->group_count);
}

void virtio_net_mode_apply(struct virtio_net *net)
{
	bool extra = virtio_has(net->virtio, VIRTIO_NET_F_CTRL_RX_EXTRA);
	struct network_receive_mode mode, *told = &net->control.told;
	bool fresh = !net->control.told_anything;

	if (!net->control.vq || !virtio_has(net->virtio, VIRTIO_NET_F_CTRL_RX))
		return;
	virtio_net_stack_lock(net);
	mode = net->network.mode;
	virtio_net_stack_unlock(net);
	if ((fresh || !same_groups(&mode, told)) && tell_groups(net, &mode)) {
		log_notice("%s: takes no table of addresses, all groups are let in",
			   net->network.name);
		mode.all_multicast = true;
	}
	for (size_t i = 0; i < sizeof(mode_flags) / sizeof(mode_flags[0]); i++) {
		const struct mode_flag *flag = &mode_flags[i];
		uint8_t on = flag_of(&mode, flag);

		/* The extra ones are off after a reset. */
		if (flag->extra ? !extra || (fresh ? !on : on == flag_of(told, flag))
				: !fresh && on == flag_of(told, flag))
			continue;
		if (virtio_net_command(net, CLASS_RX, flag->command, &on, sizeof(on), NULL, 0))
			log_notice("%s: receive mode %u is refused", net->network.name,
				   flag->command);
	}
	*told = mode;
	net->control.told_anything = true;
}

static int tell_vlan(struct virtio_net *net, uint16_t id, bool in)
{
	le16 data = id;

	return virtio_net_command(net, CLASS_VLAN, in ? VLAN_ADD : VLAN_DEL, &data, sizeof(data),
				  NULL, 0);
}

int virtio_net_set_vlan(struct network_device *device, uint16_t id, bool in)
{
	struct virtio_net *net = virtio_net_of(device);
	int error;

	if (id >= NETWORK_VLANS)
		return -EINVAL;
	mutex_lock(&net->control.lock);
	if (net->stopped)
		error = -ENETDOWN;
	else if (!virtio_has(net->virtio, VIRTIO_NET_F_CTRL_VLAN))
		error = -EOPNOTSUPP;
	else
		error = tell_vlan(net, id, in);
	if (!error && in)
		net->vlans[id / 8] |= (uint8_t)(1u << id % 8);
	else if (!error)
		net->vlans[id / 8] &= (uint8_t) ~(1u << id % 8);
	mutex_unlock(&net->control.lock);
	return error;
}

bool virtio_net_has_vlan(struct network_device *device, uint16_t id)
{
	return id < NETWORK_VLANS && virtio_net_of(device)->vlans[id / 8] >> id % 8 & 1;
}

/* -- The address */

/* 5.1.9.5.2: by command, so that it changes at once; legacy devices without it let it be written. */
static int tell_mac(struct virtio_net *net, const uint8_t mac[6])
{
	if (virtio_has(net->virtio, VIRTIO_NET_F_CTRL_MAC_ADDR))
		return virtio_net_command(net, CLASS_MAC, MAC_ADDR_SET, mac, 6, NULL, 0);
	if (virtio_has(net->virtio, VIRTIO_F_VERSION_1))
		return -EOPNOTSUPP;
	for (unsigned int i = 0; i < 6; i++)
		virtio_config_write8(net->virtio, VIRTIO_NET_CONFIG_MAC + i, mac[i]);
	return 0;
}

int virtio_net_set_mac(struct network_device *device, const uint8_t mac[6])
{
	static const uint8_t zero[6];
	struct virtio_net *net = virtio_net_of(device);
	int error;

	if (mac[0] & 1 || !memcmp(mac, zero, 6))
		return -EINVAL;
	mutex_lock(&net->control.lock);
	error = net->stopped ? -ENETDOWN : tell_mac(net, mac);
	if (!error) {
		virtio_net_stack_lock(net);
		memcpy(device->mac, mac, 6);
		virtio_net_stack_unlock(net);
		net->mac_changed = true;
	}
	mutex_unlock(&net->control.lock);
	return error;
}

/* -- After a reset */

static void tell_vlans(struct virtio_net *net)
{
	for (unsigned int byte = 0; byte < sizeof(net->vlans); byte++)
		for (unsigned int bits = net->vlans[byte]; bits; bits &= bits - 1)
			if (tell_vlan(net, (uint16_t)(byte * 8 + (unsigned int)__builtin_ctz(bits)),
				      true))
				return;
}

void virtio_net_settings_apply(struct virtio_net *net)
{
	unsigned int pairs = net->pairs_created;

	if (!net->control.vq)
		return;
	if (net->pairs_wanted && net->pairs_wanted < pairs)
		pairs = net->pairs_wanted;
	if (tell_pairs(net, pairs))
		log_notice("%s: %u pairs of queues are refused, one is used", net->network.name,
			   pairs);
	else
		use_pairs(net, pairs);
	if (net->mac_changed && tell_mac(net, net->network.mac))
		log_warning("%s: does not take its address again", net->network.name);
	if (virtio_net_offloads_apply(net))
		log_notice("%s: offloads are all on", net->network.name);
	tell_vlans(net);
}
