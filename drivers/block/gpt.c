/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GUID partition table (UEFI 2.10, 5.3): a header in block 1, another in the last block, each
 * with its own copy of the entries. The first header is used when it is good, else the last one.
 */
#include "drivers/block/partitions.h"

#include "kernel/console/log.h"
#include "kernel/libc/crc32.h"
#include "kernel/memory/dma.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOG_AREA "block"

#define HEADER_SIZE 92u
#define REVISION_MAJOR 1u
#define ENTRY_SIZE 128u
#define ENTRY_SIZE_MAX 4096u
#define ENTRIES_BYTES_MAX (1u << 20)
#define NAME_UNITS 36u

struct gpt_header {
	uint8_t signature[8];
	uint32_t revision, header_size, header_crc, reserved;
	uint64_t my_lba, alternate_lba, first_usable_lba, last_usable_lba;
	uint8_t disk_guid[16];
	uint64_t entries_lba;
	uint32_t entry_count, entry_size, entries_crc, padding;
};

_Static_assert(offsetof(struct gpt_header, my_lba) == 24, "UEFI 2.10, 5.3.2");
_Static_assert(offsetof(struct gpt_header, entries_lba) == 72, "UEFI 2.10, 5.3.2");
_Static_assert(offsetof(struct gpt_header, entries_crc) == 88, "UEFI 2.10, 5.3.2");

struct gpt_entry {
	uint8_t type[16], guid[16];
	uint64_t first, last, attributes;
	uint16_t name[NAME_UNITS];
};

_Static_assert(sizeof(struct gpt_entry) == ENTRY_SIZE, "UEFI 2.10, 5.3.3");

/* What is wrong with the header that was read from block `place`, or NULL. */
static const char *header_fault(const struct partition_source *source, const uint8_t *block,
				uint64_t place, struct gpt_header *header)
{
	static const uint8_t zero[4];
	uint32_t crc;
	uint64_t bytes;

	memcpy(header, block, sizeof(*header));
	if (memcmp(header->signature, "EFI PART", 8))
		return "has no signature";
	if (header->revision >> 16 != REVISION_MAJOR)
		return "has an unknown revision";
	if (header->header_size < HEADER_SIZE || header->header_size > source->block_size)
		return "has an impossible size";
	/* The sum is made over the header with its own field 0. */
	crc = crc32(0, block, offsetof(struct gpt_header, header_crc));
	crc = crc32(crc, zero, sizeof(zero));
	crc = crc32(crc, block + offsetof(struct gpt_header, reserved),
		    header->header_size - offsetof(struct gpt_header, reserved));
	if (crc != header->header_crc)
		return "has a wrong checksum";
	if (header->my_lba != place)
		return "belongs to another place";
	if (header->first_usable_lba > header->last_usable_lba ||
	    header->last_usable_lba >= source->blocks)
		return "has more blocks than the disk";
	if (header->entry_size < ENTRY_SIZE || header->entry_size > ENTRY_SIZE_MAX ||
	    header->entry_size & (header->entry_size - 1) ||
	    header->entry_count > ENTRIES_BYTES_MAX / header->entry_size)
		return "has entries of an impossible size";
	bytes = (uint64_t)header->entry_count * header->entry_size;
	if (header->entries_lba < 2 || header->entries_lba >= source->blocks ||
	    (bytes + source->block_size - 1) / source->block_size >
		    source->blocks - header->entries_lba)
		return "has its entries outside the disk";
	return NULL;
}

static void write_guid(char *text, size_t size, const uint8_t *guid)
{
	/* The first three fields are little-endian numbers. */
	sniprintf(text, size,
		  "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", guid[3],
		  guid[2], guid[1], guid[0], guid[5], guid[4], guid[7], guid[6], guid[8], guid[9],
		  guid[10], guid[11], guid[12], guid[13], guid[14], guid[15]);
}

