/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Xen's PVH boot protocol (docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h of Xen). For the
 * way in (pvh.c) and out (next/).
 */
#ifndef BOOT_PVH_PROTOCOL_H
#define BOOT_PVH_PROTOCOL_H

#include <stdint.h>

#define PVH_START_INFO_MAGIC 0x336ec578
#define PVH_NOTE_TYPE 18 /* XEN_ELFNOTE_PHYS32_ENTRY, of the name "Xen" */

struct pvh_start_info {
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
_Static_assert(sizeof(struct pvh_start_info) == 56, "hvm_start_info, version 1");

struct pvh_module {
	uint64_t address;
	uint64_t size;
	uint64_t command_line;
	uint64_t reserved;
};
_Static_assert(sizeof(struct pvh_module) == 32, "hvm_modlist_entry");

struct pvh_memory {
	uint64_t address;
	uint64_t size;
	uint32_t type; /* as E820 */
	uint32_t reserved;
};
_Static_assert(sizeof(struct pvh_memory) == 24, "hvm_memmap_table_entry");

#endif
