/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Linux boot protocol on x86: where things are in the zero page (struct boot_params) and in a
 * bzImage's set-up header, which lies at the same offsets in both (Linux's
 * Documentation/arch/x86/boot.rst and zero-page.rst). For the way in (linux.c) and out (next/).
 */
#ifndef BOOT_LINUX_PROTOCOL_H
#define BOOT_LINUX_PROTOCOL_H

#define LINUX_ZERO_PAGE_SIZE 4096

/* The screen. */
#define LINUX_SCREEN_MODE 0x06
#define LINUX_SCREEN_COLUMNS 0x07
#define LINUX_SCREEN_LINES 0x0e
#define LINUX_SCREEN_TYPE 0x0f /* orig_video_isVGA */
#define LINUX_SCREEN_TYPE_TEXT 0x01
#define LINUX_SCREEN_TYPE_VESA 0x23
#define LINUX_SCREEN_TYPE_EFI 0x70
#define LINUX_SCREEN_POINTS 0x10
#define LINUX_FRAMEBUFFER_WIDTH 0x12
#define LINUX_FRAMEBUFFER_HEIGHT 0x14
#define LINUX_FRAMEBUFFER_DEPTH 0x16
#define LINUX_FRAMEBUFFER_BASE 0x18
#define LINUX_FRAMEBUFFER_SIZE 0x1c /* bytes; of VESA 64 KiB units */
#define LINUX_FRAMEBUFFER_PITCH 0x24
#define LINUX_FRAMEBUFFER_RED_SIZE 0x26
#define LINUX_FRAMEBUFFER_RED_SHIFT 0x27
#define LINUX_FRAMEBUFFER_GREEN_SIZE 0x28
#define LINUX_FRAMEBUFFER_GREEN_SHIFT 0x29
#define LINUX_FRAMEBUFFER_BLUE_SIZE 0x2a
#define LINUX_FRAMEBUFFER_BLUE_SHIFT 0x2b
#define LINUX_SCREEN_CAPABILITIES 0x36
#define LINUX_SCREEN_CAPABILITY_64BIT_BASE 0x02
#define LINUX_FRAMEBUFFER_BASE_HIGH 0x3a

/* What the loader says beside. */
#define LINUX_RSDP 0x70
#define LINUX_RAMDISK_HIGH 0xc0
#define LINUX_RAMDISK_SIZE_HIGH 0xc4
#define LINUX_COMMAND_LINE_HIGH 0xc8
#define LINUX_EFI_SIGNATURE 0x1c0 /* "EL64" */
#define LINUX_EFI_SYSTEM_TABLE 0x1c4
#define LINUX_EFI_DESCRIPTOR_SIZE 0x1c8
#define LINUX_EFI_DESCRIPTOR_VERSION 0x1cc
#define LINUX_EFI_MEMORY_MAP 0x1d0
#define LINUX_EFI_MEMORY_MAP_SIZE 0x1d4
#define LINUX_EFI_SYSTEM_TABLE_HIGH 0x1d8
#define LINUX_EFI_MEMORY_MAP_HIGH 0x1dc
#define LINUX_E820_COUNT 0x1e8
#define LINUX_E820_TABLE 0x2d0
#define LINUX_E820_MAX 128
#define LINUX_E820_ENTRY_SIZE 20 /* start, length: 8 bytes each; type: 4 */

/* The set-up header. */
#define LINUX_HEADER 0x1f1
#define LINUX_SETUP_SECTORS 0x1f1 /* 0 means 4 */
#define LINUX_SETUP_SECTORS_DEFAULT 4
#define LINUX_SYSTEM_SIZE 0x1f4 /* in units of 16 bytes */
#define LINUX_BOOT_FLAG 0x1fe
#define LINUX_BOOT_FLAG_VALUE 0xaa55
#define LINUX_HEADER_JUMP 0x201 /* the header ends 0x202 + this byte */
#define LINUX_HEADER_MAGIC 0x202
#define LINUX_HEADER_MAGIC_VALUE 0x53726448 /* "HdrS" */
#define LINUX_VERSION 0x206
#define LINUX_KERNEL_VERSION 0x20e /* of a text, minus 0x200 */
#define LINUX_LOADER_TYPE 0x210
#define LINUX_LOADER_TYPE_UNDEFINED 0xff
#define LINUX_LOAD_FLAGS 0x211
#define LINUX_LOAD_FLAG_HIGH 0x01
#define LINUX_CODE32_START 0x214
#define LINUX_RAMDISK 0x218
#define LINUX_RAMDISK_SIZE 0x21c
#define LINUX_COMMAND_LINE 0x228
#define LINUX_INITRD_ADDRESS_MAX 0x22c
#define LINUX_KERNEL_ALIGNMENT 0x230
#define LINUX_RELOCATABLE 0x234
#define LINUX_MIN_ALIGNMENT 0x235
#define LINUX_XLOADFLAGS 0x236
#define LINUX_XLOADFLAG_KERNEL_64 0x01
#define LINUX_XLOADFLAG_ABOVE_4G 0x02
#define LINUX_COMMAND_LINE_SIZE 0x238
#define LINUX_SETUP_DATA 0x250
#define LINUX_PREFERRED_ADDRESS 0x258
#define LINUX_INIT_SIZE 0x260
#define LINUX_HEADER_KNOWN 0x264 /* as far as 2.12 has it */
#define LINUX_HEADER_END 0x290	 /* there is room for no longer one in the zero page */
#define LINUX_ENTRY_64 0x200	 /* behind where the kernel is loaded */

/* A linked list of typed blocks: next (8 bytes), type, length (4 each), then the data. */
#define LINUX_SETUP_DATA_HEADER 16
#define LINUX_SETUP_E820_EXTENSION 1

#endif
