/* SPDX-License-Identifier: BSD-2-Clause */
/* The network driver's settings: control commands that are refused, answered with anything, or never. */
#include "kernel/time/clock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/net.h"

#include <string.h>

#define STEPS 60

static void set_mode(void)
{
	struct network_receive_mode *mode = &user.device->mode;

	mode->promiscuous = fuzz_choose(2);
	mode->all_multicast = fuzz_choose(2);
	mode->group_count = fuzz_choose(NETWORK_GROUPS_MAX + 1);
	for (unsigned int i = 0; i < mode->group_count; i++)
		memcpy(mode->groups[i], (uint8_t[]){1, 0, 0x5e, 0, 0, (uint8_t)i}, 6);
	if (user.device->operations->mode_changed)
		user.device->operations->mode_changed(user.device);
}

static void set_feature(void)
{
	struct network_feature features[32];
	unsigned int count = user.device->operations->features(user.device, features, 32);

	if (count)
		(void)user.device->operations->set_feature(
			user.device, features[fuzz_choose(count)].name, fuzz_choose(2));
}

static void set(void)
{
	const struct network_operations *operations = user.device->operations;
	uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	struct network_steering steering;
	struct network_information information;

	switch (fuzz_choose(8)) {
	case 0:
		set_mode();
		break;
	case 1:
		mac[0] = fuzz_byte();
		(void)operations->set_mac(user.device, mac);
		break;
	case 2:
		(void)operations->set_vlan(user.device, (uint16_t)fuzz_choose(4096),
					   fuzz_choose(2));
		break;
	case 3:
		set_feature();
		break;
	case 4:
		(void)operations->set_queue_pairs(user.device, fuzz_choose(6));
		break;
	case 5:
		operations->steering(user.device, &steering);
		fuzz_check(steering.table_length <= NETWORK_STEERING_TABLE_MAX, "a table of %u",
			   steering.table_length);
		operations->information(user.device, &information);
		break;
	case 6:
		net.model.silent = fuzz_choose(2);
		net.model.lie_ack = fuzz_choose(2);
		net.model.ack = fuzz_byte();
		net.model.refuse = (uint32_t)fuzz_number(4);
		break;
	default:
		virtio_net_control_work(virtio_net_of(user.device));
		break;
	}
}

void fuzz_target(void)
{
	static const uint8_t features[] = {
		MODEL_NET_CTRL_RX,	 MODEL_NET_CTRL_VLAN, MODEL_NET_CTRL_RX_EXTRA,
		MODEL_NET_CTRL_MAC_ADDR, MODEL_NET_ANNOUNCE,  MODEL_NET_CTRL_GUEST_OFFLOADS,
		MODEL_NET_GUEST_TSO4,	 MODEL_NET_RSS,	      MODEL_NET_HASH_REPORT,
		MODEL_NET_SPEED_DUPLEX,	 MODEL_NET_HOST_TSO4, MODEL_NET_GUEST_TSO6,
	};
	uint32_t offered;

	net_open(fuzz_choose(4) == 3 ? BUS_MMIO : BUS_PCI, 1 + fuzz_choose(MODEL_NET_PAIRS_MAX),
		 "");
	virtio_model_offer(&net.model.model, MODEL_NET_CTRL_VQ, true);
	offered = fuzz_choose(65536) ^ 0xffff;
	for (unsigned int i = 0; i < sizeof(features); i++)
		virtio_model_offer(&net.model.model, features[i], offered & 1u << i);
	/* Limits of RSS (5.1.4). */
	net.model.model.config[17] = fuzz_choose(2) ? fuzz_byte() : 40;
	net.model.model.config[18] = fuzz_choose(2) ? fuzz_byte() : 128;
	net.model.model.config[20] = 0xff;
	net_boot();
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		if (user.device && fuzz_choose(3) != 2)
			set();
		else
			net_step();
	net_close();
}
