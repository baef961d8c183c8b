/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network driver and a device that lies or breaks: nothing is lost, nothing hangs, and the device ends
 * marked down with one line.
 */
#include "tests/device/net_stack.h"
#include "tests/unit/failing/allocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- A device that lies */

/* Marked down, one line, everything given back, and nothing hangs: then the core brings it back. */
static void expect_recovered(unsigned int logged)
{
	struct virtio_net *driver = stack.device->driver_data;
	struct virtio_device *virtio = driver->virtio;
	unsigned int received = stack.received;
	uint64_t resets = stack.net.model.resets, polls;

	stack_poll();
	assert_true(virtio->recovery.broken);
	assert_int_equal(host_log_count(), logged);
	/* Nothing goes round in circles until the core has come to it. */
	assert_false(stack_arm());
	polls = stack_statistics().kicks;
	assert_int_equal(stack_poll(), 0);
	assert_int_equal(stack_send(100, 1, 12), -ENETDOWN);
	stack_flush();
	assert_int_equal(stack_statistics().kicks, polls);

	stack.net.hold_transmit = false;
	stack.net.lie_num_buffers = stack.net.lie_length = stack.net.lie_header = false;
	stack.net.incoming_count = 0;
	assert_true(recovery_run() == UINT64_MAX);
	assert_int_equal(stack.net.model.resets, resets + 1);
	assert_true(stack.device->queues[0].events & NETWORK_EVENT_STOPPED);
	assert_true(stack.device->queues[0].events & NETWORK_EVENT_LINK);
	assert_true(stack.device->link_up);
	assert_false(virtio->recovery.broken);
	assert_int_equal(virtio->recovery.recoveries, 1);
	assert_int_equal(driver->pairs[0].receive.posted, STACK_RING);
	assert_int_equal(host_log_count(), logged);
	stack_check_no_leak();
	/* It works as before, with interrupts, and counts on. */
	assert_true(stack_statistics().kicks >= polls);
	assert_int_equal(stack_poll(), 0);
	assert_false(stack_arm());
	stack.device->queues[0].events = 0;
	stack.net.echo = true;
	assert_int_equal(stack_send(100, 2, 12), 0);
	stack_flush();
	stack_sleep();
	stack_poll();
	assert_int_equal(stack.received, received + 1);
	assert_int_equal(stack.length, 100);
	virtio_model_net_link(&stack.net, false);
	assert_false(stack.device->link_up);
	stack_check_no_leak();
	stack_stop();
}

static void test_lie_num_buffers(void **state)
{
	(void)state;
	stack_start("");
	stack_boot();
	stack.net.lie_num_buffers = true;
	stack.net.num_buffers = 0;
	stack_inject(100);
	host_poll();
	stack_poll();
	assert_int_equal(stack.received, 0);
	assert_int_equal(stack_statistics().receive_errors, 1);
	/* More than were used: the frame waits, and the next one is taken for its end. */
	stack.net.num_buffers = 2;
	stack_inject(100);
	host_poll();
	stack_poll();
	assert_int_equal(stack.received, 0);
	stack.net.lie_num_buffers = false;
	stack_inject(100);
	host_poll();
	stack_poll();
	assert_int_equal(stack.received, 1);
	assert_int_equal(stack.length, 212);
	stack_inject(100);
	host_poll();
	stack_poll();
	assert_int_equal(stack.received, 2);
	assert_int_equal(stack.length, 100);
	stack_check_no_leak();
	/* More than are lent at all. */
	stack.net.lie_num_buffers = true;
	stack.net.num_buffers = STACK_RING + 1;
	stack_inject(100);
	host_poll();
	assert_int_equal(host_log_count(), 1); /* of the first one, which made no sense */
	expect_recovered(2);
}

