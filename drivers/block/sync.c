/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing with a thread that sleeps. Long transfers go in pieces that the device takes;
 * memory that it cannot reach goes through the disk's bounce buffer.
 */
#include "drivers/block/block.h"

#include "kernel/memory/dma.h"

#include <errno.h>
#include <string.h>

#define BOUNCE_SIZE (64u << 10)

/*
 * The flag lies on the waiter's stack: it is set last, and the queue that is woken then belongs to
 * the disk, since the waiter may be gone by then.
 */
static void wake_waiter(struct block_request *request)
{
	struct wait_queue *waiters = &request->device->disk->waiters;

	__atomic_store_n((bool *)request->context, true, __ATOMIC_RELEASE);
	wait_wake(waiters);
}

int block_wait(struct block_request *request)
{
	bool finished = false;

	request->done = wake_waiter;
	request->context = &finished;
	block_add(request);
	block_kick(request->device);
	wait_event(&request->device->disk->waiters, __atomic_load_n(&finished, __ATOMIC_ACQUIRE));
	return request->error;
}

static int transfer(struct block_device *device, enum block_operation operation, uint64_t sector,
		    void *data, uint32_t bytes)
{
	struct block_segment segment = {data, bytes};
	struct block_request request = {.device = device,
					.operation = operation,
					.sector = sector,
					.segments = &segment,
					.segment_count = 1};

	return block_wait(&request);
}

static bool reachable(const struct block_device *device, const uint8_t *buffer, uint64_t bytes)
{
	return !((uintptr_t)buffer & (device->disk->limits.memory_align - 1)) &&
	       dma_reachable(buffer) && dma_reachable(buffer + bytes - 1);
}

/* What one request with one piece of memory may carry, in whole blocks. */
static uint32_t piece_max(const struct block_limits *limits)
{
	uint64_t bytes = (uint64_t)limits->segments_max * limits->segment_max;

	if (bytes > limits->bytes_max)
		bytes = limits->bytes_max;
	return (uint32_t)(bytes - bytes % limits->block_size);
}

static int bounce(struct block_device *device, enum block_operation operation, uint64_t sector,
		  uint8_t *buffer, uint32_t bytes)
{
	struct block_device *disk = device->disk;
	int error;

	if (operation == BLOCK_WRITE)
		memcpy(disk->bounce, buffer, bytes);
	error = transfer(device, operation, sector, disk->bounce, bytes);
	if (!error && operation == BLOCK_READ)
		memcpy(buffer, disk->bounce, bytes);
	disk->bytes_copied += bytes;
	return error;
}

static int in_pieces(struct block_device *device, enum block_operation operation, uint64_t sector,
		     uint8_t *buffer, uint64_t sectors, bool direct)
{
	uint32_t most = piece_max(&device->disk->limits);
	int error = 0;

	if (!direct && most > BOUNCE_SIZE)
		most = BOUNCE_SIZE;
	if (!most)
		return -EINVAL;
	while (sectors && !error) {
		uint32_t bytes =
			sectors > most / BLOCK_SECTOR ? most : (uint32_t)sectors * BLOCK_SECTOR;

		error = direct ? transfer(device, operation, sector, buffer, bytes)
			       : bounce(device, operation, sector, buffer, bytes);
		buffer += bytes;
		sector += bytes / BLOCK_SECTOR;
		sectors -= bytes / BLOCK_SECTOR;
	}
	return error;
}

static int whole(struct block_device *device, enum block_operation operation, uint64_t sector,
		 uint8_t *buffer, uint64_t sectors)
{
	struct block_device *disk = device->disk;
	int error = -ENOMEM;

	if (!sectors)
		return -EINVAL;
	if (sector > device->sectors || sectors > device->sectors - sector)
		return -ENOSPC;
	if (reachable(device, buffer, sectors * BLOCK_SECTOR))
		return in_pieces(device, operation, sector, buffer, sectors, true);
	mutex_lock(&disk->bounce_lock);
	if (!disk->bounce)
		disk->bounce = dma_alloc(BOUNCE_SIZE, NULL);
	if (disk->bounce)
		error = in_pieces(device, operation, sector, buffer, sectors, false);
	mutex_unlock(&disk->bounce_lock);
	return error;
}

int block_read(struct block_device *device, uint64_t sector, void *buffer, uint64_t sectors)
{
	return whole(device, BLOCK_READ, sector, buffer, sectors);
}

int block_write(struct block_device *device, uint64_t sector, const void *buffer, uint64_t sectors)
{
	return whole(device, BLOCK_WRITE, sector, (void *)(uintptr_t)buffer, sectors);
}

int block_flush(struct block_device *device)
{
	struct block_request request = {.device = device, .operation = BLOCK_FLUSH};

	/* Without the operation there is nothing that could be lost. */
	return block_can(device, BLOCK_FLUSH) ? block_wait(&request) : 0;
}

int block_clear(struct block_device *device, enum block_operation operation, uint64_t sector,
		uint64_t sectors, bool unmap)
{
	const struct block_limits *limits = &device->disk->limits;
	uint32_t most = operation == BLOCK_DISCARD	  ? limits->discard_max
			: operation == BLOCK_WRITE_ZEROES ? limits->zeroes_max
							  : limits->erase_max;
	int error = 0;

	if (!block_can(device, operation))
		return -EOPNOTSUPP;
	most -= most % (limits->block_size / BLOCK_SECTOR);
	if (sector > device->sectors || sectors > device->sectors - sector)
		return -ENOSPC;
	if (!sectors || !most)
		return -EINVAL;
	while (sectors && !error) {
		struct block_request request = {.device = device,
						.operation = operation,
						.sector = sector,
						.sectors = sectors < most ? sectors : most,
						.unmap = unmap};

		error = block_wait(&request);
		sector += request.sectors;
		sectors -= request.sectors;
	}
	return error;
}

int block_set_write_cache(struct block_device *device, bool on)
{
	struct block_device *disk = device->disk;

	if (!disk->operations->set_write_cache)
		return -EOPNOTSUPP;
	return disk->operations->set_write_cache(disk, on);
}
