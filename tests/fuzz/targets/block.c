/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block driver: requests of all kinds under a device that answers anything, late, twice or never. Each
 * request ends exactly once, and memory outside of its segments is as it was.
 */
#include "drivers/block/virtio_blk.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "tests/device/recovery_thread.h"
#include "tests/device/virtio_model_block.h"
#include "tests/fuzz/bus.h"
#include "tests/fuzz/disk_user.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"

#define SECTORS 64
#define STEPS 100
#define PATIENCE (3600 * NANOSECONDS_PER_SECOND)

static struct virtio_model_block device;
static struct hostile hostile;

static void service(void)
{
	block_service();
}

static void step(void)
{
	struct block_device *disk = block_first();
	unsigned int choice = fuzz_choose(8);

	switch (choice) {
	case 0 ... DISK_USER_STEPS - 1:
		disk_user_step(choice, disk, SECTORS, service);
		break;
	case 5:
		host_cpu(fuzz_choose(4), 4);
		break;
	case 6:
		if (disk && fuzz_choose(4) == 3)
			(void)block_set_write_cache(disk, fuzz_choose(2));
		else
			virtio_model_block_resize(&device, fuzz_choose(SECTORS) + 1);
		break;
	default:
		if (disk && bus_device()->queue_count)
			(void)virtio_queue_renew(
				bus_device(),
				bus_device()
					->queues[fuzz_choose(bus_device()->queue_count)]
					->index);
		break;
	}
}

/* Recovery and time-outs end what the device does not. */
static void drain(void)
{
	bus_settle(service);
	disk_user_drain(service);
}

static void describe(void)
{
	struct virtio_device *found = bus_device();

	for (unsigned int i = 0; found && i < found->queue_count; i++)
		if (found->queues && found->queues[i])
			(void)virtqueue_has_used(found->queues[i]);
}

void fuzz_target(void)
{
	uint64_t bits;

	host_threads();
	recovery_thread_start(PATIENCE);
	host_cpu(0, 4);
	virtio_model_block_init(&device, SECTORS, 1 + fuzz_choose(4), 4 << fuzz_choose(5));
	device.serial = "RS-0001";
	bits = fuzz_choose(256);
	virtio_model_offer(&device.model, MODEL_BLOCK_SIZE_MAX, bits & 1);
	virtio_model_offer(&device.model, MODEL_BLOCK_DISCARD, bits & 2);
	virtio_model_offer(&device.model, MODEL_BLOCK_WRITE_ZEROES, bits & 4);
	virtio_model_offer(&device.model, MODEL_BLOCK_LIFETIME, bits & 8);
	virtio_model_offer(&device.model, MODEL_BLOCK_SECURE_ERASE, bits & 16);
	virtio_model_offer(&device.model, MODEL_BLOCK_CONFIG_WCE, bits & 32);
	virtio_model_offer(&device.model, 34, bits & 64);  /* packed */
	virtio_model_offer(&device.model, 40, bits & 128); /* RING_RESET */
	if (bits & 2) {
		virtio_model_block_set(&device, 36, 8, 4);
		virtio_model_block_set(&device, 40, 1, 4);
	}
	if (bits & 4) {
		virtio_model_block_set(&device, 48, 8, 4);
		virtio_model_block_set(&device, 52, 1, 4);
	}
	if (bits & 16) {
		virtio_model_block_set(&device, 60, 8, 4);
		virtio_model_block_set(&device, 64, 1, 4);
	}
	bus_plug(&device.model, fuzz_choose(8) == 7 ? BUS_PCI_LEGACY : BUS_PCI, fuzz_choose(6));
	options_parse("block.timeout=5");
	hostile_open(&hostile, &device.model);
	bus_boot();
	disk_user_open(UINT64_MAX);
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		step();
	describe();
	hostile_check(&hostile);
	hostile_calm(&hostile);
	drain();
	disk_user_check();
	virtio_model_block_free(&device);
}
