/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partition tables: GPT (UEFI 2.10, chapter 5) and MBR with its chain of logical partitions.
 *
 * The disk's content is hostile: every number is checked against the disk, sums are verified,
 * and chains and tables end.
 */
#ifndef DRIVERS_BLOCK_PARTITIONS_H
#define DRIVERS_BLOCK_PARTITIONS_H

#include "drivers/block/block.h"

#define PARTITIONS_MAX 128u

/* Where they are read from. */
struct partition_source {
	const char *name; /* for the log */
	uint64_t blocks;
	uint32_t block_size; /* bytes; the unit of both tables */
	int (*read)(void *context, uint64_t block, void *buffer, unsigned int blocks);
	void *context;
};

struct partition {
	unsigned int number;	   /* from 1; logical ones from 5 */
	uint64_t first, count;	   /* blocks */
	char type[BLOCK_TYPE_MAX]; /* "0x83", or a GUID */
	char label[BLOCK_LABEL_MAX];
};

struct partition_list {
	const char *table; /* "gpt", "mbr", or NULL */
	unsigned int count;
	struct partition partitions[PARTITIONS_MAX];
};

/*
 * Fills the list. 0, also when there is no table; or what reading returned. What is wrong with a
 * table is said in the log. Thread context.
 */
int partitions_find(const struct partition_source *source, struct partition_list *list);

/*
 * The GPT alone, in a buffer of one block that the caller lends. 0: the list has it; -ENOENT: there
 * is no good one; else what reading returned.
 */
int partitions_find_gpt(const struct partition_source *source, void *block,
			struct partition_list *list);

#endif
