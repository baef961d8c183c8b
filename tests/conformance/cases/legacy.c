/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device owes to a legacy driver, over either legacy interface (virtio 1.4, 2.2.3, 2.7.2, 3.1.2, 4.1.4.10,
 * 4.2.4 and 6.3).
 */
#include "tests/conformance/case.h"
#include "tests/conformance/core/function.h"

#include <string.h>

#define LEGACY .transports = TRANSPORTS_LEGACY
#define LEGACY_PCI .transports = TRANSPORT_PCI_LEGACY
#define LEGACY_MMIO .transports = TRANSPORT_MMIO_LEGACY
#define PAGE 4096u
#define MMIO_GUEST_PAGE_SIZE 0x028u
#define MMIO_QUEUE_ALIGN 0x03cu
#define CONFIG_WITHOUT_MSIX 20u
#define CONFIG_WITH_MSIX 24u
#define BAD_FEATURE FEATURE(30)
#define TURNS 3u

/* -- The interface itself, on PCI */

CASE(legacy_bar_io, OBEY, "the legacy interface is in BAR 0, and that is an I/O region",
     "DEV-PCI-LEGACY-01 DEV-PCI-LEGACY-05", LEGACY_PCI)
{
	struct function_bar bar = function_bar_probe(t, 0);

	expect(t, bar.io, "BAR 0 is an I/O region");
	expect_range(t, "length of BAR 0", bar.size, CONFIG_WITHOUT_MSIX, UINT32_MAX);
}

/* Bytes of the configuration that every device of the type has. */
static uint32_t config_bytes(const struct conformance_target *t)
{
	switch (t->device) {
	case DEVICE_NET:
	case DEVICE_BLOCK:
	case DEVICE_BALLOON:
		return 8;
	default:
		return 4;
	}
}

#define WITH_CONFIG (DEVICE(NET) | DEVICE(BLOCK) | DEVICE(CONSOLE) | DEVICE(BALLOON))

CASE(legacy_config_place, OBEY,
     "the device-specific configuration is right behind the registers: at 20, with MSI-X at 24",
     "DEV-PCI-LEGACY-03", LEGACY_PCI, .devices = WITH_CONFIG, .vectors = 1)
{
	uint8_t bytes[8];

	for (uint32_t i = 0; i < config_bytes(t); i++)
		bytes[i] = (uint8_t)target_read(t, SPACE_COMMON, CONFIG_WITHOUT_MSIX + i, 1);
	msix_control(t, true, true);
	for (uint32_t i = 0; i < config_bytes(t); i++)
		expect_equal(t, "a byte of the configuration with MSI-X",
			     target_read(t, SPACE_COMMON, CONFIG_WITH_MSIX + i, 1), bytes[i]);
}

CASE(legacy_config_widths, OBEY,
     "accesses of any width to the device-specific configuration give the same",
     "DEV-PCI-LEGACY-02", LEGACY_PCI, .devices = WITH_CONFIG)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < config_bytes(t); i++)
		bytes |= config_read(t, i, 1) << 8 * i;
	for (unsigned int width = 2; width <= 4; width *= 2) {
		uint64_t wide = 0;

		for (uint32_t i = 0; i < config_bytes(t); i += width)
			wide |= config_read(t, i, width) << 8 * i;
		note(t, "%u bytes wide", width);
		expect_equal(t, "the configuration", wide, bytes);
	}
}

/* -- Features */

CASE(legacy_any_layout, OBEY, "ANY_LAYOUT is offered", "DEV-RSVFEAT-LEGACY-03", LEGACY_PCI)
{
	expect_bits(t, "device features", features_offered(t), FEATURE(F_ANY_LAYOUT), 0);
}

