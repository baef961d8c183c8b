/* SPDX-License-Identifier: BSD-2-Clause */
/* The set-up header of a bzImage (Linux's Documentation/arch/x86/boot.rst, protocol 2.12 and later). */
#include "boot/next/bytes.h"
#include "boot/next/layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define VERSION_NEEDED                                                                             \
	0x020c /* the first with xloadflags, which say that there is a 64-bit entry */
#define SECTOR 512
#define COMMAND_LINE_DEFAULT 255
#define INITRD_LIMIT_DEFAULT 0x37ffffff
#define FIXED_ADDRESS_DEFAULT 0x100000
#define ALIGNMENT_MIN 4096
/* The header says the length in units of 16 bytes, rounded up by some. */
#define SIZE_ROUNDING 15

static int refuse(char *why, const char *text)
{
	sniprintf(why, NEXT_WHY_MAX, "%s", text);
	return -ENOEXEC;
}

/* "Linux 6.1.0-13-amd64" of a text that goes on; others say themselves what they are. */
static void name(struct next_layout *layout, const uint8_t *head, uint64_t setup_size)
{
	uint64_t at = LINUX_HEADER_MAGIC - 2 + (uint64_t)get_le16(head + LINUX_KERNEL_VERSION);
	char text[64];
	size_t length = 0;
	bool number;

	if (at == LINUX_HEADER_MAGIC - 2 || at >= setup_size) {
		sniprintf(layout->kind, sizeof(layout->kind), "bzImage");
		return;
	}
	number = head[at] >= '0' && head[at] <= '9';
	while (length < sizeof(text) - 1 && at + length < setup_size) {
		uint8_t c = head[at + length];

		if (c < ' ' || c > '~' || (number && c == ' '))
			break;
		text[length++] = (char)c;
	}
	text[length] = '\0';
	sniprintf(layout->kind, sizeof(layout->kind), "%s%s", number ? "Linux " : "",
		  length ? text : "bzImage");
}

static int place(struct next_layout *layout, const uint8_t *head, uint64_t setup_size, char *why)
{
	struct next_segment *segment = &layout->segments[0];
	uint64_t payload = get_le32(head + LINUX_SYSTEM_SIZE) * 16ULL;
	uint64_t alignment = get_le32(head + LINUX_KERNEL_ALIGNMENT);
	uint64_t preferred = get_le64(head + LINUX_PREFERRED_ADDRESS);
	uint64_t size = get_le32(head + LINUX_INIT_SIZE);

	if (payload <= LINUX_ENTRY_64)
		return refuse(why, "the set-up header says that the kernel behind it is empty");
	layout->relocatable = head[LINUX_RELOCATABLE];
	if (!layout->relocatable) {
		alignment = ALIGNMENT_MIN;
		if (!preferred)
			preferred = FIXED_ADDRESS_DEFAULT;
	} else if (alignment < ALIGNMENT_MIN || alignment & (alignment - 1)) {
		sniprintf(
			why, NEXT_WHY_MAX,
			"kernel_alignment %#lx in the set-up header is not a power of two of 4096 or more",
			(unsigned long)alignment);
		return -ENOEXEC;
	} else if (preferred & (alignment - 1)) {
		return refuse(why, "pref_address in the set-up header is not aligned as it says");
	}
	if (size < payload)
		size = payload;
	if (size > UINT64_MAX - preferred)
		return refuse(why, "pref_address in the set-up header is beyond all memory");
	layout->alignment = alignment;
	layout->segment_count = 1;
	*segment = (struct next_segment){
		.offset = setup_size, .filled = payload, .address = preferred, .size = size};
	layout->file_size_min = setup_size + payload - SIZE_ROUNDING;
	return 0;
}

int next_bzimage_parse(const uint8_t *head, size_t length, struct next_layout *layout, char *why)
{
	uint64_t setup_size, header_end;
	unsigned int version;

	memset(layout, 0, sizeof(*layout));
	layout->protocol = NEXT_PROTOCOL_LINUX;
	if (length < LINUX_HEADER_KNOWN)
		return LINUX_HEADER_KNOWN;
	if (get_le16(head + LINUX_BOOT_FLAG) != LINUX_BOOT_FLAG_VALUE ||
	    get_le32(head + LINUX_HEADER_MAGIC) != LINUX_HEADER_MAGIC_VALUE)
		return refuse(why, "neither a bzImage nor an ELF file");
	version = get_le16(head + LINUX_VERSION);
	if (version < VERSION_NEEDED) {
		sniprintf(why, NEXT_WHY_MAX,
			  "its boot protocol is %u.%02u; 2.12 or later is needed", version >> 8,
			  version & 0xff);
		return -ENOEXEC;
	}
	if (!(get_le16(head + LINUX_XLOADFLAGS) & LINUX_XLOADFLAG_KERNEL_64))
		return refuse(why, "a bzImage without a 64-bit entry (a 32-bit kernel?)");
	if (!(head[LINUX_LOAD_FLAGS] & LINUX_LOAD_FLAG_HIGH))
		return refuse(why, "a zImage that wants to be loaded low");

	setup_size =
		head[LINUX_SETUP_SECTORS] ? head[LINUX_SETUP_SECTORS] : LINUX_SETUP_SECTORS_DEFAULT;
	setup_size = (setup_size + 1) * SECTOR;
	header_end = LINUX_HEADER_MAGIC + (uint64_t)head[LINUX_HEADER_JUMP];
	if (header_end < LINUX_HEADER_KNOWN || header_end > setup_size)
		return refuse(why,
			      "its set-up header is shorter than its version needs, or too long");
	if (length < setup_size)
		return (int)setup_size;
	if (header_end > LINUX_HEADER_END)
		header_end = LINUX_HEADER_END;
	layout->header_length = header_end - LINUX_HEADER;
	memcpy(layout->header, head + LINUX_HEADER, layout->header_length);

	layout->command_line_max = get_le32(head + LINUX_COMMAND_LINE_SIZE);
	if (!layout->command_line_max)
		layout->command_line_max = COMMAND_LINE_DEFAULT;
	layout->initrd_limit = get_le32(head + LINUX_INITRD_ADDRESS_MAX);
	if (!layout->initrd_limit)
		layout->initrd_limit = INITRD_LIMIT_DEFAULT;
	layout->initrd_anywhere = get_le16(head + LINUX_XLOADFLAGS) & LINUX_XLOADFLAG_ABOVE_4G;
	name(layout, head, setup_size);
	return place(layout, head, setup_size, why);
}
