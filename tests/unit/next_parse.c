/* SPDX-License-Identifier: BSD-2-Clause */
/* The parsers of kernels' files: good ones, and headers that lie. */
#include "boot/next/bytes.h"
#include "boot/next/layout.h"
#include "boot/pvh_protocol.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char why[NEXT_WHY_MAX];
static struct next_layout layout;

/* In memory of exactly its length, so that the sanitizer sees a byte too far. */
static int parse(const uint8_t *file, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, file, length);
	why[0] = '\0';
	result = next_parse(copy, length, &layout, why);
	free(copy);
	return result;
}

/* As a file arrives: as many bytes as are asked for. */
static int parse_all(const uint8_t *file, size_t length)
{
	size_t have = 0;
	int result = parse(file, 0);

	while (result > 0) {
		assert_true((size_t)result > have);
		assert_true((size_t)result <= NEXT_HEAD_MAX);
		have = (size_t)result;
		if (have > length)
			return result;
		result = parse(file, have);
	}
	return result;
}

static void refused(const uint8_t *file, size_t length, const char *part)
{
	assert_int_equal(parse_all(file, length), -ENOEXEC);
	if (!strstr(why, part))
		fail_msg("\"%s\" does not say \"%s\"", why, part);
}

/* -- bzImage */

#define SECTORS 4
#define SETUP ((SECTORS + 1) * 512)

static uint8_t image[SETUP];

static void make_bzimage(void)
{
	memset(image, 0, sizeof(image));
	image[LINUX_SETUP_SECTORS] = SECTORS;
	put_le32(image + LINUX_SYSTEM_SIZE, 0x10000 / 16);
	put_le16(image + LINUX_BOOT_FLAG, 0xaa55);
	image[LINUX_HEADER_JUMP - 1] = 0xeb;
	image[LINUX_HEADER_JUMP] = 0x6a;
	memcpy(image + LINUX_HEADER_MAGIC, "HdrS", 4);
	put_le16(image + LINUX_VERSION, 0x20f);
	put_le16(image + LINUX_KERNEL_VERSION, 0x100);
	strcpy((char *)image + 0x300, "6.1.0-13-amd64 (somebody) #1 SMP");
	image[LINUX_LOAD_FLAGS] = 1;
	put_le32(image + LINUX_INITRD_ADDRESS_MAX, 0x7fffffff);
	put_le32(image + LINUX_KERNEL_ALIGNMENT, 0x200000);
	image[LINUX_RELOCATABLE] = 1;
	put_le16(image + LINUX_XLOADFLAGS, LINUX_XLOADFLAG_KERNEL_64 | LINUX_XLOADFLAG_ABOVE_4G);
	put_le32(image + LINUX_COMMAND_LINE_SIZE, 2047);
	put_le64(image + LINUX_PREFERRED_ADDRESS, 0x1000000);
	put_le32(image + LINUX_INIT_SIZE, 0x300000);
}

static void a_bzimage_says_what_it_is(void **state)
{
	(void)state;
	make_bzimage();
	assert_int_equal(parse_all(image, sizeof(image)), 0);
	assert_int_equal(layout.protocol, NEXT_PROTOCOL_LINUX);
	assert_string_equal(layout.kind, "Linux 6.1.0-13-amd64");
	assert_int_equal(layout.segment_count, 1);
	assert_int_equal(layout.segments[0].offset, SETUP);
	assert_int_equal(layout.segments[0].filled, 0x10000);
	assert_int_equal(layout.segments[0].address, 0x1000000);
	assert_int_equal(layout.segments[0].size, 0x300000);
	assert_int_equal(layout.file_size_min, SETUP + 0x10000 - 15);
	assert_true(layout.relocatable);
	assert_int_equal(layout.alignment, 0x200000);
	assert_int_equal(layout.initrd_limit, 0x7fffffff);
	assert_true(layout.initrd_anywhere);
	assert_int_equal(layout.command_line_max, 2047);
	assert_int_equal(layout.header_length, 0x202 + 0x6a - 0x1f1);
	assert_memory_equal(layout.header, image + 0x1f1, layout.header_length);
}

