/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that show disks: lsblk, blkread, hexdump, and which cache a disk uses: blkcache. */
#include "drivers/block/commands.h"

#include "drivers/block/hexdump.h"
#include "kernel/memory/dma.h"
#include "kernel/options/options.h"

#include <errno.h>
#include <string.h>

#define CHUNK (64u << 10)

/* -- What commands share */

struct block_device *block_argument(const char *name)
{
	struct block_device *device;

	block_settle();
	device = block_find(name);
	if (!device)
		command_print("%s: no such block device (lsblk lists them)\n", name);
	return device;
}

bool block_number_argument(const char *text, uint64_t *value)
{
	if (option_parse_number(text, value))
		return true;
	command_print("%s: not a number\n", text);
	return false;
}

bool block_take_yes(int *argc, char **argv)
{
	int kept = 1;
	bool yes = false;

	for (int i = 1; i < *argc; i++) {
		if (!strcmp(argv[i], "--yes"))
			yes = true;
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
	return yes;
}

enum command_result block_refuse(char **argv)
{
	command_print("%s changes what is on the disk: say --yes\n", argv[0]);
	return COMMAND_FAILED;
}

enum command_result block_result(const struct block_device *device, const char *what, int error)
{
	const char *text;

	switch (-error) {
	case 0:
		return COMMAND_OK;
	case EINVAL:
		text = "not whole blocks of the device, or too much at once";
		break;
	case ENOSPC:
		text = "beyond the end of the device";
		break;
	case EROFS:
		text = "the device is read-only";
		break;
	case EOPNOTSUPP:
		text = "the device cannot do that";
		break;
	case ETIMEDOUT:
		text = "the device did not answer";
		break;
	case EIO:
		text = "input/output error";
		break;
	case ENOMEM:
		text = "no memory";
		break;
	default:
		text = "failed";
	}
	command_print("%s: %s: %s\n", device->name, what, text);
	return COMMAND_FAILED;
}

/* -- lsblk */

static void print_device(const struct block_device *device, const char *branch)
{
	char size[16];

	block_size_text(device->sectors * BLOCK_SECTOR, size, sizeof(size));
	command_print("%s%-*s %6s %2u %-4s %s\n", branch, 8 - (int)strlen(branch), device->name,
		      size, device->read_only, device->disk == device ? "disk" : "part",
		      device->disk == device ? device->serial : device->label);
}

static enum command_result command_lsblk(int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return COMMAND_USAGE;
	block_settle();
	if (!block_first()) {
		command_print("no block devices\n");
		return COMMAND_OK;
	}
	command_print("NAME       SIZE RO TYPE SERIAL\n");
	for (struct block_device *disk = block_first(); disk; disk = disk->next) {
		print_device(disk, "");
		for (struct block_device *part = disk->partitions; part; part = part->next)
			print_device(part, part->next ? "|-" : "`-");
	}
	return COMMAND_OK;
}

COMMAND(lsblk, "lsblk", "disks and their partitions", command_lsblk);

/* -- Contents */

/* Reads whole blocks around [offset, +length) and prints the bytes in between. */
static int dump(struct block_device *device, uint64_t offset, uint64_t length)
{
	uint32_t block = device->disk->limits.block_size;
	struct hexdump state = {.offset = offset};
	uint8_t *buffer = dma_alloc(CHUNK, NULL);
	int error = buffer ? 0 : -ENOMEM;
	bool more = true;

	while (length && !error && more) {
		uint64_t start = offset - offset % block, skip = offset - start;
		uint64_t part = CHUNK - skip < length ? CHUNK - skip : length;
		uint64_t bytes = (skip + part + block - 1) / block * block;

		error = block_read(device, start / BLOCK_SECTOR, buffer, bytes / BLOCK_SECTOR);
		if (error)
			break;
		/* Pieces end at a multiple of the line, counted from the first byte. */
		if (part < length)
			part -= part % HEXDUMP_LINE;
		more = hexdump_print(&state, buffer + skip, part);
		offset += part;
		length -= part;
	}
	if (!error)
		hexdump_end(&state);
	dma_free(buffer, CHUNK);
	return error;
}

static enum command_result command_blkread(int argc, char **argv)
{
	struct block_device *device;
	uint64_t sector, count = 1;

	if (argc < 3 || argc > 4)
		return COMMAND_USAGE;
	device = block_argument(argv[1]);
	if (!device || !block_number_argument(argv[2], &sector) ||
	    (argc == 4 && !block_number_argument(argv[3], &count)))
		return COMMAND_FAILED;
	if (sector >= device->sectors || !count || count > device->sectors - sector)
		return block_result(device, "read", -ENOSPC);
	return block_result(device, "read",
			    dump(device, sector * BLOCK_SECTOR, count * BLOCK_SECTOR));
}

COMMAND(blkread, "blkread DEVICE SECTOR [COUNT]", "sectors of a block device, as a hexdump",
	command_blkread);

static enum command_result command_hexdump(int argc, char **argv)
{
	uint64_t offset = 0, length = 256, size;
	struct block_device *device;
	int i = 1;

	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		uint64_t *value = !strcmp(argv[i], "-s")   ? &offset
				  : !strcmp(argv[i], "-n") ? &length
							   : NULL;

		if (!value)
			return COMMAND_USAGE;
		if (!block_number_argument(argv[i + 1], value))
			return COMMAND_FAILED;
	}
	if (i + 1 != argc)
		return COMMAND_USAGE;
	device = block_argument(argv[i]);
	if (!device)
		return COMMAND_FAILED;
	size = device->sectors * BLOCK_SECTOR;
	if (offset >= size)
		return block_result(device, "read", -ENOSPC);
	if (length > size - offset)
		length = size - offset;
	return block_result(device, "read", dump(device, offset, length));
}

COMMAND(hexdump, "hexdump [-s OFFSET] [-n LENGTH] DEVICE",
	"bytes of a block device (the first 256)", command_hexdump);

/* -- blkcache */

static enum command_result command_blkcache(int argc, char **argv)
{
	struct block_device *device;
	int error = 0;

	if (argc < 2 || argc > 3 ||
	    (argc == 3 && strcmp(argv[2], "back") && strcmp(argv[2], "through")))
		return COMMAND_USAGE;
	device = block_argument(argv[1]);
	if (!device)
		return COMMAND_FAILED;
	if (argc == 3)
		error = block_set_write_cache(device, !strcmp(argv[2], "back"));
	if (error)
		return block_result(device, "write cache", error);
	command_print("%s: write-%s\n", device->disk->name,
		      device->disk->write_cache ? "back" : "through");
	return COMMAND_OK;
}

COMMAND(blkcache, "blkcache DEVICE [back|through]", "shows or chooses the write cache of a disk",
	command_blkcache);
