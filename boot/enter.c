/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first C, whoever loaded us: turns what the loader handed over into a boot_info. The first 4
 * GiB are mapped at their physical addresses still.
 */
#include "boot/boot_info.h"
#include "boot/loaders.h"
#include "boot/method.h"
#include "kernel/main.h"

extern const uint64_t boot_entry_tsc, boot_image_physical;

static struct boot_info info;

void boot_enter(unsigned int method, const void *argument);
void boot_enter(unsigned int method, const void *argument)
{
	switch (method) {
	case BOOT_METHOD_PVH:
		info.method = "pvh";
		boot_from_pvh(&info, argument);
		break;
	case BOOT_METHOD_LINUX32:
		info.method = "linux32";
		boot_from_linux(&info, argument);
		break;
	case BOOT_METHOD_LINUX64:
		info.method = "linux64";
		boot_from_linux(&info, argument);
		break;
	case BOOT_METHOD_EFI:
		info = *(const struct boot_info *)argument;
		info.method = "efi";
		break;
	}
	info.entry_tsc = boot_entry_tsc;
	info.image_start = boot_image_physical;
	kernel_main(&info);
}
