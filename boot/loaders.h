/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One function for each boot protocol: fills what that protocol tells; the rest stays zero. Runs
 * with the first 4 GiB identity-mapped, before anything else works. What the loader says is bounded
 * here and judged later.
 */
#ifndef BOOT_LOADERS_H
#define BOOT_LOADERS_H

#include "boot/boot_info.h"

/* Xen's PVH: argument is a struct hvm_start_info. */
void boot_from_pvh(struct boot_info *info, const void *start_info);

/* The Linux boot protocol: argument is the zero page. */
void boot_from_linux(struct boot_info *info, const void *zero_page);

/* Adds an entry of an E820 map; counts those that do not fit. */
void boot_add_e820(struct boot_info *info, uint64_t start, uint64_t length, uint32_t type);

/* Copies a zero-terminated line, which may be cut. */
void boot_copy_command_line(struct boot_info *info, const char *line);

#endif
