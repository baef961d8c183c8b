/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Linux boot protocol: what the zero page says (Linux's Documentation/arch/x86/zero-page.rst).
 */
#include "boot/linux_protocol.h"
#include "boot/loaders.h"

#include <string.h>

#define SETUP_CHAIN_MAX 64
#define REACHABLE_END 0x100000000ULL

static uint8_t copy[LINUX_ZERO_PAGE_SIZE];

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
	for (uint64_t i = 0; i < count; i++, table += LINUX_E820_ENTRY_SIZE) {
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
	uint64_t address = get64(LINUX_SETUP_DATA, LINUX_SETUP_DATA + 4);

	for (unsigned int i = 0;
	     i < SETUP_CHAIN_MAX && address && address < REACHABLE_END - LINUX_SETUP_DATA_HEADER;
	     i++) {
		uint64_t next;
		uint32_t type, length;

		memcpy(&next, (const void *)address, 8);
		memcpy(&type, (const void *)(address + 8), 4);
		memcpy(&length, (const void *)(address + 12), 4);
		if (type == LINUX_SETUP_E820_EXTENSION &&
		    length < REACHABLE_END - LINUX_SETUP_DATA_HEADER - address)
			add_e820_table(info, (const uint8_t *)(address + LINUX_SETUP_DATA_HEADER),
				       length / LINUX_E820_ENTRY_SIZE);
		address = next;
	}
}

static void read_screen(struct boot_framebuffer *screen)
{
	uint8_t type = copy[LINUX_SCREEN_TYPE];

	if (type == LINUX_SCREEN_TYPE_TEXT) {
		screen->address = 0xb8000;
		screen->text = true;
	} else if (type == LINUX_SCREEN_TYPE_VESA || type == LINUX_SCREEN_TYPE_EFI) {
		screen->address = get64(LINUX_FRAMEBUFFER_BASE, LINUX_FRAMEBUFFER_BASE_HIGH);
		screen->width = get16(LINUX_FRAMEBUFFER_WIDTH);
		screen->height = get16(LINUX_FRAMEBUFFER_HEIGHT);
		screen->pitch = get16(LINUX_FRAMEBUFFER_PITCH);
		screen->bits_per_pixel = (uint8_t)get16(LINUX_FRAMEBUFFER_DEPTH);
		screen->red_shift = copy[LINUX_FRAMEBUFFER_RED_SHIFT];
		screen->green_shift = copy[LINUX_FRAMEBUFFER_GREEN_SHIFT];
		screen->blue_shift = copy[LINUX_FRAMEBUFFER_BLUE_SHIFT];
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
	info->rsdp = get64(LINUX_RSDP, LINUX_RSDP + 4);
	line = get64(LINUX_COMMAND_LINE, LINUX_COMMAND_LINE_HIGH);
	if (line && line < REACHABLE_END)
		boot_copy_command_line(info, (const char *)line);
	add_e820_table(info, copy + LINUX_E820_TABLE,
		       copy[LINUX_E820_COUNT] < LINUX_E820_MAX ? copy[LINUX_E820_COUNT]
							       : LINUX_E820_MAX);
	add_setup_data(info);
	disk = get64(LINUX_RAMDISK, LINUX_RAMDISK_HIGH);
	disk_size = get64(LINUX_RAMDISK_SIZE, LINUX_RAMDISK_SIZE_HIGH);
	if (disk && disk_size)
		info->modules[info->module_count++] = (struct boot_module){disk, disk_size, 0};
	read_screen(&info->framebuffer);
}
