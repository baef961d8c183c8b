/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network driver against the model: frames both ways with and without mergeable buffers, offloads,
 * link, how many kicks and interrupts that takes, full rings, and buffers that the stack keeps.
 */
#include "kernel/memory/dma.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "tests/device/net_stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

/* -- Start */

static void test_start(void **state)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

	(void)state;
	stack_start("");
	stack_boot();
	assert_memory_equal(stack.device->mac, mac, 6);
	assert_int_equal(stack.device->mtu, 1500);
	assert_true(stack.device->link_up);
	assert_true(stack.device->checksum_transmit);
	assert_true(network_find(stack.device->name) == stack.device);
	assert_string_equal(stack.device->driver_name, "virtio_net");
	assert_int_equal(stack_poll(), 0);
	assert_false(stack_arm());
	stack_check_no_leak();
	stack_stop();
}

static void test_mac(void **state)
{
	static const uint8_t group[6] = {0x01, 0, 0x5e, 0, 0, 1};

	(void)state;
	stack_start("");
	virtio_model_offer(&stack.net.model, MODEL_NET_MAC, false);
	stack_boot();
	assert_int_equal(stack.device->mac[0] & 3, 2);
	stack_stop();

	stack_start("");
	memcpy(stack.net.model.config, group, 6);
	stack_boot();
	assert_int_equal(stack.device->mac[0] & 3, 2);
	assert_int_equal(host_log_count(), 1);
	stack_stop();
}

static void test_mtu(void **state)
{
	static const struct {
		uint16_t offered, used;
		bool accepted;
	} cases[] = {{1500, 1500, true}, {68, 68, true},      {9000, 9000, true},
		     {67, 1500, false},	 {9217, 1500, false}, {65535, 1500, false}};

	(void)state;
	for (unsigned int mergeable = 0; mergeable < 2; mergeable++)
		for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			stack_start("");
			virtio_model_offer(&stack.net.model, MODEL_NET_MTU, true);
			virtio_model_offer(&stack.net.model, MODEL_NET_MRG_RXBUF, mergeable);
			memcpy(stack.net.model.config + 10, &cases[i].offered, 2);
			stack_boot();
			assert_int_equal(stack.device->mtu, cases[i].used);
			assert_int_equal(virtio_model_accepted(&stack.net.model, MODEL_NET_MTU),
					 cases[i].accepted);
			/* A frame of that size fits both ways. */
			stack_inject(cases[i].used + 14u);
			host_poll();
			assert_int_equal(stack_poll(), 1);
			assert_int_equal(stack.length, cases[i].used + 14u);
			assert_memory_equal(stack.frame, stack.memory, stack.length);
			assert_int_equal(stack_send(cases[i].used + 14u, 2, 12), 0);
			assert_int_equal(stack_send(cases[i].used + 19u, 2, 12), -EMSGSIZE);
			assert_int_equal(stack_send(13, 1, 12), -EMSGSIZE);
			stack_flush();
			host_poll();
			stack_poll();
			assert_int_equal(stack.given_back, 1);
			stack_check_no_leak();
			stack_stop();
		}
}

/* -- Receiving */

static void receive_all_lengths(void)
{
	stack_boot();
	for (uint32_t length = 60; length <= 1514; length += 97) {
		stack_inject(length);
		host_poll();
		assert_int_equal(stack_poll(), 1);
		assert_int_equal(stack.length, length);
		assert_memory_equal(stack.frame, stack.memory, length);
		assert_false(stack.info.checksum_good);
	}
	assert_int_equal(stack_statistics().receive_packets, stack.received);
	assert_int_equal(stack_statistics().receive_errors, 0);
	stack_check_no_leak();
	stack_stop();
}

static void test_receive(void **state)
{
	(void)state;
	stack_start("");
	receive_all_lengths();
	stack_start("virtio.features=-mrg_rxbuf");
	receive_all_lengths();
	stack_start("virtio.features=-event_idx,-indirect_desc");
	receive_all_lengths();
	stack_start("virtio.queue_size=1");
	receive_all_lengths();
}

static void test_receive_several_buffers(void **state)
{
	(void)state;
	stack_start("");
	stack_boot();
	stack_inject(9000);
	host_poll();
	assert_int_equal(stack_poll(), 1);
	assert_int_equal(stack.length, 9000);
	assert_int_equal(stack.buffers, 5);
	assert_memory_equal(stack.frame, stack.memory, 9000);
	/* Exactly one buffer, and a byte more. */
	stack_inject(VIRTIO_NET_CAPACITY - 12);
	host_poll();
	stack_poll();
	assert_int_equal(stack.buffers, 1);
	stack_inject(VIRTIO_NET_CAPACITY - 11);
	host_poll();
	stack_poll();
	assert_int_equal(stack.buffers, 2);
	stack_check_no_leak();
	stack_stop();
}

