/* SPDX-License-Identifier: BSD-2-Clause */
/* The control queue of the model's network device (virtio 1.4, 5.1.9.5), and what it makes of frames that come in. */
#include "tests/device/faults.h"
#include "tests/device/virtio_model_net.h"
#include "tests/device/virtio_model_ring.h"

#include <string.h>

#define STATUS_ANNOUNCE 2
#define HEADER_ETHERNET_MOST 18u /* with a VLAN tag */
/* GUEST_CSUM, TSO4, TSO6, ECN, UFO; USO4, USO6. */
#define GUEST_OFFLOADS (1ull << 1 | 0xfull << 7 | 3ull << 54)

static uint32_t get(const uint8_t *data, unsigned int bytes)
{
	uint32_t value = 0;

	memcpy(&value, data, bytes);
	return value;
}

static bool needs(struct virtio_model_net *net, unsigned int feature,
		  const struct model_net_command *command, unsigned int length)
{
	if (virtio_model_accepted(&net->model, feature) && command->length == length)
		return true;
	virtio_model_violation(&net->model, "command %u.%u of %u bytes", command->class,
			       command->command, command->length);
	return fault(FAULT_NET_COMMAND_LENGTH_IGNORED);
}

static bool use_pairs(struct virtio_model_net *net, unsigned int pairs)
{
	if (!pairs || pairs > net->pairs) {
		virtio_model_violation(&net->model, "%u pairs of %u", pairs, net->pairs);
		return fault(FAULT_NET_PAIRS_ANY);
	}
	if (!fault(FAULT_NET_PAIRS_LATE) || pairs > net->pairs_active)
		net->pairs_active = pairs;
	return !fault(FAULT_NET_PAIRS_REFUSED);
}

static bool set_table(struct virtio_model_net *net, const struct model_net_command *command)
{
	uint32_t unicast = get(command->data, 4), multicast;
	unsigned int offset = 4 + 6 * unicast;

	if (unicast > 64 || offset + 4 > command->length) {
		virtio_model_violation(&net->model, "a table of %u addresses", unicast);
		return false;
	}
	multicast = get(command->data + offset, 4);
	if (multicast > 64 || !needs(net, MODEL_NET_CTRL_RX, command, offset + 4 + 6 * multicast))
		return false;
	if (fault(FAULT_NET_TABLE_IGNORED))
		return true;
	net->addresses = unicast;
	memcpy(net->address, command->data + 4, 6 * (size_t)unicast);
	net->groups = multicast;
	memcpy(net->group, command->data + offset + 4, 6 * (size_t)multicast);
	return true;
}

/* 5.1.9.5.7.1 */
static bool configure_rss(struct virtio_model_net *net, const struct model_net_command *command)
{
	unsigned int table = get(command->data + 4, 2) + 1u, end = 8 + 2 * table;
	unsigned int pairs;

	if (end + 43 > MODEL_NET_COMMAND_MAX || table & (table - 1) ||
	    table > get(net->model.config + 18, 2) ||
	    !needs(net, MODEL_NET_RSS, command, end + 3 + 40) || command->data[end + 2] != 40 ||
	    get(command->data, 4) & ~get(net->model.config + 20, 4)) {
		virtio_model_violation(&net->model, "a wrong configuration of RSS");
		return false;
	}
	pairs = get(command->data + end, 2);
	for (unsigned int i = 0; i < table; i++)
		if (get(command->data + 8 + 2 * i, 2) >= pairs)
			virtio_model_violation(&net->model, "RSS: an unused queue");
	if (!use_pairs(net, pairs))
		return false;
	model_net_hash_configure(net, command, true);
	return true;
}

/* 5.1.9.5.6.4 */
static bool configure_hash(struct virtio_model_net *net, const struct model_net_command *command)
{
	if (!needs(net, MODEL_NET_HASH_REPORT, command, 13 + 40) || command->length != 13 + 40)
		return false;
	model_net_hash_configure(net, command, false);
	return true;
}

static bool acknowledge(struct virtio_model_net *net)
{
	if (!(net->model.config[6] & STATUS_ANNOUNCE))
		virtio_model_violation(&net->model, "ANNOUNCE_ACK of nothing");
	if (fault(FAULT_NET_ANNOUNCE_STAYS))
		return true;
	net->model.config[6] &= (uint8_t)~STATUS_ANNOUNCE;
	return true;
}

static bool set_mode(struct virtio_model_net *net, const struct model_net_command *command)
{
	if (!needs(net, command->command < 2 ? MODEL_NET_CTRL_RX : MODEL_NET_CTRL_RX_EXTRA, command,
		   1) ||
	    fault(FAULT_NET_MODES_REFUSED))
		return false;
	if (!fault(FAULT_NET_MODES_IGNORED))
		net->modes[command->command] = command->data[0];
	return true;
}

static bool set_vlan(struct virtio_model_net *net, const struct model_net_command *command)
{
	uint32_t vlan = get(command->data, 2);

	if (!needs(net, MODEL_NET_CTRL_VLAN, command, 2) || vlan > 4095)
		return false;
	if (!fault(FAULT_NET_VLAN_IGNORED))
		net->vlans[vlan] = !command->command;
	return true;
}

static bool set_address(struct virtio_model_net *net, const struct model_net_command *command)
{
	if (!needs(net, MODEL_NET_CTRL_MAC_ADDR, command, 6))
		return false;
	if (!fault(FAULT_NET_MAC_SET_IGNORED))
		memcpy(net->model.config, command->data, 6);
	return true;
}

