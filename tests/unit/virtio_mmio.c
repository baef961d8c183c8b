/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio over MMIO against the model: devices of the command line, what is left alone, levels and
 * edges, and QEMU's way with feature words.
 */
#include "drivers/net/network.h"
#include "drivers/virtio/transports/mmio.h"
#include "drivers/virtio/virtio.h"
#include "kernel/options/options.h"
#include "tests/device/host.h"
#include "tests/device/virtio_model_mmio.h"
#include "tests/device/virtio_model_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct virtio_model_net net;
static struct virtio_model_mmio mmio;
/* The driver remembers where it has looked, so that each test has a place of its own. */
static uint64_t place = 0xd0000000;
static unsigned int received;

static struct virtio_device *last_device(void)
{
	struct virtio_device *device = virtio_first();

	while (device && device->next)
		device = device->next;
	return device;
}

static struct network_device *last_network(void)
{
	struct network_device *device = network_first();

	while (device && device->next)
		device = device->next;
	return device;
}

static void start(void)
{
	host_reset();
	options_parse("");
	place += 0x1000;
	received = 0;
	virtio_model_net_init(&net, 16);
	virtio_model_mmio_init(&mmio, &net.model, place);
	host_log_clear();
}

static int add(void)
{
	const struct interrupt_line line = {.gsi = MODEL_MMIO_LINE, .level = mmio.level};

	return virtio_mmio_add(place, 0x200, &line);
}

static void stop(void)
{
	if (net.model.violations)
		fail_msg("%s", net.model.violation);
	virtio_model_net_free(&net);
}

static void on_receive(struct network_device *device, struct network_buffer *buffer,
		       const struct network_receive_info *info)
{
	(void)device;
	assert_int_equal(info->length, 100);
	network_buffer_free(buffer);
	received++;
}

static void on_transmitted(struct network_device *device, void *token)
{
	(void)device;
	(void)token;
}

/* Frames come by interrupts alone, some of them with a change of the configuration. */
static void traffic(bool level)
{
	static const struct model_net_header header;
	static const uint8_t frame[100];
	struct network_device *device;

	start();
	mmio.level = level;
	assert_int_equal(add(), 0);
	assert_string_equal(last_device()->interrupt_mode, "line");
	device = last_network();
	device->receive = on_receive;
	device->transmitted = on_transmitted;
	for (unsigned int i = 0; i < 100; i++) {
		device->operations->poll(device, 0, 8);
		assert_false(device->operations->arm(device, 0));
		__atomic_store_n(&device->queues[0].events, 0, __ATOMIC_RELAXED);
		if (i % 3 == 0) {
			virtio_model_net_link(&net, i % 2);
			assert_int_equal(device->link_up, i % 2);
		}
		virtio_model_net_inject(&net, &header, frame, sizeof(frame));
		assert_true(wait_event_timeout(&device->queues[0].wait,
					       device->queues[0].events & NETWORK_EVENT_RECEIVE,
					       NANOSECONDS_PER_SECOND));
		assert_int_equal(net.model.isr, 0);
	}
	device->operations->poll(device, 0, 8);
	assert_int_equal(received, 100);
	assert_int_equal(host_log_count(), 0);
	stop();
}

static void test_level(void **state)
{
	(void)state;
	traffic(true);
}

static void test_edge(void **state)
{
	(void)state;
	traffic(false);
}

static void test_feature_words(void **state)
{
	(void)state;
	start();
	mmio.mirrors_words = true;
	assert_int_equal(add(), 0);
	assert_non_null(last_device()->driver);
	assert_int_equal(last_device()->offered.words[2], 0);
	assert_true(virtio_model_accepted(&net.model, MODEL_VERSION_1));
	stop();
}

static void test_left_alone(void **state)
{
	struct virtio_device *before = last_device();

	(void)state;
	start();
	mmio.magic = 0;
	assert_int_equal(add(), -ENODEV);
	assert_int_equal(host_log_count(), 1);
	stop();

	start();
	mmio.version = 3;
	assert_int_equal(add(), -ENODEV);
	stop();

	start();
	net.model.type = 0; /* an empty place is no error */
	assert_int_equal(add(), -ENODEV);
	assert_int_equal(host_log_count(), 0);
	assert_int_equal(net.model.trace_count, 0);
	stop();

	assert_ptr_equal(last_device(), before);
}

static void test_bad_places(void **state)
{
	const struct interrupt_line line = {.gsi = MODEL_MMIO_LINE};

	(void)state;
	start();
	assert_int_equal(virtio_mmio_add(place, 0x80, &line), -EINVAL);
	assert_int_equal(virtio_mmio_add(place + 2, 0x200, &line), -EINVAL);
	assert_int_equal(virtio_mmio_add(place, UINT64_MAX, &line), -EINVAL);
	assert_int_equal(virtio_mmio_add(place + 0x100, 0x200, &line), -ENOMEM); /* no region */
	stop();
}

static void test_command_line(void **state)
{
	static const char *const bad[] = {"4K",
					  "4K@",
					  "@0xd0000000:5",
					  "4K@0xd0000000",
					  "4K@0xd0000000:",
					  "4K@0xd0000000:5:",
					  "4K@0xd0000000:5:1x",
					  "4Q@0xd0000000:5"};
	char words[128];

	(void)state;
	start();
	snprintf(words, sizeof(words),
		 "virtio_mmio.device=512@0x%llx:20 virtio_mmio.device=0x200@0x%llx:20:1",
		 (unsigned long long)place, (unsigned long long)place);
	options_parse(words);
	virtio_mmio_init();
	assert_string_equal(last_device()->driver->name, "virtio_net");
	assert_int_equal(net.model.resets, 1); /* named twice, added once */
	assert_int_equal(host_log_count(), 0);
	stop();

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start();
		snprintf(words, sizeof(words), "virtio_mmio.device=%s", bad[i]);
		options_parse(words);
		assert_int_equal(host_log_count(), 1);
		stop();
	}
	options_parse("");
}

static void test_queue_missing(void **state)
{
	(void)state;
	start();
	net.model.queues[1].size_max = 0;
	assert_int_equal(add(), 0);
	assert_null(last_device()->driver);
	assert_true(net.model.status & VIRTIO_STATUS_FAILED);
	assert_int_equal(host_dma_blocks(), 0);
	assert_int_equal(host_interrupts(), 0);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_level),	      cmocka_unit_test(test_edge),
		cmocka_unit_test(test_feature_words), cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_bad_places),    cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_queue_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
