/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ELF files that are entered by Xen's PVH protocol (System V ABI, chapters 4 and 5; Xen's
 * docs/misc/pvh.pandoc): 64-bit ones and 32-bit ones.
 */
#include "boot/next/bytes.h"
#include "boot/next/layout.h"
#include "boot/pvh_protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#define IDENT_SIZE 16
#define CLASS 4
#define CLASS_32 1
#define CLASS_64 2
#define DATA 5
#define DATA_LITTLE_ENDIAN 1
#define TYPE 16
#define TYPE_EXECUTABLE 2
#define TYPE_SHARED 3 /* position-independent, with physical addresses all the same */
#define MACHINE 18
#define MACHINE_386 3
#define MACHINE_X86_64 62
#define SEGMENT_LOAD 1
#define SEGMENT_NOTE 4
#define HEADERS_MAX 64

/* The two classes differ in the width of fields, and so in their places. */
struct class
{
	unsigned int header_size;
	unsigned int program_offset, program_entry_size, program_count;
	unsigned int entry_size; /* of a program header */
	unsigned int offset, address, filled, size;
	bool wide;
};

static const struct class class_32 = {
	.header_size = 52,
	.program_offset = 28,
	.program_entry_size = 42,
	.program_count = 44,
	.entry_size = 32,
	.offset = 4,
	.address = 12,
	.filled = 16,
	.size = 20,
};

static const struct class class_64 = {
	.header_size = 64,
	.program_offset = 32,
	.program_entry_size = 54,
	.program_count = 56,
	.entry_size = 56,
	.offset = 8,
	.address = 24,
	.filled = 32,
	.size = 40,
	.wide = true,
};

static uint64_t get_word(const struct class *class, const uint8_t *from)
{
	return class->wide ? get_le64(from) : get_le32(from);
}

static int refuse(char *why, const char *text)
{
	sniprintf(why, NEXT_WHY_MAX, "%s", text);
	return -ENOEXEC;
}

/* Keeps the segments in ascending order, and apart. */
static int add_segment(struct next_layout *layout, const struct next_segment *segment, char *why)
{
	unsigned int i = layout->segment_count;

	if (i == NEXT_SEGMENTS_MAX) {
		sniprintf(why, NEXT_WHY_MAX, "an ELF file with more than %u segments to load",
			  NEXT_SEGMENTS_MAX);
		return -ENOEXEC;
	}
	for (; i && layout->segments[i - 1].address > segment->address; i--)
		layout->segments[i] = layout->segments[i - 1];
	layout->segments[i] = *segment;
	layout->segment_count++;
	for (i = 1; i < layout->segment_count; i++) {
		const struct next_segment *below = &layout->segments[i - 1];

		if (layout->segments[i].address - below->address >= below->size)
			continue;
		sniprintf(why, NEXT_WHY_MAX,
			  "its segments at %#" PRIx64 " and %#" PRIx64 " overlap", below->address,
			  layout->segments[i].address);
		return -ENOEXEC;
	}
	return 0;
}

static int add_load(struct next_layout *layout, const struct next_segment *segment, char *why)
{
	if (!segment->size)
		return 0;
	if (segment->filled > segment->size) {
		sniprintf(why, NEXT_WHY_MAX,
			  "its segment at %#" PRIx64 " has more bytes in the file (%" PRIu64
			  ") than in memory (%" PRIu64 ")",
			  segment->address, segment->filled, segment->size);
		return -ENOEXEC;
	}
	if (segment->filled > INT64_MAX - segment->offset || segment->offset > INT64_MAX) {
		sniprintf(why, NEXT_WHY_MAX, "its segment at %#" PRIx64 " is beyond any file's end",
			  segment->address);
		return -ENOEXEC;
	}
	if (segment->size > UINT64_MAX - segment->address) {
		sniprintf(why, NEXT_WHY_MAX, "its segment at %#" PRIx64 " is beyond all memory",
			  segment->address);
		return -ENOEXEC;
	}
	if (segment->filled && segment->offset + segment->filled > layout->file_size_min)
		layout->file_size_min = segment->offset + segment->filled;
	return add_segment(layout, segment, why);
}

static void add_note(struct next_layout *layout, const struct next_segment *segment)
{
	/* One that cannot be read is as good as none: if it is the one, that is said later. */
	if (layout->note_count == NEXT_NOTES_MAX || !segment->filled ||
	    segment->filled > NEXT_NOTE_SIZE_MAX || segment->offset > INT64_MAX - segment->filled)
		return;
	layout->notes[layout->note_count].offset = segment->offset;
	layout->notes[layout->note_count].size = (uint32_t)segment->filled;
	layout->note_count++;
	if (segment->offset + segment->filled > layout->file_size_min)
		layout->file_size_min = segment->offset + segment->filled;
}

