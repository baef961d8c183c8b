/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The UEFI application: carries the image, puts it below 4 GiB at a multiple of 2 MiB, collects
 * what the firmware knows, leaves boot services, and enters the image on page tables of its own
 * making.
 */
#include "boot/efi/handover.h"
#include "kernel/x86/layout.h"

#include <efilib.h>

#define BELOW_4G 0xffffffffULL
#define TABLE_FLAGS 0x3	 /* present, writable */
#define LARGE_FLAGS 0x83 /* and a 2 MiB page */
#define LARGE_PAGES_OF_IMAGE (IMAGE_WINDOW / LARGE_PAGE_SIZE)

/* image.S */
extern const UINT8 image_file[], image_file_end[];
extern const UINT8 jump_code[], jump_code_end[];
extern const UINT64 image_memory, image_entry;

struct boot_blob handover_copy(struct handover *handover, const void *data, UINTN length)
{
	UINT8 *to = handover->blobs + handover->blobs_used;

	if (!data || !length)
		return (struct boot_blob){0, 0};
	if (length > sizeof(handover->blobs) - handover->blobs_used) {
		Print(L"ringside: no room to keep %lu bytes of what the firmware says\r\n", length);
		return (struct boot_blob){0, 0};
	}
	CopyMem(to, (void *)data, length);
	handover->blobs_used += (length + 15) & ~(UINTN)15;
	return (struct boot_blob){(UINT64)to, length};
}

/*
 * Zeroed pages below 4 GiB, or NULL. Loader code, since the last instructions run there: firmware may keep
 * loader data from being executed.
 */
static void *allocate(UINTN bytes)
{
	EFI_PHYSICAL_ADDRESS address = BELOW_4G;
	UINTN pages = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;

	if (EFI_ERROR(uefi_call_wrapper(BS->AllocatePages, 4, AllocateMaxAddress, EfiLoaderCode,
					pages, &address)))
		return NULL;
	ZeroMem((void *)address, pages * PAGE_SIZE);
	return (void *)address;
}

/*
 * As boot/start.S makes them: 4 GiB at 0 and in the direct map, and the image at its link address.
 */
static void make_tables(struct handover *handover, UINT64 image)
{
	UINT64(*t)[512] = handover->tables;
	enum { PML4, PDPT, PD, IMAGE_PDPT = PD + 4, IMAGE_PD };

	for (UINTN i = 0; i < 4; i++) {
		t[PDPT][i] = (UINT64)t[PD + i] | TABLE_FLAGS;
		for (UINTN j = 0; j < 512; j++)
			t[PD + i][j] = (i * 512 + j) * LARGE_PAGE_SIZE | LARGE_FLAGS;
	}
	for (UINTN i = 0; i < LARGE_PAGES_OF_IMAGE; i++)
		t[IMAGE_PD][i] = (image + i * LARGE_PAGE_SIZE) | LARGE_FLAGS;
	t[IMAGE_PDPT][510] = (UINT64)t[IMAGE_PD] | TABLE_FLAGS;
	t[PML4][0] = (UINT64)t[PDPT] | TABLE_FLAGS;
	t[PML4][DIRECT_MAP_SLOT] = (UINT64)t[PDPT] | TABLE_FLAGS;
	t[PML4][511] = (UINT64)t[IMAGE_PDPT] | TABLE_FLAGS;
}

static EFI_STATUS fail(EFI_STATUS status, const CHAR16 *what)
{
	Print(L"ringside: %s: %r\r\n", what, status);
	return status;
}

typedef void jump_function(UINT64 tables, UINT64 entry, struct boot_info *info, UINT64 tsc,
			   UINT64 image) __attribute__((sysv_abi));

/* Called by GNU-EFI's start-up code, in the System V convention. */
EFI_STATUS efi_main(EFI_HANDLE image_handle, EFI_SYSTEM_TABLE *system_table);
EFI_STATUS efi_main(EFI_HANDLE image_handle, EFI_SYSTEM_TABLE *system_table)
{
	UINT64 tsc = __builtin_ia32_rdtsc(), image;
	struct handover *handover;
	EFI_LOADED_IMAGE *loaded;
	EFI_STATUS status;

	InitializeLib(image_handle, system_table);
	status = uefi_call_wrapper(BS->HandleProtocol, 3, image_handle, &LoadedImageProtocol,
				   (void **)&loaded);
	if (EFI_ERROR(status))
		return fail(status, L"the firmware does not say how it loaded us");
	handover = allocate(sizeof(*handover));
	image = (UINT64)allocate(image_memory + LARGE_PAGE_SIZE);
	if (!handover || !image)
		return fail(EFI_OUT_OF_RESOURCES, L"no memory below 4 GiB for the image");
	image = (image + LARGE_PAGE_SIZE - 1) & ~(UINT64)(LARGE_PAGE_SIZE - 1);
	CopyMem((void *)image, (void *)image_file, (UINTN)(image_file_end - image_file));
	CopyMem(handover->jump, (void *)jump_code, (UINTN)(jump_code_end - jump_code));

	facts_command_line(handover, loaded);
	facts_tables(handover, system_table);
	facts_framebuffer(handover);
	facts_device(handover, loaded);
	facts_pxe(handover, loaded);
	facts_initrd(handover);
	Print(L"%a: the console is the serial port ttyS0.\r\n", RINGSIDE_TEXT);

	make_tables(handover, image);
	status = leave_boot_services(handover, image_handle);
	if (EFI_ERROR(status))
		return fail(status, L"the firmware does not let go");
	((jump_function *)handover->jump)((UINT64)handover->tables, image_entry, &handover->info,
					  tsc, image);
	__builtin_unreachable();
}