static void test_header_is_aligned(void **state)
{
	(void)state;
	stack_start("");
	stack_boot();
	stack.keep = true;
	stack_inject(100);
	host_poll();
	stack_poll();
	assert_int_equal(((uintptr_t)stack.kept[0]->data + 14) % 4, 0);
	assert_int_equal(dma_address(stack.kept[0]->data),
			 stack.kept[0]->address +
				 (uint64_t)(stack.kept[0]->data - (uint8_t *)stack.kept[0]));
	stack_free_chain(stack.kept[0]);
	stack_check_no_leak();
	stack_stop();
}

static void test_receive_checksum(void **state)
{
	static const struct {
		struct model_net_header header;
		bool delivered, good;
	} cases[] = {
		{{.flags = 0}, true, false},
		{{.flags = 1, .csum_start = 34, .csum_offset = 16}, true, true},
		{{.flags = 2}, true, true},
		{{.flags = 3, .csum_start = 34, .csum_offset = 6}, true, true},
		{{.flags = 1, .csum_start = 98, .csum_offset = 0}, true, true},
		{{.flags = 1, .csum_start = 98, .csum_offset = 1}, false, false},
		{{.flags = 1, .csum_start = 65535, .csum_offset = 65535}, false, false},
		/* Unknown flags are ignored; places without NEEDS_CSUM too. */
		{{.flags = 0xf0}, true, false},
		{{.csum_start = 65535, .csum_offset = 65535, .hdr_len = 65535}, true, false},
		/* Segmentation was not negotiated. */
		{{.flags = 1, .gso_type = 1, .gso_size = 1448, .csum_start = 34}, false, false},
	};

	(void)state;
	for (unsigned int negotiated = 0; negotiated < 2; negotiated++) {
		stack_start(negotiated ? "" : "virtio.features=-guest_csum");
		stack_boot();
		for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			bool delivered =
				cases[i].delivered || (!negotiated && !cases[i].header.gso_type);
			unsigned int before = stack.received;

			virtio_model_net_inject(&stack.net, &cases[i].header, stack.memory, 100);
			host_poll();
			stack_poll();
			assert_int_equal(stack.received - before, delivered);
			if (delivered)
				assert_int_equal(stack.info.checksum_good,
						 negotiated && cases[i].good);
		}
		stack_check_no_leak();
		stack_stop();
	}
}

static void test_budget(void **state)
{
	(void)state;
	stack_start("");
	stack_boot();
	for (unsigned int i = 0; i < 5; i++)
		stack_inject(60);
	host_poll();
	assert_int_equal(stack.device->operations->poll(stack.device, 0, 2), 2);
	assert_true(stack_arm()); /* more are there */
	assert_int_equal(stack.device->operations->poll(stack.device, 0, 2), 2);
	assert_int_equal(stack.device->operations->poll(stack.device, 0, 2), 1);
	assert_false(stack_arm());
	stack_stop();
}

/* The stack keeps all buffers: when it gives some back, the driver hears of it and goes on. */
static void test_starving(void **state)
{
	unsigned int pool;

	(void)state;
	stack_start("net.buffers=8");
	stack_boot();
	pool = stack.device->receive_buffers;
	assert_int_equal(pool, 8);
	stack.keep = true;
	for (unsigned int i = 0; i < pool; i++)
		stack_inject(60);
	stack_inject(61);
	host_poll();
	while (stack_poll())
		;
	assert_int_equal(stack.received, pool);
	assert_false(stack_arm());
	host_poll();
	assert_int_equal(stack_poll(), 0);
	stack.device->queues[0].events = 0;
	stack.keep = false;
	stack_free_chain(stack.kept[0]);
	assert_int_equal(stack.device->queues[0].events, NETWORK_EVENT_RECEIVE);
	stack_poll();
	host_poll();
	assert_int_equal(stack_poll(), 1);
	assert_int_equal(stack.length, 61);
	for (unsigned int i = 1; i < pool; i++)
		stack_free_chain(stack.kept[i]);
	stack_poll();
	stack_check_no_leak();
	stack_stop();
}

/* -- Transmitting */