CASE(legacy_bit_30, OBEY, "bit 30 is not negotiated", "DEV-RSVFEAT-LEGACY-04", LEGACY_PCI,
     .should = true)
{
	uint64_t offered = features_offered(t);

	if (!(offered & BAD_FEATURE))
		return;
	/* An old device that offers it means that a driver which takes all understands nothing. */
	features_write(t, offered);
	expect_bits(t, "features that the driver accepted",
		    register_read(t, REGISTER_DRIVER_FEATURE), 0, BAD_FEATURE);
}

CASE(legacy_without_version_1, OBEY,
     "a driver that cannot accept VERSION_1 is served with the legacy layouts",
     "DEV-FEAT-06 DEV-FEAT-08 DEV-PCI-LEGACY-04", LEGACY_PCI)
{
	session_open(t);
	for (unsigned int i = 0; i < 4; i++)
		request_once(t, 0);
	expect_bits(t, "status", register_read(t, REGISTER_STATUS), STATUS_DRIVER_OK,
		    STATUS_NEEDS_RESET);
}

/* -- Rings */

CASE(legacy_ring_layout, OBEY,
     "the ring is used where its page number says: descriptors, available ring, at the next page the used ring",
     "DEV-SPLIT-LEGACY-01", LEGACY)
{
	struct request request;

	session_open(t);
	request_make(t, &request, 0);
	for (unsigned int i = 0; i < TURNS * session_ring(t, request.queue)->size; i++)
		request_run(t, &request);
}

CASE(legacy_ring_endianness, OBEY, "the ring is read and written in the byte order of the CPU",
     "DEV-SPLIT-LEGACY-02", LEGACY)
{
	struct ring *ring;

	session_open(t);
	request_once(t, 0);
	ring = session_ring(t, request_queue(t));
	expect_equal(t, "used.idx", split_used_idx(ring), 1);
}

/* A ring of 8 whose used part is at the next multiple of `align`, on pages of `page` bytes. */
static void run_layout(struct conformance_target *t, uint32_t page, uint32_t align)
{
	const unsigned int size = 8;
	size_t used =
		(split_descriptors_size(size) + split_avail_size(size) + align - 1) / align * align;
	size_t length = used + split_used_size(size);
	struct request request;
	struct ring *ring;
	uint8_t *area;

	session_begin(t, SESSION_WITHOUT(FEATURE(F_EVENT_IDX)));
	area = lend(t, length, page > align ? page : align, LOAN_WRITE);
	memset(area, 0, length);
	ring = ring_create(t, request_queue(t), size, session_features(t));
	ring->descriptors = (struct split_descriptor *)(void *)area;
	ring->avail = (uint16_t *)(void *)(area + split_descriptors_size(size));
	ring->used = (volatile uint16_t *)(void *)(area + used);
	ring_interrupts_off(t, ring);
	register_write(t, REGISTER_QUEUE_SELECT, ring->index);
	if (register_read(t, REGISTER_QUEUE_SIZE_MAX) < size)
		skip(t, "the queue has fewer than %u entries", size);
	target_write(t, SPACE_COMMON, MMIO_GUEST_PAGE_SIZE, 4, page);
	register_write(t, REGISTER_QUEUE_SIZE, size);
	target_write(t, SPACE_COMMON, MMIO_QUEUE_ALIGN, 4, align);
	register_write(t, REGISTER_QUEUE_PFN, (uint32_t)(lent_address(t, area) / page));
	session_start(t);
	request_make(t, &request, 0);
	for (unsigned int i = 0; i < TURNS * size; i++) {
		struct used seen;

		request.id = ring_add(t, ring, request.segments, request.out, request.in);
		ring_kick(t, ring);
		seen = ring_wait(t, ring);
		request_check(t, &request, &seen);
	}
}

#define LAYOUT(page, align)                                                                        \
	CASE(legacy_layout_##page##_##align, OBEY,                                                 \
	     "a ring is found by pages of " #page                                                  \
	     " bytes, its used part at a multiple of " #align,                                     \
	     "DEV-SPLIT-LEGACY-01", LEGACY_MMIO)                                                   \
	{                                                                                          \
		run_layout(t, page, align);                                                        \
	}

