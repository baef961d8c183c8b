/* SPDX-License-Identifier: BSD-2-Clause */
/* What the next kernel is told, and where it may lie. */
#include "boot/next/bytes.h"
#include "boot/next/place.h"
#include "boot/next/told.h"
#include "boot/pvh_protocol.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct boot_info info;
static struct next_layout layout;

static int set_up(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	info.rsdp = 0x1122334455;
	info.memory_count = 7;
	for (unsigned int i = 0; i < info.memory_count; i++)
		info.memory[i] = (struct boot_memory){i * 0x100000ULL, 0x80000 + i,
						      (enum boot_memory_type)i};
	memset(&layout, 0, sizeof(layout));
	layout.protocol = NEXT_PROTOCOL_LINUX;
	layout.segment_count = 1;
	layout.segments[0] = (struct next_segment){.address = 0x2000000, .size = 0x300000};
	layout.header_length = 0x26c - 0x1f1;
	memset(layout.header, 0xaa, layout.header_length);
	return 0;
}

static const uint32_t types[] = {2, 1, 3, 4, 1, 2, 5};

static void the_zero_page_tells(void **state)
{
	struct next_told told = {.info = &info,
				 .layout = &layout,
				 .command_line = 0x123456000,
				 .initrd = 0x234567000,
				 .initrd_size = 0x345678901};
	uint8_t page[LINUX_ZERO_PAGE_SIZE];

	(void)state;
	memset(page, 0x55, sizeof(page));
	assert_int_equal(next_zero_page_more(&info), 0);
	next_zero_page(page, NULL, 0, &told);
	/* The file's header, but for what the loader says. */
	assert_int_equal(page[0x1f1], 0xaa);
	assert_int_equal(page[0x26b], 0xaa);
	assert_int_equal(page[0x26c], 0);
	assert_int_equal(page[0x1f0], 0);
	assert_int_equal(page[LINUX_LOADER_TYPE], 0xff);
	assert_int_equal(get_le32(page + 0x214), 0x2000000);
	assert_int_equal(get_le32(page + 0x228), 0x23456000);
	assert_int_equal(get_le32(page + 0xc8), 1);
	assert_int_equal(get_le32(page + 0x218), 0x34567000);
	assert_int_equal(get_le32(page + 0xc0), 2);
	assert_int_equal(get_le32(page + 0x21c), 0x45678901);
	assert_int_equal(get_le32(page + 0xc4), 3);
	assert_int_equal(get_le64(page + 0x250), 0); /* setup_data */
	assert_int_equal(get_le64(page + 0x70), info.rsdp);
	assert_int_equal(get_le32(page + 0x1c0), 0); /* no EFI */
	assert_int_equal(page[0x0f], 0);	     /* no screen */
	assert_int_equal(page[0x1e8], 7);
	for (unsigned int i = 0; i < 7; i++) {
		assert_int_equal(get_le64(page + 0x2d0 + i * 20), i * 0x100000);
		assert_int_equal(get_le64(page + 0x2d0 + i * 20 + 8), 0x80000 + i);
		assert_int_equal(get_le32(page + 0x2d0 + i * 20 + 16), types[i]);
	}
	assert_int_equal(get_le64(page + 0x2d0 + 7 * 20), 0);

	told.initrd_size = 0;
	next_zero_page(page, NULL, 0, &told);
	assert_int_equal(get_le32(page + 0x218), 0);
	assert_int_equal(get_le32(page + 0x21c), 0);
	assert_int_equal(get_le32(page + 0xc0), 0);
}

static void a_long_map_goes_on_in_setup_data(void **state)
{
	struct next_told told = {.info = &info, .layout = &layout};
	uint8_t page[LINUX_ZERO_PAGE_SIZE], *more;
	size_t size;

	(void)state;
	info.memory_count = 128;
	assert_int_equal(next_zero_page_more(&info), 0);
	info.memory_count = BOOT_MEMORY_MAX;
	for (unsigned int i = 0; i < info.memory_count; i++)
		info.memory[i] = (struct boot_memory){i, i + 1, BOOT_MEMORY_USABLE};
	size = next_zero_page_more(&info);
	assert_int_equal(size, 16 + (512 - 128) * 20);
	more = malloc(size);
	memset(more, 0x55, size);
	next_zero_page(page, more, 0x987654000, &told);
	assert_int_equal(page[0x1e8], 128);
	assert_int_equal(get_le64(page + 0x2d0 + 127 * 20), 127);
	assert_int_equal(get_le64(page + 0x250), 0x987654000);
	assert_int_equal(get_le64(more), 0);
	assert_int_equal(get_le32(more + 8), 1);
	assert_int_equal(get_le32(more + 12), 384 * 20);
	for (unsigned int i = 0; i < 384; i++) {
		assert_int_equal(get_le64(more + 16 + i * 20), 128 + i);
		assert_int_equal(get_le64(more + 24 + i * 20), 129 + i);
		assert_int_equal(get_le32(more + 32 + i * 20), 1);
	}
	free(more);
}

