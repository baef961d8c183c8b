/* SPDX-License-Identifier: BSD-2-Clause */
/* GPT and MBR: tables, chains and labels of any kind, with good sums where the fuzzer wants to get beyond. */
#include "drivers/block/partitions.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define BLOCKS 64u
#define BLOCK_MAX 4096u
#define HEADER 92u

static uint8_t image[BLOCKS * BLOCK_MAX];
static uint32_t block_size;
static uint64_t fails;
static unsigned int reads;
static struct partition_list list;

static int read_image(void *context, uint64_t block, void *buffer, unsigned int blocks)
{
	(void)context;
	fuzz_check(block < BLOCKS && blocks && blocks <= BLOCKS - block,
		   "%u blocks are read at %llu", blocks, (unsigned long long)block);
	fuzz_check(++reads < 1000, "reading without end");
	if (fails >= block && fails < block + blocks)
		return -5;
	memcpy(buffer, image + block * block_size, (size_t)blocks * block_size);
	return 0;
}

static uint32_t crc32(const uint8_t *bytes, size_t length)
{
	uint32_t sum = UINT32_MAX;

	while (length--) {
		sum ^= *bytes++;
		for (unsigned int i = 0; i < 8; i++)
			sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
	}
	return ~sum;
}

static void put(uint8_t *to, uint64_t value, unsigned int width)
{
	memcpy(to, &value, width);
}

static void entry(uint8_t *to)
{
	memset(to, 0, 128);
	put(to, fuzz_choose(8) ? 0xebd0a0a2 : 0, 4);
	put(to + 16, fuzz_byte(), 1);
	put(to + 32, fuzz_choose(8) == 7 ? fuzz_number(8) : fuzz_choose(BLOCKS + 2), 8);
	put(to + 40, fuzz_choose(8) == 7 ? fuzz_number(8) : fuzz_choose(BLOCKS + 2), 8);
	fuzz_fill(to + 56, fuzz_choose(72));
}

static void gpt(uint64_t place)
{
	uint8_t *header = image + place * block_size, *entries = image + 2 * (size_t)block_size;
	uint32_t count = fuzz_choose(8) == 7 ? (uint32_t)fuzz_number(4) : 4;
	uint32_t size = fuzz_choose(8) == 7 ? (uint32_t)fuzz_number(4) : 128;
	uint64_t bytes = (uint64_t)count * size, room = (BLOCKS - 2) * (uint64_t)block_size;

	memset(header, 0, HEADER);
	memcpy(header, "EFI PART", 8);
	put(header + 8, 0x10000, 4);
	put(header + 12, fuzz_choose(8) == 7 ? fuzz_number(4) : HEADER, 4);
	put(header + 24, fuzz_choose(8) == 7 ? fuzz_number(8) : place, 8);
	put(header + 32, fuzz_choose(8) == 7 ? fuzz_number(8) : BLOCKS - 1 - place + 1, 8);
	put(header + 40, fuzz_choose(8) == 7 ? fuzz_number(8) : 3, 8);
	put(header + 48, fuzz_choose(8) == 7 ? fuzz_number(8) : BLOCKS - 4, 8);
	put(header + 72, fuzz_choose(8) == 7 ? fuzz_number(8) : 2, 8);
	put(header + 80, count, 4);
	put(header + 84, size, 4);
	for (unsigned int i = 0; i < 4; i++)
		entry(entries + 128 * i);
	put(header + 88, crc32(entries, bytes < room ? bytes : room), 4);
	if (fuzz_choose(16) != 15)
		put(header + 16, crc32(header, HEADER), 4);
}

static void mbr(uint64_t place)
{
	uint8_t *table = image + place * block_size;

	for (unsigned int i = 0; i < 4; i++) {
		uint8_t *slot = table + 446 + 16 * i;
		static const uint8_t types[] = {0, 0x83, 0x05, 0x0f, 0xee, 0x85, 0x0c, 0xef};

		slot[0] = fuzz_choose(8) == 7 ? fuzz_byte() : 0;
		slot[4] = types[fuzz_choose(8)];
		put(slot + 8, fuzz_choose(8) == 7 ? fuzz_number(4) : fuzz_choose(BLOCKS), 4);
		put(slot + 12, fuzz_choose(8) == 7 ? fuzz_number(4) : fuzz_choose(BLOCKS), 4);
	}
	put(table + 510, 0xaa55, 2);
}

void fuzz_target(void)
{
	static const uint32_t sizes[] = {512, 4096, 1024, 2048};
	struct partition_source source = {.name = "vda", .blocks = BLOCKS, .read = read_image};

	block_size = source.block_size = sizes[fuzz_choose(4)];
	memset(image, 0, BLOCKS * (size_t)block_size);
	fails = fuzz_choose(16) == 15 ? fuzz_choose(BLOCKS) : UINT64_MAX;
	reads = 0;
	memset(&list, 0x5a, sizeof(list));
	while (fuzz_more())
		switch (fuzz_choose(5)) {
		case 0:
			mbr(0);
			break;
		case 1:
			mbr(fuzz_choose(BLOCKS));
			break;
		case 2:
			gpt(1);
			break;
		case 3:
			gpt(BLOCKS - 1);
			break;
		default:
			image[fuzz_choose(BLOCKS * block_size)] = fuzz_byte();
			break;
		}
	if (partitions_find(&source, &list))
		return;
	fuzz_check(list.count <= PARTITIONS_MAX, "%u partitions", list.count);
	for (unsigned int i = 0; i < list.count; i++) {
		const struct partition *partition = &list.partitions[i];

		fuzz_check(partition->count && partition->first < BLOCKS &&
				   partition->count <= BLOCKS - partition->first,
			   "partition %u lies outside of the disk", partition->number);
		fuzz_check(memchr(partition->type, 0, sizeof(partition->type)) &&
				   memchr(partition->label, 0, sizeof(partition->label)),
			   "a text without end");
		for (unsigned int k = 0; partition->label[k]; k++)
			fuzz_check((uint8_t)partition->label[k] >= ' ' &&
					   partition->label[k] != 0x7f,
				   "a label with control characters");
	}
	fuzz_check(host_dma_blocks() == 0, "memory is left");
}
