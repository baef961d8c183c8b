/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Linux boot protocol: what the zero page says (Linux's Documentation/arch/x86/zero-page.rst).
 */
#include "boot/loaders.h"

#include <string.h>

#define ZERO_PAGE_SIZE 4096

#define SCREEN_TYPE 0x0f /* orig_video_isVGA */
#define SCREEN_TYPE_TEXT 0x01
#define SCREEN_TYPE_VESA 0x23
#define SCREEN_TYPE_EFI 0x70
#define FRAMEBUFFER_WIDTH 0x12
#define FRAMEBUFFER_HEIGHT 0x14
#define FRAMEBUFFER_DEPTH 0x16
#define FRAMEBUFFER_BASE 0x18
#define FRAMEBUFFER_PITCH 0x24
#define FRAMEBUFFER_RED_SHIFT 0x27
#define FRAMEBUFFER_GREEN_SHIFT 0x29
#define FRAMEBUFFER_BLUE_SHIFT 0x2b
#define FRAMEBUFFER_BASE_HIGH 0x3a
#define RSDP 0x70
#define RAMDISK_HIGH 0xc0
#define RAMDISK_SIZE_HIGH 0xc4
#define COMMAND_LINE_HIGH 0xc8
#define E820_COUNT 0x1e8
#define E820_MAX 128
#define RAMDISK 0x218
#define RAMDISK_SIZE 0x21c
#define COMMAND_LINE 0x228
#define SETUP_DATA 0x250
#define E820_TABLE 0x2d0

#define SETUP_E820_EXTENSION 1
#define SETUP_CHAIN_MAX 64
#define E820_ENTRY_SIZE 20
#define REACHABLE_END 0x100000000ULL

static uint8_t copy[ZERO_PAGE_SIZE];

static uint16_t get16(unsigned int offset)
{
	uint16_t value;

	memcpy(&value, copy + offset, sizeof(value));
	return value;
}

static uint32_t get32(unsigned int offset)
{
	uint32_t value;

	memcpy(&value, copy + offset, sizeof(value));
	return value;
}

static uint64_t get64(unsigned int low, unsigned int high)
{
	return get32(low) | (uint64_t)get32(high) << 32;
}

static void add_e820_table(struct boot_info *info, const uint8_t *table, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++, table += E820_ENTRY_SIZE) {
		uint64_t start, length;
		uint32_t type;

		memcpy(&start, table, 8);
		memcpy(&length, table + 8, 8);
		memcpy(&type, table + 16, 4);
		boot_add_e820(info, start, length, type);
	}
}

/* More than 128 entries come in a linked list of typed blocks. */
static void add_setup_data(struct boot_info *info)
{
	uint64_t address = get64(SETUP_DATA, SETUP_DATA + 4);

	for (unsigned int i = 0; i < SETUP_CHAIN_MAX && address && address < REACHABLE_END - 16;
	     i++) {
		uint64_t next;
		uint32_t type, length;

		memcpy(&next, (const void *)address, 8);
		memcpy(&type, (const void *)(address + 8), 4);
		memcpy(&length, (const void *)(address + 12), 4);
		if (type == SETUP_E820_EXTENSION && length < REACHABLE_END - 16 - address)
			add_e820_table(info, (const uint8_t *)(address + 16),
				       length / E820_ENTRY_SIZE);
		address = next;
	}
}

static void read_screen(struct boot_framebuffer *screen)
{
	uint8_t type = copy[SCREEN_TYPE];

	if (type == SCREEN_TYPE_TEXT) {
		screen->address = 0xb8000;
		screen->text = true;
	} else if (type == SCREEN_TYPE_VESA || type == SCREEN_TYPE_EFI) {
		screen->address = get64(FRAMEBUFFER_BASE, FRAMEBUFFER_BASE_HIGH);
		screen->width = get16(FRAMEBUFFER_WIDTH);
		screen->height = get16(FRAMEBUFFER_HEIGHT);
		screen->pitch = get16(FRAMEBUFFER_PITCH);
		screen->bits_per_pixel = (uint8_t)get16(FRAMEBUFFER_DEPTH);
		screen->red_shift = copy[FRAMEBUFFER_RED_SHIFT];
		screen->green_shift = copy[FRAMEBUFFER_GREEN_SHIFT];
		screen->blue_shift = copy[FRAMEBUFFER_BLUE_SHIFT];
	}
}

void boot_from_linux(struct boot_info *info, const void *zero_page)
{
	uint64_t line, disk, disk_size;
	extern char image_start[];
	extern const uint64_t boot_image_physical;

	memcpy(copy, zero_page, sizeof(copy));
	info->zero_page = (struct boot_blob){
		(uint64_t)copy - (uint64_t)image_start + boot_image_physical, sizeof(copy)};
	info->rsdp = get64(RSDP, RSDP + 4);
	line = get64(COMMAND_LINE, COMMAND_LINE_HIGH);
	if (line && line < REACHABLE_END)
		boot_copy_command_line(info, (const char *)line);
	add_e820_table(info, copy + E820_TABLE,
		       copy[E820_COUNT] < E820_MAX ? copy[E820_COUNT] : E820_MAX);
	add_setup_data(info);
	disk = get64(RAMDISK, RAMDISK_HIGH);
	disk_size = get64(RAMDISK_SIZE, RAMDISK_SIZE_HIGH);
	if (disk && disk_size)
		info->modules[info->module_count++] = (struct boot_module){disk, disk_size, 0};
	read_screen(&info->framebuffer);
}