static void the_zero_page_tells_of_efi_and_the_screen(void **state)
{
	struct next_told told = {.info = &info, .layout = &layout, .efi_memory_map = 0x7654321000};
	uint8_t page[LINUX_ZERO_PAGE_SIZE];

	(void)state;
	info.efi.system_table = 0x123456789a;
	info.efi.memory_map.length = 4800;
	info.efi.descriptor_size = 48;
	info.efi.descriptor_version = 1;
	info.framebuffer = (struct boot_framebuffer){.address = 0x280000000,
						     .width = 1280,
						     .height = 800,
						     .pitch = 5120,
						     .bits_per_pixel = 32,
						     .red_shift = 16,
						     .green_shift = 8};
	next_zero_page(page, NULL, 0, &told);
	assert_memory_equal(page + 0x1c0, "EL64", 4);
	assert_int_equal(get_le32(page + 0x1c4), 0x3456789a);
	assert_int_equal(get_le32(page + 0x1d8), 0x12);
	assert_int_equal(get_le32(page + 0x1c8), 48);
	assert_int_equal(get_le32(page + 0x1cc), 1);
	assert_int_equal(get_le32(page + 0x1d0), 0x54321000);
	assert_int_equal(get_le32(page + 0x1dc), 0x76);
	assert_int_equal(get_le32(page + 0x1d4), 4800);
	assert_int_equal(page[0x0f], 0x70);
	assert_int_equal(get_le16(page + 0x12), 1280);
	assert_int_equal(get_le16(page + 0x14), 800);
	assert_int_equal(get_le16(page + 0x16), 32);
	assert_int_equal(get_le32(page + 0x18), 0x80000000);
	assert_int_equal(get_le32(page + 0x3a), 2);
	assert_int_equal(get_le32(page + 0x36), 2);
	assert_int_equal(get_le32(page + 0x1c), 5120 * 800);
	assert_int_equal(get_le16(page + 0x24), 5120);
	assert_int_equal(page[0x26], 8);
	assert_int_equal(page[0x27], 16);
	assert_int_equal(page[0x29], 8);
	assert_int_equal(page[0x2b], 0);

	memset(&info.efi, 0, sizeof(info.efi));
	told.efi_memory_map = 0;
	next_zero_page(page, NULL, 0, &told);
	assert_int_equal(page[0x0f], 0x23);
	assert_int_equal(get_le32(page + 0x1c), (5120 * 800 + 0xffff) >> 16);
	info.framebuffer = (struct boot_framebuffer){.address = 0xb8000, .text = true};
	next_zero_page(page, NULL, 0, &told);
	assert_int_equal(page[0x0f], 1);
	assert_int_equal(page[0x06], 3);
	assert_int_equal(page[0x07], 80);
	assert_int_equal(page[0x0e], 25);
}

static void the_start_info_tells(void **state)
{
	struct next_told told = {.info = &info,
				 .layout = &layout,
				 .command_line = 0x5000,
				 .initrd = 0x123456000,
				 .initrd_size = 77};
	size_t size = next_start_info_size(&info);
	uint8_t *block = malloc(size);
	struct pvh_start_info start;
	struct pvh_module module;

	(void)state;
	memset(block, 0x55, size);
	next_start_info(block, 0x8000, &told);
	memcpy(&start, block, sizeof(start));
	assert_int_equal(start.magic, 0x336ec578);
	assert_int_equal(start.version, 1);
	assert_int_equal(start.flags, 0);
	assert_int_equal(start.command_line, 0x5000);
	assert_int_equal(start.rsdp, info.rsdp);
	assert_int_equal(start.module_count, 1);
	memcpy(&module, block + (start.modules - 0x8000), sizeof(module));
	assert_int_equal(module.address, 0x123456000);
	assert_int_equal(module.size, 77);
	assert_int_equal(module.command_line, 0);
	assert_int_equal(start.memory_map_count, 7);
	for (unsigned int i = 0; i < 7; i++) {
		struct pvh_memory entry;

		memcpy(&entry, block + (start.memory_map - 0x8000) + i * sizeof(entry),
		       sizeof(entry));
		assert_int_equal(entry.address, i * 0x100000);
		assert_int_equal(entry.size, 0x80000 + i);
		assert_int_equal(entry.type, types[i]);
		assert_int_equal(entry.reserved, 0);
	}
	assert_int_equal(start.memory_map - 0x8000 + 7 * sizeof(struct pvh_memory), size);

	told.initrd_size = 0;
	next_start_info(block, 0x8000, &told);
	memcpy(&start, block, sizeof(start));
	assert_int_equal(start.module_count, 0);
	assert_int_equal(start.modules, 0);
	free(block);
}

/* -- Places */

static struct memory_map allowed;
static char why[NEXT_WHY_MAX];

/* What is free just now: one run. */
static uint64_t free_start, free_end;

static size_t free_run(uint64_t lowest, uint64_t highest, uint64_t *address)
{
	uint64_t from = free_start > lowest ? free_start : lowest;
	uint64_t to = free_end < highest + 1 ? free_end : highest + 1;

	*address = from;
	return from < to ? (to - from) / 4096 : 0;
}

