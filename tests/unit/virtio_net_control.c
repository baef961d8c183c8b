/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network driver's control queue against the model: what is told at the start and after a reset,
 * answers that are refused, wrong, or never come; pairs of queues; hashes.
 */
#include "kernel/thread/thread.h"
#include "tests/device/net_stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#define CLASS_RX 0
#define CLASS_MAC 1
#define CLASS_VLAN 2
#define CLASS_ANNOUNCE 3
#define CLASS_MQ 4
#define CLASS_OFFLOADS 5

static const unsigned int control_features[] = {
	MODEL_NET_CTRL_VQ,   MODEL_NET_CTRL_RX,	      MODEL_NET_CTRL_RX_EXTRA,
	MODEL_NET_CTRL_VLAN, MODEL_NET_CTRL_MAC_ADDR, MODEL_NET_ANNOUNCE,
};

static struct virtio_model *model(void)
{
	return &stack.net.model;
}

static const struct network_operations *operations(void)
{
	return stack.device->operations;
}

static struct virtio_net *driver(void)
{
	return stack.device->driver_data;
}

static void start(const char *options)
{
	stack_start(options);
	for (size_t i = 0; i < sizeof(control_features) / sizeof(control_features[0]); i++)
		virtio_model_offer(model(), control_features[i], true);
}

static void start_pairs(const char *options, unsigned int pairs, unsigned int cpus)
{
	start(options);
	virtio_model_net_pairs(&stack.net, pairs);
	host_cpu(0, cpus);
}

static void recover(void)
{
	for (unsigned int i = 0; i < 50 && recovery_run() != UINT64_MAX; i++)
		host_clock_advance(NANOSECONDS_PER_SECOND);
}

/* -- Filters */

static void test_filters(void **state)
{
	static const uint8_t group[6] = {0x01, 0, 0x5e, 1, 2, 3};

	(void)state;
	start("");
	stack_boot();
	/* The start does not wait for it. */
	assert_null(virtio_model_net_command(&stack.net, CLASS_RX, 0));
	virtio_net_control_work(driver());
	assert_non_null(virtio_model_net_command(&stack.net, CLASS_MAC, 0));
	assert_non_null(virtio_model_net_command(&stack.net, CLASS_RX, 0));
	assert_int_equal(stack.net.groups, 0);
	memcpy(stack.device->mode.groups[0], group, 6);
	stack.device->mode.group_count = 1;
	stack.device->mode.promiscuous = true;
	stack.device->mode.no_broadcast = true;
	operations()->mode_changed(stack.device);
	virtio_net_control_work(driver());
	assert_int_equal(stack.net.groups, 1);
	assert_memory_equal(stack.net.group[0], group, 6);
	assert_true(stack.net.modes[0]);
	assert_false(stack.net.modes[1]);
	assert_true(stack.net.modes[5]);
	assert_int_equal(operations()->set_vlan(stack.device, 100, true), 0);
	assert_int_equal(operations()->set_vlan(stack.device, 101, true), 0);
	assert_int_equal(operations()->set_vlan(stack.device, 101, false), 0);
	assert_int_equal(operations()->set_vlan(stack.device, 4096, true), -EINVAL);
	assert_true(stack.net.vlans[100]);
	assert_false(stack.net.vlans[101]);
	/* All of it again after a reset. */
	virtio_model_needs_reset(model());
	recover();
	assert_int_equal(stack.net.groups, 1);
	assert_true(stack.net.modes[0]);
	assert_true(stack.net.modes[5]);
	assert_true(stack.net.vlans[100]);
	assert_false(stack.net.vlans[101]);
	stack_stop();
}

static void test_mac(void **state)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3}, group[6] = {1, 2, 3, 4, 5, 6};

	(void)state;
	start("");
	stack_boot();
	assert_int_equal(operations()->set_mac(stack.device, group), -EINVAL);
	assert_int_equal(operations()->set_mac(stack.device, mac), 0);
	assert_memory_equal(model()->config, mac, 6);
	assert_memory_equal(stack.device->mac, mac, 6);
	assert_memory_not_equal(stack.device->permanent_mac, mac, 6);
	stack_stop();

	start("virtio.features=-ctrl_mac_addr");
	stack_boot();
	assert_int_equal(operations()->set_mac(stack.device, mac), -EOPNOTSUPP);
	stack_stop();

	start("");
	stack_boot();
	stack.net.refuse = 1u << CLASS_MAC;
	assert_int_equal(operations()->set_mac(stack.device, mac), -EIO);
	assert_memory_not_equal(stack.device->mac, mac, 6);
	stack_stop();
}

