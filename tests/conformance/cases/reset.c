/* SPDX-License-Identifier: BSD-2-Clause */
/* Device reset (virtio 1.4, 2.4). */
#include "tests/conformance/case.h"

#define BUSY_REQUESTS 16u
#define BUSY_BYTES 4096u

/* -- The status is 0 after a reset, wherever the driver was. */

#define RESET_FROM(name, status_, what)                                                            \
	CASE(reset_from_##name, OBEY, "the status reads 0 after a reset of a device that " what,   \
	     "DEV-RESET-01", .transports = TRANSPORTS_ALL)                                         \
	{                                                                                          \
		reset_from(t, status_);                                                            \
	}

static void reset_from(struct conformance_target *t, uint32_t status)
{
	if (status & STATUS_DRIVER_OK)
		session_open(t);
	else if (status & STATUS_FEATURES_OK)
		session_begin(t, SESSION_ALL);
	else
		register_write(t, REGISTER_STATUS, STATUS_ACKNOWLEDGE);
	register_write(t, REGISTER_STATUS, register_read(t, REGISTER_STATUS) | status);
	device_reset(t);
	/* And stays so. */
	expect_equal(t, "status, read again", register_read(t, REGISTER_STATUS), 0);
}

RESET_FROM(reset, 0, "nobody used yet")
RESET_FROM(acknowledge, STATUS_ACKNOWLEDGE, "was acknowledged")
RESET_FROM(driver, STATUS_ACKNOWLEDGE | STATUS_DRIVER, "has a driver")
RESET_FROM(features_ok, STATUS_FEATURES_OK, "negotiated features")
RESET_FROM(driver_ok, STATUS_DRIVER_OK, "works")
RESET_FROM(failed, STATUS_DRIVER | STATUS_FAILED, "its driver gave up")

CASE(reset_pci, OBEY, "writing 0 to device_status resets, and it reads 0 then", "DEV-PCI-COMMON-07",
     .transports = TRANSPORT_PCI)
{
	session_open(t);
	request_once(t, 0);
	device_reset(t);
	expect_equal(t, "device_status", register_read(t, REGISTER_STATUS), 0);
	expect_equal(t, "queue_enable", register_read(t, REGISTER_QUEUE_ENABLE), 0);
}

CASE(reset_repeated, OBEY, "a device can be reset any number of times, and works then",
     "DEV-RESET-01", .transports = TRANSPORTS_ALL)
{
	for (unsigned int i = 0; i < 20; i++)
		device_reset(t);
	session_open(t);
	for (unsigned int i = 0; i < 20; i++)
		device_reset(t);
	session_open(t);
	request_once(t, 0);
}

/* -- Rings begin anew. */

CASE(reset_ring_begins_anew, OBEY, "after a reset rings are used from index 0 again",
     "DEV-RESET-01", .transports = TRANSPORTS_ALL)
{
	for (unsigned int requests = 1; requests < 8; requests++) {
		session_open(t);
		for (unsigned int i = 0; i < requests; i++)
			request_once(t, 0);
		/* A device that began elsewhere may have used them, but not once each. */
		expect_equal(t, "used buffers that were not taken",
			     ring_pending(t, session_ring(t, request_queue(t))), 0);
	}
}

CASE(reset_wrap_begins_anew, OBEY, "after a reset both wrap counters of a packed ring are 1 again",
     "DEV-RESET-01", .features = FEATURE(F_RING_PACKED))
{
	for (unsigned int round = 0; round < 3; round++) {
		session_begin(t, SESSION_ALL);
		session_queue(t, request_queue(t), 4);
		session_ready(t);
		/* More than one turn, less than two. */
		for (unsigned int i = 0; i < 6; i++)
			request_once(t, 0);
	}
}

/* -- Silence after the reset. */

/* Of all that the device may write for these requests. */
static uint64_t digest(struct conformance_target *t, const struct request *request)
{
	struct ring *ring = session_ring(t, request->queue);
	const volatile uint8_t *used = ring->packed ? (const volatile uint8_t *)ring->packed_ring
						    : (const volatile uint8_t *)ring->used;
	size_t size = ring->packed ? ring->size * sizeof(struct packed_descriptor)
				   : split_used_size(ring->size);
	uint64_t sum = 14695981039346656037u; /* FNV-1a */

	target_barrier(t);
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ used[i]) * 1099511628211u;
	for (unsigned int i = 0; i < request->in; i++) {
		const struct segment *segment = &request->segments[request->out + i];
		const volatile uint8_t *bytes = segment->data;

		for (uint32_t j = 0; j < segment->length; j++)
			sum = (sum ^ bytes[j]) * 1099511628211u;
	}
	return sum;
}