static void test_lie_length(void **state)
{
	static const uint32_t lengths[] = {0, 1, 11, 12, 25};

	(void)state;
	for (unsigned int mergeable = 0; mergeable < 2; mergeable++) {
		stack_start(mergeable ? "" : "virtio.features=-mrg_rxbuf");
		stack_boot();
		stack.net.lie_length = true;
		for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			stack.net.length = lengths[i];
			stack_inject(100);
			host_poll();
			stack_poll();
			assert_int_equal(stack.received, 0);
			assert_int_equal(stack_statistics().receive_errors, i + 1);
			stack_check_no_leak();
		}
		stack.net.length = VIRTIO_NET_CAPACITY + 1;
		stack_inject(100);
		host_poll();
		assert_int_equal(host_log_count(), 1); /* said once of all that were too short */
		expect_recovered(2);
	}
}

static void test_lie_used(void **state)
{
	(void)state;
	stack_start("");
	stack_boot();
	model_split_push(&stack.net.model, 0, 4711, 100);
	expect_recovered(1);

	stack_start("");
	stack_boot();
	*model_split_used_idx(&stack.net.model, 0) = 1000;
	expect_recovered(1);

	/* In the ring of sent frames, with some outstanding. */
	stack_start("");
	stack_boot();
	stack.net.hold_transmit = true;
	assert_int_equal(stack_send(100, 1, 12), 0);
	assert_int_equal(stack_send(100, 2, 0), 0);
	stack_flush();
	*model_split_used_idx(&stack.net.model, 1) = 1000;
	expect_recovered(1);
	assert_int_equal(stack.given_back, 3);
}

static void test_needs_reset(void **state)
{
	(void)state;
	stack_start("");
	stack_boot();
	stack.net.hold_transmit = true;
	assert_int_equal(stack_send(100, 1, 12), 0);
	stack.device->queues[0].events = 0;
	virtio_model_needs_reset(&stack.net.model);
	assert_true(stack.device->queues[0].events != 0); /* the thread is woken */
	expect_recovered(1);
	assert_int_equal(stack.given_back, 2);
}

/* Attempts until there are no more; returns how many there were. */
static unsigned int attempts_until_given_up(void)
{
	unsigned int rounds = 0;
	uint64_t next;

	while ((next = recovery_run()) != UINT64_MAX) {
		uint64_t now = clock_monotonic();

		assert_true(next >= now && next - now <= 10 * NANOSECONDS_PER_SECOND);
		assert_true(++rounds < 100);
		/* Not due yet: nothing happens. */
		assert_true(recovery_run() == next);
		host_clock_advance(next - now);
	}
	return rounds;
}

static void test_reset_never_ends(void **state)
{
	struct virtio_net *driver;

	(void)state;
	stack_start("");
	stack_boot();
	driver = stack.device->driver_data;
	stack.net.hold_transmit = true;
	assert_int_equal(stack_send(100, 1, 12), 0);
	stack.net.model.reset_never = true;
	virtio_model_needs_reset(&stack.net.model);
	stack_poll();
	assert_int_equal(attempts_until_given_up(), RECOVERY_ATTEMPTS - 1);
	assert_int_equal(stack.net.model.resets, 1 + RECOVERY_ATTEMPTS);
	assert_true(driver->virtio->recovery.given_up);
	assert_true(stack.device->queues[0].events & NETWORK_EVENT_STOPPED);
	assert_false(stack.device->link_up);
	/* It asked, it does not reset, it is given up: a line each. */
	assert_int_equal(host_log_count(), 3);
	/* Frames are given back; what the device may write to is not. */
	assert_int_equal(stack.tokens_out, stack.tokens_back);
	assert_null(driver->pairs[0].receive.first);
	assert_int_equal(stack_send(100, 1, 12), -ENETDOWN);
	stack_flush();
	assert_int_equal(stack_poll(), 0);
	assert_false(stack_arm());
	assert_true(recovery_run() == UINT64_MAX);
	virtio_model_net_free(&stack.net); /* FAILED was written while its reset went on */
}

