/* SPDX-License-Identifier: BSD-2-Clause */
/* Xen's PVH boot protocol (docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h of Xen). */
#include "boot/loaders.h"

#include <stddef.h>

#define START_INFO_MAGIC 0x336ec578

struct start_info {
	uint32_t magic;
	uint32_t version; /* 1 adds the memory map */
	uint32_t flags;
	uint32_t module_count;
	uint64_t modules;
	uint64_t command_line;
	uint64_t rsdp;
	uint64_t memory_map;
	uint32_t memory_map_count;
	uint32_t reserved;
};
_Static_assert(sizeof(struct start_info) == 56, "hvm_start_info, version 1");

struct start_module {
	uint64_t address;
	uint64_t size;
	uint64_t command_line;
	uint64_t reserved;
};

struct start_memory {
	uint64_t address;
	uint64_t size;
	uint32_t type; /* as E820 */
	uint32_t reserved;
};
_Static_assert(sizeof(struct start_memory) == 24, "hvm_memmap_table_entry");

#define REACHABLE_END 0x100000000ULL

static const void *reachable(uint64_t address, uint64_t length)
{
	if (!address || address >= REACHABLE_END || length > REACHABLE_END - address)
		return NULL;
	return (const void *)address;
}

void boot_from_pvh(struct boot_info *info, const void *argument)
{
	const struct start_info *start = argument;
	const struct start_memory *memory;
	const struct start_module *modules;
	const char *line;

	if (start->magic != START_INFO_MAGIC)
		return;
	info->rsdp = start->rsdp;
	line = reachable(start->command_line, 1);
	if (line)
		boot_copy_command_line(info, line);
	memory = reachable(start->memory_map, start->memory_map_count * sizeof(*memory));
	for (uint32_t i = 0; start->version >= 1 && memory && i < start->memory_map_count; i++)
		boot_add_e820(info, memory[i].address, memory[i].size, memory[i].type);
	modules = reachable(start->modules, start->module_count * sizeof(*modules));
	for (uint32_t i = 0; modules && i < start->module_count && i < BOOT_MODULES_MAX; i++)
		info->modules[info->module_count++] = (struct boot_module){
			modules[i].address, modules[i].size, modules[i].command_line};
}
