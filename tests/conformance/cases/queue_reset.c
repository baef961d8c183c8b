/* SPDX-License-Identifier: BSD-2-Clause */
/* Reset of one queue (virtio 1.4, 2.6.1; registers: 4.1.4.3.1 and 4.2.2.1). */
#include "tests/conformance/case.h"

#define RESETTABLE .features = FEATURE(F_RING_RESET)
#define SMALL 4u

static bool reset_is_over(struct conformance_target *t, void *context)
{
	(void)context;
	return register_read(t, REGISTER_QUEUE_RESET) == 0;
}

/* The queue stays selected. */
static void reset_queue(struct conformance_target *t, unsigned int queue)
{
	register_write(t, REGISTER_QUEUE_SELECT, queue);
	register_write(t, REGISTER_QUEUE_RESET, 1);
	await(t, reset_is_over, NULL, "queue_reset reads 0 when the queue has been reset");
	/* What stands on the reset cannot be had without it, and would be waited for. */
	expect_equal(t, "queue_enable after the reset of the queue",
		     register_read(t, REGISTER_QUEUE_ENABLE), 0);
}

static uint32_t most_of(struct conformance_target *t, unsigned int queue)
{
	register_write(t, REGISTER_QUEUE_SELECT, queue);
	return register_read(t, is_mmio(t) ? REGISTER_QUEUE_SIZE_MAX : REGISTER_QUEUE_SIZE);
}

static struct ring *open_small(struct conformance_target *t)
{
	struct ring *ring;

	session_begin(t, SESSION_ALL);
	ring = session_queue(t, request_queue(t), SMALL);
	session_ready(t);
	return ring;
}

CASE(queue_reset_at_start, OBEY, "queue_reset of each queue reads 0 after a device reset",
     "DEV-PCI-COMMON-09 DEV-MMIO-REG-08", RESETTABLE)
{
	unsigned int queues = queue_count(t);

	session_open(t);
	reset_queue(t, request_queue(t));
	device_reset(t);
	for (unsigned int i = 0; i < queues; i++) {
		register_write(t, REGISTER_QUEUE_SELECT, i);
		expect_equal(t, "queue_reset", register_read(t, REGISTER_QUEUE_RESET), 0);
	}
}

CASE(queue_reset_when_enabled, OBEY, "queue_reset reads 0 after the queue was enabled",
     "DEV-PCI-COMMON-10 DEV-MMIO-REG-09", RESETTABLE)
{
	session_open(t);
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	expect_equal(t, "queue_reset", register_read(t, REGISTER_QUEUE_RESET), 0);
	reset_queue(t, request_queue(t));
	session_queue(t, request_queue(t), 0);
	expect_equal(t, "queue_reset, enabled again", register_read(t, REGISTER_QUEUE_RESET), 0);
	expect_equal(t, "queue_enable, enabled again", register_read(t, REGISTER_QUEUE_ENABLE), 1);
}

CASE(queue_reset_disables, OBEY, "queue_reset and queue_enable both read 0 when the reset is over",
     "DEV-PCI-COMMON-11 DEV-PCI-COMMON-13 DEV-MMIO-REG-10 DEV-MMIO-REG-12", RESETTABLE)
{
	session_open(t);
	reset_queue(t, request_queue(t));
	expect_equal(t, "queue_enable, read again", register_read(t, REGISTER_QUEUE_ENABLE), 0);
	expect_equal(t, "queue_reset, read again", register_read(t, REGISTER_QUEUE_RESET), 0);
}

/* -- Silence */

