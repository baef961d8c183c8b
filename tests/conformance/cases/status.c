/* SPDX-License-Identifier: BSD-2-Clause */
/* The device status field (virtio 1.4, 2.1). */
#include "tests/conformance/case.h"

CASE(status_keeps, OBEY, "the status reads back each step of the initialisation", "-",
     .transports = TRANSPORTS_ALL)
{
	static const uint32_t steps[] = {STATUS_ACKNOWLEDGE, STATUS_DRIVER, STATUS_FEATURES_OK,
					 STATUS_DRIVER_OK};
	uint32_t status = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (is_legacy(t) && steps[i] == STATUS_FEATURES_OK)
			continue;
		if (steps[i] == (is_legacy(t) ? STATUS_DRIVER_OK : STATUS_FEATURES_OK))
			features_write(t, features_offered(t) & SESSION_NEEDED);
		status |= steps[i];
		register_write(t, REGISTER_STATUS, status);
		expect_equal(t, "status", register_read(t, REGISTER_STATUS), status);
	}
}

CASE(status_failed, OBEY, "FAILED reads back when the driver gives up", "-",
     .transports = TRANSPORTS_ALL)
{
	uint32_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;

	register_write(t, REGISTER_STATUS, STATUS_ACKNOWLEDGE);
	register_write(t, REGISTER_STATUS, status);
	register_write(t, REGISTER_STATUS, status | STATUS_FAILED);
	expect_equal(t, "status", register_read(t, REGISTER_STATUS), status | STATUS_FAILED);
}

/* A queue with a request in it that was notified, and no DRIVER_OK. */
static struct ring *offer_early(struct conformance_target *t, struct request *request,
				bool interrupts)
{
	struct ring *ring;

	session_begin(t, SESSION_ALL);
	ring = session_queue(t, request_queue(t), 0);
	if (interrupts)
		interrupt_queue(t, ring, 1);
	request_make(t, request, 0);
	request_add(t, request);
	ring_publish(t, ring);
	ring_notify(t, ring);
	quiet(t);
	return ring;
}

CASE(status_no_use_before_driver_ok, OBEY, "no buffer is used before DRIVER_OK", "DEV-STATUS-01")
{
	struct request request;
	struct ring *ring = offer_early(t, &request, false);

	expect_equal(t, "used buffers before DRIVER_OK", ring_pending(t, ring), 0);
}

CASE(status_no_write_before_driver_ok, OBEY, "no buffer is written to before DRIVER_OK",
     "DEV-STATUS-01", .devices = DEVICE(BLOCK) | DEVICE(ENTROPY))
{
	struct request request;
	const struct segment *in;

	offer_early(t, &request, false);
	in = &request.segments[request.out];
	expect_equal(t, "bytes written to the buffer", pattern_written(t, in->data, in->length), 0);
}

CASE(status_no_interrupt_before_driver_ok, OBEY, "no used buffer notification before DRIVER_OK",
     "DEV-STATUS-01", .interrupts = true)
{
	unsigned int slot = t->msix_count > 1;
	struct request request;

	offer_early(t, &request, true);
	expect_equal(t, "interrupts before DRIVER_OK", interrupt_count_of(t, slot), 0);
}

CASE(status_use_after_driver_ok, OBEY,
     "a buffer that was offered before DRIVER_OK and is notified after it is used", "-")
{
	struct request request;
	struct ring *ring;
	struct used used;

	session_begin(t, SESSION_ALL);
	ring = session_queue(t, request_queue(t), 0);
	request_make(t, &request, 0);
	request_add(t, &request);
	ring_publish(t, ring);
	session_ready(t);
	ring_notify(t, ring);
	used = ring_wait(t, ring);
	request_check(t, &request, &used);
}

/* -- An error that the device cannot recover from: a descriptor beyond the table. */

static void offer_nonsense(struct conformance_target *t, struct ring *ring)
{
	split_avail_write(t, ring, 0, (uint16_t)(ring->size + 1));
	split_idx_write(t, ring, 1);
	ring_notify(t, ring);
}

static bool needs_reset(struct conformance_target *t, void *context)
{
	(void)context;
	return register_read(t, REGISTER_STATUS) & STATUS_NEEDS_RESET;
}

CASE(status_needs_reset, BREAK, "NEEDS_RESET is set after a descriptor that cannot be",
     "DEV-STATUS-02", .should = true)
{
	struct ring *ring;

	session_begin(t, SESSION_WITHOUT(FEATURE(F_RING_PACKED)));
	ring = session_queue(t, request_queue(t), 0);
	session_ready(t);
	offer_nonsense(t, ring);
	await(t, needs_reset, NULL, "the status gets NEEDS_RESET");
}

CASE(status_needs_reset_notified, BREAK,
     "a configuration change notification is sent when NEEDS_RESET is set after DRIVER_OK",
     "DEV-STATUS-03", .interrupts = true)
{
	struct ring *ring;
	unsigned int slot;

	session_begin(t, SESSION_WITHOUT(FEATURE(F_RING_PACKED)));
	ring = session_queue(t, request_queue(t), 0);
	slot = interrupt_config(t, 1);
	session_ready(t);
	offer_nonsense(t, ring);
	if (!wait_for(t, needs_reset, NULL))
		skip(t, "the device does not set NEEDS_RESET for this");
	interrupt_await(t, slot, 1);
}

CASE(status_needs_reset_cause, BREAK, "NEEDS_RESET alone leaves the queue bit of InterruptStatus 0",
     "DEV-MMIO-REG-04", .transports = TRANSPORT_MMIO)
{
	struct ring *ring;

	session_begin(t, SESSION_WITHOUT(FEATURE(F_RING_PACKED)));
	ring = session_queue(t, request_queue(t), 0);
	session_ready(t);
	offer_nonsense(t, ring);
	if (!wait_for(t, needs_reset, NULL))
		skip(t, "the device does not set NEEDS_RESET for this");
	expect_bits(t, "InterruptStatus", register_read(t, REGISTER_ISR), 0, 1);
}
