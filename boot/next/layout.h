/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a kernel's file says about itself: which bytes of it belong where, and how it wants to be
 * entered. The parsers are pure functions over the first bytes of the file; nothing in there is
 * believed, but whether the machine has such memory is judged elsewhere. Context: any.
 */
#ifndef BOOT_NEXT_LAYOUT_H
#define BOOT_NEXT_LAYOUT_H

#include "boot/linux_protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEXT_SEGMENTS_MAX 16
#define NEXT_NOTES_MAX 4
#define NEXT_NOTE_SIZE_MAX (64u << 10)
#define NEXT_KIND_MAX 96
#define NEXT_WHY_MAX 160
/* No header that we read is longer. */
#define NEXT_HEAD_MAX (128u << 10)

enum next_protocol { NEXT_PROTOCOL_LINUX, NEXT_PROTOCOL_PVH };

struct next_segment {
	uint64_t offset;  /* in the file */
	uint64_t filled;  /* bytes from there */
	uint64_t address; /* physical; what a relocatable kernel prefers */
	uint64_t size;	  /* in memory, at least `filled` */
};

struct next_layout {
	enum next_protocol protocol;
	char kind[NEXT_KIND_MAX]; /* "Linux 6.1.0-..." */
	unsigned int segment_count;
	struct next_segment segments[NEXT_SEGMENTS_MAX]; /* in ascending order of addresses */
	uint64_t file_size_min;				 /* a shorter file is cut short */

	/* bzImage: one segment. */
	bool relocatable;
	uint64_t alignment; /* of the address, when it is relocatable */
	uint64_t initrd_limit;
	bool initrd_anywhere;	   /* also above 4 GiB and above initrd_limit */
	uint32_t command_line_max; /* bytes, without the zero at its end */
	uint8_t header[LINUX_HEADER_END - LINUX_HEADER];
	size_t header_length;

	/* ELF: where in the file the entry is said; read by next_elf_entry() once it is there. */
	unsigned int note_count;
	struct {
		uint64_t offset;
		uint32_t size;
	} notes[NEXT_NOTES_MAX];
};

/*
 * 0: *layout is complete. Positive: so many bytes from the file's start are needed, more than
 * `length` and at most NEXT_HEAD_MAX. -ENOEXEC: not a kernel that can be started, and `why` (of
 * NEXT_WHY_MAX bytes) says why. next_parse() looks which of the two it is.
 */
int next_parse(const uint8_t *head, size_t length, struct next_layout *layout, char *why);
int next_bzimage_parse(const uint8_t *head, size_t length, struct next_layout *layout, char *why);
int next_elf_parse(const uint8_t *head, size_t length, struct next_layout *layout, char *why);

/*
 * Looks in a note segment's bytes for the PVH entry: 0 and *entry; -ENOENT: not in there; -ENOEXEC
 * and `why`: it is there and lies outside all segments of the layout, or makes no sense.
 */
int next_elf_entry(const struct next_layout *layout, const uint8_t *notes, size_t length,
		   uint32_t *entry, char *why);

#endif
