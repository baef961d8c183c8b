/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the next kernel is told: the zero page of the Linux protocol, or the start_info of PVH. Pure
 * functions that fill memory which stays where it is; the addresses in them are physical.
 */
#ifndef BOOT_NEXT_TOLD_H
#define BOOT_NEXT_TOLD_H

#include "boot/boot_info.h"
#include "boot/next/layout.h"

struct next_told {
	const struct boot_info *info;
	const struct next_layout *layout;
	uint64_t command_line;
	uint64_t initrd, initrd_size; /* size 0: none */
	uint64_t efi_memory_map;      /* a copy of info's; 0: there is none */
};

/* As the E820 interface numbers them (ACPI 6.5, table 15.1). */
uint32_t next_e820_type(enum boot_memory_type type);

/*
 * Fills the zero page (LINUX_ZERO_PAGE_SIZE bytes), and `more`, which lies at more_address and has
 * next_zero_page_more() bytes, with the memory map's part that the zero page has no room for.
 */
size_t next_zero_page_more(const struct boot_info *info);
void next_zero_page(uint8_t *page, uint8_t *more, uint64_t more_address,
		    const struct next_told *told);

/* Fills next_start_info_size() bytes, which lie at `address`; the start_info is their first part. */
size_t next_start_info_size(const struct boot_info *info);
void next_start_info(uint8_t *block, uint64_t address, const struct next_told *told);

#endif