static int add_header(struct next_layout *layout, const struct class *class, const uint8_t *header,
		      char *why)
{
	struct next_segment segment = {
		.offset = get_word(class, header + class->offset),
		.filled = get_word(class, header + class->filled),
		.address = get_word(class, header + class->address),
		.size = get_word(class, header + class->size),
	};

	switch (get_le32(header)) {
	case SEGMENT_LOAD:
		return add_load(layout, &segment, why);
	case SEGMENT_NOTE:
		add_note(layout, &segment);
		return 0;
	default:
		return 0;
	}
}

int next_elf_parse(const uint8_t *head, size_t length, struct next_layout *layout, char *why)
{
	const struct class *class;
	unsigned int count, machine;
	uint64_t at, end;

	memset(layout, 0, sizeof(*layout));
	layout->protocol = NEXT_PROTOCOL_PVH;
	layout->initrd_limit = UINT32_MAX;
	layout->command_line_max = UINT32_MAX;
	if (length < IDENT_SIZE)
		return IDENT_SIZE;
	if (memcmp(head,
		   "\x7f"
		   "ELF",
		   4) != 0)
		return refuse(why, "neither a bzImage nor an ELF file");
	if (head[DATA] != DATA_LITTLE_ENDIAN ||
	    (head[CLASS] != CLASS_32 && head[CLASS] != CLASS_64))
		return refuse(why, "an ELF file of another kind of machine");
	class = head[CLASS] == CLASS_64 ? &class_64 : &class_32;
	if (length < class->header_size)
		return (int)class->header_size;
	machine = get_le16(head + MACHINE);
	if (machine != MACHINE_X86_64 && machine != MACHINE_386)
		return refuse(why, "an ELF file of another kind of machine");
	if (get_le16(head + TYPE) != TYPE_EXECUTABLE && get_le16(head + TYPE) != TYPE_SHARED)
		return refuse(why, "an ELF file that is no program");
	count = get_le16(head + class->program_count);
	at = get_word(class, head + class->program_offset);
	if (!count || count > HEADERS_MAX ||
	    get_le16(head + class->program_entry_size) != class->entry_size) {
		sniprintf(
			why, NEXT_WHY_MAX,
			"an ELF file with %u program headers of %u bytes; 1 to %u of %u are understood",
			count, get_le16(head + class->program_entry_size), HEADERS_MAX,
			class->entry_size);
		return -ENOEXEC;
	}
	end = (uint64_t)count * class->entry_size;
	if (at < class->header_size || at > NEXT_HEAD_MAX - end)
		return refuse(why, "its program headers are not near its beginning");
	end += at;
	if (length < end)
		return (int)end;

	layout->file_size_min = end;
	for (; at < end; at += class->entry_size) {
		int error = add_header(layout, class, head + at, why);

		if (error)
			return error;
	}
	if (!layout->segment_count)
		return refuse(why, "an ELF file with nothing to load");
	if (!layout->note_count)
		return refuse(why, "an ELF file without a PVH note (Xen, type 18)");
	sniprintf(layout->kind, sizeof(layout->kind), "PVH ELF");
	return 0;
}

static uint64_t padded(uint32_t length)
{
	return ((uint64_t)length + 3) & ~(uint64_t)3;
}

static int check_entry(const struct next_layout *layout, uint64_t entry, char *why)
{
	for (unsigned int i = 0; i < layout->segment_count; i++)
		if (entry >= layout->segments[i].address &&
		    entry - layout->segments[i].address < layout->segments[i].filled &&
		    entry <= UINT32_MAX)
			return 0;
	sniprintf(why, NEXT_WHY_MAX, "its entry %#" PRIx64 " lies in none of its segments", entry);
	return -ENOEXEC;
}

int next_elf_entry(const struct next_layout *layout, const uint8_t *notes, size_t length,
		   uint32_t *entry, char *why)
{
	uint64_t at = 0;

	while (length - at >= 12) {
		uint32_t name_size = get_le32(notes + at), size = get_le32(notes + at + 4);
		uint32_t type = get_le32(notes + at + 8);
		uint64_t name = at + 12, value = name + padded(name_size);

		/* The last one's padding need not be there. */
		if (value > length || size > length - value)
			return -ENOENT;
		if (type == PVH_NOTE_TYPE && name_size == 4 && !memcmp(notes + name, "Xen", 4)) {
			if (size != 4 && size != 8)
				return refuse(why, "its PVH note has neither 4 nor 8 bytes");
			*entry = get_le32(notes + value);
			return check_entry(layout, size == 8 ? get_le64(notes + value) : *entry,
					   why);
		}
		if (padded(size) > length - value)
			return -ENOENT;
		at = value + padded(size);
	}
	return -ENOENT;
}

int next_parse(const uint8_t *head, size_t length, struct next_layout *layout, char *why)
{
	if (length < IDENT_SIZE)
		return IDENT_SIZE;
	/* A bzImage may be an EFI program too ("MZ"), so its own words decide. */
	if (!memcmp(head,
		    "\x7f"
		    "ELF",
		    4))
		return next_elf_parse(head, length, layout, why);
	return next_bzimage_parse(head, length, layout, why);
}
