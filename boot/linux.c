/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Linux boot protocol: what the zero page says (Linux's Documentation/arch/x86/zero-page.rst).
 */
#include "boot/linux_protocol.h"
#include "boot/loaders.h"

#include <string.h>

#define EFI_SIGNATURE_64 0x34364c45 /* "EL64" */
#define SETUP_CHAIN_MAX 64
#define REACHABLE_END 0x100000000ULL

/* The UEFI system table and its configuration tables (UEFI 2.10, 4.3 and 4.6), 64-bit. */
#define SYSTEM_TABLE_SIGNATURE 0x5453595320494249ULL
#define SYSTEM_TABLE_SIZE 120
#define SYSTEM_TABLE_COUNT 104
#define SYSTEM_TABLE_TABLES 112
#define CONFIGURATION_TABLE_SIZE 24
#define CONFIGURATION_TABLES_MAX 256
#define EFI_DESCRIPTOR_LEAST 40
#define EFI_MEMORY_MAP_MOST (1u << 20)

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

static uint64_t read64(uint64_t address)
{
	uint64_t value;

	memcpy(&value, (const void *)address, sizeof(value));
	return value;
}

static const uint8_t acpi2[] = {0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11,
				0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81};
static const uint8_t acpi1[] = {0x30, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11,
				0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d};
static const uint8_t smbios[] = {0x31, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11,
				 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d};
static const uint8_t smbios3[] = {0x44, 0x15, 0xfd, 0xf2, 0x94, 0x97, 0x2c, 0x4a,
				  0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94};

/* One of the firmware's configuration tables, by its GUID; 0: there is none. */
static uint64_t configuration_table(uint64_t table, const uint8_t guid[16])
{
	uint64_t count, tables;

	if (table > REACHABLE_END - SYSTEM_TABLE_SIZE || read64(table) != SYSTEM_TABLE_SIGNATURE)
		return 0;
	count = read64(table + SYSTEM_TABLE_COUNT);
	tables = read64(table + SYSTEM_TABLE_TABLES);
	if (count > CONFIGURATION_TABLES_MAX || !tables ||
	    tables > REACHABLE_END - count * CONFIGURATION_TABLE_SIZE)
		return 0;
	for (uint64_t i = 0; i < count; i++, tables += CONFIGURATION_TABLE_SIZE)
		if (!memcmp((const void *)tables, guid, 16))
			return read64(tables + 16);
	return 0;
}

/* What a loader that is a UEFI program tells of its firmware; all of it or nothing. */
static void read_efi(struct boot_info *info)
{
	uint64_t table = get64(LINUX_EFI_SYSTEM_TABLE, LINUX_EFI_SYSTEM_TABLE_HIGH);
	uint64_t map = get64(LINUX_EFI_MEMORY_MAP, LINUX_EFI_MEMORY_MAP_HIGH);
	uint32_t size = get32(LINUX_EFI_MEMORY_MAP_SIZE);

	if (get32(LINUX_EFI_SIGNATURE) != EFI_SIGNATURE_64 || !table || !map || !size ||
	    size > EFI_MEMORY_MAP_MOST || map > REACHABLE_END - size ||
	    get32(LINUX_EFI_DESCRIPTOR_SIZE) < EFI_DESCRIPTOR_LEAST)
		return;
	info->efi.system_table = table;
	info->efi.memory_map = (struct boot_blob){map, size};
	info->efi.descriptor_size = get32(LINUX_EFI_DESCRIPTOR_SIZE);
	info->efi.descriptor_version = get32(LINUX_EFI_DESCRIPTOR_VERSION);
	/* Such loaders leave the field of the RSDP empty: Linux looks it up here too. */
	if (!info->rsdp)
		info->rsdp = configuration_table(table, acpi2);
	if (!info->rsdp)
		info->rsdp = configuration_table(table, acpi1);
	info->efi.smbios3 = configuration_table(table, smbios3);
	info->efi.smbios = configuration_table(table, smbios);
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
	read_efi(info);
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