/* One that comes out of its reset late is waited for. */
static void test_reset_takes_long(void **state)
{
	(void)state;
	stack_start("");
	stack_boot();
	stack.net.model.reset_reads = 2000;
	virtio_model_needs_reset(&stack.net.model);
	expect_recovered(1);
}

static void test_start_fails(void **state)
{
	struct virtio_net *driver;
	size_t blocks;

	(void)state;
	stack_start("");
	stack_boot();
	driver = stack.device->driver_data;
	blocks = host_dma_blocks();
	/* It does not take its features any more: tried again and again, then given up. */
	stack.net.model.refuse_features = true;
	virtio_model_needs_reset(&stack.net.model);
	assert_int_equal(attempts_until_given_up(), RECOVERY_ATTEMPTS - 1);
	assert_true(driver->virtio->recovery.given_up);
	assert_int_equal(stack.net.model.status & 128, 128);
	stack_check_no_leak();
	stack_stop();

	/* No memory for the queues, for a while. */
	stack_start("");
	stack_boot();
	driver = stack.device->driver_data;
	blocks = host_dma_blocks();
	for (int fails = 0; fails < 8; fails++) {
		virtio_model_needs_reset(&stack.net.model);
		host_dma_fail_after(fails);
		if (recovery_run() == UINT64_MAX)
			break;
		assert_true(stack.device->queues[0].events & NETWORK_EVENT_STOPPED);
		stack_check_no_leak();
		host_dma_fail_after(-1);
		host_clock_advance(NANOSECONDS_PER_SECOND);
		assert_true(recovery_run() == UINT64_MAX);
		assert_true(stack.device->link_up);
		assert_int_equal(host_dma_blocks(), blocks);
		host_clock_advance(60 * NANOSECONDS_PER_SECOND);
	}
	host_dma_fail_after(-1);
	assert_true(driver->virtio->recovery.recoveries >= 3);
	stack_check_no_leak();
	stack_stop();
}

/* A device that breaks as soon as it runs is not reset for ever; one that ran for a while is. */
static void test_breaks_again(void **state)
{
	struct virtio_net *driver;

	(void)state;
	stack_start("");
	stack_boot();
	driver = stack.device->driver_data;
	for (unsigned int i = 0; i < 3 * RECOVERY_ATTEMPTS; i++) {
		host_clock_advance(60 * NANOSECONDS_PER_SECOND);
		virtio_model_needs_reset(&stack.net.model);
		assert_true(recovery_run() == UINT64_MAX);
		assert_int_equal(driver->virtio->recovery.recoveries, i + 1);
	}
	host_clock_advance(60 * NANOSECONDS_PER_SECOND);
	for (unsigned int i = 0; i < RECOVERY_ATTEMPTS; i++) {
		assert_false(driver->virtio->recovery.given_up);
		virtio_model_needs_reset(&stack.net.model);
		attempts_until_given_up();
	}
	assert_false(driver->virtio->recovery.given_up);
	virtio_model_needs_reset(&stack.net.model);
	assert_true(recovery_run() == UINT64_MAX);
	assert_true(driver->virtio->recovery.given_up);
	assert_false(stack.device->link_up);
	stack_check_no_leak();
	stack_stop();
}

/* Handed on: reset, and left alone whatever it says. */
static void test_shut_down(void **state)
{
	struct virtio_net *driver;

	(void)state;
	stack_start("");
	stack_boot();
	driver = stack.device->driver_data;
	virtio_model_needs_reset(&stack.net.model);
	virtio_shutdown(driver->virtio);
	assert_int_equal(stack.net.model.status, 0);
	assert_int_equal(host_interrupts(), 0);
	assert_true(recovery_run() == UINT64_MAX);
	assert_int_equal(driver->virtio->recovery.recoveries, 0);
	stack_stop();
}