CASE(queue_reset_in_flight, OBEY,
     "with requests in flight: the ring is not written any more when the reset is over",
     "DEV-QRST-01 DEV-PCI-COMMON-12 DEV-MMIO-REG-11", RESETTABLE)
{
	struct request request;
	struct ring *ring;
	unsigned int before;

	session_open(t);
	request_make(t, &request, 4096);
	ring = session_ring(t, request.queue);
	for (unsigned int i = 0; i < 16 && ring->room >= request.out + request.in; i++)
		request_add(t, &request);
	ring_publish(t, ring);
	ring_notify(t, ring);
	reset_queue(t, request.queue);
	before = ring_pending(t, ring);
	if (ring->packed)
		/* Only the next one is looked at: all that came so far are taken. */
		for (struct used used; ring_take(t, ring, &used);)
			before = 0;
	quiet(t);
	expect_equal(t, "used buffers after the reset of the queue", ring_pending(t, ring), before);
}

CASE(queue_reset_ignored, OBEY, "a queue that was reset is not used, notified or not",
     "DEV-QRST-01", RESETTABLE)
{
	struct request request;
	struct ring *ring;

	session_open(t);
	request_once(t, 0);
	reset_queue(t, request_queue(t));
	request_make(t, &request, 0);
	request_add(t, &request);
	ring = session_ring(t, request.queue);
	ring_publish(t, ring);
	ring_notify(t, ring);
	quiet(t);
	expect_equal(t, "used buffers", ring_pending(t, ring), 0);
}

CASE(queue_reset_silent, OBEY, "a queue that was reset sends no notification", "DEV-QRST-01",
     RESETTABLE, .interrupts = true)
{
	struct request request;
	struct ring *ring;
	unsigned int slot;
	uint64_t before;

	session_begin(t, SESSION_ALL);
	ring = session_queue(t, request_queue(t), 0);
	slot = interrupt_queue(t, ring, 1);
	session_ready(t);
	request_make(t, &request, 0);
	request_run(t, &request);
	/* The message about it comes on its own time. */
	quiet(t);
	reset_queue(t, request.queue);
	before = interrupt_count_of(t, slot);
	request_add(t, &request);
	ring_interrupts_on(t, ring);
	ring_publish(t, ring);
	ring_notify(t, ring);
	quiet(t);
	expect_equal(t, "interrupts after the reset of the queue",
		     interrupt_count_of(t, slot) - before, 0);
}

/* -- Back to the defaults */

CASE(queue_reset_size, OBEY, "the size of a queue that was reset is its largest again",
     "DEV-QRST-02", RESETTABLE, .transports = TRANSPORT_PCI)
{
	uint32_t most = most_of(t, request_queue(t));

	open_small(t);
	expect_equal(t, "queue_size before", most_of(t, request_queue(t)), SMALL);
	reset_queue(t, request_queue(t));
	expect_equal(t, "queue_size", most_of(t, request_queue(t)), most);
}

CASE(queue_reset_vector, OBEY, "a queue that was reset has no vector", "DEV-QRST-02", RESETTABLE,
     .transports = TRANSPORT_PCI, .vectors = 1)
{
	session_begin(t, SESSION_ALL);
	interrupt_queue(t, session_queue(t, request_queue(t), 0), 0);
	session_ready(t);
	reset_queue(t, request_queue(t));
	expect_equal(t, "queue_msix_vector", register_read(t, REGISTER_QUEUE_VECTOR), NO_VECTOR);
}

CASE(queue_reset_addresses, OBEY,
     "the addresses of a queue that was reset are those of a device reset", "DEV-QRST-02",
     RESETTABLE, .transports = TRANSPORT_PCI)
{
	static const char *const names[] = {"queue_desc", "queue_driver", "queue_device"};
	uint64_t defaults[3];

	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	for (unsigned int i = AREA_DESCRIPTORS; i <= AREA_DEVICE; i++)
		defaults[i] = area_read(t, i);
	session_open(t);
	reset_queue(t, request_queue(t));
	for (unsigned int i = AREA_DESCRIPTORS; i <= AREA_DEVICE; i++)
		expect_equal(t, names[i], area_read(t, i), defaults[i]);
}

#define UNTOUCHED 0xffffu

