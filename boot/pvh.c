/* SPDX-License-Identifier: BSD-2-Clause */
/* Xen's PVH boot protocol: what the start_info says. */
#include "boot/loaders.h"
#include "boot/pvh_protocol.h"

#include <stddef.h>

#define REACHABLE_END 0x100000000ULL

static const void *reachable(uint64_t address, uint64_t length)
{
	if (!address || address >= REACHABLE_END || length > REACHABLE_END - address)
		return NULL;
	return (const void *)address;
}

void boot_from_pvh(struct boot_info *info, const void *argument)
{
	const struct pvh_start_info *start = argument;
	const struct pvh_memory *memory;
	const struct pvh_module *modules;
	const char *line;

	if (start->magic != PVH_START_INFO_MAGIC)
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
