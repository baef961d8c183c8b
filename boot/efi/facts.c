/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the firmware knows and forgets when boot services end: each fact is copied while it can be
 * asked.
 */
#include "boot/efi/handover.h"

#include <efilib.h>

static const EFI_GUID acpi2_table = ACPI_20_TABLE_GUID;
static const EFI_GUID acpi1_table = ACPI_TABLE_GUID;
static const EFI_GUID smbios_table = SMBIOS_TABLE_GUID;
static const EFI_GUID smbios3_table = SMBIOS3_TABLE_GUID;

void facts_tables(struct handover *handover, EFI_SYSTEM_TABLE *system_table)
{
	struct boot_info *info = &handover->info;

	info->efi.system_table = (UINT64)system_table;
	for (UINTN i = 0; i < system_table->NumberOfTableEntries; i++) {
		EFI_CONFIGURATION_TABLE *table = &system_table->ConfigurationTable[i];

		/* The newer one, wherever it stands in the list. */
		if (!CompareGuid(&table->VendorGuid, (EFI_GUID *)&acpi2_table) ||
		    (!info->rsdp && !CompareGuid(&table->VendorGuid, (EFI_GUID *)&acpi1_table)))
			info->rsdp = (UINT64)table->VendorTable;
		if (!CompareGuid(&table->VendorGuid, (EFI_GUID *)&smbios_table))
			info->efi.smbios = (UINT64)table->VendorTable;
		if (!CompareGuid(&table->VendorGuid, (EFI_GUID *)&smbios3_table))
			info->efi.smbios3 = (UINT64)table->VendorTable;
	}
}