/* 5.1.9.5.9.1: only those that were negotiated. */
static bool set_offloads(struct virtio_model_net *net, const struct model_net_command *command)
{
	uint64_t wanted, accepted;

	if (!needs(net, MODEL_NET_CTRL_GUEST_OFFLOADS, command, 8))
		return false;
	memcpy(&wanted, command->data, 8);
	accepted = net->model.accepted[0] | (uint64_t)net->model.accepted[1] << 32;
	if (wanted & ~(accepted & GUEST_OFFLOADS)) {
		virtio_model_violation(&net->model, "offloads %llx that were not negotiated",
				       (unsigned long long)wanted);
		if (!fault(FAULT_NET_OFFLOADS_ANY))
			return false;
	}
	net->offloads = wanted;
	return true;
}

static bool obey(struct virtio_model_net *net, const struct model_net_command *command)
{
	switch (command->class << 8 | command->command) {
	case 0x000:
	case 0x001:
	case 0x002:
	case 0x003:
	case 0x004:
	case 0x005:
		return set_mode(net, command);
	case 0x100:
		return set_table(net, command);
	case 0x101:
		return set_address(net, command);
	case 0x200:
	case 0x201:
		return set_vlan(net, command);
	case 0x300:
		return needs(net, MODEL_NET_ANNOUNCE, command, 0) && acknowledge(net);
	case 0x400:
		return needs(net, MODEL_NET_MQ, command, 2) &&
		       use_pairs(net, get(command->data, 2));
	case 0x401:
		return !fault(FAULT_NET_RSS_REFUSED) && configure_rss(net, command);
	case 0x402:
		return !fault(FAULT_NET_HASH_REFUSED) && configure_hash(net, command);
	case 0x500:
		return !fault(FAULT_NET_OFFLOADS_REFUSED) && set_offloads(net, command);
	default:
		return fault(FAULT_NET_UNKNOWN_COMMAND_OK);
	}
}

void model_net_take_commands(struct virtio_model_net *net, unsigned int queue)
{
	struct virtio_model *model = &net->model;
	struct model_chain chain;

	while (!net->silent && model_ring_pop(model, queue, &chain)) {
		struct model_net_command *command =
			&net->commands[net->command_count++ % MODEL_NET_COMMANDS];
		uint8_t head[2] = {0}, ack;

		model_net_copy(&chain, 0, chain.out_count, 0, head, 2, false);
		command->class = head[0];
		command->command = head[1];
		command->length = model_net_copy(&chain, 0, chain.out_count, 2, command->data,
						 MODEL_NET_COMMAND_MAX, false);
		if (chain.out_bytes < 2 || chain.in_bytes != 1)
			virtio_model_violation(model, "a command of %u and %u bytes",
					       chain.out_bytes, chain.in_bytes);
		if (!chain.in_bytes && !fault(FAULT_NET_SHORT_COMPLETES)) {
			virtio_model_needs_reset(model);
			return;
		}
		if (chain.out_bytes - 2 > MODEL_NET_COMMAND_MAX)
			command->length = UINT32_MAX;
		else
			memset(command->data + command->length, 0,
			       MODEL_NET_COMMAND_MAX - command->length);
		if (model->legacy && !virtio_model_accepted(model, MODEL_ANY_LAYOUT) &&
		    chain.segments[0].length != 2)
			virtio_model_violation(model, "a command's head of %u bytes",
					       chain.segments[0].length);
		ack = chain.out_bytes < 2 || (net->refuse >> (command->class & 31) & 1 &&
					      command->class < 32)
			      ? 1
			      : !obey(net, command);
		if (net->lie_ack)
			ack = net->ack;
		if (!fault(FAULT_NET_ACK_MISSING))
			model_net_copy(&chain, chain.out_count, chain.in_count, 0, &ack, 1, true);
		model_ring_push(model, queue, chain.head, 1);
	}
}

const struct model_net_command *virtio_model_net_command(const struct virtio_model_net *net,
							 uint8_t class, uint8_t command)
{
	unsigned int i = net->command_count;

	for (unsigned int left = MODEL_NET_COMMANDS; i-- > 0 && left-- > 0;) {
		const struct model_net_command *found = &net->commands[i % MODEL_NET_COMMANDS];

		if (found->class == class && found->command == command)
			return found;
	}
	return NULL;
}

/* 5.1.9.5: by destination address and VLAN. */
bool virtio_model_net_receives(const struct virtio_model_net *net, const uint8_t *frame,
			       uint32_t length)
{
	static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	const bool *modes = net->modes;
	bool group = frame[0] & 1;

	/* 5.1.4.1 */
	if (net->filters && virtio_model_accepted(&net->model, MODEL_NET_MTU) &&
	    length > get(net->model.config + 10, 2) + HEADER_ETHERNET_MOST &&
	    !fault(FAULT_NET_MTU_IGNORED))
		return false;
	if (!net->filters || length < 14 || modes[0] || fault(FAULT_NET_FILTERS_NOTHING))
		return true;
	if (virtio_model_accepted(&net->model, MODEL_NET_CTRL_VLAN) && length >= 18 &&
	    frame[12] == 0x81 && !frame[13] && !net->vlans[(frame[14] << 8 | frame[15]) & 0xfff])
		return false;
	if (!memcmp(frame, everybody, 6))
		return !modes[5];
	if (group ? modes[3] : modes[4])
		return false;
	if (group ? modes[1] : modes[2] || !memcmp(frame, net->model.config, 6))
		return true;
	for (unsigned int i = 0; i < (group ? net->groups : net->addresses); i++)
		if (!memcmp(frame, group ? net->group[i] : net->address[i], 6))
			return true;
	return false;
}
