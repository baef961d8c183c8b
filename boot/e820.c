/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What PVH and the Linux protocol share: memory types of the E820 interface, and the command line.
 */
#include "boot/loaders.h"

#include <string.h>

static enum boot_memory_type type_of(uint32_t e820_type)
{
	switch (e820_type) {
	case 1:
		return BOOT_MEMORY_USABLE;
	case 3:
		return BOOT_MEMORY_ACPI;
	case 4:
		return BOOT_MEMORY_NVS;
	case 5:
		return BOOT_MEMORY_BAD;
	default:
		return BOOT_MEMORY_RESERVED;
	}
}

void boot_add_e820(struct boot_info *info, uint64_t start, uint64_t length, uint32_t type)
{
	/* Maps are known to end with empty entries. */
	if (!length)
		return;
	if (info->memory_count == BOOT_MEMORY_MAX) {
		info->memory_lost++;
		return;
	}
	info->memory[info->memory_count++] =
		(struct boot_memory){.start = start, .length = length, .type = type_of(type)};
}

void boot_copy_command_line(struct boot_info *info, const char *line)
{
	size_t length = strnlen(line, BOOT_COMMAND_LINE_MAX);

	info->command_line_cut = length == BOOT_COMMAND_LINE_MAX;
	if (info->command_line_cut)
		length--;
	memcpy(info->command_line, line, length);
	info->command_line[length] = '\0';
}
