/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of rtl8139 against its model: frames both ways, what they cost, the end of the ring, filters,
 * link, four slots, and a device that lies, sticks, or is not there any more.
 */
#include "drivers/net/rtl8139.h"
#include "tests/device/rtl8139_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/nic_tests.h"

static struct rtl8139_model model;

static void inject(const void *bytes, unsigned int length)
{
	rtl8139_model_inject(&model, bytes, length);
}

static void prepare(void)
{
	nic_open("net.buffers=100", inject);
	rtl8139_model_init(&model);
}

static void boot(void)
{
	prepare();
	nic_boot();
}

static struct rtl8139 *driver(void)
{
	return nic.device->driver_data;
}

static void end(void)
{
	const struct rtl8139 *rtl = driver();

	if (model.violations)
		host_abort("the driver broke a rule: %s", model.violation);
	nic_check_tokens();
	assert_int_equal(network_buffers_idle(&rtl->buffers), rtl->buffers.count);
}

static void test_start(void **state)
{
	(void)state;
	boot();
	assert_memory_equal(nic.device->mac, frame, 6);
	assert_true(nic.device->link_up);
	assert_string_equal(nic.device->driver_name, "8139too");
	assert_int_equal(host_log_count(), 0);
	assert_int_equal(nic_poll(), 0);
	assert_false(nic_arm());
	end();
}

static void test_send(void **state)
{
	(void)state;
	boot();
	for (unsigned int i = 0; i < 20; i++) {
		unsigned int length = i == 19 ? 1514 : 14 + 70 * i;

		assert_int_equal(nic_send(length, 1 + i % 5), 0);
		nic_flush();
		host_poll();
		assert_int_equal(nic.given_back, i + 1);
		assert_int_equal(model.sent[i].length, length < 60 ? 60 : length);
		assert_memory_equal(model.sent[i].bytes, nic.memory, length);
		for (unsigned int j = length; j < model.sent[i].length; j++)
			assert_int_equal(model.sent[i].bytes[j], 0); /* nothing of earlier frames */
	}
	assert_int_equal(nic_send(13, 1), -EMSGSIZE);
	assert_int_equal(nic_send(1515, 1), -EMSGSIZE);
	end();
}

/* Nothing is looked at as long as there is a free slot. */
static void test_cost(void **state)
{
	uint64_t before;

	(void)state;
	boot();
	nic_poll();
	nic_arm();
	before = host_io_accesses();
	for (unsigned int i = 0; i < 3; i++) {
		inject(frame, 100);
		host_poll();	  /* ISR twice */
		nic_poll();	  /* CBR */
		nic_send(100, 1); /* TSD */
		nic_flush();
		nic_arm();
	}
	assert_int_equal(nic.received, 3);
	assert_int_equal(host_io_accesses() - before, 3 * 4);
	assert_int_equal(driver()->statistics.bytes_copied, 600);
	host_poll();
	end();
}

static void test_receive(void **state)
{
	(void)state;
	boot();
	nic_check_lengths();
	end();
}

/* Round and round the ring, with frames that end at each distance from its end. */
static void test_ring_end(void **state)
{
	(void)state;
	boot();
	for (unsigned int i = 0; i < 2000; i++) {
		frame[30] = (uint8_t)i;
		assert_true(nic_comes(frame, 60 + i * 7 % 1455));
	}
	end();
}

/* More than the ring holds: what has no room waits in the model. */
static void test_flood(void **state)
{
	unsigned int got = 0;

	(void)state;
	boot();
	for (unsigned int i = 0; i < 200; i++) {
		while (model.waiting_count < NIC_FRAMES_MAX)
			inject(frame, 1514);
		host_poll();
		got += nic_poll();
		assert_int_equal(nic.last.length, 1514);
	}
	assert_true(got > 200 * 10);
	while (nic_poll() || model.waiting_count)
		host_poll();
	assert_false(nic.pci->recovery.broken);
	end();
}

static void test_masked_in_a_flood(void **state)
{
	(void)state;
	boot();
	nic_poll();
	nic_arm();
	inject(frame, 100);
	host_poll();
	assert_true(model.imr & 1);
	inject(frame, 100);
	host_poll(); /* while the stack has not slept again */
	assert_false(model.imr & 1);
	assert_int_equal(nic_poll(), 2);
	inject(frame, 100);
	host_poll();
	nic_event(NETWORK_EVENT_RECEIVE);
	nic_arm(); /* it came meanwhile: the interrupt comes now */
	assert_true(nic_event(NETWORK_EVENT_RECEIVE));
	assert_int_equal(nic_poll(), 1);
	end();
}

static void test_kept(void **state)
{
	unsigned int got = 0;

	(void)state;
	boot();
	nic.keep = true;
	for (unsigned int i = 0; i < 20; i++) {
		for (unsigned int j = 0; j < 10; j++)
			if (model.waiting_count < NIC_FRAMES_MAX)
				inject(frame, 100);
		host_poll();
		got += nic_poll();
	}
	assert_int_equal(got, driver()->buffers.count);
	nic_free_kept();
	while (nic_poll() || model.waiting_count)
		host_poll();
	end();
}

