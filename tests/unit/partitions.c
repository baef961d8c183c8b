/* SPDX-License-Identifier: BSD-2-Clause */
/* Partition tables, good and hostile: MBR with its chain, GPT with both headers. */
#include "drivers/block/partitions.h"
#include "tests/device/host.h"
#include "tests/unit/failing/allocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MAX 4096u
#define BLOCKS 256u
#define ENTRIES_BLOCKS(size) (128u * 128u / (size))

static uint8_t image[BLOCKS * BLOCK_MAX];
static uint32_t block_size;
static uint64_t fail_at; /* this block cannot be read */
static unsigned int reads;
static struct partition_list list;

static int read_image(void *context, uint64_t block, void *buffer, unsigned int blocks)
{
	(void)context;
	reads++;
	if (block >= BLOCKS || blocks > BLOCKS - block)
		host_abort("blocks %llu to %llu are read", (unsigned long long)block,
			   (unsigned long long)block + blocks);
	if (fail_at >= block && fail_at < block + blocks)
		return -EIO;
	memcpy(buffer, image + block * block_size, (size_t)blocks * block_size);
	return 0;
}

static int find(void)
{
	const struct partition_source source = {
		.name = "vda", .blocks = BLOCKS, .block_size = block_size, .read = read_image};
	int error;

	host_log_clear();
	reads = 0;
	error = partitions_find(&source, &list);
	assert_int_equal(host_dma_blocks(), 0);
	return error;
}

static void start(uint32_t size)
{
	host_reset();
	block_size = size;
	memset(image, 0, sizeof(image));
	fail_at = UINT64_MAX;
}

static void put32(uint8_t *place, uint32_t value)
{
	memcpy(place, &value, sizeof(value));
}

static void put64(uint8_t *place, uint64_t value)
{
	memcpy(place, &value, sizeof(value));
}

/* -- MBR */

static void mbr(uint64_t block, unsigned int index, uint8_t type, uint32_t first, uint32_t count)
{
	uint8_t *table = image + block * block_size;

	table[446 + 16 * index + 4] = type;
	put32(table + 446 + 16 * index + 8, first);
	put32(table + 446 + 16 * index + 12, count);
	table[510] = 0x55;
	table[511] = 0xaa;
}

static void check(unsigned int index, unsigned int number, uint64_t first, uint64_t count,
		  const char *type)
{
	assert_true(index < list.count);
	assert_int_equal(list.partitions[index].number, number);
	assert_int_equal(list.partitions[index].first, first);
	assert_int_equal(list.partitions[index].count, count);
	assert_string_equal(list.partitions[index].type, type);
}

static void test_none(void **state)
{
	(void)state;
	start(512);
	assert_int_equal(find(), 0);
	assert_null(list.table);
	assert_int_equal(list.count, 0);
	/* A file system's boot sector has the signature too. */
	image[510] = 0x55;
	image[511] = 0xaa;
	memset(image + 446, 'M', 64);
	assert_int_equal(find(), 0);
	assert_null(list.table);
	assert_int_equal(host_log_count(), 0);
	/* mtools puts an entry for the whole disk there. */
	memset(image + 446, 0, 64);
	mbr(0, 0, 0x01, 0, BLOCKS);
	assert_int_equal(find(), 0);
	assert_null(list.table);
	assert_int_equal(host_log_count(), 0);
	fail_at = 0;
	assert_int_equal(find(), -EIO);
}

static void test_mbr(void **state)
{
	static const uint32_t sizes[] = {512, 4096};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		start(sizes[i]);
		mbr(0, 0, 0x83, 2, 10);
		mbr(0, 2, 0x0c, 100, 156);
		image[446] = 0x80;
		assert_int_equal(find(), 0);
		assert_string_equal(list.table, "mbr");
		assert_int_equal(list.count, 2);
		check(0, 1, 2, 10, "0x83");
		check(1, 3, 100, 156, "0x0c");
		assert_int_equal(host_log_count(), 0);
	}
}

