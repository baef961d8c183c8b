/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of emulated network devices have in common. Included behind cmocka.h; the device has the address that
 * the models begin with.
 */
#ifndef TESTS_UNIT_NIC_TESTS_H
#define TESTS_UNIT_NIC_TESTS_H

#include "tests/device/nic_stack.h"

#include <errno.h>
#include <string.h>

/* To the device, as long as Ethernet allows. */
static uint8_t frame[1514] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

/* An empty host with this stack, for which frames go to a model by inject(). */
static inline void nic_open(const char *command_line,
			    void (*inject)(const void *bytes, unsigned int length))
{
	nic_reset(command_line);
	nic.inject = inject;
	for (unsigned int i = 12; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 3);
}

/* Frames of many lengths, one at a time, each after an interrupt. */
static inline void nic_check_lengths(void)
{
	nic_poll();
	assert_false(nic_arm());
	for (unsigned int length = 14; length <= 1514; length += 100) {
		nic.inject(frame, length);
		host_poll();
		assert_true(nic_event(NETWORK_EVENT_RECEIVE));
		assert_int_equal(nic_poll(), 1);
		assert_int_equal(nic.last.length, length);
		assert_memory_equal(nic.last.bytes, frame, length);
		assert_false(nic_arm());
	}
}

static inline bool nic_passes(const uint8_t to[6])
{
	uint8_t bytes[64];

	memcpy(bytes, frame, sizeof(bytes));
	memcpy(bytes, to, 6);
	return nic_comes(bytes, sizeof(bytes));
}

/* Which frames come, as the receive mode and the address are changed. `other_group` is one that the filter tells apart. */
static inline void nic_check_filters(const uint8_t other_group[6])
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t group[6] = {0x33, 0x33, 0xff, 0x12, 0x34, 0x56};
	static const uint8_t other[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x57};
	const struct network_operations *operations = nic.device->operations;
	struct network_receive_mode *mode = &nic.device->mode;

	assert_true(nic_passes(frame) && nic_passes(all));
	assert_false(nic_passes(other) || nic_passes(group));
	memcpy(mode->groups[mode->group_count++], group, 6);
	operations->mode_changed(nic.device);
	assert_true(nic_passes(group));
	assert_false(nic_passes(other_group));
	mode->all_multicast = true;
	operations->mode_changed(nic.device);
	assert_true(nic_passes(other_group));
	assert_false(nic_passes(other));
	mode->promiscuous = true;
	operations->mode_changed(nic.device);
	assert_true(nic_passes(other));
	*mode = (struct network_receive_mode){.no_broadcast = true};
	operations->mode_changed(nic.device);
	assert_false(nic_passes(other) || nic_passes(group) || nic_passes(all));
	assert_int_equal(operations->set_mac(nic.device, all), -EINVAL);
	assert_int_equal(operations->set_mac(nic.device, other), 0);
	assert_true(nic_passes(other));
	assert_false(nic_passes(frame));
}

/* All that was kept is freed, at which the driver wakes; it goes on with what has waited. */
static inline void nic_free_kept(void)
{
	nic_event(NETWORK_EVENT_RECEIVE);
	while (nic.kept_count)
		network_buffer_free(nic.kept[--nic.kept_count]);
	assert_true(nic_event(NETWORK_EVENT_RECEIVE));
	nic.keep = false;
}

/* A device that reads as all ones, as it does from now on, is given up, with a line for each step. */
static inline void nic_check_gone(void)
{
	host_log_clear();
	host_interrupt_line(11);
	assert_true(nic.pci->recovery.broken);
	nic_recover();
	assert_true(nic.pci->recovery.given_up);
	assert_true(host_log_has("given up, it reads as all ones"));
	assert_int_equal(host_log_count(), 2); /* that it is reset, and that it is given up */
	assert_false(nic.device->link_up);
	assert_int_equal(nic_send(100, 1), -ENETDOWN);
	assert_int_equal(nic_poll(), 0);
}

/* No device without memory; what was taken comes back. prepare() makes a new one. */
static inline void nic_check_no_memory(void (*prepare)(void))
{
	for (int count = 0; count < 8; count++) {
		prepare();
		host_dma_fail_after(count);
		assert_false(nic_probe());
		assert_int_equal(host_dma_blocks(), 0);
		assert_int_equal(host_interrupts(), 0);
	}
}

#endif