/* Random lies in used entries, headers and indices: whatever comes, nothing is lost or crashes. */
static void test_random_lies(void **state)
{
	(void)state;
	for (unsigned int seed = 0; seed < 300 && allocations_another_round(); seed++) {
		struct virtio_net *driver;

		srand(seed);
		stack_start(seed & 1 ? "" : "virtio.features=-mrg_rxbuf");
		stack_boot();
		driver = stack.device->driver_data;
		for (unsigned int step = 0; step < 60 && !driver->virtio->recovery.broken; step++) {
			unsigned int what = (unsigned int)rand() % 40;

			stack.net.lie_header = stack.net.lie_num_buffers = stack.net.lie_length =
				false;
			if (what < 4) {
				stack.net.lie_header = true;
				for (unsigned int i = 0; i < sizeof(stack.net.header); i++)
					((uint8_t *)&stack.net.header)[i] = (uint8_t)rand();
				stack.net.header.num_buffers = (uint16_t)(1 + rand() % 3);
			} else if (what < 6) {
				stack.net.lie_length = true;
				stack.net.length = (uint32_t)rand() % 2100;
			} else if (what == 6) {
				stack.net.lie_num_buffers = true;
				stack.net.num_buffers = (uint16_t)(rand() % 20);
			} else if (what == 7 && seed % 3 == 0) {
				model_split_push(&stack.net.model, (unsigned int)rand() % 2,
						 (uint32_t)rand() % 20, (uint32_t)rand() % 2000);
			} else if (what == 8 && seed % 5 == 0) {
				*model_split_used_idx(&stack.net.model, (unsigned int)rand() % 2) +=
					3;
			}
			if (rand() % 2 && stack.net.incoming_count < 32)
				stack_inject(14 +
					     (uint32_t)rand() % 3000 % (seed & 1 ? 3000 : 1500));
			stack_send(60 + (uint32_t)rand() % 1400, 1 + (unsigned int)rand() % 4,
				   rand() % 2 ? 12 : 0);
			stack_flush();
			host_poll();
			stack_poll();
		}
		stack.net.hold_transmit = false;
		host_poll();
		stack_poll();
		/* A lie may have made the model take a buffer twice: only the driver is judged
		 * here. */
		if (driver->virtio->recovery.broken) {
			recovery_run();
			assert_true(driver->virtio->recovery.recoveries);
			stack_check_no_leak();
		}
		virtio_model_net_free(&stack.net);
	}
}

static void (*honest)(struct virtio_model *model);

/* All that is there is sent, and at the same moment it asks for a reset. */
static void send_and_break(struct virtio_model *model)
{
	stack.net.hold_transmit = false;
	model->process = honest;
	honest(model);
	virtio_model_needs_reset(model);
}

/* The ring is full, and while the driver looks for room the device breaks: it does not look for ever. */
static void test_breaks_while_full(void **state)
{
	unsigned int sent = 0;
	int error;

	(void)state;
	stack_start("");
	stack_boot();
	stack.net.hold_transmit = true;
	while (sent < 2 * STACK_RING && stack_send(100, 1, 12) == 0)
		sent++;
	assert_in_range(sent, 1, STACK_RING);
	stack_flush();
	honest = stack.net.model.process;
	stack.net.model.process = send_and_break;
	alarm(30);
	error = stack_send(100, 1, 12);
	alarm(0);
	assert_true(error == -ENOBUFS || error == -ENETDOWN);
	expect_recovered(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lie_num_buffers),	  cmocka_unit_test(test_lie_length),
		cmocka_unit_test(test_lie_used),	  cmocka_unit_test(test_needs_reset),
		cmocka_unit_test(test_reset_never_ends),  cmocka_unit_test(test_reset_takes_long),
		cmocka_unit_test(test_start_fails),	  cmocka_unit_test(test_breaks_again),
		cmocka_unit_test(test_shut_down),	  cmocka_unit_test(test_random_lies),
		cmocka_unit_test(test_breaks_while_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
