/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel's file as it arrives. As soon as its head says where the bytes belong, that memory is
 * taken and they go there.
 */
#include "boot/next/internal.h"
#include "boot/next/place.h"
#include "kernel/main.h"
#include "kernel/memory/pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int cut_short(struct next_file *file, uint64_t size)
{
	return next_fail(file->next, file, -ENOEXEC,
			 "cut short: it has %" PRIu64 " bytes, its header speaks of %" PRIu64, size,
			 file->kernel.layout.file_size_min);
}

/* The part of [offset, +length) that is in [start, +size): how long; *skip: how far in. */
static size_t part_of(uint64_t offset, size_t length, uint64_t start, uint64_t size, size_t *skip)
{
	uint64_t from = offset > start ? offset : start;
	uint64_t to = offset + length < start + size ? offset + length : start + size;

	*skip = from - offset;
	return from < to ? to - from : 0;
}

/* Each byte to where it belongs; what belongs nowhere (tables of symbols, signatures) is dropped. */
static int deliver(struct next_file *file, uint64_t offset, const uint8_t *bytes, size_t length)
{
	struct next_kernel_file *kernel = &file->kernel;
	const struct next_layout *layout = &kernel->layout;
	size_t skip, part;

	for (unsigned int i = 0; i < layout->segment_count; i++) {
		const struct next_segment *segment = &layout->segments[i];

		part = part_of(offset, length, segment->offset, segment->filled, &skip);
		if (part && next_areas_write(&kernel->areas,
					     segment->address + (offset + skip - segment->offset),
					     bytes + skip, part) < 0)
			return next_fail(file->next, file, -ENOSPC,
					 "no memory for what has to wait until we are gone");
	}
	for (unsigned int i = 0; i < layout->note_count; i++) {
		part = part_of(offset, length, layout->notes[i].offset, layout->notes[i].size,
			       &skip);
		if (part)
			memcpy(kernel->notes[i] + (offset + skip - layout->notes[i].offset),
			       bytes + skip, part);
	}
	return 0;
}

static int take_place(struct next_file *file)
{
	struct next_kernel_file *kernel = &file->kernel;
	struct next_layout *layout = &kernel->layout;
	struct memory_map *allowed;
	char why[NEXT_WHY_MAX];
	int error;

	if (file->sized && file->size < layout->file_size_min)
		return cut_short(file, file->size);
	allowed = malloc(sizeof(*allowed));
	if (!allowed || next_place_allowed(allowed, boot_information()) < 0) {
		free(allowed);
		return next_fail(file->next, file, -ENOMEM, "no memory to look at the memory map");
	}
	error = next_place(layout, allowed, pages_free_run, why);
	free(allowed);
	if (error)
		return next_fail(file->next, file, error, "%s", why);
	for (unsigned int i = 0; i < layout->note_count; i++) {
		kernel->notes[i] = calloc(1, layout->notes[i].size);
		if (!kernel->notes[i])
			return next_fail(file->next, file, -ENOMEM, "no memory for its notes");
	}
	if (next_areas_claim(&kernel->areas, layout) < 0)
		return next_fail(file->next, file, -ENOMEM,
				 "no memory to keep account of its pages");
	kernel->known = true;
	return 0;
}

/* Collects the head, as much as the parser asks for. *taken: how many of the bytes are in it now. */
static int collect(struct next_file *file, const uint8_t *bytes, size_t length, size_t *taken)
{
	struct next_kernel_file *kernel = &file->kernel;
	char why[NEXT_WHY_MAX];
	int needed;

	*taken = 0;
	while (!kernel->known) {
		size_t part = kernel->head_needed - kernel->head_length;

		if (part > length - *taken)
			part = length - *taken;
		if (kernel->head && part)
			memcpy(kernel->head + kernel->head_length, bytes + *taken, part);
		kernel->head_length += part;
		*taken += part;
		if (kernel->head_length < kernel->head_needed)
			return 0;
		needed = next_parse(kernel->head, kernel->head_length, &kernel->layout, why);
		if (needed < 0)
			return next_fail(file->next, file, needed, "%s", why);
		if (needed) {
			uint8_t *larger = realloc(kernel->head, (size_t)needed);

			if (!larger)
				return next_fail(file->next, file, -ENOMEM,
						 "no memory for its header");
			kernel->head = larger;
			kernel->head_needed = (size_t)needed;
			continue;
		}
		needed = take_place(file);
		if (!needed)
			needed = deliver(file, 0, kernel->head, kernel->head_length);
		free(kernel->head);
		kernel->head = NULL;
		if (needed)
			return needed;
	}
	return 0;
}

int next_kernel_file_size(struct next_file *file)
{
	if (file->kernel.known && file->size < file->kernel.layout.file_size_min)
		return cut_short(file, file->size);
	return 0;
}

int next_kernel_file_write(struct next_file *file, const uint8_t *bytes, size_t length)
{
	size_t taken = 0;

	if (!file->kernel.known) {
		int error = collect(file, bytes, length, &taken);

		if (error)
			return error;
	}
	if (taken == length)
		return 0;
	return deliver(file, file->received + taken, bytes + taken, length - taken);
}

int next_kernel_file_end(struct next_file *file)
{
	struct next_kernel_file *kernel = &file->kernel;
	char why[NEXT_WHY_MAX];

	if (!kernel->known)
		return next_fail(file->next, file, -ENOEXEC,
				 "cut short, or no kernel: it has %" PRIu64
				 " bytes, its header alone would have %zu",
				 file->received, kernel->head_needed);
	if (file->received < kernel->layout.file_size_min)
		return cut_short(file, file->received);
	for (unsigned int i = 0; i < kernel->layout.note_count; i++) {
		int error = next_elf_entry(&kernel->layout, kernel->notes[i],
					   kernel->layout.notes[i].size, &kernel->entry, why);

		if (!error)
			return 0;
		if (error != -ENOENT)
			return next_fail(file->next, file, error, "%s", why);
	}
	if (kernel->layout.protocol == NEXT_PROTOCOL_PVH)
		return next_fail(file->next, file, -ENOEXEC,
				 "an ELF file without a PVH note (Xen, type 18)");
	return 0;
}

void next_kernel_file_release(struct next_file *file)
{
	struct next_kernel_file *kernel = &file->kernel;

	next_areas_release(&kernel->areas);
	free(kernel->head);
	for (unsigned int i = 0; i < NEXT_NOTES_MAX; i++)
		free(kernel->notes[i]);
	memset(kernel, 0, sizeof(*kernel));
}
