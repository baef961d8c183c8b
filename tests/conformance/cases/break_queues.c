/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queues that are set up wrong, and doorbells that nobody should ring (virtio 1.4, 3.1.1, 4.1.4.3, 4.2.2). No buffer is
 * made available on a queue that was set up wrong: what such a device does with it is not decided.
 */
#include "tests/conformance/case.h"

#include <string.h>

#define FAR_AWAY (1ull << 50)
#define LAST_BYTES (~0ull - 15)

/* Zeroes: whatever part of a ring it is taken for, nothing is available in it. */
static void *empty_page(struct conformance_target *t, size_t size)
{
	return memset(lend(t, size, 4096, LOAN_WRITE), 0, size);
}

/* The selected queue is in the device's hands, as it is. */
static void enable_and_notify(struct conformance_target *t)
{
	register_write(t, REGISTER_QUEUE_ENABLE, 1);
	session_start(t);
	notify(t, request_queue(t), request_queue(t));
	quiet(t);
}

/* One area of the request queue at another place than a correct driver gives it, then DRIVER_OK and the doorbell. */
static void misplace(struct conformance_target *t, enum conformance_area area, uint64_t address,
		     bool relative)
{
	const struct ring *ring;
	uint64_t good;

	session_begin(t, SESSION_ALL);
	ring = ring_create(t, request_queue(t), 8, session_features(t));
	good = ring->packed ? lent_address(t, (const void *)(uintptr_t)ring->packed_ring)
			    : lent_address(t, ring->descriptors);
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	register_write(t, REGISTER_QUEUE_SIZE, 8);
	/* All three in memory that was lent, far enough from its end. */
	for (enum conformance_area other = AREA_DESCRIPTORS; other <= AREA_DEVICE; other++)
		area_write(t, other, lent_address(t, empty_page(t, 4096)));
	area_write(t, area, relative ? good + address : address);
	enable_and_notify(t);
}

