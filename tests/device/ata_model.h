/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk behind an IDE or AHCI model, and whoever uses it: content in memory, what IDENTIFY DEVICE says,
 * sectors that are bad; and threads of the drivers that run whenever the test sleeps.
 */
#ifndef TESTS_DEVICE_ATA_MODEL_H
#define TESTS_DEVICE_ATA_MODEL_H

#include "drivers/block/block.h"
#include "drivers/pci/device.h"
#include "tests/device/host.h"

/* The fuzz targets set all of it up for each run, and have less. */
#ifndef MODEL_ATA_SECTORS
#define MODEL_ATA_SECTORS 4096u
#endif
#define ATA_MODEL_SECTORS MODEL_ATA_SECTORS
#define ATA_MODEL_SECTOR 512u

struct ata_model {
	bool present, packet;
	uint64_t capacity; /* as it says; content repeats every ATA_MODEL_SECTORS */
	uint8_t content[ATA_MODEL_SECTORS * ATA_MODEL_SECTOR];
	uint8_t identify[512];
	uint64_t bad_sector; /* UINT64_MAX: none */
	unsigned int reads, writes, flushes;
	bool used_48;
};

void ata_model_init(struct ata_model *disk, const char *serial, uint64_t capacity);
/* Makes the sum of what IDENTIFY DEVICE says right again. */
void ata_model_seal(struct ata_model *disk);
void ata_model_word(struct ata_model *disk, unsigned int word, uint16_t value);
/* Where a sector's bytes are; NULL: beyond the end, or bad. */
uint8_t *ata_model_sector(struct ata_model *disk, uint64_t sector);

/* Empty host and bus, threads that run by a timer. */
void ata_reset(const char *command_line);
/* Enumerates and binds; disks that came, in their order. How many. */
unsigned int ata_boot(void);
#define ATA_DISKS_MAX 4
extern struct block_device *ata_disks[ATA_DISKS_MAX];
extern struct pci_device *ata_controller;
extern uint8_t *ata_memory; /* 2 MiB of DMA memory with a pattern */
#define ATA_MEMORY (2u << 20)
/* Nothing is in flight any more. */
void ata_idle(void);

#endif
