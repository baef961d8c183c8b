/* SPDX-License-Identifier: BSD-2-Clause */
/* What a new disk says about itself, and what its partition table says. */
#include "drivers/block/partitions.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "block"
#define SERIAL_BYTES 20u
#define LIFETIME_BYTES 6u

static int ask(struct block_device *disk, enum block_operation operation, void *buffer,
	       uint32_t length)
{
	struct block_segment segment = {buffer, length};
	struct block_request request = {
		.device = disk, .operation = operation, .segments = &segment, .segment_count = 1};

	return block_can(disk, operation) ? block_wait(&request) : -EOPNOTSUPP;
}

static uint16_t read16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static void identify(struct block_device *disk)
{
	uint8_t *buffer = dma_alloc(SERIAL_BYTES, NULL);

	if (!buffer)
		return;
	/* Many back ends have no serial number: no line for that. */
	if (ask(disk, BLOCK_IDENTIFY, buffer, SERIAL_BYTES) == 0)
		for (unsigned int i = 0; i < SERIAL_BYTES && buffer[i]; i++)
			disk->serial[i] =
				buffer[i] >= ' ' && buffer[i] < 0x7f ? (char)buffer[i] : '?';
	if (ask(disk, BLOCK_LIFETIME, buffer, LIFETIME_BYTES) == 0) {
		disk->lifetime.pre_eol = read16(buffer);
		disk->lifetime.type_a = read16(buffer + 2);
		disk->lifetime.type_b = read16(buffer + 4);
		disk->has_lifetime = true;
	}
	dma_free(buffer, SERIAL_BYTES);
}

static int read_blocks(void *context, uint64_t block, void *buffer, unsigned int blocks)
{
	struct block_device *disk = context;
	uint64_t each = disk->limits.block_size / BLOCK_SECTOR;

	return block_read(disk, block * each, buffer, blocks * each);
}

static struct block_device *create(struct block_device *disk, const struct partition *found)
{
	struct block_device *partition = calloc(1, sizeof(*partition));
	uint64_t each = disk->limits.block_size / BLOCK_SECTOR;

	if (!partition)
		return NULL;
	sniprintf(partition->name, sizeof(partition->name), "%.12s%u", disk->name, found->number);
	partition->disk = disk;
	partition->number = found->number;
	partition->first = found->first * each;
	partition->sectors = found->count * each;
	partition->read_only = disk->read_only;
	memcpy(partition->type, found->type, sizeof(partition->type));
	memcpy(partition->label, found->label, sizeof(partition->label));
	return partition;
}

static void find_partitions(struct block_device *disk)
{
	const struct partition_source source = {
		.name = disk->name,
		.blocks = disk->sectors / (disk->limits.block_size / BLOCK_SECTOR),
		.block_size = disk->limits.block_size,
		.read = read_blocks,
		.context = disk,
	};
	struct partition_list *list = calloc(1, sizeof(*list));
	struct block_device *first = NULL, **link = &first;
	int error = list ? partitions_find(&source, list) : -ENOMEM;

	if (error)
		log_warning("%s: no partition table could be read (error %d)", disk->name, -error);
	for (unsigned int i = 0; !error && i < list->count; i++) {
		*link = create(disk, &list->partitions[i]);
		if (!*link)
			break;
		link = &(*link)->next;
	}
	if (!error)
		disk->table = list->table;
	__atomic_store_n(&disk->partitions, first, __ATOMIC_RELEASE);
	free(list);
}

void block_scan(struct block_device *disk)
{
	identify(disk);
	find_partitions(disk);
	log_info("%s: serial number \"%s\", partition table: %s", disk->name, disk->serial,
		 disk->table ? disk->table : "none");
}
