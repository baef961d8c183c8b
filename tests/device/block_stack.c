/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/block_stack.h"

#include "kernel/memory/dma.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "tests/device/recovery_thread.h"

#include <string.h>

#define PATIENCE (600 * NANOSECONDS_PER_SECOND)

struct block_stack disk;

void disk_prepare_queues(const char *command_line, unsigned int queues, uint16_t ring)
{
	host_reset();
	pci_model_reset();
	memset(&disk, 0, sizeof(disk));
	virtio_model_block_init(&disk.model, DISK_SECTORS, queues, ring);
	disk.model.serial = "RS-0001";
	disk.vectors = queues + 1;
	options_parse(command_line);
	host_log_clear();
	recovery_thread_start(PATIENCE);
}

void disk_prepare(const char *command_line)
{
	disk_prepare_queues(command_line, 1, DISK_RING);
}

void disk_plug(void)
{
	virtio_model_pci_init(&disk.pci, &disk.model.model, 3, disk.vectors);
	if (disk.legacy)
		virtio_model_pci_legacy(&disk.pci, true);
}

static struct block_device *last_disk(void)
{
	struct block_device *device = block_first();

	while (device && device->next)
		device = device->next;
	return device;
}

void disk_boot(void)
{
	struct block_device *before = last_disk();

	disk_plug();
	pci_model_boot();
	disk.disk = last_disk();
	if (disk.disk == before)
		host_abort("the driver did not take the device");
	disk.memory = dma_alloc(DISK_MEMORY, NULL);
	for (unsigned int i = 0; i < DISK_MEMORY; i++)
		disk.memory[i] = (uint8_t)(i * 7 + i / 256 + i / 65536);
	block_service();
	disk.blocks = host_dma_blocks();
}

void disk_end(void)
{
	const struct virtio_blk *blk = disk.disk->driver_data;

	disk_drain();
	block_service(); /* the disk outlives its model: nothing of it may be left to do */
	if (disk.model.model.violations)
		host_abort("the driver broke a rule: %s", disk.model.model.violation);
	for (unsigned int i = 0; i < disk.disk->queue_count; i++) {
		const struct virtio_blk_queue *queue = &blk->queues[i];
		unsigned int free_slots = 0;

		if (disk.disk->queues[i].depth || disk.disk->queues[i].waiting.first ||
		    disk.disk->queues[i].running.first || disk.disk->queues[i].finished.first)
			host_abort("queue %u still has requests", i);
		for (const struct virtio_blk_slot *slot = queue->free; slot; slot = slot->next)
			free_slots++;
		if (queue->vq && free_slots != queue->slot_count)
			host_abort("queue %u: %u of %u slots are free", i, free_slots,
				   queue->slot_count);
	}
	if (!disk.disk->dead && host_dma_blocks() > disk.blocks + (disk.disk->bounce != NULL))
		host_abort("%zu blocks of DMA memory, were %zu", host_dma_blocks(), disk.blocks);
	virtio_model_block_free(&disk.model);
}

static void on_done(struct block_request *request)
{
	struct disk_request *mine = request->context;

	if (mine->done++)
		host_abort("request %u was done twice", (unsigned int)(mine - disk.requests));
	disk.done++;
	wait_wake(&request->device->disk->waiters);
}

void disk_add(unsigned int index, enum block_operation operation, uint64_t sector, uint32_t sectors,
	      uint32_t offset)
{
	struct disk_request *mine = &disk.requests[index];

	memset(mine, 0, sizeof(*mine));
	mine->segment = (struct block_segment){disk.memory + offset, sectors * MODEL_BLOCK_SECTOR};
	mine->request.device = disk.disk;
	mine->request.operation = operation;
	mine->request.sector = sector;
	mine->request.sectors = sectors;
	mine->request.segments = &mine->segment;
	mine->request.segment_count = 1;
	mine->request.done = on_done;
	mine->request.context = mine;
	disk.added++;
	block_add(&mine->request);
}

void disk_drain(void)
{
	wait_event(&disk.disk->waiters, disk.done == disk.added);
}
