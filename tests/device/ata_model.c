/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/ata_model.h"

#include "kernel/memory/dma.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "tests/device/pci_model.h"
#include "tests/device/recovery_thread.h"

#include <string.h>

#define PATIENCE (3600 * NANOSECONDS_PER_SECOND)

struct block_device *ata_disks[ATA_DISKS_MAX];
struct pci_device *ata_controller;
uint8_t *ata_memory;

/* -- The disk */

void ata_model_word(struct ata_model *disk, unsigned int word, uint16_t value)
{
	memcpy(disk->identify + 2 * word, &value, 2);
}

static void text(struct ata_model *disk, unsigned int word, unsigned int length, const char *value)
{
	size_t have = strlen(value);

	for (unsigned int i = 0; i < length; i++)
		disk->identify[2 * word + (i ^ 1)] = i < have ? (uint8_t)value[i] : ' ';
}

void ata_model_seal(struct ata_model *disk)
{
	uint8_t sum = 0;

	disk->identify[510] = 0xa5;
	for (unsigned int i = 0; i < 511; i++)
		sum = (uint8_t)(sum + disk->identify[i]);
	disk->identify[511] = (uint8_t)-sum;
}

void ata_model_init(struct ata_model *disk, const char *serial, uint64_t capacity)
{
	uint64_t small = capacity < 0x0fffffff ? capacity : 0x0fffffff;

	memset(disk, 0, sizeof(*disk));
	disk->present = true;
	disk->capacity = capacity;
	disk->bad_sector = UINT64_MAX;
	for (unsigned int i = 0; i < sizeof(disk->content); i++)
		disk->content[i] = (uint8_t)(i * 13 + i / 512 + serial[0]);
	memset(disk->content, 0, ATA_MODEL_SECTOR); /* no partition table */
	ata_model_word(disk, 0, 0x0040);
	text(disk, 10, 20, serial);
	text(disk, 23, 8, "1.0");
	text(disk, 27, 40, "Model disk");
	ata_model_word(disk, 49, 0x0300);
	ata_model_word(disk, 60, (uint16_t)small);
	ata_model_word(disk, 61, (uint16_t)(small >> 16));
	ata_model_word(disk, 75, 31);
	ata_model_word(disk, 76, 0x0106);
	ata_model_word(disk, 83, 0x7400);
	ata_model_word(disk, 85, 0x0020);
	for (unsigned int i = 0; i < 4; i++)
		ata_model_word(disk, 100 + i, (uint16_t)(capacity >> 16 * i));
	ata_model_seal(disk);
}

uint8_t *ata_model_sector(struct ata_model *disk, uint64_t sector)
{
	if (sector >= disk->capacity || sector == disk->bad_sector)
		return NULL;
	return disk->content + sector % ATA_MODEL_SECTORS * ATA_MODEL_SECTOR;
}

/* -- Whoever uses it */

void ata_reset(const char *command_line)
{
	host_reset();
	host_threads();
	pci_model_reset();
	options_parse(command_line);
	host_log_clear();
	recovery_thread_start(PATIENCE);
}

unsigned int ata_boot(void)
{
	struct block_device *disk = block_first();
	unsigned int count = 0, before = 0;

	for (; disk; disk = disk->next)
		before++;
	pci_model_boot();
	for (disk = block_first(); disk; disk = disk->next)
		if (before)
			before--;
		else
			ata_disks[count++] = disk;
	for (ata_controller = pci_device_first(); ata_controller && ata_controller->next;
	     ata_controller = ata_controller->next)
		;
	ata_memory = dma_alloc(ATA_MEMORY, &(struct dma_constraints){.limit = UINT32_MAX});
	for (unsigned int i = 0; i < ATA_MEMORY; i++)
		ata_memory[i] = (uint8_t)(i * 7 + i / 256 + i / 65536);
	block_service();
	return count;
}

void ata_idle(void)
{
	for (unsigned int i = 0; i < ATA_DISKS_MAX && ata_disks[i]; i++) {
		const struct block_queue *queue = &ata_disks[i]->queues[0];

		if (queue->depth || queue->waiting.first || queue->running.first)
			host_abort("%s still has requests", ata_disks[i]->name);
		ata_disks[i] = NULL;
	}
	block_service(); /* disks outlive their model: nothing of them may be left to do */
}