static void test_mbr_bounds(void **state)
{
	(void)state;
	start(512);
	mbr(0, 0, 0x83, 256, 1); /* behind the end */
	mbr(0, 1, 0x83, 250, 7); /* beyond the end */
	mbr(0, 2, 0x83, UINT32_MAX, UINT32_MAX);
	mbr(0, 3, 0x83, 255, 1);
	assert_int_equal(find(), 0);
	assert_int_equal(list.count, 1);
	check(0, 4, 255, 1, "0x83");
	assert_int_equal(host_log_count(), 3);
}

static void test_logical(void **state)
{
	(void)state;
	start(512);
	mbr(0, 0, 0x83, 1, 9);
	mbr(0, 1, 0x05, 20, 100);
	mbr(20, 0, 0x83, 1, 10);
	mbr(20, 1, 0x05, 20, 20); /* counted from the extended partition */
	mbr(40, 0, 0x82, 2, 10);  /* counted from its own table */
	mbr(40, 1, 0x0f, 60, 20);
	mbr(80, 0, 0x83, 1, 39);
	assert_int_equal(find(), 0);
	assert_int_equal(list.count, 5);
	check(0, 1, 1, 9, "0x83");
	check(1, 2, 20, 100, "0x05");
	check(2, 5, 21, 10, "0x83");
	check(3, 6, 42, 10, "0x82");
	check(4, 7, 81, 39, "0x83");
	assert_int_equal(host_log_count(), 0);

	/* One that is longer than the extended partition is left out, and has its number. */
	mbr(40, 0, 0x82, 2, 100);
	assert_int_equal(find(), 0);
	assert_int_equal(list.count, 4);
	check(3, 7, 81, 39, "0x83");
	assert_int_equal(host_log_count(), 1);

	/* The chain ends where there is no table. */
	image[80 * 512 + 510] = 0;
	assert_int_equal(find(), 0);
	assert_int_equal(list.count, 3);
	fail_at = 40;
	assert_int_equal(find(), -EIO);
}

static void test_chain_is_bounded(void **state)
{
	(void)state;
	/* Round and round. */
	start(512);
	mbr(0, 0, 0x05, 20, 100);
	mbr(20, 1, 0x05, 20, 20);
	mbr(40, 0, 0x83, 1, 1);
	mbr(40, 1, 0x05, 20, 20);
	assert_int_equal(find(), 0);
	assert_true(reads < 70);
	assert_true(list.count <= PARTITIONS_MAX);
	assert_true(host_log_has("more than"));

	/* To its start, and outside. */
	for (unsigned int i = 0; i < 3; i++) {
		static const uint32_t places[] = {0, 100, UINT32_MAX - 5};

		start(512);
		mbr(0, 0, 0x05, 20, 100);
		mbr(20, 0, 0x83, 1, 1);
		mbr(20, 1, 0x05, places[i], 20);
		assert_int_equal(find(), 0);
		assert_int_equal(list.count, 2);
		assert_int_equal(reads, 2);
	}
}

/* -- GPT */