static void test_transmit(void **state)
{
	static const struct {
		unsigned int pieces;
		uint32_t headroom;
		unsigned int descriptors;
	} cases[] = {{1, 12, 1}, {1, 64, 1}, {1, 11, 2}, {1, 0, 2},
		     {3, 12, 3}, {3, 0, 4},  {6, 12, 6}, {20, 0, 21}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct model_net_frame *sent;
		bool fits = cases[i].descriptors <= STACK_RING;

		stack_start("");
		stack_boot();
		assert_int_equal(stack_send(1000, cases[i].pieces, cases[i].headroom),
				 fits ? 0 : -EINVAL);
		stack_flush();
		host_poll();
		if (fits) {
			assert_int_equal(stack.net.sent_count, 1);
			sent = virtio_model_net_sent(&stack.net, 0);
			assert_int_equal(sent->length, 1000);
			assert_memory_equal(sent->data, stack.memory + 64, 1000);
			assert_int_equal(sent->descriptors, cases[i].descriptors);
			assert_int_equal(sent->indirect, cases[i].descriptors > 4);
			assert_int_equal(sent->header.flags, 0);
		}
		stack_poll();
		assert_int_equal(stack_statistics().transmit_packets, fits);
		assert_int_equal(stack_statistics().transmit_bytes, fits ? 1000 : 0);
		stack_check_no_leak();
		stack_stop();
	}
}

static void test_transmit_checksum(void **state)
{
	struct network_transmit frame = {.segment_count = 1, .headroom = 12, .checksum = true};

	(void)state;
	stack_start("");
	stack_boot();
	frame.segments[0] = (struct network_segment){stack.memory + 64, 100};
	frame.checksum_start = 34;
	frame.checksum_offset = 16;
	assert_int_equal(stack.device->operations->transmit(stack.device, 0, &frame), 0);
	stack_flush();
	host_poll();
	assert_int_equal(virtio_model_net_sent(&stack.net, 0)->header.flags, 1);
	assert_int_equal(virtio_model_net_sent(&stack.net, 0)->header.csum_start, 34);
	assert_int_equal(virtio_model_net_sent(&stack.net, 0)->header.csum_offset, 16);
	frame.checksum_start = 90;
	frame.checksum_offset = 9;
	assert_int_equal(stack.device->operations->transmit(stack.device, 0, &frame), -EINVAL);
	stack_stop();

	stack_start("virtio.features=-csum");
	stack_boot();
	assert_false(stack.device->checksum_transmit);
	frame.segments[0] = (struct network_segment){stack.memory + 64, 100};
	frame.checksum_start = 34;
	frame.checksum_offset = 16;
	assert_int_equal(stack.device->operations->transmit(stack.device, 0, &frame), -EINVAL);
	assert_int_equal(stack_statistics().transmit_errors, 1);
	stack_stop();
}

/* A full ring refuses, asks for an interrupt, and the frames come back. */
static void test_full_ring(void **state)
{
	unsigned int sent = 0;

	(void)state;
	stack_start("");
	stack_boot();
	stack.net.hold_transmit = true;
	while (stack_send(100, 1, 12) == 0)
		sent++;
	assert_int_equal(sent, STACK_RING);
	assert_int_equal(stack_send(100, 1, 12), -ENOBUFS);
	assert_int_equal(stack_statistics().transmit_dropped, 0);
	/* It was told about all of them, though nobody flushed. */
	assert_true(stack.net.model.queues[1].kicked);
	stack.device->queues[0].events = 0;
	stack.net.hold_transmit = false;
	stack_sleep();
	stack_poll();
	assert_true(stack.given_back > 0);
	assert_int_equal(stack_send(100, 1, 12), 0);
	stack_flush();
	host_poll();
	stack_poll();
	assert_int_equal(stack.given_back, sent + 1);
	stack_check_no_leak();
	stack_stop();
}

/* -- Costs */

/* One kick and one interrupt for each echo, and none for what was sent. */
static void echo(const char *options, unsigned int rounds)
{
	uint64_t accesses, kicks, interrupts;

	stack_start(options);
	stack_boot();
	stack.net.echo = true;
	stack_poll();
	assert_false(stack_arm());
	accesses = host_io_accesses();
	kicks = stack_statistics().kicks;
	interrupts = stack.pci.pci.messages;
	for (unsigned int i = 0; i < rounds; i++) {
		stack.device->queues[0].events = 0;
		assert_int_equal(stack_send(100, 1, 12), 0);
		stack_flush();
		stack_sleep();
		assert_int_equal(stack_poll(), 1);
		assert_false(stack_arm());
	}
	assert_int_equal(stack.pci.pci.messages - interrupts, rounds);
	assert_int_equal(stack_statistics().kicks - kicks,
			 rounds + stack.net.model.queues[0].kicks - 1);
	assert_true(stack.net.model.queues[0].kicks <=
		    1 + rounds / 4); /* for receive buffers, in batches */
	assert_int_equal(host_io_accesses() - accesses, stack_statistics().kicks - kicks);
	stack_poll();
	assert_int_equal(stack.given_back, rounds);
	stack_check_no_leak();
	stack_stop();
}

