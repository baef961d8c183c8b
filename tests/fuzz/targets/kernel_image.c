/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel files: bzImages and ELF files whose headers say anything, as they arrive. */
#include "boot/next/bytes.h"
#include "boot/next/layout.h"
#include "boot/pvh_protocol.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX 4096u
#define SECTORS 4

static uint8_t file[FILE_MAX];

static void bzimage(void)
{
	file[LINUX_SETUP_SECTORS] = SECTORS;
	put_le32(file + LINUX_SYSTEM_SIZE, 0x10000 / 16);
	put_le16(file + LINUX_BOOT_FLAG, 0xaa55);
	file[LINUX_HEADER_JUMP - 1] = 0xeb;
	file[LINUX_HEADER_JUMP] = 0x6a;
	memcpy(file + LINUX_HEADER_MAGIC, "HdrS", 4);
	put_le16(file + LINUX_VERSION, 0x20f);
	put_le16(file + LINUX_KERNEL_VERSION, 0x100);
	strcpy((char *)file + 0x300, "6.1.0-13-amd64 (somebody) #1 SMP");
	file[LINUX_LOAD_FLAGS] = 1;
	put_le32(file + LINUX_INITRD_ADDRESS_MAX, 0x7fffffff);
	put_le32(file + LINUX_KERNEL_ALIGNMENT, 0x200000);
	file[LINUX_RELOCATABLE] = 1;
	put_le16(file + LINUX_XLOADFLAGS, LINUX_XLOADFLAG_KERNEL_64 | LINUX_XLOADFLAG_ABOVE_4G);
	put_le32(file + LINUX_COMMAND_LINE_SIZE, 2047);
	put_le64(file + LINUX_PREFERRED_ADDRESS, 0x1000000);
	put_le32(file + LINUX_INIT_SIZE, 0x300000);
}

/* ELF of 64 or 32 bits, with program headers behind the file's own: loads and a note. */
static void elf(bool wide)
{
	static const uint8_t types[] = {1, 1, 4, 6, 0};
	unsigned int count = fuzz_choose(6), size = wide ? 56 : 32, first = wide ? 64 : 52;

	memcpy(file, "\177ELF", 4);
	file[4] = wide ? 2 : 1;
	file[5] = file[6] = 1;
	put_le16(file + 16, 2);
	put_le16(file + 18, wide ? 62 : 3);
	put_le32(file + 20, 1);
	if (wide)
		put_le64(file + 32, first);
	else
		put_le32(file + 28, first);
	put_le16(file + (wide ? 54 : 42), (uint16_t)size);
	put_le16(file + (wide ? 56 : 44), (uint16_t)count);
	for (unsigned int i = 0; i < count; i++) {
		uint8_t *header = file + first + i * size;
		uint64_t offset = 0x200 + 0x100 * fuzz_choose(8), length = fuzz_choose(0x200);
		uint64_t address = 0x100000 + 0x1000 * fuzz_choose(64);

		put_le32(header, types[fuzz_choose(5)]);
		if (wide) {
			put_le64(header + 8, offset);
			put_le64(header + 24, address);
			put_le64(header + 32, length);
			put_le64(header + 40, length + fuzz_choose(0x100));
		} else {
			put_le32(header + 4, (uint32_t)offset);
			put_le32(header + 12, (uint32_t)address);
			put_le32(header + 16, (uint32_t)length);
			put_le32(header + 20, (uint32_t)length + fuzz_choose(0x100));
		}
	}
	for (unsigned int at = 0x200; at < 0xa00; at += 0x100) {
		put_le32(file + at, 4);
		put_le32(file + at + 4, wide ? 8 : 4);
		put_le32(file + at + 8, PVH_NOTE_TYPE);
		memcpy(file + at + 12, "Xen", 4);
		put_le32(file + at + 16, 0x100000 + 0x1000 * fuzz_choose(64));
	}
}

static void check(const struct next_layout *layout)
{
	char why[NEXT_WHY_MAX] = "";
	uint64_t end = 0;
	uint32_t entry;

	fuzz_check(memchr(layout->kind, 0, sizeof(layout->kind)), "a kind without end");
	fuzz_check(layout->segment_count && layout->segment_count <= NEXT_SEGMENTS_MAX,
		   "%u segments", layout->segment_count);
	for (unsigned int i = 0; i < layout->segment_count; i++) {
		const struct next_segment *segment = &layout->segments[i];

		fuzz_check(segment->size >= segment->filled && segment->address >= end &&
				   segment->address + segment->size >= segment->address &&
				   segment->offset + segment->filled >= segment->offset,
			   "segment %u overlaps or wraps", i);
		end = segment->address + segment->size;
	}
	fuzz_check(layout->note_count <= NEXT_NOTES_MAX &&
			   layout->header_length <= sizeof(layout->header),
		   "too much of something");
	for (unsigned int i = 0; i < layout->note_count; i++) {
		size_t length = layout->notes[i].size;
		uint8_t *notes;

		if (layout->notes[i].offset > FILE_MAX ||
		    length > FILE_MAX - layout->notes[i].offset)
			continue;
		notes = malloc(length);
		memcpy(notes, file + layout->notes[i].offset, length);
		(void)next_elf_entry(layout, notes, length, &entry, why);
		fuzz_check(memchr(why, 0, sizeof(why)), "a reason without end");
		free(notes);
	}
}

void fuzz_target(void)
{
	static struct next_layout layout;
	char why[NEXT_WHY_MAX] = "";
	size_t have = 0;
	int result;

	memset(file, 0, sizeof(file));
	switch (fuzz_choose(4)) {
	case 0:
		bzimage();
		break;
	case 1:
	case 2:
		elf(fuzz_choose(2));
		break;
	default:
		fuzz_fill(file, 512);
		break;
	}
	for (unsigned int i = 0; i < 32 && fuzz_more(); i++) {
		unsigned int place =
			fuzz_choose(4) ? fuzz_choose(0x300) : fuzz_choose(FILE_MAX - 8);
		uint64_t value = fuzz_number(8);

		memcpy(file + place, &value, 1u << fuzz_choose(4));
	}
	/* As it arrives: as many bytes as are asked for. */
	for (;;) {
		uint8_t *copy = malloc(have);

		memcpy(copy, file, have);
		memset(&layout, 0, sizeof(layout));
		result = next_parse(copy, have, &layout, why);
		free(copy);
		if (result <= 0)
			break;
		fuzz_check((size_t)result > have && (size_t)result <= NEXT_HEAD_MAX,
			   "%d bytes are asked for after %zu", result, have);
		if ((size_t)result > FILE_MAX)
			return;
		have = (size_t)result;
	}
	if (!result)
		check(&layout);
	else
		fuzz_check(*why && memchr(why, 0, sizeof(why)), "refused without a reason");
}
