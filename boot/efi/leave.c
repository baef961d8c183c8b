/* SPDX-License-Identifier: BSD-2-Clause */
/* Out of the firmware (UEFI 2.10, 7.4.6): the memory map must be the last that it gave. */
#include "boot/efi/handover.h"

#include <efilib.h>

/* The map may change between asking and leaving, by what the firmware's timers do. */
#define TRIES 8

static enum boot_memory_type type_of(UINT32 efi_type)
{
	switch (efi_type) {
	case EfiLoaderCode:
	case EfiLoaderData:
	case EfiBootServicesCode:
	case EfiBootServicesData:
	case EfiConventionalMemory:
		/* What of it is still needed is excluded by name. */
		return BOOT_MEMORY_USABLE;
	case EfiACPIReclaimMemory:
		return BOOT_MEMORY_ACPI;
	case EfiACPIMemoryNVS:
		return BOOT_MEMORY_NVS;
	case EfiRuntimeServicesCode:
	case EfiRuntimeServicesData:
		return BOOT_MEMORY_RUNTIME;
	case EfiUnusableMemory:
		return BOOT_MEMORY_BAD;
	default:
		return BOOT_MEMORY_RESERVED;
	}
}

static void add(struct boot_info *info, UINT64 start, UINT64 length, enum boot_memory_type type)
{
	struct boot_memory *last =
		info->memory_count ? &info->memory[info->memory_count - 1] : NULL;

	/* Firmware has many neighbours that are the same to us. */
	if (last && last->type == type && last->start + last->length == start) {
		last->length += length;
		return;
	}
	if (info->memory_count == BOOT_MEMORY_MAX) {
		info->memory_lost++;
		return;
	}
	info->memory[info->memory_count++] = (struct boot_memory){start, length, type};
}

EFI_STATUS leave_boot_services(struct handover *handover, EFI_HANDLE image)
{
	struct boot_info *info = &handover->info;
	UINT8 *map = handover->blobs + handover->blobs_used;
	UINTN room = sizeof(handover->blobs) - handover->blobs_used, size = 0, key,
	      descriptor_size = 0;
	EFI_STATUS status = EFI_LOAD_ERROR;
	UINT32 version;

	for (UINTN i = 0; i < TRIES; i++) {
		size = room;
		status = uefi_call_wrapper(BS->GetMemoryMap, 5, &size, (EFI_MEMORY_DESCRIPTOR *)map,
					   &key, &descriptor_size, &version);
		if (EFI_ERROR(status))
			return status;
		if (descriptor_size < sizeof(EFI_MEMORY_DESCRIPTOR))
			return EFI_INCOMPATIBLE_VERSION;
		status = uefi_call_wrapper(BS->ExitBootServices, 2, image, key);
		if (!EFI_ERROR(status))
			break;
	}
	if (EFI_ERROR(status))
		return status;

	info->efi.memory_map = (struct boot_blob){(UINT64)map, size};
	info->efi.descriptor_size = (UINT32)descriptor_size;
	info->efi.descriptor_version = version;
	for (UINTN at = 0; at + descriptor_size <= size; at += descriptor_size) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + at);

		add(info, d->PhysicalStart, d->NumberOfPages * 4096, type_of(d->Type));
	}
	/* Also where the map above calls it usable. */
	if (info->memory_count == BOOT_MEMORY_MAX) {
		info->memory_count--;
		info->memory_lost++;
	}
	info->memory[info->memory_count++] =
		(struct boot_memory){(UINT64)handover, sizeof(*handover), BOOT_MEMORY_LOADER};
	return EFI_SUCCESS;
}