static void add(const struct partition_source *source, const struct gpt_header *header,
		const struct gpt_entry *entry, unsigned int number, struct partition_list *list)
{
	static const uint8_t unused[16];
	struct partition *partition = &list->partitions[list->count];

	if (!memcmp(entry->type, unused, sizeof(unused)))
		return;
	if (entry->first > entry->last || entry->first < header->first_usable_lba ||
	    entry->last > header->last_usable_lba) {
		log_warning("%s: partition %u (blocks %llu to %llu) does not fit and is left out",
			    source->name, number, (unsigned long long)entry->first,
			    (unsigned long long)entry->last);
		return;
	}
	if (list->count == PARTITIONS_MAX)
		return;
	memset(partition, 0, sizeof(*partition));
	partition->number = number;
	partition->first = entry->first;
	partition->count = entry->last - entry->first + 1;
	write_guid(partition->type, sizeof(partition->type), entry->type);
	for (unsigned int i = 0; i < NAME_UNITS && entry->name[i]; i++)
		partition->label[i] =
			entry->name[i] >= ' ' && entry->name[i] < 0x7f ? (char)entry->name[i] : '?';
	list->count++;
}

static int read_entries(const struct partition_source *source, const struct gpt_header *header,
			struct partition_list *list)
{
	uint32_t bytes = header->entry_count * header->entry_size;
	uint32_t blocks = (bytes + source->block_size - 1) / source->block_size;
	size_t size = (size_t)blocks * source->block_size;
	uint8_t *entries;
	int error;

	if (!bytes)
		return 0;
	entries = dma_alloc(size, NULL);
	if (!entries)
		return -ENOMEM;
	error = source->read(source->context, header->entries_lba, entries, blocks);
	if (!error && crc32(0, entries, bytes) != header->entries_crc)
		error = -ENOENT;
	for (uint32_t i = 0; !error && i < header->entry_count; i++) {
		struct gpt_entry entry;

		memcpy(&entry, entries + (size_t)i * header->entry_size, sizeof(entry));
		add(source, header, &entry, i + 1, list);
	}
	dma_free(entries, size);
	return error;
}

/* 0; -ENOENT after a log line when it is not good; what reading returned. */
static int try_header(const struct partition_source *source, uint8_t *block, uint64_t place,
		      struct gpt_header *header, struct partition_list *list)
{
	const char *fault;
	int error = source->read(source->context, place, block, 1);

	if (error)
		return error;
	fault = header_fault(source, block, place, header);
	list->count = 0;
	if (!fault) {
		error = read_entries(source, header, list);
		if (error != -ENOENT)
			return error;
		fault = "has entries with a wrong checksum";
	}
	log_warning("%s: the GPT header in block %llu %s", source->name, (unsigned long long)place,
		    fault);
	return -ENOENT;
}

/* Is the copy in the last block good too? Only said: nothing is repaired. */
static void check_copy(const struct partition_source *source, uint8_t *block,
		       const struct gpt_header *first)
{
	struct gpt_header copy;
	const char *fault;

	if (first->alternate_lba >= source->blocks ||
	    source->read(source->context, first->alternate_lba, block, 1)) {
		log_warning("%s: the second GPT header cannot be read", source->name);
		return;
	}
	fault = header_fault(source, block, first->alternate_lba, &copy);
	if (!fault && (copy.entries_crc != first->entries_crc ||
		       memcmp(copy.disk_guid, first->disk_guid, sizeof(copy.disk_guid))))
		fault = "differs from the first";
	if (fault)
		log_warning("%s: the second GPT header (block %llu) %s", source->name,
			    (unsigned long long)first->alternate_lba, fault);
}

int partitions_find_gpt(const struct partition_source *source, void *block,
			struct partition_list *list)
{
	struct gpt_header header;
	int error;

	if (source->blocks < 3)
		return -ENOENT;
	error = try_header(source, block, 1, &header, list);
	if (!error)
		check_copy(source, block, &header);
	if (error == -ENOENT)
		error = try_header(source, block, source->blocks - 1, &header, list);
	if (!error)
		list->table = "gpt";
	else
		list->count = 0;
	return error;
}