static void a_bzimage_has_defaults(void **state)
{
	(void)state;
	make_bzimage();
	image[LINUX_SETUP_SECTORS] = 0; /* means four */
	image[LINUX_RELOCATABLE] = 0;
	put_le64(image + LINUX_PREFERRED_ADDRESS, 0);
	put_le32(image + LINUX_KERNEL_ALIGNMENT, 12345); /* of no meaning then */
	put_le32(image + LINUX_INITRD_ADDRESS_MAX, 0);
	put_le32(image + LINUX_COMMAND_LINE_SIZE, 0);
	put_le16(image + LINUX_XLOADFLAGS, LINUX_XLOADFLAG_KERNEL_64);
	put_le32(image + LINUX_INIT_SIZE, 0x1000); /* less than there is to load */
	strcpy((char *)image + 0x300, "Memtest86+ v6.10");
	assert_int_equal(parse_all(image, sizeof(image)), 0);
	assert_int_equal(layout.segments[0].offset, SETUP);
	assert_int_equal(layout.segments[0].address, 0x100000);
	assert_int_equal(layout.segments[0].size, 0x10000);
	assert_false(layout.relocatable);
	assert_int_equal(layout.initrd_limit, 0x37ffffff);
	assert_false(layout.initrd_anywhere);
	assert_int_equal(layout.command_line_max, 255);
	assert_string_equal(layout.kind, "Memtest86+ v6.10");
	/* The text of the version lies outside, or is not there, or has no end. */
	put_le16(image + LINUX_KERNEL_VERSION, SETUP - 0x200);
	assert_int_equal(parse_all(image, sizeof(image)), 0);
	assert_string_equal(layout.kind, "bzImage");
	put_le16(image + LINUX_KERNEL_VERSION, 0);
	assert_int_equal(parse_all(image, sizeof(image)), 0);
	assert_string_equal(layout.kind, "bzImage");
	memset(image + SETUP - 100, 'x', 100);
	put_le16(image + LINUX_KERNEL_VERSION, SETUP - 0x200 - 10);
	assert_int_equal(parse_all(image, sizeof(image)), 0);
	assert_string_equal(layout.kind, "xxxxxxxxxx");
}

