/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known about disks, for the status page. */
#include "drivers/block/block.h"

static const char *const names[BLOCK_OPERATIONS] = {
	[BLOCK_READ] = "reads",		 [BLOCK_WRITE] = "writes",
	[BLOCK_FLUSH] = "flushes",	 [BLOCK_DISCARD] = "discards",
	[BLOCK_WRITE_ZEROES] = "zeroes", [BLOCK_SECURE_ERASE] = "secure_erases",
	[BLOCK_IDENTIFY] = "identifies", [BLOCK_LIFETIME] = "lifetimes",
};

static const char *const abilities[BLOCK_OPERATIONS] = {
	[BLOCK_READ] = "read",
	[BLOCK_WRITE] = "write",
	[BLOCK_FLUSH] = "flush",
	[BLOCK_DISCARD] = "discard",
	[BLOCK_WRITE_ZEROES] = "write_zeroes",
	[BLOCK_SECURE_ERASE] = "secure_erase",
	[BLOCK_IDENTIFY] = "identify",
	[BLOCK_LIFETIME] = "lifetime",
};

static void describe_limits(const struct block_limits *limits, struct facts *facts)
{
	fact_string_list(facts, "operations");
	for (unsigned int i = 0; i < BLOCK_OPERATIONS; i++)
		if (limits->operations & BLOCK_CAN(i))
			fact_string(facts, abilities[i]);
	fact_end(facts);
	fact_object(facts, "limits");
	fact_bytes(facts, "block_size", limits->block_size);
	fact_bytes(facts, "physical_block_size", limits->physical_block_size);
	fact_bytes(facts, "alignment_offset", limits->alignment_offset);
	fact_bytes(facts, "io_min", limits->io_min);
	fact_bytes(facts, "io_optimal", limits->io_optimal);
	fact_number(facts, "segments", limits->segments_max);
	fact_bytes(facts, "segment_size", limits->segment_max);
	fact_bytes(facts, "request_size", limits->bytes_max);
	fact_number(facts, "discard_sectors", limits->discard_max);
	fact_number(facts, "discard_alignment", limits->discard_align);
	fact_number(facts, "zeroes_sectors", limits->zeroes_max);
	fact_flag(facts, "zeroes_may_unmap", limits->zeroes_unmap);
	fact_number(facts, "erase_sectors", limits->erase_max);
	fact_end(facts);
}

static void describe_partitions(const struct block_device *disk, struct facts *facts)
{
	if (disk->table)
		fact_text(facts, "partition_table", disk->table);
	else
		fact_none(facts, "partition_table");
	fact_list(facts, "partitions");
	for (const struct block_device *part = __atomic_load_n(&disk->partitions, __ATOMIC_ACQUIRE);
	     part; part = part->next) {
		fact_item(facts);
		fact_text(facts, "name", part->name);
		fact_number(facts, "first_sector", part->first);
		fact_bytes(facts, "size", part->sectors * BLOCK_SECTOR);
		fact_text(facts, "type", part->type);
		fact_text(facts, "label", part->label);
		fact_end(facts);
	}
	fact_end(facts);
}

static void describe_counters(struct block_device *disk, struct facts *facts)
{
	uint64_t kicks = 0, interrupts = 0;
	struct block_counters counters;

	block_counters(disk, &counters);
	disk->operations->costs(disk, &kicks, &interrupts);
	fact_object(facts, "statistics");
	for (unsigned int i = 0; i < BLOCK_OPERATIONS; i++)
		fact_number(facts, names[i], counters.requests[i]);
	fact_number(facts, "bytes_read", counters.bytes_read);
	fact_number(facts, "bytes_written", counters.bytes_written);
	fact_number(facts, "errors", counters.errors);
	fact_number(facts, "waited", counters.waited);
	fact_number(facts, "kicks", kicks);
	fact_number(facts, "interrupts", interrupts);
	fact_number(facts, "interrupts_missed", disk->interrupts_missed);
	fact_number(facts, "timeouts", disk->timeouts);
	fact_number(facts, "resizes", disk->resizes);
	fact_number(facts, "bytes_copied", disk->bytes_copied);
	fact_end(facts);
}

static void describe_disk(struct block_device *disk, struct facts *facts)
{
	fact_text(facts, "name", disk->name);
	fact_text(facts, "driver", disk->driver_name);
	fact_text(facts, "bus", disk->bus_name);
	fact_bytes(facts, "size", disk->sectors * BLOCK_SECTOR);
	fact_text(facts, "serial", disk->serial);
	fact_flag(facts, "read_only", disk->read_only);
	fact_text(facts, "write_cache", disk->write_cache ? "back" : "through");
	fact_flag(facts, "dead", disk->dead);
	fact_number(facts, "queues", disk->queue_count);
	if (disk->geometry.cylinders)
		fact_format(facts, "geometry", "%u/%u/%u", disk->geometry.cylinders,
			    disk->geometry.heads, disk->geometry.sectors);
	if (disk->has_lifetime)
		fact_format(facts, "lifetime", "pre-EOL %u, A %u, B %u", disk->lifetime.pre_eol,
			    disk->lifetime.type_a, disk->lifetime.type_b);
	describe_limits(&disk->limits, facts);
	describe_partitions(disk, facts);
	describe_counters(disk, facts);
	if (disk->operations->describe)
		disk->operations->describe(disk, facts);
}

static void describe(struct facts *facts)
{
	fact_list(facts, "disks");
	for (struct block_device *disk = block_first(); disk; disk = disk->next) {
		fact_item(facts);
		describe_disk(disk, facts);
		fact_end(facts);
	}
	fact_end(facts);
}

FACTS(block, "block", 55, describe);
