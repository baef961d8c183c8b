/* SPDX-License-Identifier: BSD-2-Clause */
/* The MBR: four entries, and extended partitions whose logical ones are a chain of such tables. */
#include "drivers/block/partitions.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOG_AREA "block"

#define TABLE 446u
#define ENTRY_SIZE 16u
#define ENTRIES 4u
#define SIGNATURE 510u
#define TYPE_PROTECTIVE 0xee
#define LOGICAL_FIRST 5u
#define CHAIN_MAX 64u

struct entry {
	uint8_t status, type;
	uint32_t first, count;
};

static uint32_t read32(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static struct entry entry_at(const uint8_t *block, unsigned int index)
{
	const uint8_t *bytes = block + TABLE + index * ENTRY_SIZE;

	return (struct entry){bytes[0], bytes[4], read32(bytes + 8), read32(bytes + 12)};
}

static bool is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

/* The signature stands in boot sectors of file systems too; there the entries are code. */
static bool is_table(const uint8_t *block)
{
	if (block[SIGNATURE] != 0x55 || block[SIGNATURE + 1] != 0xaa)
		return false;
	for (unsigned int i = 0; i < ENTRIES; i++)
		if (entry_at(block, i).status & 0x7f)
			return false;
	return true;
}

/* `limit` is the block after the last that the partition may have. */
static void add(const struct partition_source *source, struct partition_list *list,
		unsigned int number, uint8_t type, uint64_t first, uint64_t count, uint64_t limit)
{
	struct partition *partition = &list->partitions[list->count];

	if (!first || !count || first >= limit || count > limit - first) {
		log_warning("%s: partition %u (%llu blocks at %llu) does not fit and is left out",
			    source->name, number, (unsigned long long)count,
			    (unsigned long long)first);
		return;
	}
	if (list->count == PARTITIONS_MAX)
		return;
	memset(partition, 0, sizeof(*partition));
	partition->number = number;
	partition->first = first;
	partition->count = count;
	sniprintf(partition->type, sizeof(partition->type), "0x%02x", type);
	list->count++;
}

/*
 * A table of the chain has the logical partition, counted from the table itself, and the place of
 * the next table, counted from the extended partition.
 */
static int follow_chain(const struct partition_source *source, uint8_t *block,
			const struct entry *extended, struct partition_list *list)
{
	uint64_t start = extended->first, end = start + extended->count, place = start;
	unsigned int number = LOGICAL_FIRST;

	for (unsigned int link = 0;; link++) {
		uint64_t next = 0;
		int error;

		if (link == CHAIN_MAX) {
			log_warning("%s: more than %u logical partitions", source->name, CHAIN_MAX);
			return 0;
		}
		error = source->read(source->context, place, block, 1);
		if (error)
			return error;
		if (!is_table(block)) {
			log_warning(
				"%s: no table at block %llu, where logical partition %u should be",
				source->name, (unsigned long long)place, number);
			return 0;
		}
		for (unsigned int i = 0; i < ENTRIES; i++) {
			struct entry entry = entry_at(block, i);

			if (!entry.type || !entry.count)
				continue;
			if (!is_extended(entry.type))
				add(source, list, number++, entry.type, place + entry.first,
				    entry.count, end);
			else if (!next)
				next = start + entry.first;
		}
		if (!next)
			return 0;
		if (next <= start || next >= end) {
			log_warning("%s: the chain of logical partitions leaves its partition",
				    source->name);
			return 0;
		}
		place = next;
	}
}

static int find_mbr(const struct partition_source *source, uint8_t *block,
		    struct partition_list *list)
{
	struct entry extended = {0};

	list->table = "mbr";
	for (unsigned int i = 0; i < ENTRIES; i++) {
		struct entry entry = entry_at(block, i);

		if (!entry.type || !entry.count)
			continue;
		add(source, list, i + 1, entry.type, entry.first, entry.count, source->blocks);
		if (is_extended(entry.type) && !extended.type && entry.first &&
		    entry.first < source->blocks && entry.count <= source->blocks - entry.first)
			extended = entry;
	}
	return extended.type ? follow_chain(source, block, &extended, list) : 0;
}

/*
 * A file system on the whole disk ends its first block with the same signature, and what stands in the
 * place of the table is code, or (mtools) an entry that begins at the boot block itself. No partition
 * does: the table is there.
 */
static bool is_boot_sector(const uint8_t *block)
{
	for (unsigned int i = 0; i < ENTRIES; i++) {
		struct entry entry = entry_at(block, i);

		if (entry.type && entry.count && !entry.first)
			return true;
	}
	return false;
}

static bool is_protective(const uint8_t *block)
{
	for (unsigned int i = 0; i < ENTRIES; i++)
		if (entry_at(block, i).type == TYPE_PROTECTIVE)
			return true;
	return false;
}

static int find(const struct partition_source *source, uint8_t *block, struct partition_list *list)
{
	int error = source->read(source->context, 0, block, 1);

	if (error || !is_table(block) || is_boot_sector(block))
		return error;
	if (!is_protective(block))
		return find_mbr(source, block, list);
	error = partitions_find_gpt(source, block, list);
	if (error == -ENOENT) {
		log_warning("%s: says that it has a GPT, but has none that can be used",
			    source->name);
		return 0;
	}
	return error;
}

int partitions_find(const struct partition_source *source, struct partition_list *list)
{
	uint8_t *block;
	int error;

	list->table = NULL;
	list->count = 0;
	if (!source->blocks)
		return 0;
	block = dma_alloc(source->block_size, NULL);
	if (!block)
		return -ENOMEM;
	error = find(source, block, list);
	dma_free(block, source->block_size);
	return error;
}
