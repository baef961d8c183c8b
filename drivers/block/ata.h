/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATA, whatever the controller: commands, and what IDENTIFY DEVICE says. Sections are of "ATA/ATAPI
 * Command Set - 3" (ACS-3).
 */
#ifndef DRIVERS_BLOCK_ATA_H
#define DRIVERS_BLOCK_ATA_H

#include "drivers/block/block.h"

#include <stdbool.h>
#include <stdint.h>

#define ATA_READ_SECTORS 0x20u
#define ATA_READ_SECTORS_EXT 0x24u
#define ATA_READ_DMA_EXT 0x25u
#define ATA_WRITE_SECTORS 0x30u
#define ATA_WRITE_SECTORS_EXT 0x34u
#define ATA_WRITE_DMA_EXT 0x35u
#define ATA_READ_FPDMA_QUEUED 0x60u
#define ATA_WRITE_FPDMA_QUEUED 0x61u
#define ATA_IDENTIFY_PACKET_DEVICE 0xa1u
#define ATA_READ_DMA 0xc8u
#define ATA_WRITE_DMA 0xcau
#define ATA_FLUSH_CACHE 0xe7u
#define ATA_FLUSH_CACHE_EXT 0xeau
#define ATA_IDENTIFY_DEVICE 0xecu

#define ATA_STATUS_ERR 0x01u
#define ATA_STATUS_DRQ 0x08u
#define ATA_STATUS_DF 0x20u
#define ATA_STATUS_DRDY 0x40u
#define ATA_STATUS_BSY 0x80u

#define ATA_DEVICE_LBA 0x40u
#define ATA_DEVICE_OBSOLETE 0xa0u /* always 1, for old devices */

#define ATA_IDENTIFY_SIZE 512u
#define ATA_SERIAL_LENGTH 20u
#define ATA_SECTORS_28 256u /* that a command without 48 bits moves */
#define ATA_SECTORS_48 65536u
#define ATA_LIMIT_28 (1ULL << 28) /* sectors that can be addressed so */

struct ata_identity {
	char serial[ATA_SERIAL_LENGTH + 1], model[41], firmware[9];
	uint64_t sectors;
	uint32_t physical_block_size; /* bytes */
	bool lba48, dma, flush, flush_ext, write_cache;
	unsigned int queue_depth; /* of native command queuing; 0: none */
};

/*
 * Takes apart what IDENTIFY DEVICE gave (7.12.7). NULL, or why this is no disk that can be used: "says
 * nothing sensible of itself".
 */
const char *ata_identity_parse(struct ata_identity *identity, const uint8_t *data);
/* The model of an IDENTIFY PACKET DEVICE (7.13.6), for saying what is there. `model`: 41 characters. */
void ata_packet_model(char *model, const uint8_t *data);
bool ata_same_disk(const struct ata_identity *a, const struct ata_identity *b);
/*
 * Makes what the block layer is told of a disk, and its one queue, with the disk's driver_data. The driver has set
 * `operations`, driver_data and names, segments_max, and as bytes_max what one command of 48 bits moves. 0, or -ENOMEM,
 * which has its line. Thread context.
 */
int ata_disk_create(struct block_device *disk, const struct ata_identity *identity);
/* BLOCK_IDENTIFY, answered from what is known; what start() returns. */
int ata_answer_identify(const struct ata_identity *identity, const struct block_request *request);

#endif