static uint32_t crc32(const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint32_t crc = UINT32_MAX;

	while (length--) {
		crc ^= *bytes++;
		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* Makes the sums of a header and its entries right. */
static void seal(uint64_t block)
{
	uint8_t *header = image + block * block_size;
	uint64_t entries;
	uint32_t count, size;

	memcpy(&entries, header + 72, 8);
	memcpy(&count, header + 80, 4);
	memcpy(&size, header + 84, 4);
	if (entries < BLOCKS && (uint64_t)count * size <= (BLOCKS - entries) * block_size)
		put32(header + 88, crc32(image + entries * block_size, (size_t)count * size));
	put32(header + 16, 0);
	put32(header + 16, crc32(header, 92));
}

static void gpt_header(uint64_t block, uint64_t other, uint64_t entries)
{
	uint8_t *header = image + block * block_size;
	uint64_t table = ENTRIES_BLOCKS(block_size);

	memcpy(header, "EFI PART", 8);
	put32(header + 8, 0x10000);
	put32(header + 12, 92);
	put64(header + 24, block);
	put64(header + 32, other);
	put64(header + 40, 2 + table);
	put64(header + 48, BLOCKS - 2 - table);
	memset(header + 56, 0x5a, 16);
	put64(header + 72, entries);
	put32(header + 80, 128);
	put32(header + 84, 128);
}

static void gpt_entry(uint64_t entries, unsigned int index, uint64_t first, uint64_t last,
		      const char *name)
{
	uint8_t *entry = image + entries * block_size + 128 * index;

	for (unsigned int i = 0; i < 16; i++)
		entry[i] = (uint8_t)(i * 17);
	memset(entry + 16, 1, 16);
	put64(entry + 32, first);
	put64(entry + 40, last);
	for (unsigned int i = 0; name[i]; i++)
		entry[56 + 2 * i] = (uint8_t)name[i];
}

/* Two partitions, and everything twice. */
static void gpt(uint32_t size)
{
	uint64_t table;

	start(size);
	table = ENTRIES_BLOCKS(block_size);
	mbr(0, 0, 0xee, 1, BLOCKS - 1);
	gpt_header(1, BLOCKS - 1, 2);
	gpt_header(BLOCKS - 1, 1, BLOCKS - 1 - table);
	for (unsigned int copy = 0; copy < 2; copy++) {
		uint64_t entries = copy ? BLOCKS - 1 - table : 2;

		gpt_entry(entries, 0, 40, 49, "root");
		gpt_entry(entries, 5, 50, 50, "t\xc3x\x1b");
	}
	seal(1);
	seal(BLOCKS - 1);
}

static void test_gpt(void **state)
{
	static const uint32_t sizes[] = {512, 4096};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		gpt(sizes[i]);
		assert_int_equal(find(), 0);
		assert_string_equal(list.table, "gpt");
		assert_int_equal(list.count, 2);
		check(0, 1, 40, 10, "33221100-5544-7766-8899-aabbccddeeff");
		check(1, 6, 50, 1, "33221100-5544-7766-8899-aabbccddeeff");
		assert_string_equal(list.partitions[0].label, "root");
		assert_string_equal(list.partitions[1].label, "t?x?");
		assert_int_equal(host_log_count(), 0);
	}
}

/* What makes a header useless; then the other one is used, and without it there is no table. */
static void test_gpt_damaged(void **state)
{
	static const struct {
		unsigned int offset, width;
		uint64_t value;
		bool resealed;
	} cases[] = {
		{0, 1, 'X', true},	    {8, 4, 0x20000, true},     {12, 4, 91, true},
		{12, 4, 513, true},	    {12, 4, UINT32_MAX, true}, {16, 4, 12345, false},
		{24, 8, 2, true},	    {40, 8, 250, true},	       {48, 8, BLOCKS, true},
		{48, 8, UINT64_MAX, true},  {72, 8, 1, true},	       {72, 8, BLOCKS, true},
		{72, 8, BLOCKS - 31, true}, {72, 8, UINT64_MAX, true}, {80, 4, UINT32_MAX, true},
		{80, 4, 8193, true},	    {84, 4, 0, true},	       {84, 4, 64, true},
		{84, 4, 129, true},	    {84, 4, 192, true},	       {84, 4, 8192, true},
		{84, 4, UINT32_MAX, true},  {88, 4, 1, false},	       {57, 1, 1, false},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *first, *second;

		gpt(512);
		first = image + 512;
		second = image + (BLOCKS - 1) * 512;
		memcpy(first + cases[i].offset, &cases[i].value, cases[i].width);
		if (cases[i].resealed)
			seal(1);
		assert_int_equal(find(), 0);
		assert_string_equal(list.table, "gpt");
		assert_int_equal(list.count, 2);
		assert_int_equal(host_log_count(), 1);

		memcpy(second + cases[i].offset, &cases[i].value, cases[i].width);
		if (cases[i].resealed)
			seal(BLOCKS - 1);
		assert_int_equal(find(), 0);
		assert_null(list.table);
		assert_int_equal(list.count, 0);
		assert_int_equal(host_log_count(), 3);

		/* Only the second: said, and no more. */
		gpt(512);
		memcpy(second + cases[i].offset, &cases[i].value, cases[i].width);
		if (cases[i].resealed)
			seal(BLOCKS - 1);
		assert_int_equal(find(), 0);
		assert_int_equal(list.count, 2);
		assert_int_equal(host_log_count(), 1);
	}
	/* Entries that were changed. */
	gpt(512);
	image[2 * 512 + 56] ^= 1;
	assert_int_equal(find(), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.partitions[0].label[0], 'r');
	assert_true(host_log_has("wrong checksum"));
	/* Blocks that cannot be read. */
	gpt(512);
	fail_at = 1;
	assert_int_equal(find(), -EIO);
	fail_at = BLOCKS - 1;
	assert_int_equal(find(), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(host_log_count(), 1);
}

static void test_gpt_entries(void **state)
{
	(void)state;
	gpt(512);
	gpt_entry(2, 0, 49, 40, "");
	gpt_entry(2, 1, 10, 40, "");
	gpt_entry(2, 2, 100, BLOCKS - 10, "");
	gpt_entry(2, 3, 0, UINT64_MAX, "");
	gpt_entry(2, 4, 222, 222, "012345678901234567890123456789012345");
	seal(1);
	assert_int_equal(find(), 0);
	assert_int_equal(list.count, 2);
	check(0, 5, 222, 1, "33221100-5544-7766-8899-aabbccddeeff");
	assert_string_equal(list.partitions[0].label, "012345678901234567890123456789012345");
	check(1, 6, 50, 1, "33221100-5544-7766-8899-aabbccddeeff");
	/* A table without entries. */
	gpt(512);
	put32(image + 512 + 80, 0);
	seal(1);
	assert_int_equal(find(), 0);
	assert_string_equal(list.table, "gpt");
	assert_int_equal(list.count, 0);
	/* More than are shown. */
	gpt(512);
	put32(image + 512 + 80, 200);
	for (unsigned int i = 0; i < 200; i++)
		gpt_entry(2, i, 100, 100, "");
	seal(1);
	assert_int_equal(find(), 0);
	assert_int_equal(list.count, PARTITIONS_MAX);
}

/* Whatever bytes come: no read outside the disk, and an end. */
static void test_random(void **state)
{
	(void)state;
	for (unsigned int seed = 0; seed < 3000 && allocations_another_round(); seed++) {
		srand(seed);
		if (seed % 3) {
			gpt(512);
		} else {
			start(512);
			mbr(0, (unsigned int)rand() % 4, 0x05, (uint32_t)rand() % 64,
			    (uint32_t)rand() % 300);
			for (unsigned int i = 0; i < 64; i++)
				mbr(i, (unsigned int)rand() % 4, (uint8_t)(rand() % 8),
				    (uint32_t)rand() % 64, (uint32_t)rand() % 64);
		}
		for (unsigned int i = 0; i < 3; i++) {
			unsigned int place =
				(unsigned int)rand() % (seed & 1 ? 1024 : BLOCKS * 512);

			image[place] = (uint8_t)rand();
		}
		if (seed & 2)
			seal(1);
		(void)find();
		assert_true(list.count <= PARTITIONS_MAX);
		assert_true(reads < 80);
		for (unsigned int i = 0; i < list.count; i++) {
			assert_true(list.partitions[i].first < BLOCKS);
			assert_true(list.partitions[i].count <= BLOCKS - list.partitions[i].first);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_mbr),
		cmocka_unit_test(test_mbr_bounds),
		cmocka_unit_test(test_logical),
		cmocka_unit_test(test_chain_is_bounded),
		cmocka_unit_test(test_gpt),
		cmocka_unit_test(test_gpt_damaged),
		cmocka_unit_test(test_gpt_entries),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
