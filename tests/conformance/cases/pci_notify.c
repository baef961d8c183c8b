/* SPDX-License-Identifier: BSD-2-Clause */
/* The notification area (virtio 1.4, 4.1.4.4): its place, and that of each queue in it. */
#include "tests/conformance/case.h"
#include "tests/conformance/core/function.h"

/* How far it must go depends on whether a notification has 16 or 32 bits. */
static struct function_structure area(struct conformance_target *t, bool with_data)
{
	bool offered = features_offered(t) & FEATURE(F_NOTIFICATION_DATA);
	struct function_structure found;

	if (offered != with_data)
		skip(t, "NOTIFICATION_DATA is %s", offered ? "offered" : "not offered");
	if (!function_structure_next(t, STRUCTURE_NOTIFY, 0, &found))
		fail(t, "there is a notification capability", "none");
	return found;
}

static uint32_t multiplier(struct conformance_target *t, const struct function_structure *found)
{
	return function_config(t, found->at + 16, 4);
}

/* The end of the last queue's notification. */
static uint64_t most(struct conformance_target *t, const struct function_structure *found,
		     unsigned int width)
{
	unsigned int queues = queue_count(t);
	uint64_t end = 0;

	for (unsigned int i = 0; i < queues; i++) {
		uint64_t place;

		register_write(t, REGISTER_QUEUE_SELECT, i);
		place = (uint64_t)register_read(t, REGISTER_QUEUE_NOTIFY_OFF) *
				multiplier(t, found) +
			width;
		if (place > end)
			end = place;
	}
	return end;
}

static void expect_multiplier(struct conformance_target *t, const struct function_structure *found,
			      uint32_t unit)
{
	uint32_t value = multiplier(t, found);

	if (value & (value - 1) || value % unit)
		fail(t, "0 or a power of two that is a multiple of the notification's size",
		     "%lu, with %lu bytes a notification", (unsigned long)value,
		     (unsigned long)unit);
}

/* One set of claims for 16-bit notifications, one for those with data. */
#define NOTIFY(suffix, with_data, unit, multiplier_, aligned, least, all, each)                    \
	CASE(pci_notify_multiplier##suffix, OBEY,                                                  \
	     "notify_off_multiplier is 0 or a power of two and a multiple of " #unit, multiplier_, \
	     .transports = TRANSPORT_PCI)                                                          \
	{                                                                                          \
		struct function_structure found = area(t, with_data);                              \
                                                                                                   \
		expect_multiplier(t, &found, unit);                                                \
	}                                                                                          \
	CASE(pci_notify_aligned##suffix, OBEY,                                                     \
	     "the offset of the notification area is a multiple of " #unit, aligned,               \
	     .transports = TRANSPORT_PCI)                                                          \
	{                                                                                          \
		expect_equal(t, "offset modulo " #unit, area(t, with_data).offset % (unit), 0);    \
	}                                                                                          \
	CASE(pci_notify_length##suffix, OBEY,                                                      \
	     "the notification area has at least " #unit " bytes", least,                          \
	     .transports = TRANSPORT_PCI)                                                          \
	{                                                                                          \
		expect_range(t, "length", area(t, with_data).size, unit, UINT32_MAX);              \
	}                                                                                          \
	CASE(pci_notify_covers##suffix, OBEY,                                                      \
	     "the notification area has the notifications of all queues, with " #unit              \
	     " bytes each",                                                                        \
	     all " " each, .transports = TRANSPORT_PCI)                                            \
	{                                                                                          \
		struct function_structure found = area(t, with_data);                              \
                                                                                                   \
		expect_range(t, "end of the last notification", most(t, &found, unit), unit,       \
			     found.size);                                                          \
	}

NOTIFY(, false, 2, "DEV-PCI-NOTIFY-03", "DEV-PCI-NOTIFY-02", "DEV-PCI-NOTIFY-04",
       "DEV-PCI-NOTIFY-05", "DEV-PCI-NOTIFY-06")
NOTIFY(_data, true, 4, "DEV-PCI-NOTIFY-07", "DEV-PCI-NOTIFY-08", "DEV-PCI-NOTIFY-09",
       "DEV-PCI-NOTIFY-10", "DEV-PCI-NOTIFY-11")

CASE(pci_notify_config_data, OBEY,
     "with NOTIF_CONFIG_DATA a notification carries what queue_notif_config_data says", "-",
     .transports = TRANSPORT_PCI, .features = FEATURE(F_NOTIF_CONFIG_DATA))
{
	struct request request;
	struct ring *ring;

	session_begin(t, SESSION_ONLY(FEATURE(F_NOTIF_CONFIG_DATA)));
	session_ready(t);
	request_make(t, &request, 0);
	ring = session_ring(t, request.queue);
	for (unsigned int i = 0; i < 4; i++) {
		struct used used;

		request_add(t, &request);
		ring_publish(t, ring);
		register_write(t, REGISTER_QUEUE_SELECT, request.queue);
		notify(t, request.queue, register_read(t, REGISTER_NOTIFY_DATA));
		used = ring_wait(t, ring);
		request_check(t, &request, &used);
	}
}
