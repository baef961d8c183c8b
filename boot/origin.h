/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the image was loaded from, as far as whoever loaded it tells: a URL, a file on a disk, or
 * the loader's name. Pure functions: context any. What they read is not believed: lengths are
 * bounded, and what is no printable ASCII becomes '?'.
 */
#ifndef BOOT_ORIGIN_H
#define BOOT_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORIGIN_MAX 640

struct origin_bytes {
	const void *start;
	size_t length; /* 0: there is nothing */
};

struct origin_source {
	/* UEFI's. */
	struct origin_bytes device_path, file_path;
	struct origin_bytes dhcp_ack, proxy_offer, pxe_reply; /* from the BOOTP header on */
	/* The Linux protocol's. */
	struct origin_bytes zero_page;
	const char *command_line;
};

/*
 * Writes the text, at most `size` bytes with its end:
 *
 *	tftp://10.9.0.1/ringside.efi	http://10.9.0.1/ringside.efi
 *	disk: \EFI\BOOT\BOOTX64.EFI	disk: (hd0,msdos1)/ringside.bzImage
 *	network: ringside.efi		the loader tells the name only
 *	loader: iPXE			nor that
 *
 * False, and "", when nobody tells, as when a VMM loads the image itself.
 */
bool origin_find(const struct origin_source *source, char *text, size_t size);

#endif
