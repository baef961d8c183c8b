/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of queues (virtio 1.4, 4.1.4.3 and 4.2.2), and what a queue that is not enabled does. */
#include "tests/conformance/case.h"

#define FAR_QUEUE 0xfff0u
#define SMALL 8u

static uint32_t most_of(struct conformance_target *t, uint32_t queue)
{
	register_write(t, REGISTER_QUEUE_SELECT, queue);
	return register_read(t, is_mmio(t) ? REGISTER_QUEUE_SIZE_MAX : REGISTER_QUEUE_SIZE);
}

/* Sets all queues up, with few entries. */
static unsigned int enable_all(struct conformance_target *t)
{
	unsigned int queues = queue_count(t), count = 0;

	session_begin(t, SESSION_ALL);
	for (; count < queues && count < 64; count++) {
		uint32_t most = most_of(t, count);

		if (most)
			session_queue(t, count, most < SMALL ? most : SMALL);
	}
	return count;
}

CASE(queue_exists, OBEY, "the queue that each device of its type has has a size", "-",
     .transports = TRANSPORTS_ALL)
{
	expect_range(t, "size of the queue", most_of(t, request_queue(t)), 1, 32768);
}

CASE(queue_unavailable_size, OBEY, "the size of the first queue that is not there reads 0",
     "DEV-PCI-COMMON-14", .transports = TRANSPORT_PCI)
{
	expect_equal(t, "queue_size of queue num_queues", most_of(t, queue_count(t)), 0);
}

CASE(queue_unavailable_size_far, OBEY, "the size of a queue far beyond the last one reads 0",
     "DEV-PCI-COMMON-14", .transports = TRANSPORT_PCI)
{
	/* The one before does exist, so that a select that was not taken is seen. */
	expect_range(t, "queue_size of a queue", most_of(t, request_queue(t)), 1, 32768);
	expect_equal(t, "queue_size of queue 0xfff0", most_of(t, FAR_QUEUE), 0);
}

CASE(queue_unavailable_max, OBEY, "QueueSizeMax of a queue that is not there reads 0", "-",
     .transports = TRANSPORTS_MMIO)
{
	expect_equal(t, "QueueSizeMax of the first that is not there", most_of(t, queue_count(t)),
		     0);
}

CASE(queue_unavailable_max_far, OBEY, "QueueSizeMax of a queue far beyond the last one reads 0",
     "-", .transports = TRANSPORTS_MMIO)
{
	expect_range(t, "QueueSizeMax of a queue", most_of(t, request_queue(t)), 1, 32768);
	expect_equal(t, "QueueSizeMax of queue 0xfff0", most_of(t, FAR_QUEUE), 0);
}

CASE(queue_size_power, OBEY, "without packed ring the size of each queue is 0 or a power of two",
     "DEV-PCI-COMMON-15", .transports = TRANSPORT_PCI)
{
	unsigned int queues = queue_count(t);

	session_begin(t, SESSION_WITHOUT(FEATURE(F_RING_PACKED)));
	for (unsigned int i = 0; i < queues; i++) {
		uint32_t size = most_of(t, i);

		note(t, "queue %u has %lu entries", i, (unsigned long)size);
		expect(t, !(size & (size - 1)), "queue_size is 0 or a power of two");
	}
}

CASE(queue_enable_starts_0, OBEY, "queue_enable and QueueReady are 0 before the driver sets them",
     "-")
{
	unsigned int queues = queue_count(t);

	for (unsigned int i = 0; i < queues; i++) {
		register_write(t, REGISTER_QUEUE_SELECT, i);
		expect_equal(t, "queue_enable", register_read(t, REGISTER_QUEUE_ENABLE), 0);
	}
}

CASE(queue_enable_reads_back, OBEY,
     "queue_enable and QueueReady read 1 for each queue that is enabled", "-")
{
	unsigned int queues = enable_all(t);

	for (unsigned int i = 0; i < queues; i++) {
		register_write(t, REGISTER_QUEUE_SELECT, i);
		if (session_ring(t, i))
			expect_equal(t, "queue_enable", register_read(t, REGISTER_QUEUE_ENABLE), 1);
	}
}

CASE(queue_enable_is_its_own, OBEY, "enabling one queue enables no other", "-", .queues = 2)
{
	unsigned int queues = queue_count(t), one = request_queue(t);

	session_begin(t, SESSION_ALL);
	session_queue(t, one, 0);
	for (unsigned int i = 0; i < queues; i++) {
		register_write(t, REGISTER_QUEUE_SELECT, i);
		expect_equal(t, "queue_enable", register_read(t, REGISTER_QUEUE_ENABLE), i == one);
	}
}

static void reset_all(struct conformance_target *t)
{
	unsigned int queues = enable_all(t);

	session_ready(t);
	device_reset(t);
	for (unsigned int i = 0; i < queues; i++) {
		register_write(t, REGISTER_QUEUE_SELECT, i);
		expect_equal(t, "queue_enable after the reset",
			     register_read(t, REGISTER_QUEUE_ENABLE), 0);
	}
}

CASE(queue_enable_after_reset, OBEY, "queue_enable of each queue reads 0 after a reset",
     "DEV-PCI-COMMON-08", .transports = TRANSPORT_PCI)
{
	reset_all(t);
}

CASE(queue_ready_after_reset, OBEY, "QueueReady of each queue reads 0 after a reset",
     "DEV-MMIO-REG-05", .transports = TRANSPORT_MMIO)
{
	reset_all(t);
}