static void test_echo_costs(void **state)
{
	(void)state;
	echo("", 1000);
	echo("virtio.features=-mrg_rxbuf", 300);
}

/* Many in flight: one kick and one interrupt for all of them. */
static void test_batch_costs(void **state)
{
	uint64_t kicks, messages;

	(void)state;
	stack_start("");
	stack_boot();
	stack_poll();
	assert_false(stack_arm());
	kicks = stack.net.model.queues[1].kicks;
	messages = stack.pci.pci.messages;
	stack.net.echo = true;
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(stack_send(100, 1, 12), 0);
	stack_flush();
	stack_flush(); /* nothing new: nothing happens */
	stack_sleep();
	assert_int_equal(stack_poll(), 8);
	assert_int_equal(stack.net.model.queues[1].kicks - kicks, 1);
	assert_int_equal(stack.pci.pci.messages - messages, 1);
	stack_stop();
}

/* -- Link */

static void test_link(void **state)
{
	(void)state;
	stack_start("");
	stack_boot();
	stack.device->queues[0].events = 0;
	virtio_model_net_link(&stack.net, false);
	assert_false(stack.device->link_up);
	assert_int_equal(stack.device->queues[0].events, NETWORK_EVENT_LINK);
	stack.device->queues[0].events = 0;
	virtio_model_net_link(&stack.net, false); /* nothing changed */
	assert_int_equal(stack.device->queues[0].events, 0);
	virtio_model_net_link(&stack.net, true);
	assert_true(stack.device->link_up);
	assert_int_equal(stack.device->queues[0].events, NETWORK_EVENT_LINK);
	stack_stop();

	stack_start("");
	stack.net.model.config[6] = 0;
	stack_boot();
	assert_false(stack.device->link_up);
	stack_stop();

	stack_start("virtio.features=-status");
	stack.net.model.config[6] = 0;
	stack_boot();
	assert_true(stack.device->link_up);
	stack_stop();
}

/* -- Commands and facts */

static void test_commands(void **state)
{
	const struct command *devices = NULL, *ethtool = NULL;
	char name[NETWORK_NAME_MAX];
	char *statistics_arguments[] = {"ethtool", "-S", name, NULL};
	char *driver_arguments[] = {"ethtool", "-i", name, NULL};
	char *wrong[] = {"ethtool", "-z", name, NULL};

	(void)state;
	TABLE_FOREACH (commands, struct command, command) {
		if (!strcmp(command->name, "devices"))
			devices = command;
		if (!strcmp(command->name, "ethtool"))
			ethtool = command;
	}
	assert_non_null(devices);
	assert_non_null(ethtool);
	stack_start("");
	stack_boot();
	stack_inject(100);
	host_poll();
	stack_poll();
	strcpy(name, stack.device->name);
	assert_int_equal(ethtool->run(3, statistics_arguments), COMMAND_OK);
	assert_non_null(strstr(host_command_output(), "receive_packets: 1\n"));
	assert_non_null(strstr(host_command_output(), "bytes_copied: 0\n"));
	assert_int_equal(ethtool->run(3, driver_arguments), COMMAND_OK);
	assert_non_null(strstr(host_command_output(), "bus-info: 0000:00:03.0\n"));
	assert_int_equal(ethtool->run(3, wrong), COMMAND_USAGE);
	assert_int_equal(ethtool->run(1, wrong), COMMAND_USAGE);
	strcpy(name, "eth999");
	assert_int_equal(ethtool->run(3, driver_arguments), COMMAND_FAILED);
	host_command_clear();
	assert_int_equal(devices->run(1, wrong), COMMAND_OK);
	assert_non_null(strstr(host_command_output(), "pci modern at 00:03.0, driver virtio_net"));
	assert_non_null(strstr(host_command_output(), "mrg_rxbuf"));
	stack_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_receive_several_buffers),
		cmocka_unit_test(test_header_is_aligned),
		cmocka_unit_test(test_receive_checksum),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_starving),
		cmocka_unit_test(test_transmit),
		cmocka_unit_test(test_transmit_checksum),
		cmocka_unit_test(test_full_ring),
		cmocka_unit_test(test_echo_costs),
		cmocka_unit_test(test_batch_costs),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