static void a_bzimage_that_lies_is_refused(void **state)
{
	static const struct {
		unsigned int offset, width;
		uint64_t value;
		const char *why;
	} lies[] = {
		{LINUX_BOOT_FLAG, 2, 0x55aa, "neither a bzImage nor an ELF file"},
		{LINUX_HEADER_MAGIC, 4, 0x12345678, "neither a bzImage nor an ELF file"},
		{LINUX_VERSION, 2, 0x20b, "2.11; 2.12 or later"},
		{LINUX_XLOADFLAGS, 2, 0x4, "without a 64-bit entry"},
		{LINUX_LOAD_FLAGS, 1, 0, "zImage"},
		{LINUX_HEADER_JUMP, 1, 0x20, "set-up header is shorter"},
		{LINUX_SYSTEM_SIZE, 4, 0, "is empty"},
		{LINUX_SYSTEM_SIZE, 4, 0x200 / 16, "is empty"},
		{LINUX_KERNEL_ALIGNMENT, 4, 0x300000, "kernel_alignment 0x300000"},
		{LINUX_KERNEL_ALIGNMENT, 4, 0, "kernel_alignment 0"},
		{LINUX_KERNEL_ALIGNMENT, 4, 16, "kernel_alignment 0x10"},
		{LINUX_PREFERRED_ADDRESS, 8, 0x100000, "not aligned"},
		{LINUX_PREFERRED_ADDRESS, 8, 0xffffffffffe00000, "beyond all memory"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		make_bzimage();
		memcpy(image + lies[i].offset, &lies[i].value, lies[i].width);
		refused(image, sizeof(image), lies[i].why);
	}
	/* One sector of set-up code, and a header that would be longer. */
	make_bzimage();
	image[LINUX_SETUP_SECTORS] = 1;
	assert_int_equal(parse_all(image, sizeof(image)), 0);
	image[LINUX_HEADER_JUMP] = 0xff;
	assert_int_equal(parse_all(image, sizeof(image)), 0);
	assert_int_equal(layout.header_length, LINUX_HEADER_END - LINUX_HEADER);
}

static void a_bzimage_says_how_much_it_needs(void **state)
{
	(void)state;
	make_bzimage();
	assert_int_equal(parse(image, 0), 16);
	for (size_t length = 16; length < LINUX_HEADER_KNOWN; length++)
		assert_int_equal(parse(image, length), LINUX_HEADER_KNOWN);
	for (size_t length = LINUX_HEADER_KNOWN; length < SETUP; length += 100)
		assert_int_equal(parse(image, length), SETUP);
}

/* -- ELF */

#define NOTE 0x200
#define LOADS 0x1000

struct header64 {
	uint32_t type, flags;
	uint64_t offset, virtual, address, filled, size, alignment;
};
_Static_assert(sizeof(struct header64) == 56, "Elf64_Phdr");

static uint8_t elf[0x400];
static const uint8_t note[] = {4, 0, 0,	  0,   4,   0, 0, 0, 18,   0,
			       0, 0, 'X', 'e', 'n', 0, 0, 2, 0x10, 0}; /* 0x100200 */
#define ENTRY 0x100200

static struct header64 headers[8];
static unsigned int header_count;

static void add(uint32_t type, uint64_t offset, uint64_t address, uint64_t filled, uint64_t size)
{
	headers[header_count++] = (struct header64){
		.type = type, .offset = offset, .address = address, .filled = filled, .size = size};
}

static void write_headers(void)
{
	memcpy(elf + 64, headers, sizeof(headers));
	put_le16(elf + 56, (uint16_t)header_count);
}

static void make_elf(void)
{
	memset(elf, 0, sizeof(elf));
	memcpy(elf,
	       "\x7f"
	       "ELF\2\1\1",
	       7);
	put_le16(elf + 16, 2);
	put_le16(elf + 18, 62);
	put_le64(elf + 32, 64);
	put_le16(elf + 54, 56);
	header_count = 0;
	add(1, 0x2000, 0x200000, 0x1000, 0x5000);
	add(1, LOADS, 0x100000, 0x1000, 0x1000);
	add(4, NOTE, 0, sizeof(note), sizeof(note));
	write_headers();
}

static void an_elf_file_says_what_it_is(void **state)
{
	uint32_t entry;

	(void)state;
	make_elf();
	assert_int_equal(parse_all(elf, sizeof(elf)), 0);
	assert_int_equal(layout.protocol, NEXT_PROTOCOL_PVH);
	assert_string_equal(layout.kind, "PVH ELF");
	assert_int_equal(layout.segment_count, 2);
	assert_int_equal(layout.segments[0].address, 0x100000);
	assert_int_equal(layout.segments[0].offset, LOADS);
	assert_int_equal(layout.segments[1].address, 0x200000);
	assert_int_equal(layout.segments[1].filled, 0x1000);
	assert_int_equal(layout.segments[1].size, 0x5000);
	assert_int_equal(layout.file_size_min, 0x3000);
	assert_int_equal(layout.note_count, 1);
	assert_int_equal(layout.notes[0].offset, NOTE);
	assert_int_equal(next_elf_entry(&layout, note, sizeof(note), &entry, why), 0);
	assert_int_equal(entry, ENTRY);
}

static void an_elf_file_of_32_bits_too(void **state)
{
	static const uint32_t programs[2][8] = {
		{1, 0x1000, 0xc0100000, 0x100000, 0x300, 0x2000, 5, 0x1000},
		{4, 0x200, 0, 0, sizeof(note), sizeof(note), 4, 4},
	};

	(void)state;
	memset(elf, 0, sizeof(elf));
	memcpy(elf,
	       "\x7f"
	       "ELF\1\1\1",
	       7);
	put_le16(elf + 16, 2);
	put_le16(elf + 18, 3);
	put_le32(elf + 28, 52);
	put_le16(elf + 42, 32);
	put_le16(elf + 44, 2);
	memcpy(elf + 52, programs, sizeof(programs));
	assert_int_equal(parse_all(elf, sizeof(elf)), 0);
	assert_int_equal(layout.segment_count, 1);
	assert_int_equal(layout.segments[0].address, 0x100000);
	assert_int_equal(layout.segments[0].filled, 0x300);
	assert_int_equal(layout.segments[0].size, 0x2000);
	assert_int_equal(layout.notes[0].size, sizeof(note));
}

static void an_elf_file_that_lies_is_refused(void **state)
{
	static const struct {
		unsigned int offset, width;
		uint64_t value;
		const char *why;
	} lies[] = {
		{4, 1, 3, "another kind of machine"},
		{5, 1, 2, "another kind of machine"},
		{18, 2, 183, "another kind of machine"},
		{16, 2, 1, "no program"},
		{56, 2, 0, "0 program headers"},
		{56, 2, 65, "65 program headers"},
		{54, 2, 32, "of 32 bytes"},
		{32, 8, 0, "not near its beginning"},
		{32, 8, NEXT_HEAD_MAX, "not near its beginning"},
		{32, 8, 0xfffffffffffffff0, "not near its beginning"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		make_elf();
		memcpy(elf + lies[i].offset, &lies[i].value, lies[i].width);
		refused(elf, sizeof(elf), lies[i].why);
	}
	/* Segments. */
	make_elf();
	headers[0].filled = 0x5001;
	write_headers();
	refused(elf, sizeof(elf), "more bytes in the file (20481) than in memory (20480)");
	make_elf();
	headers[0].offset = INT64_MAX - 10;
	write_headers();
	refused(elf, sizeof(elf), "beyond any file's end");
	headers[0].offset = UINT64_MAX - 10;
	write_headers();
	refused(elf, sizeof(elf), "beyond any file's end");
	make_elf();
	headers[0].size = UINT64_MAX;
	write_headers();
	refused(elf, sizeof(elf), "beyond all memory");
	make_elf();
	headers[1].size = 0x100001;
	write_headers();
	refused(elf, sizeof(elf), "its segments at 0x100000 and 0x200000 overlap");
	headers[1].size = 0x100000;
	write_headers();
	assert_int_equal(parse_all(elf, sizeof(elf)), 0);
	headers[1].address = 0x200000;
	write_headers();
	refused(elf, sizeof(elf), "overlap");
	/* Nothing in it; no note. */
	make_elf();
	header_count = 0;
	add(4, NOTE, 0, sizeof(note), sizeof(note));
	write_headers();
	refused(elf, sizeof(elf), "nothing to load");
	make_elf();
	header_count = 2;
	write_headers();
	refused(elf, sizeof(elf), "without a PVH note");
	make_elf();
	headers[2].filled = NEXT_NOTE_SIZE_MAX + 1;
	write_headers();
	refused(elf, sizeof(elf), "without a PVH note");
}

static void too_many_segments_are_refused(void **state)
{
	static uint8_t many[64 + (NEXT_SEGMENTS_MAX + 1) * 56];

	(void)state;
	make_elf();
	memcpy(many, elf, 64);
	put_le16(many + 56, NEXT_SEGMENTS_MAX + 1);
	for (unsigned int i = 0; i <= NEXT_SEGMENTS_MAX; i++) {
		struct header64 load = {
			.type = 1, .address = 0x100000 + i * 0x1000, .size = 0x1000};

		memcpy(many + 64 + i * 56, &load, sizeof(load));
	}
	refused(many, sizeof(many), "more than 16 segments");
}

static int entry_of(const uint8_t *notes, size_t length, uint32_t *entry)
{
	uint8_t *copy = malloc(length ? length : 1);
	int result;

	memcpy(copy, notes, length);
	result = next_elf_entry(&layout, copy, length, entry, why);
	free(copy);
	return result;
}

static void the_entry_is_found_among_notes(void **state)
{
	uint8_t notes[200];
	uint32_t entry = 0;
	/* A longer name that is padded, a value that is. */
	static const uint8_t other[] = {5,   0,	  0,   0,   3, 0, 0, 0, 18, 0, 0, 0,
					'O', 't', 'h', 'r', 0, 9, 9, 9, 1,  2, 3, 9};

	(void)state;
	make_elf();
	assert_int_equal(parse_all(elf, sizeof(elf)), 0);
	memcpy(notes, other, sizeof(other));
	memcpy(notes + sizeof(other), note, sizeof(note));
	assert_int_equal(entry_of(notes, sizeof(other) + sizeof(note), &entry), 0);
	assert_int_equal(entry, ENTRY);
	/* Cut anywhere, it is not there, and nothing beyond is read. */
	for (size_t length = 0; length < sizeof(other) + sizeof(note); length++)
		assert_int_equal(entry_of(notes, length, &entry), -ENOENT);
	/* Sizes that lie. */
	memset(notes, 0xff, 8);
	assert_int_equal(entry_of(notes, sizeof(other) + sizeof(note), &entry), -ENOENT);
	memcpy(notes, note, sizeof(note));
	put_le32(notes + 4, 0xfffffffd);
	assert_int_equal(entry_of(notes, sizeof(note), &entry), -ENOENT);
	/* Of another name, or type. */
	memcpy(notes, note, sizeof(note));
	notes[12] = 'Y';
	assert_int_equal(entry_of(notes, sizeof(note), &entry), -ENOENT);
	memcpy(notes, note, sizeof(note));
	notes[8] = 17;
	assert_int_equal(entry_of(notes, sizeof(note), &entry), -ENOENT);
	/* Outside all segments, or in what the file does not fill. */
	memcpy(notes, note, sizeof(note));
	put_le32(notes + 16, 0x101000);
	assert_int_equal(entry_of(notes, sizeof(note), &entry), -ENOEXEC);
	assert_non_null(strstr(why, "entry 0x101000"));
	put_le32(notes + 16, 0x201000);
	assert_int_equal(entry_of(notes, sizeof(note), &entry), -ENOEXEC);
	put_le32(notes + 16, 0x200fff);
	assert_int_equal(entry_of(notes, sizeof(note), &entry), 0);
	/* Of eight bytes, and of a width that makes no sense. */
	put_le32(notes + 4, 8);
	put_le64(notes + 16, 0x1000100200);
	assert_int_equal(entry_of(notes, 24, &entry), -ENOEXEC);
	put_le64(notes + 16, 0x100200);
	assert_int_equal(entry_of(notes, 24, &entry), 0);
	assert_int_equal(entry, 0x100200);
	put_le32(notes + 4, 2);
	assert_int_equal(entry_of(notes, 24, &entry), -ENOEXEC);
}

/* Whatever stands there: no access outside, no endless loop; the sanitizers see the rest. */
static void noise_is_survived(void **state)
{
	(void)state;
	srand(11);
	for (unsigned int round = 0; round < 20000; round++) {
		if (round % 2)
			make_elf();
		else
			make_bzimage();
		for (unsigned int i = 0; i < 1 + round % 8; i++) {
			if (round % 2)
				elf[rand() % 232] = (uint8_t)rand();
			else
				image[0x1f1 + rand() % 0x77] = (uint8_t)rand();
		}
		if (round % 2)
			(void)parse_all(elf, sizeof(elf));
		else
			(void)parse_all(image, sizeof(image));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bzimage_says_what_it_is),
		cmocka_unit_test(a_bzimage_has_defaults),
		cmocka_unit_test(a_bzimage_that_lies_is_refused),
		cmocka_unit_test(a_bzimage_says_how_much_it_needs),
		cmocka_unit_test(an_elf_file_says_what_it_is),
		cmocka_unit_test(an_elf_file_of_32_bits_too),
		cmocka_unit_test(an_elf_file_that_lies_is_refused),
		cmocka_unit_test(too_many_segments_are_refused),
		cmocka_unit_test(the_entry_is_found_among_notes),
		cmocka_unit_test(noise_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