static int place(uint64_t preferred, uint64_t size, bool relocatable)
{
	layout.relocatable = relocatable;
	layout.alignment = 0x200000;
	layout.segments[0] = (struct next_segment){.address = preferred, .size = size};
	why[0] = '\0';
	return next_place(&layout, &allowed, free_run, why);
}

static void set_map(const struct boot_memory *entries, unsigned int count)
{
	memcpy(info.memory, entries, count * sizeof(*entries));
	info.memory_count = count;
	assert_int_equal(next_place_allowed(&allowed, &info), 0);
}

static const struct boot_memory machine[] = {
	{0, 0x9fc00, BOOT_MEMORY_USABLE},
	{0x9fc00, 0x400, BOOT_MEMORY_RESERVED},
	{0xf0000, 0x10000, BOOT_MEMORY_RESERVED},
	{0x100000, 0x7ee0000, BOOT_MEMORY_USABLE}, /* up to 0x7fe0000 */
	{0x3000000, 0x100000, BOOT_MEMORY_LOADER},
	{0x4000000, 0x10000, BOOT_MEMORY_ACPI},
	{0x5000000, 0x10000, BOOT_MEMORY_RUNTIME},
	{0x7fe0000, 0x20000, BOOT_MEMORY_NVS},
	{0x100000000, 0x100000000, BOOT_MEMORY_USABLE},
};

static void only_usable_memory_is_written_over(void **state)
{
	(void)state;
	set_map(machine, sizeof(machine) / sizeof(machine[0]));
	free_start = free_end = 0;
	assert_int_equal(place(0x100000, 0x100000, false), 0);
	/* Where the last loader put things for us; not where the firmware keeps its own. */
	assert_int_equal(place(0x2f00000, 0x400000, false), 0);
	assert_int_equal(place(0x3ffffff, 1, false), 0);
	assert_int_equal(place(0x3ffffff, 2, false), -ENOSPC);
	assert_non_null(strstr(why, "0x3ffffff to 0x4000000"));
	assert_int_equal(place(0x4fff000, 0x20000, false), -ENOSPC);
	assert_int_equal(place(0x7fe0000, 0x1000, false), -ENOSPC);
	assert_int_equal(place(0x7f00000, 0x100000, false), -ENOSPC);
	assert_int_equal(place(0x10000000, 0x1000, false), -ENOSPC);
	assert_int_equal(place(0, 0x1000, false), -ENOSPC);
	assert_int_equal(place(0x1000, 0x7f000, false), 0);
	assert_int_equal(place(0x80000, 0x1000, false), -ENOSPC);
	assert_int_equal(place(UINT64_MAX - 10, 5, false), -ENOSPC);
	/* Also above 4 GiB, where an ELF file may have a segment. */
	assert_int_equal(place(0x100000000, 0x1000, false), 0);
	/* Each segment counts. */
	layout.segment_count = 2;
	layout.segments[1] = (struct next_segment){.address = 0x4000000, .size = 16};
	assert_int_equal(place(0x100000, 0x1000, false), -ENOSPC);
	layout.segment_count = 1;
}

static void a_relocatable_kernel_goes_where_it_is_free(void **state)
{
	(void)state;
	set_map(machine, sizeof(machine) / sizeof(machine[0]));
	free_start = 0x400000;
	free_end = 0x2000000;
	/* Where it prefers; above, aligned, because we lie there; not below. */
	assert_int_equal(place(0x1000000, 0x1000000, true), 0);
	assert_int_equal(layout.segments[0].address, 0x1000000);
	assert_int_equal(place(0x200000, 0x1000000, true), 0);
	assert_int_equal(layout.segments[0].address, 0x400000);
	free_start = 0x401000;
	assert_int_equal(place(0x200000, 0x1000000, true), 0);
	assert_int_equal(layout.segments[0].address, 0x600000);
	/* Nothing free that is large enough: where it prefers if that is memory, else where there is. */
	free_end = 0x500000;
	assert_int_equal(place(0x200000, 0x1000000, true), 0);
	assert_int_equal(layout.segments[0].address, 0x200000);
	assert_int_equal(place(0x3800000, 0x1000000, true), 0);
	assert_int_equal(layout.segments[0].address, 0x5200000);
	/* Free only above 4 GiB is no use; nor is what wraps around, or is larger than all. */
	free_start = 0x100000000;
	free_end = 0x200000000;
	assert_int_equal(place(0x7000000, 0x1000000, true), -ENOSPC);
	assert_non_null(strstr(why, "16384 KiB in one piece from 0x7000000"));
	assert_int_equal(place(0x200000, 0xfffffffffULL, true), -ENOSPC);
	assert_int_equal(place(0xfffffe00000, 0x1000, true), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_zero_page_tells, set_up),
		cmocka_unit_test_setup(a_long_map_goes_on_in_setup_data, set_up),
		cmocka_unit_test_setup(the_zero_page_tells_of_efi_and_the_screen, set_up),
		cmocka_unit_test_setup(the_start_info_tells, set_up),
		cmocka_unit_test_setup(only_usable_memory_is_written_over, set_up),
		cmocka_unit_test_setup(a_relocatable_kernel_goes_where_it_is_free, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