static void test_announce(void **state)
{
	uint16_t status = 3;

	(void)state;
	start("");
	stack_boot();
	virtio_model_configure(model(), 6, &status, sizeof(status));
	virtio_net_control_work(driver());
	assert_non_null(virtio_model_net_command(&stack.net, CLASS_ANNOUNCE, 0));
	assert_int_equal(model()->config[6], 1);
	assert_true(stack.device->link_up);
	stack_stop();
}

/* -- Answers */

static void test_no_answer(void **state)
{
	(void)state;
	start("");
	stack_boot();
	stack.net.silent = true;
	assert_int_equal(operations()->set_vlan(stack.device, 1, true), -ETIMEDOUT);
	assert_true(host_log_has("no answer"));
	assert_true(driver()->virtio->recovery.broken);
	/* It comes back when the device answers again. */
	stack.net.silent = false;
	recover();
	assert_false(driver()->virtio->recovery.broken);
	assert_int_equal(operations()->set_vlan(stack.device, 1, true), 0);
	stack_inject(100);
	host_poll();
	assert_int_equal(stack_poll(), 1);
	stack_check_no_leak();
	stack_stop();

	/* Never: it is given up, and nothing hangs. */
	start("");
	stack.net.silent = true;
	stack_boot();
	virtio_net_control_work(driver());
	recover();
	assert_true(driver()->virtio->recovery.given_up);
	stack_check_no_leak();
	stack_stop();
}

static void test_wrong_answers(void **state)
{
	(void)state;
	start("");
	stack_boot();
	stack.net.lie_ack = true;
	for (unsigned int ack = 1; ack < 256; ack++) {
		stack.net.ack = (uint8_t)ack;
		assert_int_equal(operations()->set_vlan(stack.device, 1, true), -EIO);
	}
	assert_false(driver()->virtio->recovery.broken);
	assert_true(host_log_has("the answer to command 2.0 is ff"));
	stack_stop();
}

/* A ring that holds no command is not used for any. */
static void test_short_ring(void **state)
{
	(void)state;
	start("virtio.queue_size=1");
	stack_boot();
	assert_int_equal(stack.net.command_count, 0);
	assert_int_equal(operations()->set_vlan(stack.device, 1, true), -EOPNOTSUPP);
	stack_stop();
	start("virtio.queue_size=2 virtio.features=-indirect_desc");
	stack_boot();
	assert_int_equal(operations()->set_vlan(stack.device, 1, true), 0);
	stack_stop();
}

/* -- Pairs */

static void test_pairs(void **state)
{
	(void)state;
	start_pairs("", 3, 8);
	stack_boot();
	assert_int_equal(stack.device->queue_pairs, 3);
	assert_int_equal(stack.device->queue_pairs_active, 3);
	assert_int_equal(stack.net.pairs_active, 3);
	for (unsigned int i = 0; i < 3; i++) {
		stack.net.inject_pair = i;
		stack_inject(100 + i);
		host_poll();
		assert_int_equal(operations()->poll(stack.device, i, 64), 1);
		assert_int_equal(stack.length, 100 + i);
		assert_int_equal(driver()->pairs[i].receive.packets, 1);
	}
	assert_int_equal(operations()->set_queue_pairs(stack.device, 0), -EINVAL);
	assert_int_equal(operations()->set_queue_pairs(stack.device, 4), -EINVAL);
	assert_int_equal(operations()->set_queue_pairs(stack.device, 2), 0);
	assert_int_equal(stack.net.pairs_active, 2);
	stack.net.refuse = 1u << CLASS_MQ;
	assert_int_equal(operations()->set_queue_pairs(stack.device, 3), -EIO);
	assert_int_equal(stack.device->queue_pairs_active, 2);
	stack.net.refuse = 0;
	/* The choice outlives a reset. */
	virtio_model_needs_reset(model());
	recover();
	assert_int_equal(stack.net.pairs_active, 2);
	assert_int_equal(stack.device->queue_pairs_active, 2);
	stack_stop();
}

