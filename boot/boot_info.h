/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every way in hands to kernel_main(), whoever loaded us.
 *
 * All addresses are physical. Everything pointed to lies in memory that the map below marks as
 * BOOT_MEMORY_LOADER (or in our image), so that it is still there when the kernel reads it.
 */
#ifndef BOOT_BOOT_INFO_H
#define BOOT_BOOT_INFO_H

#include <stdbool.h>
#include <stdint.h>

#define BOOT_MEMORY_MAX 512
#define BOOT_MODULES_MAX 16
#define BOOT_COMMAND_LINE_MAX 4096

enum boot_memory_type {
	BOOT_MEMORY_RESERVED, /* also everything that no entry covers */
	BOOT_MEMORY_USABLE,
	BOOT_MEMORY_ACPI, /* tables; may be reused after they were read */
	BOOT_MEMORY_NVS,
	BOOT_MEMORY_LOADER,  /* usable, but holds what this structure points to */
	BOOT_MEMORY_RUNTIME, /* UEFI runtime services */
	BOOT_MEMORY_BAD,
};

struct boot_memory {
	uint64_t start;
	uint64_t length;
	enum boot_memory_type type;
};

struct boot_module {
	uint64_t start;
	uint64_t length;
	uint64_t command_line; /* of a zero-terminated string, or 0 */
};

struct boot_framebuffer {
	uint64_t address; /* 0: none */
	uint32_t width, height, pitch;
	uint8_t bits_per_pixel;
	uint8_t red_shift, green_shift, blue_shift;
	bool text; /* the 80x25 VGA text screen at `address` */
};

/* Bytes that were copied for us. length 0: none. */
struct boot_blob {
	uint64_t start;
	uint64_t length;
};

struct boot_efi {
	uint64_t system_table;	     /* 0: not booted by UEFI */
	uint64_t smbios, smbios3;    /* entry points, 0: none */
	struct boot_blob memory_map; /* the final one, as given to ExitBootServices() */
	uint32_t descriptor_size;
	uint32_t descriptor_version;
	struct boot_blob device_path; /* of the device that we were loaded from */
	struct boot_blob file_path;   /* the file on it */
	struct boot_blob dhcp_ack;    /* PXE's cached DHCP acknowledgement */
	struct boot_blob proxy_offer; /* and the proxy's offer */
	struct boot_blob pxe_reply;
};

struct boot_info {
	const char *method;   /* "pvh", "linux32", "linux64", "efi" */
	uint64_t entry_tsc;   /* time stamp counter at the first instruction of our image */
	uint64_t image_start; /* where the image lies, 2 MiB aligned */
	uint64_t rsdp;	      /* 0: not told */
	unsigned int memory_count;
	unsigned int memory_lost; /* entries that did not fit below */
	struct boot_memory memory[BOOT_MEMORY_MAX];
	unsigned int module_count;
	struct boot_module modules[BOOT_MODULES_MAX];
	struct boot_framebuffer framebuffer;
	struct boot_efi efi;
	struct boot_blob zero_page; /* of the Linux boot protocol, 4096 bytes */
	char command_line[BOOT_COMMAND_LINE_MAX];
	bool command_line_cut; /* it was longer than that */
};

#endif
