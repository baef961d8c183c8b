/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A loader that enters the bzImage by the 64-bit Linux protocol, as no VMM of Debian does; itself
 * entered by PVH. With LEVELS=5 its page tables have five levels; with FIRMWARE it leaves them by
 * the last instructions of the UEFI application. linux64_start.S has the rest.
 */
#include <stdint.h>

#define PAYLOAD 0x1000000u
#define PAYLOAD_ENTRY (PAYLOAD + 0x200)
#define HEADER 0x1f1u
#define PRESENT_WRITABLE 3u
#define PRESENT_WRITABLE_LARGE 0x83u

struct start_info { /* Xen's hvm_start_info, version 1 */
	uint32_t magic, version, flags, module_count;
	uint64_t modules, command_line, rsdp, memory_map;
	uint32_t memory_map_count, reserved;
};

struct memory {
	uint64_t start, length;
	uint32_t type, reserved;
};

extern const uint8_t image_file[], image_file_end[]; /* boot/efi/image.S */

uint8_t zero_page[4096] __attribute__((aligned(4096)));
uint64_t pml5[512] __attribute__((aligned(4096)));
uint64_t pml4[512] __attribute__((aligned(4096)));
static uint64_t pdpt[512] __attribute__((aligned(4096)));
static uint64_t pd[4][512] __attribute__((aligned(4096)));

static void copy(void *to, const void *from, uint32_t length)
{
	uint8_t *target = to;
	const uint8_t *source = from;

	while (length--)
		*target++ = *source++;
}

static void make_tables(void)
{
	pml5[0] = (uint32_t)pml4 | PRESENT_WRITABLE;
	pml4[0] = (uint32_t)pdpt | PRESENT_WRITABLE;
	for (uint32_t i = 0; i < 4; i++) {
		pdpt[i] = (uint32_t)pd[i] | PRESENT_WRITABLE;
		for (uint32_t j = 0; j < 512; j++)
			pd[i][j] = (uint64_t)(i * 512 + j) << 21 | PRESENT_WRITABLE_LARGE;
	}
}

/* Where to go in long mode, with the zero page in RSI. */
uint32_t load(const struct start_info *info);
uint32_t load(const struct start_info *info)
{
	const struct memory *memory = (const void *)(uint32_t)info->memory_map;
	uint32_t setup = (image_file[HEADER] + 1u) * 512,
		 command_line = (uint32_t)info->command_line;

	copy((void *)PAYLOAD, image_file + setup, (uint32_t)(image_file_end - image_file) - setup);
	copy(zero_page + HEADER, image_file + HEADER, 0x202 + image_file[0x201] - HEADER);
	zero_page[0x210] = 0xff; /* a loader without a number */
	copy(zero_page + 0x228, &command_line, 4);
	copy(zero_page + 0x070, &info->rsdp, 8);
	zero_page[0x1e8] = (uint8_t)info->memory_map_count;
	for (uint32_t i = 0; i < info->memory_map_count; i++)
		copy(zero_page + 0x2d0 + i * 20, &memory[i], 20);
	make_tables();
	return PAYLOAD_ENTRY;
}