static void test_how_many_pairs(void **state)
{
	static const struct {
		const char *options;
		unsigned int cpus, pairs;
	} cases[] = {{"", 1, 1},
		     {"", 2, 2},
		     {"", 64, 3},
		     {"virtio.queues=2", 8, 2},
		     {"virtio.features=-mq", 8, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start_pairs(cases[i].options, 3, cases[i].cpus);
		stack_boot();
		assert_int_equal(stack.device->queue_pairs, cases[i].pairs);
		assert_int_equal(stack.net.pairs_active, cases[i].pairs);
		stack_stop();
	}
}

static void test_wrong_maximum(void **state)
{
	static const uint16_t wrong[] = {0, 0x8001, 0xffff};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		start_pairs("", 1, 8);
		memcpy(model()->config + 8, &wrong[i], 2);
		stack_boot();
		assert_false(virtio_model_accepted(model(), MODEL_NET_MQ));
		assert_int_equal(stack.device->queue_pairs, 1);
		assert_true(host_log_has("pairs of queues are not used"));
		stack_stop();
	}
}

/* -- Hashes */

static void offer_hashes(uint8_t key, uint16_t table, uint32_t types)
{
	model()->config[17] = key;
	memcpy(model()->config + 18, &table, sizeof(table));
	memcpy(model()->config + 20, &types, sizeof(types));
	virtio_model_offer(model(), MODEL_NET_RSS, true);
	virtio_model_offer(model(), MODEL_NET_HASH_REPORT, true);
}

static void test_hashes(void **state)
{
	struct model_net_header header = {.hash_value = 0x12345678, .hash_report = 2};
	struct network_queue_statistics statistics;

	(void)state;
	start_pairs("", 3, 3);
	offer_hashes(40, 128, 0x3f);
	stack_boot();
	assert_int_equal(driver()->steering_length, 128);
	assert_int_equal(stack.net.pairs_active, 3);
	assert_int_equal(driver()->header_size, 20);
	stack.net.inject_pair = 1;
	virtio_model_net_inject(&stack.net, &header, stack.memory, 100);
	header.hash_report = 77; /* there is no such kind */
	virtio_model_net_inject(&stack.net, &header, stack.memory, 100);
	host_poll();
	assert_int_equal(operations()->poll(stack.device, 1, 64), 2);
	assert_memory_equal(stack.frame, stack.memory, 100);
	operations()->queue_statistics(stack.device, 1, &statistics);
	assert_int_equal(statistics.hashes, 1);
	assert_int_equal(driver()->pairs[1].receive.hashes_unknown, 1);
	assert_int_equal(stack_send(200, 1, 20), 0);
	stack_flush();
	host_poll();
	assert_memory_equal(virtio_model_net_sent(&stack.net, 0)->data, stack.memory + 64, 200);
	assert_int_equal(operations()->set_queue_pairs(stack.device, 1), 0);
	assert_int_equal(stack.net.pairs_active, 1);
	stack_stop();
}

static void test_wrong_hashes(void **state)
{
	static const struct {
		uint8_t key;
		uint16_t table;
		uint32_t types;
	} cases[] = {{39, 128, 0x3f}, {40, 0, 0x3f}, {40, 128, 0}, {40, 128, 0xfffffe00}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start_pairs("", 3, 3);
		offer_hashes(cases[i].key, cases[i].table, cases[i].types);
		stack_boot();
		assert_false(virtio_model_accepted(model(), MODEL_NET_RSS));
		assert_false(virtio_model_accepted(model(), MODEL_NET_HASH_REPORT));
		assert_int_equal(stack.net.pairs_active, 3);
		stack_stop();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters),	      cmocka_unit_test(test_mac),
		cmocka_unit_test(test_announce),      cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_wrong_answers), cmocka_unit_test(test_short_ring),
		cmocka_unit_test(test_pairs),	      cmocka_unit_test(test_how_many_pairs),
		cmocka_unit_test(test_wrong_maximum), cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_wrong_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