/* Enables the queue again, with a used ring in which each write shows. */
static void enable_again(struct conformance_target *t, unsigned int size)
{
	struct ring *ring = session_queue(t, request_queue(t), size);

	for (unsigned int i = 2; !ring->packed && i < 2 + 4 * size; i++)
		((volatile uint16_t *)(uintptr_t)ring->used)[i] = UNTOUCHED;
	target_barrier(t);
}

/*
 * A device that goes on at its index of before takes what it finds there, until it has come around to the index
 * of the new ring: the request is used then, and so are 65535 others.
 */
static void first_request(struct conformance_target *t)
{
	struct ring *ring = session_ring(t, request_queue(t));

	request_once(t, 0);
	expect_equal(t, "used buffers that were not taken", ring_pending(t, ring), 0);
	if (!ring->packed)
		expect_equal(t, "low half of the id of the next used entry, not written yet",
			     split_used_read(ring, 1).id & UNTOUCHED, UNTOUCHED);
}

/* `before` requests, then the queue anew, some times. */
static void restart(struct conformance_target *t, unsigned int before)
{
	open_small(t);
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < before; i++)
			request_once(t, 0);
		reset_queue(t, request_queue(t));
		enable_again(t, SMALL);
		first_request(t);
	}
}

CASE(queue_reset_index, OBEY, "a queue that was reset and enabled again begins at index 0",
     "DEV-QRST-02 DEV-PCI-COMMON-11 DEV-MMIO-REG-10", RESETTABLE)
{
	restart(t, 3);
}

CASE(queue_reset_wrap, OBEY,
     "the wrap counters of a queue that was reset and enabled again are 1 again", "DEV-QRST-02",
     .features = FEATURE(F_RING_RESET) | FEATURE(F_RING_PACKED))
{
	/* Whatever a request takes, one of these ends in the second turn. */
	restart(t, 2);
	restart(t, 5);
}

CASE(queue_reset_other_place, OBEY, "a queue that is enabled again is where the driver puts it now",
     "DEV-QRST-03", RESETTABLE)
{
	struct ring *old = open_small(t);
	unsigned int used;

	request_once(t, 0);
	used = ring_pending(t, old);
	reset_queue(t, request_queue(t));
	session_queue(t, request_queue(t), SMALL);
	for (unsigned int i = 0; i < 2 * SMALL; i++)
		request_once(t, 0);
	expect_equal(t, "used buffers in the ring of before", ring_pending(t, old), used);
}

#define RESIZED(from, to)                                                                          \
	CASE(queue_reset_size_##from##_##to, OBEY,                                                 \
	     "a queue of " #from " entries that was reset works with " #to, "DEV-QRST-03",         \
	     RESETTABLE)                                                                           \
	{                                                                                          \
		resize(t, from, to);                                                               \
	}

static void resize(struct conformance_target *t, unsigned int from, unsigned int to)
{
	session_begin(t, SESSION_ALL);
	session_queue(t, request_queue(t), from);
	session_ready(t);
	for (unsigned int i = 0; i < from; i++)
		request_once(t, 0);
	reset_queue(t, request_queue(t));
	enable_again(t, to);
	first_request(t);
	/* Twice around. */
	for (unsigned int i = 1; i < 2 * to; i++)
		request_once(t, 0);
}

RESIZED(8, 4)
RESIZED(4, 8)
RESIZED(64, 4)
RESIZED(4, 64)

CASE(queue_reset_other_queue, OBEY, "the reset of one queue leaves another as it is", "-",
     RESETTABLE, .devices = DEVICE(NET) | DEVICE(CONSOLE) | DEVICE(BALLOON))
{
	unsigned int other = !request_queue(t);

	session_begin(t, SESSION_ALL);
	session_queue(t, other, 0);
	session_ready(t);
	request_once(t, 0);
	reset_queue(t, other);
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	expect_equal(t, "queue_enable of the other", register_read(t, REGISTER_QUEUE_ENABLE), 1);
	request_once(t, 0);
	session_queue(t, other, 0);
	request_once(t, 0);
}