static BOOLEAN is_space(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * The first word when it is a program's name, which shells and network loaders put there:
 * "\ringside.efi".
 */
static UINTN program_name(const char *line)
{
	static const char ending[] = ".efi";
	UINTN end = 0;

	while (line[end] && !is_space(line[end]))
		end++;
	if (end < sizeof(ending) - 1)
		return 0;
	for (UINTN i = 0; i < sizeof(ending) - 1; i++)
		if ((line[end - sizeof(ending) + 1 + i] | 0x20) != (ending[i] | 0x20))
			return 0;
	return end;
}

/* Load options are UTF-16; anything but ASCII becomes '?', which no option has. */
void facts_command_line(struct handover *handover, EFI_LOADED_IMAGE *image)
{
	struct boot_info *info = &handover->info;
	const CHAR16 *options = image->LoadOptions;
	UINTN length = image->LoadOptionsSize / sizeof(CHAR16), skip;
	char *line = info->command_line;
	UINTN used = 0;

	for (UINTN i = 0; options && i < length && options[i]; i++) {
		if (used == BOOT_COMMAND_LINE_MAX - 1) {
			info->command_line_cut = 1;
			break;
		}
		line[used++] = options[i] < 0x7f && options[i] >= ' ' ? (char)options[i] : '?';
	}
	line[used] = '\0';
	skip = program_name(line);
	while (is_space(line[skip]))
		skip++;
	CopyMem(line, line + skip, used - skip + 1);
}

static UINT8 shift_of(UINT32 mask)
{
	return mask ? (UINT8)__builtin_ctz(mask) : 0;
}

void facts_framebuffer(struct handover *handover)
{
	EFI_GRAPHICS_OUTPUT_PROTOCOL *output;
	EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode;
	struct boot_framebuffer *screen = &handover->info.framebuffer;

	if (EFI_ERROR(LibLocateProtocol(&GraphicsOutputProtocol, (void **)&output)) ||
	    !output->Mode || !output->Mode->Info)
		return;
	mode = output->Mode->Info;
	if (mode->PixelFormat == PixelBltOnly)
		return;
	*screen = (struct boot_framebuffer){
		.address = output->Mode->FrameBufferBase,
		.width = mode->HorizontalResolution,
		.height = mode->VerticalResolution,
		.pitch = mode->PixelsPerScanLine * 4,
		.bits_per_pixel = 32,
	};
	if (mode->PixelFormat == PixelRedGreenBlueReserved8BitPerColor) {
		screen->green_shift = 8;
		screen->blue_shift = 16;
	} else if (mode->PixelFormat == PixelBlueGreenRedReserved8BitPerColor) {
		screen->red_shift = 16;
		screen->green_shift = 8;
	} else {
		screen->red_shift = shift_of(mode->PixelInformation.RedMask);
		screen->green_shift = shift_of(mode->PixelInformation.GreenMask);
		screen->blue_shift = shift_of(mode->PixelInformation.BlueMask);
	}
}

void facts_device(struct handover *handover, EFI_LOADED_IMAGE *image)
{
	EFI_DEVICE_PATH *path =
		image->DeviceHandle ? DevicePathFromHandle(image->DeviceHandle) : NULL;

	if (path)
		handover->info.efi.device_path =
			handover_copy(handover, path, DevicePathSize(path));
	if (image->FilePath)
		handover->info.efi.file_path =
			handover_copy(handover, image->FilePath, DevicePathSize(image->FilePath));
}

void facts_pxe(struct handover *handover, EFI_LOADED_IMAGE *image)
{
	struct boot_efi *efi = &handover->info.efi;
	EFI_PXE_BASE_CODE *pxe;

	if (!image->DeviceHandle ||
	    EFI_ERROR(uefi_call_wrapper(BS->HandleProtocol, 3, image->DeviceHandle,
					&PxeBaseCodeProtocol, (void **)&pxe)) ||
	    !pxe->Mode || !pxe->Mode->Started)
		return;
	if (pxe->Mode->DhcpAckReceived)
		efi->dhcp_ack =
			handover_copy(handover, &pxe->Mode->DhcpAck, sizeof(pxe->Mode->DhcpAck));
	if (pxe->Mode->ProxyOfferReceived)
		efi->proxy_offer = handover_copy(handover, &pxe->Mode->ProxyOffer,
						 sizeof(pxe->Mode->ProxyOffer));
	if (pxe->Mode->PxeReplyReceived)
		efi->pxe_reply =
			handover_copy(handover, &pxe->Mode->PxeReply, sizeof(pxe->Mode->PxeReply));
}

/* The initial RAM disk comes from a device path that Linux invented and firmware serves. */
struct initrd_path {
	VENDOR_DEVICE_PATH vendor;
	EFI_DEVICE_PATH end;
} __attribute__((packed));

typedef EFI_STATUS(EFIAPI *load_file)(void *this, EFI_DEVICE_PATH *path, BOOLEAN boot_policy,
				      UINTN *size, void *buffer);
struct load_file2 {
	load_file load;
};

void facts_initrd(struct handover *handover)
{
	static EFI_GUID load_file2_protocol = {
		0x4006c0c1, 0xfcb3, 0x403e, {0x99, 0x6d, 0x4a, 0x6c, 0x87, 0x24, 0xe0, 0x6d}};
	static struct initrd_path path = {
		.vendor = {{MEDIA_DEVICE_PATH, MEDIA_VENDOR_DP, {sizeof(VENDOR_DEVICE_PATH), 0}},
			   {0x5568e427,
			    0x68fc,
			    0x4f3d,
			    {0xac, 0x74, 0xca, 0x55, 0x52, 0x31, 0xcc, 0x68}}},
		.end = {END_DEVICE_PATH_TYPE,
			END_ENTIRE_DEVICE_PATH_SUBTYPE,
			{END_DEVICE_PATH_LENGTH, 0}},
	};
	EFI_DEVICE_PATH *rest = (EFI_DEVICE_PATH *)&path;
	struct boot_info *info = &handover->info;
	EFI_PHYSICAL_ADDRESS address = 0xffffffff;
	struct load_file2 *file;
	EFI_HANDLE handle;
	UINTN size = 0;

	if (EFI_ERROR(uefi_call_wrapper(BS->LocateDevicePath, 3, &load_file2_protocol, &rest,
					&handle)) ||
	    EFI_ERROR(uefi_call_wrapper(BS->HandleProtocol, 3, handle, &load_file2_protocol,
					(void **)&file)))
		return;
	if (uefi_call_wrapper(file->load, 5, file, rest, FALSE, &size, NULL) !=
		    EFI_BUFFER_TOO_SMALL ||
	    !size)
		return;
	if (EFI_ERROR(uefi_call_wrapper(BS->AllocatePages, 4, AllocateMaxAddress, EfiLoaderData,
					(size + 4095) / 4096, &address)) ||
	    EFI_ERROR(
		    uefi_call_wrapper(file->load, 5, file, rest, FALSE, &size, (void *)address))) {
		Print(L"ringside: the initrd of %lu bytes could not be loaded\r\n", size);
		return;
	}
	info->modules[info->module_count++] = (struct boot_module){address, size, 0};
}
