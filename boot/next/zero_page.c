/* SPDX-License-Identifier: BSD-2-Clause */
/* The zero page (Linux's Documentation/arch/x86/zero-page.rst; struct boot_params). */
#include "boot/next/bytes.h"
#include "boot/next/told.h"

#define TEXT_MODE 3 /* 80x25 in colour */
#define TEXT_COLUMNS 80
#define TEXT_LINES 25
#define TEXT_POINTS 16
#define COLOUR_BITS 8
#define EFI_SIGNATURE 0x34364c45 /* "EL64" */

uint32_t next_e820_type(enum boot_memory_type type)
{
	switch (type) {
	case BOOT_MEMORY_USABLE:
	case BOOT_MEMORY_LOADER:
		return 1;
	case BOOT_MEMORY_ACPI:
		return 3;
	case BOOT_MEMORY_NVS:
		return 4;
	case BOOT_MEMORY_BAD:
		return 5;
	case BOOT_MEMORY_RESERVED:
	case BOOT_MEMORY_RUNTIME:
		break;
	}
	return 2;
}

size_t next_zero_page_more(const struct boot_info *info)
{
	if (info->memory_count <= LINUX_E820_MAX)
		return 0;
	return LINUX_SETUP_DATA_HEADER +
	       (size_t)(info->memory_count - LINUX_E820_MAX) * LINUX_E820_ENTRY_SIZE;
}

static void tell_memory(uint8_t *page, uint8_t *more, uint64_t more_address,
			const struct boot_info *info)
{
	unsigned int first =
		info->memory_count < LINUX_E820_MAX ? info->memory_count : LINUX_E820_MAX;
	uint8_t *entry = page + LINUX_E820_TABLE;

	page[LINUX_E820_COUNT] = (uint8_t)first;
	for (unsigned int i = 0; i < info->memory_count; i++, entry += LINUX_E820_ENTRY_SIZE) {
		if (i == first) {
			put_le64(page + LINUX_SETUP_DATA, more_address);
			put_le64(more, 0); /* the last of the list */
			put_le32(more + 8, LINUX_SETUP_E820_EXTENSION);
			put_le32(more + 12, (info->memory_count - first) * LINUX_E820_ENTRY_SIZE);
			entry = more + LINUX_SETUP_DATA_HEADER;
		}
		put_le64(entry, info->memory[i].start);
		put_le64(entry + 8, info->memory[i].length);
		put_le32(entry + 16, next_e820_type(info->memory[i].type));
	}
}

static void tell_screen(uint8_t *page, const struct boot_framebuffer *screen, bool efi)
{
	if (!screen->address)
		return;
	if (screen->text) {
		page[LINUX_SCREEN_MODE] = TEXT_MODE;
		page[LINUX_SCREEN_COLUMNS] = TEXT_COLUMNS;
		page[LINUX_SCREEN_LINES] = TEXT_LINES;
		put_le16(page + LINUX_SCREEN_POINTS, TEXT_POINTS);
		page[LINUX_SCREEN_TYPE] = LINUX_SCREEN_TYPE_TEXT;
		return;
	}
	page[LINUX_SCREEN_TYPE] = efi ? LINUX_SCREEN_TYPE_EFI : LINUX_SCREEN_TYPE_VESA;
	put_le16(page + LINUX_FRAMEBUFFER_WIDTH, (uint16_t)screen->width);
	put_le16(page + LINUX_FRAMEBUFFER_HEIGHT, (uint16_t)screen->height);
	put_le16(page + LINUX_FRAMEBUFFER_DEPTH, screen->bits_per_pixel);
	put_le32(page + LINUX_FRAMEBUFFER_BASE, (uint32_t)screen->address);
	put_le32(page + LINUX_FRAMEBUFFER_BASE_HIGH, (uint32_t)(screen->address >> 32));
	if (screen->address >> 32)
		put_le32(page + LINUX_SCREEN_CAPABILITIES, LINUX_SCREEN_CAPABILITY_64BIT_BASE);
	put_le32(page + LINUX_FRAMEBUFFER_SIZE,
		 efi ? screen->pitch * screen->height
		     : (screen->pitch * screen->height + 0xffff) >> 16);
	put_le16(page + LINUX_FRAMEBUFFER_PITCH, (uint16_t)screen->pitch);
	page[LINUX_FRAMEBUFFER_RED_SIZE] = COLOUR_BITS;
	page[LINUX_FRAMEBUFFER_RED_SHIFT] = screen->red_shift;
	page[LINUX_FRAMEBUFFER_GREEN_SIZE] = COLOUR_BITS;
	page[LINUX_FRAMEBUFFER_GREEN_SHIFT] = screen->green_shift;
	page[LINUX_FRAMEBUFFER_BLUE_SIZE] = COLOUR_BITS;
	page[LINUX_FRAMEBUFFER_BLUE_SHIFT] = screen->blue_shift;
}

static void tell_efi(uint8_t *page, const struct boot_efi *efi, uint64_t memory_map)
{
	put_le32(page + LINUX_EFI_SIGNATURE, EFI_SIGNATURE);
	put_le32(page + LINUX_EFI_SYSTEM_TABLE, (uint32_t)efi->system_table);
	put_le32(page + LINUX_EFI_SYSTEM_TABLE_HIGH, (uint32_t)(efi->system_table >> 32));
	put_le32(page + LINUX_EFI_DESCRIPTOR_SIZE, efi->descriptor_size);
	put_le32(page + LINUX_EFI_DESCRIPTOR_VERSION, efi->descriptor_version);
	put_le32(page + LINUX_EFI_MEMORY_MAP, (uint32_t)memory_map);
	put_le32(page + LINUX_EFI_MEMORY_MAP_HIGH, (uint32_t)(memory_map >> 32));
	put_le32(page + LINUX_EFI_MEMORY_MAP_SIZE, (uint32_t)efi->memory_map.length);
}

void next_zero_page(uint8_t *page, uint8_t *more, uint64_t more_address,
		    const struct next_told *told)
{
	const struct boot_info *info = told->info;
	const struct next_layout *layout = told->layout;

	/* What the file does not say is zero, and so is all that only the BIOS could know. */
	memset(page, 0, LINUX_ZERO_PAGE_SIZE);
	memcpy(page + LINUX_HEADER, layout->header, layout->header_length);
	page[LINUX_LOADER_TYPE] = LINUX_LOADER_TYPE_UNDEFINED;
	put_le32(page + LINUX_CODE32_START, (uint32_t)layout->segments[0].address);
	put_le64(page + LINUX_SETUP_DATA, 0);
	put_le32(page + LINUX_COMMAND_LINE, (uint32_t)told->command_line);
	put_le32(page + LINUX_COMMAND_LINE_HIGH, (uint32_t)(told->command_line >> 32));
	put_le32(page + LINUX_RAMDISK, 0);
	put_le32(page + LINUX_RAMDISK_SIZE, 0);
	if (told->initrd_size) {
		put_le32(page + LINUX_RAMDISK, (uint32_t)told->initrd);
		put_le32(page + LINUX_RAMDISK_HIGH, (uint32_t)(told->initrd >> 32));
		put_le32(page + LINUX_RAMDISK_SIZE, (uint32_t)told->initrd_size);
		put_le32(page + LINUX_RAMDISK_SIZE_HIGH, (uint32_t)(told->initrd_size >> 32));
	}
	put_le64(page + LINUX_RSDP, info->rsdp);
	tell_memory(page, more, more_address, info);
	tell_screen(page, &info->framebuffer, info->efi.system_table != 0);
	if (told->efi_memory_map)
		tell_efi(page, &info->efi, told->efi_memory_map);
}
