/* SPDX-License-Identifier: BSD-2-Clause */
/* What an ATA device says of itself. All of it is checked: it is what an emulator made up. */
#include "drivers/block/ata.h"

#include "drivers/module.h"
#include "kernel/console/log.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "block"

#define WORD_GENERAL 0
#define GENERAL_NOT_ATA 0x8000u
#define GENERAL_INCOMPLETE 0x0004u
#define WORD_SERIAL 10
#define WORD_FIRMWARE 23
#define WORD_MODEL 27
#define WORD_CAPABILITIES 49
#define CAPABILITIES_DMA 0x0100u
#define CAPABILITIES_LBA 0x0200u
#define WORD_SECTORS_28 60
#define WORD_QUEUE_DEPTH 75
#define WORD_SATA 76
#define SATA_NCQ 0x0100u
#define WORD_SETS_83 83
#define SETS_LBA48 0x0400u
#define SETS_FLUSH 0x1000u
#define SETS_FLUSH_EXT 0x2000u
#define WORD_ENABLED_85 85
#define ENABLED_WRITE_CACHE 0x0020u
#define WORD_SECTORS_48 100
#define WORD_SECTOR_SIZE 106
#define SECTOR_SIZE_LARGE 0x1000u
#define SECTOR_SIZE_SEVERAL 0x2000u
#define WORD_LOGICAL_SIZE 117
#define WORD_INTEGRITY 255
#define INTEGRITY_SIGNATURE 0xa5u
#define LIMIT_48 (1ULL << 48)

static uint16_t word(const uint8_t *data, unsigned int index)
{
	return (uint16_t)(data[2 * index] | data[2 * index + 1] << 8);
}

/* Words whose content is valid say so by their two highest bits. */
static bool is_valid(uint16_t value)
{
	return (value & 0xc000u) == 0x4000u;
}

/* Strings have the two characters of a word swapped and blanks at their end (3.4.9). */
static void string(char *text, const uint8_t *data, unsigned int first, unsigned int length)
{
	for (unsigned int i = 0; i < length; i++) {
		char c = (char)data[2 * first + (i ^ 1)];

		text[i] = c >= ' ' && c < 0x7f ? c : c ? '?' : ' ';
	}
	while (length && text[length - 1] == ' ')
		length--;
	text[length] = '\0';
}

/* 7.12.7.87: the sum of all bytes is 0, where it is said that there is one. */
static bool is_whole(const uint8_t *data)
{
	uint8_t sum = 0;

	if (data[2 * WORD_INTEGRITY] != INTEGRITY_SIGNATURE)
		return true;
	for (unsigned int i = 0; i < ATA_IDENTIFY_SIZE; i++)
		sum = (uint8_t)(sum + data[i]);
	return !sum;
}

static uint64_t sectors_of(const uint8_t *data, bool lba48)
{
	uint64_t sectors = 0;

	for (unsigned int i = 4; lba48 && i-- > 0;)
		sectors = sectors << 16 | word(data, WORD_SECTORS_48 + i);
	if (!sectors)
		sectors = word(data, WORD_SECTORS_28) | (uint64_t)word(data, WORD_SECTORS_28 + 1)
								<< 16;
	if (!lba48 && sectors > ATA_LIMIT_28)
		return 0;
	return sectors > LIMIT_48 ? 0 : sectors;
}

const char *ata_identity_parse(struct ata_identity *identity, const uint8_t *data)
{
	uint16_t general = word(data, WORD_GENERAL), sets = word(data, WORD_SETS_83);
	uint16_t size = word(data, WORD_SECTOR_SIZE), sata = word(data, WORD_SATA);

	memset(identity, 0, sizeof(*identity));
	if (general & GENERAL_NOT_ATA || general & GENERAL_INCOMPLETE || !is_whole(data))
		return "says nothing sensible of itself";
	string(identity->serial, data, WORD_SERIAL, ATA_SERIAL_LENGTH);
	string(identity->firmware, data, WORD_FIRMWARE, 8);
	string(identity->model, data, WORD_MODEL, 40);
	if (!(word(data, WORD_CAPABILITIES) & CAPABILITIES_LBA))
		return "can be addressed by cylinders only";
	if (!is_valid(sets))
		sets = 0;
	identity->lba48 = sets & SETS_LBA48;
	identity->flush = sets & SETS_FLUSH;
	identity->flush_ext = identity->lba48 && sets & SETS_FLUSH_EXT;
	identity->dma = word(data, WORD_CAPABILITIES) & CAPABILITIES_DMA;
	identity->write_cache = word(data, WORD_ENABLED_85) & ENABLED_WRITE_CACHE;
	identity->sectors = sectors_of(data, identity->lba48);
	if (!identity->sectors)
		return "says an impossible capacity";
	/* Lengths of commands are in logical sectors: all that we have ever seen are of 512 bytes. */
	if (is_valid(size) && size & SECTOR_SIZE_LARGE &&
	    (word(data, WORD_LOGICAL_SIZE) | (uint32_t)word(data, WORD_LOGICAL_SIZE + 1) << 16) !=
		    BLOCK_SECTOR / 2)
		return "has sectors of other than 512 bytes";
	identity->physical_block_size = BLOCK_SECTOR;
	if (is_valid(size) && size & SECTOR_SIZE_SEVERAL && (size & 0xfu) <= 7)
		identity->physical_block_size <<= size & 0xfu;
	/* 0 and all ones mean that there is no SATA. */
	if (sata != UINT16_MAX && sata & SATA_NCQ && identity->lba48)
		identity->queue_depth = (word(data, WORD_QUEUE_DEPTH) & 0x1fu) + 1;
	return NULL;
}

void ata_packet_model(char *model, const uint8_t *data)
{
	string(model, data, WORD_MODEL, 40);
}

bool ata_same_disk(const struct ata_identity *a, const struct ata_identity *b)
{
	return !strcmp(a->serial, b->serial) && !strcmp(a->model, b->model);
}

int ata_disk_create(struct block_device *disk, const struct ata_identity *identity)
{
	struct block_limits *limits = &disk->limits;

	disk->disk = disk;
	disk->prefix = "sd";
	disk->sectors = identity->sectors;
	disk->write_cache = identity->write_cache;
	limits->operations =
		BLOCK_CAN(BLOCK_READ) | BLOCK_CAN(BLOCK_WRITE) | BLOCK_CAN(BLOCK_IDENTIFY);
	if (identity->flush || identity->flush_ext)
		limits->operations |= BLOCK_CAN(BLOCK_FLUSH);
	limits->block_size = BLOCK_SECTOR;
	limits->physical_block_size = identity->physical_block_size;
	if (!identity->lba48)
		limits->bytes_max = ATA_SECTORS_28 * BLOCK_SECTOR;
	limits->segment_max = limits->bytes_max;
	limits->memory_align = 2;
	if (block_queues_create(disk, 1)) {
		log_error("%s: no memory for the disk", disk->bus_name);
		return -ENOMEM;
	}
	disk->queues[0].driver_data = disk->driver_data;
	return 0;
}

int ata_answer_identify(const struct ata_identity *identity, const struct block_request *request)
{
	if (request->segments[0].length < ATA_SERIAL_LENGTH)
		return -EINVAL;
	memset(request->segments[0].data, 0, request->segments[0].length);
	memcpy(request->segments[0].data, identity->serial, ATA_SERIAL_LENGTH);
	return BLOCK_DONE;
}

MODULE(libata, "libata", 25, NULL, NULL);
