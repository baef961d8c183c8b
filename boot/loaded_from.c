/* SPDX-License-Identifier: BSD-2-Clause */
/* Connects boot/origin.c with what the loader left in memory. */
#define LOG_AREA "ringside"
#include "boot/loaded_from.h"

#include "boot/origin.h"
#include "kernel/console/log.h"
#include "kernel/x86/paging.h"

static char text[ORIGIN_MAX];

static struct origin_bytes bytes_of(const struct boot_blob *blob)
{
	return (struct origin_bytes){blob->length ? direct_map(blob->start) : NULL, blob->length};
}

void loaded_from_find(const struct boot_info *info)
{
	struct origin_source source = {
		.device_path = bytes_of(&info->efi.device_path),
		.file_path = bytes_of(&info->efi.file_path),
		.dhcp_ack = bytes_of(&info->efi.dhcp_ack),
		.proxy_offer = bytes_of(&info->efi.proxy_offer),
		.pxe_reply = bytes_of(&info->efi.pxe_reply),
		.zero_page = bytes_of(&info->zero_page),
		.command_line = info->command_line,
	};

	if (origin_find(&source, text, sizeof(text)))
		log_notice("loaded from %s", text);
}

const char *loaded_from(void)
{
	return text[0] ? text : NULL;
}
