/* SPDX-License-Identifier: BSD-2-Clause */
/* hvm_start_info, version 1: itself, one module at most, the memory map, one behind the other. */
#include "boot/next/told.h"
#include "boot/pvh_protocol.h"

#include <string.h>

size_t next_start_info_size(const struct boot_info *info)
{
	return sizeof(struct pvh_start_info) + sizeof(struct pvh_module) +
	       info->memory_count * sizeof(struct pvh_memory);
}

void next_start_info(uint8_t *block, uint64_t address, const struct next_told *told)
{
	const struct boot_info *info = told->info;
	const uint64_t modules = sizeof(struct pvh_start_info);
	const uint64_t memory_map = modules + sizeof(struct pvh_module);
	struct pvh_module module = {.address = told->initrd, .size = told->initrd_size};
	struct pvh_start_info start = {
		.magic = PVH_START_INFO_MAGIC,
		.version = 1,
		.command_line = told->command_line,
		.rsdp = info->rsdp,
		.memory_map = address + memory_map,
		.memory_map_count = info->memory_count,
	};

	if (told->initrd_size) {
		start.module_count = 1;
		start.modules = address + modules;
	}
	memcpy(block, &start, sizeof(start));
	memcpy(block + modules, &module, sizeof(module));
	for (unsigned int i = 0; i < info->memory_count; i++) {
		struct pvh_memory entry = {
			.address = info->memory[i].start,
			.size = info->memory[i].length,
			.type = next_e820_type(info->memory[i].type),
		};

		memcpy(block + memory_map + i * sizeof(entry), &entry, sizeof(entry));
	}
}