static void test_slots(void **state)
{
	(void)state;
	boot();
	model.sends_nothing = true;
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(nic_send(100, 1), 0);
	assert_int_equal(nic_send(100, 1), -ENOBUFS);
	assert_true(model.imr & 4);
	nic_event(NETWORK_EVENT_RECEIVE);
	model.sends_nothing = false;
	host_poll();
	assert_true(nic_event(NETWORK_EVENT_RECEIVE));
	nic_poll();
	assert_false(model.imr & 4);
	assert_int_equal(nic_send(100, 1), 0);
	nic_flush();
	host_poll();
	assert_int_equal(model.sent_count, 5);
	end();
}

static void test_aborts(void **state)
{
	(void)state;
	boot();
	model.aborts = true;
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(nic_send(100, 1), 0);
		nic_flush();
		host_poll();
	}
	assert_int_equal(driver()->transmit_aborts, 16); /* the last four were not looked at yet */
	assert_int_equal(driver()->statistics.transmit_errors, 16);
	model.aborts = false;
	assert_int_equal(nic_send(100, 1), 0);
	nic_flush();
	host_poll();
	assert_int_equal(model.sent_count, 1);
	end();
}

static void test_link(void **state)
{
	(void)state;
	boot();
	rtl8139_model_link(&model, false);
	assert_false(nic.device->link_up);
	assert_true(nic_event(NETWORK_EVENT_LINK));
	rtl8139_model_link(&model, true);
	assert_true(nic.device->link_up);
	end();
}

static void test_filters(void **state)
{
	static const uint8_t other_group[6] = {0x33, 0x33, 0xff, 0x12, 0x34, 0x58};

	(void)state;
	boot();
	nic_check_filters(other_group);
	end();
}

/* What lies in the ring cannot be trusted any more: the device is reset, and works again. */
static void test_bad_lengths(void **state)
{
	static const int lengths[] = {0, 17, 1523, 0xfff0, 65535};

	(void)state;
	for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		boot();
		model.length = lengths[i];
		assert_false(nic_comes(frame, 100));
		assert_true(nic.pci->recovery.broken);
		assert_true(host_log_has("impossible length"));
		model.length = -1;
		nic_recover();
		assert_true(nic_comes(frame, 100));
		end();
	}
	/* Possible, but longer than what is there. */
	boot();
	model.length = 1000;
	assert_false(nic_comes(frame, 100));
	assert_true(nic.pci->recovery.broken);
	nic_recover();
	end();
}

static void test_bad_places(void **state)
{
	static const int places[] = {32768, 3, 65532, 65535};

	(void)state;
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		boot();
		model.place = places[i];
		nic_poll();
		assert_true(nic.pci->recovery.broken);
		assert_int_equal(nic.received, 0);
		model.place = -1;
		nic_recover();
		assert_true(nic_comes(frame, 100));
		end();
	}
}

static void test_bad_status(void **state)
{
	(void)state;
	boot();
	model.status = 0x8002; /* a bad sum */
	assert_false(nic_comes(frame, 100));
	model.status = 0;
	assert_true(nic_comes(frame, 100));
	assert_int_equal(driver()->statistics.receive_errors, 1);
	assert_false(nic.pci->recovery.broken);
	end();
}

static void test_gone(void **state)
{
	(void)state;
	boot();
	nic_send(100, 1);
	model.gone = true;
	nic_check_gone();
	end();
}

static void test_sends_nothing(void **state)
{
	(void)state;
	boot();
	model.sends_nothing = true;
	for (unsigned int i = 0; i < 5; i++)
		nic_send(100, 1);
	nic_poll();
	host_clock_advance(6 * NANOSECONDS_PER_SECOND);
	nic_poll();
	assert_true(nic.pci->recovery.broken);
	model.sends_nothing = false;
	nic_recover();
	assert_false(nic.pci->recovery.broken);
	assert_int_equal(nic_send(100, 1), 0);
	nic_flush();
	end();
}

static void test_storm(void **state)
{
	(void)state;
	boot();
	model.cause_sticks = true;
	inject(frame, 100);
	host_poll();
	for (unsigned int i = 0; i <= PCI_DEVICE_UNSERVED_MAX && !nic.pci->recovery.broken; i++)
		host_interrupt_line(11);
	assert_true(nic.pci->recovery.broken);
	model.cause_sticks = false;
	nic_recover();
	assert_true(nic_comes(frame, 100));
	end();
}

static void test_does_not_start(void **state)
{
	(void)state;
	prepare();
	model.reset_sticks = true;
	assert_false(nic_probe());
	assert_true(host_log_has("does not reset"));
	assert_int_equal(host_dma_blocks(), 0);
	prepare();
	model.gone = true;
	assert_false(nic_probe());
	nic_check_no_memory(prepare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_ring_end),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_masked_in_a_flood),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_aborts),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_bad_lengths),
		cmocka_unit_test(test_bad_places),
		cmocka_unit_test(test_bad_status),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_sends_nothing),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_does_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