LAYOUT(4096, 64)
LAYOUT(4096, 256)
LAYOUT(4096, 4096)
LAYOUT(4096, 8192)
LAYOUT(8192, 4096)
LAYOUT(65536, 4096)

CASE(legacy_pfn, OBEY, "the page number of a queue reads back, and is 0 before and after a reset",
     "-", LEGACY)
{
	struct ring *ring;

	session_begin(t, SESSION_ALL);
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	expect_equal(t, "page number before", register_read(t, REGISTER_QUEUE_PFN), 0);
	ring = session_queue(t, request_queue(t), 0);
	expect_equal(t, "page number", register_read(t, REGISTER_QUEUE_PFN),
		     lent_address(t, ring->descriptors) / PAGE);
	session_ready(t);
	request_once(t, 0);
	device_reset(t);
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	expect_equal(t, "page number after the reset", register_read(t, REGISTER_QUEUE_PFN), 0);
}

CASE(legacy_size_read_only, BREAK,
     "the size of a queue is the device's: what is written there is not taken", "-", LEGACY_PCI)
{
	uint32_t size;

	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
	size = register_read(t, REGISTER_QUEUE_SIZE);
	register_write(t, REGISTER_QUEUE_SIZE, size / 2);
	expect_equal(t, "queue size", register_read(t, REGISTER_QUEUE_SIZE), size);
}

/* -- Before the device is told that the driver is ready (3.1.2) */

CASE(legacy_before_driver_ok, OBEY, "a request that is notified before DRIVER_OK is completed",
     "DEV-INIT-02", LEGACY)
{
	struct request request;
	struct ring *ring;
	struct used used;

	session_begin(t, SESSION_ALL);
	ring = session_queue(t, request_queue(t), 0);
	request_make(t, &request, 0);
	request_add(t, &request);
	ring_publish(t, ring);
	ring_notify(t, ring);
	used = ring_wait(t, ring);
	request_check(t, &request, &used);
}

#define EARLY_WRITE(name, type, features_, offset, width, flip)                                    \
	CASE(legacy_config_early_##name, OBEY,                                                     \
	     "the field `" #name "` can be written before any status but ACKNOWLEDGE and DRIVER",  \
	     "DEV-INIT-01", LEGACY, .devices = DEVICE(type), .features = features_)                \
	{                                                                                          \
		write_early(t, offset, width, flip);                                               \
	}

static void write_early(struct conformance_target *t, uint32_t offset, unsigned int width,
			uint32_t flip)
{
	uint64_t before, after;

	register_write(t, REGISTER_STATUS, STATUS_ACKNOWLEDGE);
	register_write(t, REGISTER_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	before = config_read(t, offset, width);
	config_write(t, offset, width, before ^ flip);
	after = config_read(t, offset, width);
	config_write(t, offset, width, before);
	expect_equal(t, "the field after the write", after, before ^ flip);
}

EARLY_WRITE(mac, NET, FEATURE(5), 5, 1, 2)
EARLY_WRITE(writeback, BLOCK, FEATURE(11), 32, 1, 1)
EARLY_WRITE(actual, BALLOON, 0, 4, 4, 16)

/* -- NOTIFY_ON_EMPTY */

static bool queue_cause(struct conformance_target *t, void *context)
{
	(void)context;
	return register_read(t, REGISTER_ISR) & 1;
}

CASE(legacy_notify_on_empty, OBEY,
     "with NOTIFY_ON_EMPTY a queue that ran empty is notified though notifications are suppressed",
     "DEV-RSVFEAT-LEGACY-02", LEGACY, .features = FEATURE(F_NOTIFY_ON_EMPTY))
{
	session_begin(t, SESSION_ONLY(FEATURE(F_NOTIFY_ON_EMPTY)));
	session_ready(t);
	/* The ISR says nothing of queues with MSI-X. */
	msix_control(t, false, false);
	request_once(t, 0);
	await(t, queue_cause, NULL, "the ISR gets the queue bit");
}