/* Some requests in flight, which all use the same memory. */
static struct ring *make_busy(struct conformance_target *t, struct request *request)
{
	struct ring *ring;

	request_make(t, request, BUSY_BYTES);
	ring = session_ring(t, request->queue);
	for (unsigned int i = 0; i < BUSY_REQUESTS && ring->room >= request->out + request->in; i++)
		request_add(t, request);
	ring_publish(t, ring);
	ring_notify(t, ring);
	return ring;
}

CASE(reset_in_flight, OBEY,
     "with requests in flight: nothing is written any more once the status reads 0", "DEV-RESET-02",
     .transports = TRANSPORTS_ALL)
{
	struct request request;
	uint64_t before;

	session_open(t);
	make_busy(t, &request);
	device_reset(t);
	before = digest(t, &request);
	quiet(t);
	expect(t, digest(t, &request) == before,
	       "rings and buffers stay as they were when the status read 0");
}

CASE(reset_in_flight_works, OBEY, "a device that was reset with requests in flight works again",
     "DEV-RESET-01", .transports = TRANSPORTS_ALL)
{
	struct request request;

	for (unsigned int i = 0; i < 5; i++) {
		session_open(t);
		make_busy(t, &request);
	}
	session_open(t);
	request_once(t, 0);
}

CASE(reset_ring_forgotten, OBEY, "a queue of before the reset is used no more", "DEV-RESET-02",
     .transports = TRANSPORTS_ALL)
{
	struct request request;
	struct ring *ring;
	uint64_t before;

	session_open(t);
	request_once(t, 0);
	request_make(t, &request, 0);
	device_reset(t);
	request_add(t, &request);
	ring = session_ring(t, request.queue);
	ring_publish(t, ring);
	before = digest(t, &request);
	ring_notify(t, ring);
	quiet(t);
	expect(t, digest(t, &request) == before, "rings and buffers stay as they were");
}

/* -- A pending interrupt is forgotten. */

static bool isr_pending(struct conformance_target *t, void *context)
{
	(void)context;
	return is_pci(t) ? target_read(t, SPACE_PCI, PCI_STATUS_OFFSET, 2) & PCI_STATUS_LINE
			 : register_read(t, REGISTER_ISR) != 0;
}

static void reset_while_pending(struct conformance_target *t)
{
	struct ring *ring;

	session_begin(t, SESSION_ALL);
	ring = session_queue(t, request_queue(t), 0);
	/* The ISR is the line's. */
	msix_control(t, false, false);
	session_ready(t);
	ring_interrupts_on(t, ring);
	request_once(t, 0);
	await(t, isr_pending, NULL, "an interrupt is pending after a used buffer");
	device_reset(t);
}

CASE(reset_clears_isr, OBEY, "ISR status is 0 after a reset while an interrupt was pending",
     "DEV-RESET-02", .transports = TRANSPORTS_PCI)
{
	reset_while_pending(t);
	expect_equal(t, "ISR status", register_read(t, REGISTER_ISR), 0);
}

CASE(reset_drops_line, OBEY,
     "the PCI status register shows no interrupt after a reset while one was pending",
     "DEV-RESET-02 DEV-PCI-ISR-04", .transports = TRANSPORTS_PCI)
{
	reset_while_pending(t);
	expect_equal(t, "Interrupt Status",
		     target_read(t, SPACE_PCI, PCI_STATUS_OFFSET, 2) & PCI_STATUS_LINE, 0);
}

CASE(reset_clears_interrupt_status, OBEY,
     "InterruptStatus is 0 after a reset while an interrupt was pending", "DEV-MMIO-REG-05",
     .transports = TRANSPORTS_MMIO)
{
	reset_while_pending(t);
	expect_equal(t, "InterruptStatus", register_read(t, REGISTER_ISR), 0);
}
