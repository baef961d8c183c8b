/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block of memory that outlives the firmware's boot services: page tables, the code that jumps
 * into the image, the boot_info and the copies it points to. One allocation below 4 GiB, so that it
 * can be named as one entry of the memory map and everything in it has an address that the kernel
 * can reach.
 */
#ifndef BOOT_EFI_HANDOVER_H
#define BOOT_EFI_HANDOVER_H

#include "boot/boot_info.h"

#include <efi.h>
#include <stddef.h>

#define HANDOVER_TABLES 8 /* pages */
#define HANDOVER_BLOBS (256 << 10)

struct handover {
	UINT64 tables[HANDOVER_TABLES][512];
	UINT8 jump[4096];
	struct boot_info info;
	UINTN blobs_used;
	_Alignas(16) UINT8 blobs[HANDOVER_BLOBS];
};

/*
 * Copies bytes into the block. Length 0 in the result: there was no room (said on the screen) or
 * nothing.
 */
struct boot_blob handover_copy(struct handover *handover, const void *data, UINTN length);

/* -- facts.c: each fills its part of handover->info while boot services still work. */
void facts_command_line(struct handover *handover, EFI_LOADED_IMAGE *image);
void facts_tables(struct handover *handover, EFI_SYSTEM_TABLE *system_table);
void facts_framebuffer(struct handover *handover);
void facts_device(struct handover *handover, EFI_LOADED_IMAGE *image);
void facts_pxe(struct handover *handover, EFI_LOADED_IMAGE *image);
void facts_initrd(struct handover *handover);

/*
 * The final memory map, into the block and as entries; then ExitBootServices(). After EFI_SUCCESS
 * no firmware service may be called any more.
 */
EFI_STATUS leave_boot_services(struct handover *handover, EFI_HANDLE image);

#endif
