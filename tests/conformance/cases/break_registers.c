/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers in the hands of a driver that breaks rules: accesses of a wrong width, features and sizes written when or
 * as they must not be, notifications of queues that are not there. A working device goes on working through all that.
 */
#include "tests/conformance/case.h"

/* The device still does what it did: an indirect request too, when that was negotiated. */
static void still_works(struct conformance_target *t)
{
	struct request request;
	struct ring *ring = session_ring(t, request_queue(t));
	struct used used;

	request_make(t, &request, 0);
	request_run(t, &request);
	if (!ring->indirect)
		return;
	request.id = ring_add_indirect(t, ring, request.segments, request.out, request.in);
	ring_kick(t, ring);
	used = ring_wait(t, ring);
	request_check(t, &request, &used);
}

/* -- Features after FEATURES_OK */

static void write_features_late(struct conformance_target *t, uint64_t features)
{
	session_open(t);
	request_once(t, 0);
	features_write(t, features);
	still_works(t);
}

CASE(break_features_late_none, BREAK,
     "features that are taken back after DRIVER_OK stay negotiated", "DRV-FEAT-01",
     .features = FEATURE(F_VERSION_1))
{
	write_features_late(t, 0);
}

CASE(break_features_late_all, BREAK, "features that are accepted after DRIVER_OK change nothing",
     "DRV-INIT-08")
{
	write_features_late(t, ~0ull);
}

/* -- Accesses of other widths: the register is left as it is, or set as a whole; nothing else happens. */

static void write_widths(struct conformance_target *t, enum conformance_register which,
			 unsigned int width)
{
	enum conformance_space space;
	unsigned int own;
	uint32_t offset;

	session_open(t);
	if (!register_place(t, which, &space, &offset, &own) || own == width)
		skip(t, "the register has this width here");
	/* What stands there: whoever takes a part of it, takes that. */
	target_write(t, space, offset, width, target_read(t, space, offset, width));
	still_works(t);
	if (width < own) {
		target_write(t, space, offset + own - width, width,
			     target_read(t, space, offset + own - width, width));
		still_works(t);
	}
}

#define WIDTH(name, which, width)                                                                  \
	CASE(break_width_##name##_##width, BREAK,                                                  \
	     "an access of " #width " bytes to the register " #name " is survived",                \
	     "DRV-PCI-LAYOUT-01 DRV-MMIO-REG-04", .transports = TRANSPORTS_MODERN)                 \
	{                                                                                          \
		write_widths(t, which, width);                                                     \
	}

WIDTH(device_feature_select, REGISTER_DEVICE_FEATURE_SELECT, 1)
WIDTH(device_feature_select, REGISTER_DEVICE_FEATURE_SELECT, 2)
WIDTH(queue_select, REGISTER_QUEUE_SELECT, 1)
WIDTH(queue_size, REGISTER_QUEUE_SIZE, 1)
WIDTH(generation, REGISTER_GENERATION, 2)
WIDTH(generation, REGISTER_GENERATION, 4)

/* -- Queue sizes */

static void write_size(struct conformance_target *t, uint32_t size)
{
	uint32_t most;

	session_begin(t, SESSION_WITHOUT(FEATURE(F_RING_PACKED)));
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	most = register_read(t, REGISTER_QUEUE_SIZE);
	register_write(t, REGISTER_QUEUE_SIZE, size == UINT32_MAX ? most + 1 : size);
	expect(t,
	       !(register_read(t, REGISTER_QUEUE_SIZE) &
		 (register_read(t, REGISTER_QUEUE_SIZE) - 1)),
	       "the size is 0 or a power of two");
}

#define SIZE(name, size)                                                                           \
	CASE(break_queue_size_##name, BREAK,                                                       \
	     "without packed rings a size of " #name " does not make the size no power of two",    \
	     "DEV-PCI-COMMON-15 DRV-PCI-COMMON-03", .transports = TRANSPORT_PCI)                   \
	{                                                                                          \
		write_size(t, size);                                                               \
	}

SIZE(3, 3)
SIZE(100, 100)
SIZE(most_and_one, UINT32_MAX)

/* -- Notifications */

static void notify_value(struct conformance_target *t, uint32_t value)
{
	session_open(t);
	request_once(t, 0);
	notify(t, request_queue(t), value);
	quiet(t);
	still_works(t);
}

CASE(break_notify_beyond, BREAK, "a notification of the first queue that is not there is survived",
     "-", .transports = TRANSPORTS_ALL)
{
	notify_value(t, queue_count(t));
}

CASE(break_notify_max, BREAK, "a notification of queue 65535 is survived", "-",
     .transports = TRANSPORTS_ALL)
{
	notify_value(t, 0xffff);
}
