/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that change what is on a disk; none does without --yes. */
#include "drivers/block/commands.h"

#include "kernel/memory/dma.h"
#include "kernel/options/options.h"

#include <errno.h>
#include <string.h>

#define FILL_MAX (64u << 10) /* bytes written at once */
#define SECTORS_MAX (1u << 24)

/* -- blkwrite */

/* "0xAB" or "0xAB*COUNT": a byte that fills so many sectors. */
static bool parse_fill(char *text, uint64_t *byte, uint64_t *sectors)
{
	char *star = strchr(text, '*');

	*sectors = 1;
	if (strncmp(text, "0x", 2))
		return false;
	if (star) {
		*star = '\0';
		if (!option_parse_number(star + 1, sectors) || !*sectors ||
		    *sectors > SECTORS_MAX) {
			*star = '*';
			return false;
		}
	}
	if (option_parse_number(text, byte) && *byte <= UINT8_MAX)
		return true;
	if (star)
		*star = '*';
	return false;
}

/* The words with one blank between them, then zeroes up to the end of the block. */
static bool put_text(uint8_t *buffer, size_t size, int count, char **words)
{
	size_t place = 0;

	memset(buffer, 0, size);
	for (int i = 0; i < count; i++) {
		size_t length = strlen(words[i]);

		if (place + length + 1 > size)
			return false;
		if (i)
			buffer[place++] = ' ';
		memcpy(buffer + place, words[i], length);
		place += length;
	}
	return true;
}

static int fill(struct block_device *device, uint64_t sector, uint8_t *buffer, uint64_t byte,
		uint64_t sectors)
{
	int error = 0;

	memset(buffer, (int)byte, FILL_MAX);
	while (sectors && !error && !command_interrupted()) {
		uint64_t part =
			sectors < FILL_MAX / BLOCK_SECTOR ? sectors : FILL_MAX / BLOCK_SECTOR;

		error = block_write(device, sector, buffer, part);
		sector += part;
		sectors -= part;
	}
	return error;
}

static enum command_result command_blkwrite(int argc, char **argv)
{
	struct block_device *device;
	bool yes = block_take_yes(&argc, argv);
	uint64_t sector, byte, sectors;
	uint8_t *buffer;
	uint32_t block;
	int error;

	if (argc < 4 || argv[1][0] == '-')
		return COMMAND_USAGE;
	if (!yes)
		return block_refuse(argv);
	device = block_argument(argv[1]);
	if (!device || !block_number_argument(argv[2], &sector))
		return COMMAND_FAILED;
	block = device->disk->limits.block_size;
	buffer = dma_alloc(FILL_MAX, NULL);
	if (!buffer)
		return block_result(device, "write", -ENOMEM);
	if (argc == 4 && parse_fill(argv[3], &byte, &sectors)) {
		error = fill(device, sector, buffer, byte, sectors);
	} else if (put_text(buffer, block, argc - 3, argv + 3)) {
		error = block_write(device, sector, buffer, block / BLOCK_SECTOR);
	} else {
		command_print("the text is longer than a block of %u bytes\n", (unsigned int)block);
		dma_free(buffer, FILL_MAX);
		return COMMAND_FAILED;
	}
	if (!error)
		error = block_flush(device);
	dma_free(buffer, FILL_MAX);
	return block_result(device, "write", error);
}

COMMAND(blkwrite, "blkwrite --yes DEVICE SECTOR TEXT...|0xBYTE[*SECTORS]",
	"writes a block with a text, or sectors of one byte, and flushes", command_blkwrite);

/* -- blkdiscard */

static enum command_result command_blkdiscard(int argc, char **argv)
{
	enum block_operation operation = BLOCK_DISCARD;
	struct block_device *device;
	uint64_t sector, count;
	bool yes = block_take_yes(&argc, argv), unmap = false;
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "-z"))
			operation = BLOCK_WRITE_ZEROES;
		else if (!strcmp(argv[i], "-s"))
			operation = BLOCK_SECURE_ERASE;
		else if (!strcmp(argv[i], "-u"))
			unmap = true;
		else
			return COMMAND_USAGE;
	}
	if (argc - i != 3)
		return COMMAND_USAGE;
	if (!yes)
		return block_refuse(argv);
	device = block_argument(argv[i]);
	if (!device || !block_number_argument(argv[i + 1], &sector) ||
	    !block_number_argument(argv[i + 2], &count))
		return COMMAND_FAILED;
	return block_result(device, "discard",
			    block_clear(device, operation, sector, count, unmap));
}

COMMAND(blkdiscard, "blkdiscard --yes [-z [-u]|-s] DEVICE SECTOR COUNT",
	"discards sectors, or writes zeroes (-z, -u: may unmap), or erases securely (-s)",
	command_blkdiscard);