#define PLACE(name, claim, clauses, area, address)                                                 \
	CASE(break_queue_##name, BREAK, claim, clauses)                                            \
	{                                                                                          \
		misplace(t, area, address, false);                                                 \
	}
PLACE(descriptors_nowhere, "descriptors outside of memory are survived", "-", AREA_DESCRIPTORS,
      FAR_AWAY)
PLACE(driver_nowhere, "a driver area outside of memory is survived", "-", AREA_DRIVER, FAR_AWAY)
PLACE(device_nowhere, "a device area outside of memory is survived", "-", AREA_DEVICE, FAR_AWAY)
PLACE(descriptors_wrap, "descriptors beyond the end of the address space are survived", "-",
      AREA_DESCRIPTORS, LAST_BYTES)
PLACE(driver_wraps, "a driver area beyond the end of the address space is survived", "-",
      AREA_DRIVER, LAST_BYTES)
PLACE(device_wraps, "a device area beyond the end of the address space is survived", "-",
      AREA_DEVICE, LAST_BYTES)

#define UNALIGNED(name, claim, area, by)                                                           \
	CASE(break_queue_##name, BREAK, claim, "DRV-SPLIT-LAYOUT-01 DRV-PACKED-LAYOUT-01")         \
	{                                                                                          \
		misplace(t, area, by, true);                                                       \
	}
UNALIGNED(descriptors_unaligned_1, "descriptors at an odd address are survived", AREA_DESCRIPTORS,
	  1)
UNALIGNED(descriptors_unaligned_8, "descriptors at a multiple of 8 are survived", AREA_DESCRIPTORS,
	  8)

/* -- Sizes */
static void resize(struct conformance_target *t, uint64_t features, uint32_t size)
{
	session_begin(t, features);
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	register_write(t, REGISTER_QUEUE_SIZE, size);
	for (enum conformance_area area = AREA_DESCRIPTORS; area <= AREA_DEVICE; area++)
		area_write(t, area, lent_address(t, empty_page(t, 64 << 10)));
	enable_and_notify(t);
}

#define SIZE(name, claim, clauses, features, size)                                                 \
	CASE(break_queue_size_##name, BREAK, claim, clauses)                                       \
	{                                                                                          \
		resize(t, features, size);                                                         \
	}
SIZE(0, "a queue size of 0 is survived", "DRV-PCI-COMMON-02", SESSION_ALL, 0)
SIZE(max, "a queue size of 65535 is survived", "DRV-MMIO-REG-14", SESSION_ALL, 0xffff)
SIZE(half, "a queue size of 32768 is survived", "DRV-MMIO-REG-14", SESSION_ALL, 0x8000)

CASE(break_queue_size_changed_live, BREAK,
     "a queue size that is changed while the queue is enabled is survived",
     "DRV-PCI-COMMON-04 DRV-MMIO-REG-15")
{
	session_open(t);
	request_once(t, 0);
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	register_write(t, REGISTER_QUEUE_SIZE, 2);
	ring_notify(t, session_ring(t, request_queue(t)));
	quiet(t);
}

CASE(break_queue_moved_live, BREAK,
     "addresses that are changed while the queue is enabled are survived",
     "DRV-PCI-COMMON-04 DRV-MMIO-REG-15")
{
	session_open(t);
	request_once(t, 0);
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	for (enum conformance_area area = AREA_DESCRIPTORS; area <= AREA_DEVICE; area++)
		area_write(t, area, FAR_AWAY);
	ring_notify(t, session_ring(t, request_queue(t)));
	quiet(t);
}

CASE(break_queue_enabled_twice, BREAK, "a queue that is enabled again is survived", "-")
{
	session_open(t);
	request_once(t, 0);
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	register_write(t, REGISTER_QUEUE_ENABLE, 1);
	ring_notify(t, session_ring(t, request_queue(t)));
	quiet(t);
}

CASE(break_queue_disabled, BREAK, "0 written to queue_enable of a running queue is survived",
     "DRV-PCI-COMMON-06", .transports = TRANSPORT_PCI)
{
	session_open(t);
	request_once(t, 0);
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	register_write(t, REGISTER_QUEUE_ENABLE, 0);
	ring_notify(t, session_ring(t, request_queue(t)));
	quiet(t);
}

CASE(break_queue_enable_other_values, BREAK,
     "values of queue_enable that are not 0 or 1 are survived", "-")
{
	session_begin(t, SESSION_ALL);
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	register_write(t, REGISTER_QUEUE_ENABLE, 2);
	register_write(t, REGISTER_QUEUE_ENABLE, 0xffff);
	session_ready(t);
	ring_notify(t, session_ring(t, request_queue(t)));
	quiet(t);
}

CASE(break_queue_enable_missing, BREAK, "enabling a queue that does not exist is survived", "-")
{
	session_begin(t, SESSION_ALL);
	register_write(t, REGISTER_QUEUE_SELECT, 0xffff);
	register_write(t, REGISTER_QUEUE_SIZE, 8);
	register_write(t, REGISTER_QUEUE_ENABLE, 1);
	session_ready(t);
	request_once(t, 0);
}

/* -- Doorbells */
CASE(break_notify_before_driver_ok, BREAK,
     "a notification before DRIVER_OK, of an empty queue, is survived", "DRV-INIT-14")
{
	session_begin(t, SESSION_ALL);
	session_queue(t, request_queue(t), 0);
	for (unsigned int i = 0; i < 10; i++)
		ring_notify(t, session_ring(t, request_queue(t)));
	session_ready(t);
	request_once(t, 0);
}

CASE(break_notify_disabled_queue, BREAK,
     "a notification of a queue that is not enabled is survived", "-")
{
	session_begin(t, SESSION_ALL);
	session_start(t);
	notify(t, request_queue(t), request_queue(t));
	quiet(t);
}

CASE(break_notify_after_reset, BREAK, "notifications after a reset are survived", "-",
     .transports = TRANSPORTS_ALL)
{
	unsigned int queue = request_queue(t);

	session_open(t);
	request_once(t, 0);
	device_reset(t);
	for (unsigned int i = 0; i < 10; i++)
		notify(t, queue, queue);
	quiet(t);
}

static void notify_width(struct conformance_target *t, unsigned int width)
{
	struct ring *ring;

	session_open(t);
	request_once(t, 0);
	ring = session_ring(t, request_queue(t));
	register_write(t, REGISTER_QUEUE_SELECT, ring->index);
	target_write(t, SPACE_NOTIFY,
		     register_read(t, REGISTER_QUEUE_NOTIFY_OFF) * t->notify_multiplier, width,
		     ring->index);
	quiet(t);
}

CASE(break_notify_8_bits, BREAK, "a notification of 8 bits is survived", "DRV-PCI-KICK-01",
     .transports = TRANSPORT_PCI)
{
	notify_width(t, 1);
}

CASE(break_notify_32_bits, BREAK, "a notification of 32 bits without NOTIFICATION_DATA is survived",
     "DRV-PCI-KICK-01", .transports = TRANSPORT_PCI)
{
	notify_width(t, 4);
}

CASE(break_notify_64_bits, BREAK, "a notification of 64 bits is survived", "DRV-PCI-KICK-01",
     .transports = TRANSPORT_PCI)
{
	notify_width(t, 8);
}

CASE(break_notify_storm, BREAK, "ten thousand notifications of an empty queue are survived", "-",
     .transports = TRANSPORTS_ALL, .slow = true)
{
	session_open(t);
	for (unsigned int i = 0; i < 10000; i++)
		ring_notify(t, session_ring(t, request_queue(t)));
	request_once(t, 0);
}
