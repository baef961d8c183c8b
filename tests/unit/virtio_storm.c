/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtio devices that interrupt without end, each way in which they can: a bounded number, a line, a reset,
 * and in the end they are given up. Those that only interrupt often are left alone; and a device that sends
 * nothing is said to.
 */
#include "drivers/recovery.h"
#include "tests/device/faults.h"
#include "tests/device/host.h"
#include "tests/device/net_stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define STORM 10000u
#define FAST (100 * NANOSECONDS_PER_MICROSECOND)
#define SLOW (3 * NANOSECONDS_PER_MILLISECOND)

static struct virtio_device *device(void)
{
	return ((struct virtio_net *)stack.device->driver_data)->virtio;
}

/* How many interrupts, `apart` nanoseconds each, it took for the device to break; at most `most`. */
static unsigned int interrupts_until_broken(int queue, uint64_t apart, unsigned int most)
{
	unsigned int count = 0;

	while (count < most && !device()->recovery.broken) {
		stack.net.model.interrupt(&stack.net.model, queue);
		host_clock_advance(apart);
		count++;
	}
	return count;
}

static const struct way {
	enum stack_transport transport;
	const char *options;
} ways[] = {
	{STACK_PCI_MODERN, "virtio.interrupts=per-queue"},
	{STACK_PCI_MODERN, "virtio.interrupts=shared"},
	{STACK_PCI_MODERN, "virtio.interrupts=intx"},
	{STACK_PCI_LEGACY, "virtio.interrupts=intx"},
	{STACK_MMIO_2, ""},
	{STACK_MMIO_1, ""},
};

static void test_quarantined(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2 * sizeof(ways) / sizeof(ways[0]); i++) {
		int queue = i % 2 ? -1 : 0; /* its own interrupt, or that of the configuration */

		stack_start_on(ways[i / 2].transport, ways[i / 2].options);
		stack_boot();
		for (unsigned int attempt = 1; attempt <= RECOVERY_ATTEMPTS; attempt++) {
			uint64_t next;

			assert_in_range(interrupts_until_broken(queue, FAST, 2 * STORM), STORM - 8,
					STORM);
			assert_int_equal(host_log_count(), attempt);
			assert_true(host_log_has("10000 interrupts in "));
			while ((next = recovery_run()) != UINT64_MAX)
				host_clock_advance(next - clock_monotonic());
			assert_false(device()->recovery.broken);
			stack_check_no_leak();
		}
		assert_in_range(interrupts_until_broken(queue, FAST, 2 * STORM), STORM - 8, STORM);
		assert_true(recovery_run() == UINT64_MAX);
		assert_true(device()->recovery.given_up);
		assert_true(host_log_has("given up, it interrupts without end"));
		stack_stop();
	}
}

static void test_often_is_no_storm(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		stack_start_on(ways[i].transport, ways[i].options);
		stack_boot();
		/* More slowly than would hurt anybody. */
		assert_int_equal(interrupts_until_broken(0, SLOW, 3 * STORM), 3 * STORM);
		assert_int_equal(host_log_count(), 0);
		/* As fast as it can, but for frames that come. */
		for (unsigned int frame = 0; frame < 3 * STORM; frame++) {
			stack_inject(100);
			host_clock_advance(FAST);
			stack_poll();
			(void)stack_arm();
			assert_false(device()->recovery.broken);
		}
		assert_int_equal(stack.received, 3 * STORM);
		assert_int_equal(host_log_count(), 0);
		stack_stop();
	}
}

/* Its line stays up, and its register says that it is its own, whatever is done. */
static void test_line_that_stays(void **state)
{
	(void)state;
	stack_start("virtio.interrupts=intx");
	stack_boot();
	fault_now = FAULT_ISR_NOT_CLEARED;
	stack.net.model.interrupt(&stack.net.model, 0);
	/* It is claimed so often, and then no longer: what the interrupt controller needs to know. */
	for (unsigned int i = 0; i < STORM; i++)
		host_interrupt_line(11);
	assert_true(device()->recovery.broken);
	assert_int_equal(host_log_count(), 1);
	host_interrupt_line(11);
	assert_true(stack.pci.pci.config[5] & 4); /* INTx is off */
	fault_now = FAULT_NONE;
	assert_true(recovery_run() == UINT64_MAX);
	assert_false(device()->recovery.broken);
	assert_false(stack.pci.pci.config[5] & 4);
	assert_int_equal(stack_poll(), 0);
	assert_false(stack_arm());
	stack.device->queues[0].events = 0;
	stack.net.echo = true;
	assert_int_equal(stack_send(100, 1, 12), 0);
	stack_flush();
	stack_sleep();
	stack_poll();
	assert_int_equal(stack.received, 1);
	stack_stop();
}

/* Said once, not broken by it, and said again when it goes on. */
static void test_sends_nothing(void **state)
{
	const struct network_operations *operations;

	(void)state;
	stack_start("");
	stack_boot();
	operations = stack.device->operations;
	for (unsigned int i = 0; i < 5; i++)
		operations->watch(stack.device);
	stack.net.hold_transmit = true;
	assert_int_equal(stack_send(100, 1, 12), 0);
	stack_flush();
	operations->watch(stack.device); /* it may have come just before */
	assert_int_equal(host_log_count(), 0);
	for (unsigned int i = 0; i < 5; i++)
		operations->watch(stack.device);
	assert_int_equal(host_log_count(), 1);
	assert_true(host_log_has("does not send the 1 frames that it has"));
	assert_false(device()->recovery.broken);
	stack.net.hold_transmit = false;
	assert_int_equal(stack_send(100, 1, 12), 0);
	stack_flush();
	host_poll();
	operations->watch(stack.device);
	assert_int_equal(stack.given_back, 2);
	assert_true(host_log_has("sends again"));
	assert_int_equal(host_log_count(), 1);
	stack_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quarantined),
		cmocka_unit_test(test_often_is_no_storm),
		cmocka_unit_test(test_line_that_stays),
		cmocka_unit_test(test_sends_nothing),
	};

	return cmocka_run_group_tests_name("virtio_storm", tests, NULL, NULL);
}
