/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net's offloads, in the words of ethtool -k and -K.
 *
 *	receiving	what the device may join and vouch for; it is told through the control queue, where it
 *			has CTRL_GUEST_OFFLOADS (virtio 1.4, 5.1.9.5.9)
 *	transmitting	what it is given to cut (5.1.9.2); our choice, of which it need not know
 */
#include "drivers/net/virtio_net.h"

#include <errno.h>
#include <string.h>

#define CLASS_GUEST_OFFLOADS 5
#define GUEST_OFFLOADS_SET 0

#define BIT(feature) (1ull << (feature))
#define JOINING                                                                                    \
	(BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) |                             \
	 BIT(VIRTIO_NET_F_GUEST_ECN) | BIT(VIRTIO_NET_F_GUEST_USO4) |                              \
	 BIT(VIRTIO_NET_F_GUEST_USO6))
/* 5.1.9.5.9: what needs another goes with it. */
#define CHECKSUM (BIT(VIRTIO_NET_F_GUEST_CSUM) | JOINING)
#define CUTS_TCP                                                                                   \
	(BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_HOST_ECN))

/* -- Receiving */

static int tell_offloads(struct virtio_net *net, uint64_t off)
{
	le64 data = net->offloads & ~off;

	return virtio_net_command(net, CLASS_GUEST_OFFLOADS, GUEST_OFFLOADS_SET, &data,
				  sizeof(data), NULL, 0);
}

static int set_offloads(struct virtio_net *net, const char *name, bool on)
{
	uint64_t off = net->offloads_off;
	int error;

	if (!strcmp(name, "rx-gro-hw"))
		off = on ? off & ~CHECKSUM : off | JOINING;
	else if (!strcmp(name, "rx-checksumming"))
		off = on ? off & ~BIT(VIRTIO_NET_F_GUEST_CSUM) : off | CHECKSUM;
	else
		return -EOPNOTSUPP;
	if (net->stopped)
		return -ENETDOWN;
	if (!virtio_has(net->virtio, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS))
		return -EOPNOTSUPP;
	error = tell_offloads(net, off);
	if (!error)
		net->offloads_off = off;
	return error;
}

int virtio_net_offloads_apply(struct virtio_net *net)
{
	return net->offloads & net->offloads_off ? tell_offloads(net, net->offloads_off) : 0;
}

/* -- Transmitting */

static const struct {
	const char *name;
	uint64_t bits;
	enum network_cut cut; /* NONE: a name for several */
} cuts[] = {
	{"tcp-segmentation-offload", CUTS_TCP, NETWORK_CUT_NONE},
	{"tx-tcp-segmentation", BIT(VIRTIO_NET_F_HOST_TSO4), NETWORK_CUT_TCP4},
	{"tx-tcp6-segmentation", BIT(VIRTIO_NET_F_HOST_TSO6), NETWORK_CUT_TCP6},
	{"tx-tcp-ecn-segmentation", BIT(VIRTIO_NET_F_HOST_ECN), NETWORK_CUT_ECN},
	{"tx-udp-segmentation", BIT(VIRTIO_NET_F_HOST_USO), NETWORK_CUT_UDP},
};

void virtio_net_cuts_update(struct virtio_net *net)
{
	uint64_t on = net->cuts & ~net->cuts_off;

	net->network.cuts = 0;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		if (cuts[i].cut != NETWORK_CUT_NONE && on & cuts[i].bits)
			net->network.cuts |= 1u << cuts[i].cut;
}

/* The device need not know: nobody gives it such frames any more. */
static int set_cuts(struct virtio_net *net, uint64_t bits, bool on)
{
	if (net->stopped)
		return -ENETDOWN;
	if (!(net->cuts & bits))
		return -EOPNOTSUPP;
	virtio_net_stack_lock(net);
	if (on)
		net->cuts_off &= ~bits;
	else
		net->cuts_off |= bits;
	virtio_net_cuts_update(net);
	virtio_net_stack_unlock(net);
	return 0;
}

/* -- Both */

int virtio_net_set_feature(struct network_device *device, const char *name, bool on)
{
	struct virtio_net *net = virtio_net_of(device);
	uint64_t bits = 0;
	int error;

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		if (!strcmp(name, cuts[i].name))
			bits = cuts[i].bits;
	mutex_lock(&net->control.lock);
	error = bits ? set_cuts(net, bits, on) : set_offloads(net, name, on);
	mutex_unlock(&net->control.lock);
	return error;
}

/* As ethtool -k shows it. */
static struct network_feature cut_feature(const struct virtio_net *net, const char *name,
					  uint64_t bits)
{
	return (struct network_feature){name, net->cuts & ~net->cuts_off & bits,
					!(net->cuts & bits)};
}

unsigned int virtio_net_features(struct network_device *device, struct network_feature *features,
				 unsigned int room)
{
	struct virtio_net *net = virtio_net_of(device);
	bool can = virtio_has(net->virtio, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) && net->control.vq;
	uint64_t on = net->offloads & ~net->offloads_off;
	uint64_t cuts_on = net->cuts & ~net->cuts_off;
	bool checksum = on & BIT(VIRTIO_NET_F_GUEST_CSUM), transmit = device->checksum_transmit;
	const struct network_feature all[] = {
		{"rx-checksumming", checksum,
		 !can || !(net->offloads & BIT(VIRTIO_NET_F_GUEST_CSUM))},
		{"tx-checksumming", transmit, false},
		{"\ttx-checksum-ipv4", false, true},
		{"\ttx-checksum-ip-generic", transmit, true},
		{"\ttx-checksum-ipv6", false, true},
		{"\ttx-checksum-fcoe-crc", false, true},
		{"\ttx-checksum-sctp", false, true},
		{"scatter-gather", true, false},
		{"\ttx-scatter-gather", true, true},
		{"\ttx-scatter-gather-fraglist", false, true},
		{"tcp-segmentation-offload", (cuts_on & CUTS_TCP) != 0, false},
		cut_feature(net, "\ttx-tcp-segmentation", BIT(VIRTIO_NET_F_HOST_TSO4)),
		cut_feature(net, "\ttx-tcp-ecn-segmentation", BIT(VIRTIO_NET_F_HOST_ECN)),
		{"\ttx-tcp-mangleid-segmentation", false, true},
		cut_feature(net, "\ttx-tcp6-segmentation", BIT(VIRTIO_NET_F_HOST_TSO6)),
		{"generic-segmentation-offload", false, true},
		{"generic-receive-offload", false, true},
		{"large-receive-offload", false, true},
		{"rx-vlan-offload", false, true},
		{"tx-vlan-offload", false, true},
		{"ntuple-filters", false, true},
		{"receive-hashing", net->hash_types != 0, true},
		{"highdma", true, true},
		{"rx-vlan-filter", virtio_has(net->virtio, VIRTIO_NET_F_CTRL_VLAN), true},
		cut_feature(net, "tx-udp-segmentation", BIT(VIRTIO_NET_F_HOST_USO)),
		{"rx-gro-hw", (on & JOINING) != 0, !can || !(net->offloads & JOINING)},
	};
	unsigned int count = sizeof(all) / sizeof(all[0]);

	if (count > room)
		count = room;
	memcpy(features, all, count * sizeof(all[0]));
	return count;
}