CASE(queue_size_after_reset, OBEY,
     "a size that the driver lowered is the largest again after a reset", "-",
     .transports = TRANSPORT_PCI)
{
	uint32_t most = most_of(t, request_queue(t));

	if (most <= SMALL)
		skip(t, "the queue has %lu entries", (unsigned long)most);
	session_begin(t, SESSION_ALL);
	session_queue(t, request_queue(t), SMALL);
	expect_equal(t, "queue_size, lowered", register_read(t, REGISTER_QUEUE_SIZE), SMALL);
	device_reset(t);
	expect_equal(t, "queue_size after the reset", most_of(t, request_queue(t)), most);
}

CASE(queue_size_reads_back, OBEY,
     "queue_size reads back each power of two up to the queue's largest", "-",
     .transports = TRANSPORT_PCI)
{
	uint32_t most;

	session_begin(t, SESSION_ALL);
	most = most_of(t, request_queue(t));
	for (uint32_t size = most; size; size /= 2) {
		register_write(t, REGISTER_QUEUE_SIZE, size);
		expect_equal(t, "queue_size", register_read(t, REGISTER_QUEUE_SIZE), size);
	}
}

/* -- The addresses (4.1.3.1: 64-bit fields are written in halves) */

static const char *const area_names[] = {"queue_desc", "queue_driver", "queue_device"};

CASE(queue_address_halves, OBEY,
     "both halves of each queue address can be written alone, in either order", "DEV-PCI-LAYOUT-01",
     .transports = TRANSPORT_PCI)
{
	session_begin(t, SESSION_ALL);
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	for (unsigned int i = AREA_DESCRIPTORS; i <= AREA_DEVICE; i++) {
		uint32_t offset = 0x20 + 8 * i;

		area_write(t, i, 0x123456789abcd000);
		expect_equal(t, area_names[i], area_read(t, i), 0x123456789abcd000);
		target_write(t, SPACE_COMMON, offset + 4, 4, 0x0000007f);
		expect_equal(t, area_names[i], area_read(t, i), 0x0000007f9abcd000);
		target_write(t, SPACE_COMMON, offset, 4, 0x13579000);
		expect_equal(t, area_names[i], area_read(t, i), 0x0000007f13579000);
	}
}

CASE(queue_address_is_its_own, OBEY, "each queue and each area keeps an address of its own", "-",
     .transports = TRANSPORT_PCI)
{
	unsigned int queues = queue_count(t);

	session_begin(t, SESSION_ALL);
	for (unsigned int i = 0; i < queues; i++) {
		register_write(t, REGISTER_QUEUE_SELECT, i);
		for (unsigned int area = AREA_DESCRIPTORS; area <= AREA_DEVICE; area++)
			area_write(t, area, 0x100000 * (area + 1) + 0x1000 * i);
	}
	for (unsigned int i = 0; i < queues; i++) {
		register_write(t, REGISTER_QUEUE_SELECT, i);
		for (unsigned int area = AREA_DESCRIPTORS; area <= AREA_DEVICE; area++)
			expect_equal(t, area_names[area], area_read(t, area),
				     0x100000 * (area + 1) + 0x1000 * i);
	}
}

/* -- A queue that is not enabled */

static void untouched(struct conformance_target *t)
{
	uint32_t size = most_of(t, request_queue(t));
	struct request request;
	struct ring *ring;

	session_begin(t, SESSION_ALL);
	/* As session_queue() has it, but for the last step. */
	ring = ring_create(t, request_queue(t), size < SMALL ? size : SMALL, session_features(t));
	register_write(t, REGISTER_QUEUE_SELECT, ring->index);
	register_write(t, REGISTER_QUEUE_SIZE, ring->size);
	if (ring->packed) {
		area_write(t, AREA_DESCRIPTORS,
			   lent_address(t, (const void *)(uintptr_t)ring->packed_ring));
		area_write(t, AREA_DRIVER, lent_address(t, ring->driver_event));
		area_write(t, AREA_DEVICE,
			   lent_address(t, (const void *)(uintptr_t)ring->device_event));
	} else {
		area_write(t, AREA_DESCRIPTORS, lent_address(t, ring->descriptors));
		area_write(t, AREA_DRIVER, lent_address(t, ring->avail));
		area_write(t, AREA_DEVICE, lent_address(t, (const void *)(uintptr_t)ring->used));
	}
	request_make(t, &request, 0);
	ring_add(t, ring, request.segments, request.out, request.in);
	session_start(t);
	ring_publish(t, ring);
	ring_notify(t, ring);
	quiet(t);
	expect_equal(t, "used buffers", ring_pending(t, ring), 0);
	for (unsigned int i = 0; i < request.in; i++) {
		const struct segment *in = &request.segments[request.out + i];

		/* The status byte of a block request is not the pattern's. */
		if (in->data != request.status)
			expect_equal(t, "bytes written to the buffer",
				     pattern_written(t, in->data, in->length), 0);
	}
}

CASE(queue_not_ready, OBEY, "a queue whose QueueReady is 0 is not used", "DEV-MMIO-REG-07",
     .transports = TRANSPORT_MMIO)
{
	untouched(t);
}

CASE(queue_not_enabled, OBEY, "a queue whose queue_enable is 0 is not used", "-",
     .transports = TRANSPORT_PCI)
{
	untouched(t);
}

CASE(queue_not_enabled_notified, OBEY,
     "a notification for a queue that is not enabled does nothing", "-", .queues = 2)
{
	unsigned int other = !request_queue(t);

	session_open(t);
	for (unsigned int i = 0; i < 4; i++) {
		notify(t, other, other);
		request_once(t, 0);
	}
	expect_bits(t, "status", register_read(t, REGISTER_STATUS), STATUS_DRIVER_OK,
		    STATUS_NEEDS_RESET);
}
