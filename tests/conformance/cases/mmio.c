/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of MMIO that are only there (virtio 1.4, 4.2.2). Its interrupts have a file of their own. */
#include "tests/conformance/case.h"

#define MAGIC 0x74726976u /* "virt" */
#define OFFSET_MAGIC 0x000u
#define OFFSET_VERSION 0x004u
#define OFFSET_DEVICE 0x008u
#define OFFSET_SHM_SELECT 0x0acu
#define OFFSET_SHM_LENGTH 0x0b0u
#define OFFSET_SHM_BASE 0x0b8u

static uint32_t read32(struct conformance_target *t, uint32_t offset)
{
	return (uint32_t)target_read(t, SPACE_COMMON, offset, 4);
}

CASE(mmio_magic, OBEY, "MagicValue is 0x74726976", "DEV-MMIO-REG-01", .transports = TRANSPORTS_MMIO)
{
	expect_equal(t, "MagicValue", read32(t, OFFSET_MAGIC), MAGIC);
	session_open(t);
	expect_equal(t, "MagicValue of a device that works", read32(t, OFFSET_MAGIC), MAGIC);
}

CASE(mmio_version, OBEY, "Version is 2", "DEV-MMIO-REG-02", .transports = TRANSPORT_MMIO)
{
	expect_equal(t, "Version", read32(t, OFFSET_VERSION), 2);
	session_open(t);
	expect_equal(t, "Version of a device that works", read32(t, OFFSET_VERSION), 2);
}

CASE(mmio_version_legacy, OBEY, "Version of a legacy device is 1", "-",
     .transports = TRANSPORT_MMIO_LEGACY)
{
	session_open(t);
	expect_equal(t, "Version of a device that works", read32(t, OFFSET_VERSION), 1);
}

CASE(mmio_device_id, OBEY, "DeviceID stays what it is when the device works", "-",
     .transports = TRANSPORTS_MMIO)
{
	session_open(t);
	expect_equal(t, "DeviceID", read32(t, OFFSET_DEVICE), t->device);
}

/* Both halves of a register, for regions that no tested device type has. */
static void expect_no_region(struct conformance_target *t, uint32_t offset, const char *what)
{
	static const uint32_t ids[] = {0, 1, 0xff};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		target_write(t, SPACE_COMMON, OFFSET_SHM_SELECT, 4, ids[i]);
		expect_equal(t, what, read32(t, offset), UINT32_MAX);
		expect_equal(t, what, read32(t, offset + 4), UINT32_MAX);
	}
}

CASE(mmio_no_shared_memory_length, OBEY,
     "the length of a shared memory region that is not there reads as all ones", "-",
     .transports = TRANSPORT_MMIO)
{
	expect_no_region(t, OFFSET_SHM_LENGTH, "half of SHMLen");
}

CASE(mmio_no_shared_memory_base, OBEY,
     "the base of a shared memory region that is not there reads as all ones", "-",
     .transports = TRANSPORT_MMIO)
{
	expect_no_region(t, OFFSET_SHM_BASE, "half of SHMBase");
}

static void open_with_interrupts(struct conformance_target *t)
{
	struct ring *ring;

	session_begin(t, SESSION_ALL);
	ring = session_queue(t, request_queue(t), 0);
	session_ready(t);
	ring_interrupts_on(t, ring);
}

static bool status_is_set(struct conformance_target *t, void *context)
{
	(void)context;
	return register_read(t, REGISTER_ISR) & 1;
}

CASE(mmio_status_stays, OBEY,
     "InterruptStatus shows a used buffer until it is acknowledged, read or not", "DEV-MMIO-REG-03",
     .transports = TRANSPORTS_MMIO)
{
	open_with_interrupts(t);
	request_once(t, 0);
	await(t, status_is_set, NULL, "InterruptStatus has bit 0 after a used buffer");
	for (unsigned int i = 0; i < 8; i++)
		expect_bits(t, "InterruptStatus, read again", register_read(t, REGISTER_ISR), 1, 0);
	register_write(t, REGISTER_INTERRUPT_ACK, 1);
	expect_equal(t, "InterruptStatus, acknowledged", register_read(t, REGISTER_ISR), 0);
}

CASE(mmio_status_starts_0, OBEY, "InterruptStatus is 0 before anything happened", "DEV-MMIO-REG-04",
     .transports = TRANSPORTS_MMIO)
{
	expect_equal(t, "InterruptStatus", register_read(t, REGISTER_ISR), 0);
	session_open(t);
	expect_equal(t, "InterruptStatus after DRIVER_OK", register_read(t, REGISTER_ISR), 0);
}
