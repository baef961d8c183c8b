/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps what the front end shares, and finds addresses in it. */
#include "tests/conformance/back_end/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* Nothing wraps, all of it is in the file, and none of it belongs to an earlier region. */
static bool region_valid(const struct memory *memory, const struct memory_region_message *region,
			 int file)
{
	uint64_t ignored;
	uint64_t end;
	struct stat status;

	if (file < 0 || region->size == 0 || fstat(file, &status))
		return false;
	if (__builtin_add_overflow(region->guest, region->size, &ignored) ||
	    __builtin_add_overflow(region->user, region->size, &ignored) ||
	    __builtin_add_overflow(region->offset, region->size, &end))
		return false;
	if (status.st_size < 0 || end > (uint64_t)status.st_size)
		return false;
	for (unsigned int i = 0; i < memory->count; i++) {
		const struct memory_region *other = &memory->regions[i];

		if (overlaps(region->guest, region->size, other->guest, other->size) ||
		    overlaps(region->user, region->size, other->user, other->size))
			return false;
	}
	return true;
}

int memory_set(struct memory *memory, const struct memory_region_message *regions, const int *files,
	       unsigned int count)
{
	memory_clear(memory);
	if (count > MEMORY_REGIONS)
		return -EINVAL;
	for (unsigned int i = 0; i < count; i++) {
		struct memory_region *region = &memory->regions[memory->count];

		if (!region_valid(memory, &regions[i], files[i])) {
			memory_clear(memory);
			return -EINVAL;
		}
		/* From the beginning: the offset need not be a multiple of a page. */
		region->mapped = regions[i].offset + regions[i].size;
		region->mapping = mmap(NULL, region->mapped, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_NORESERVE, files[i], 0);
		if (region->mapping == MAP_FAILED) {
			int error = -errno;

			memory_clear(memory);
			return error;
		}
		region->guest = regions[i].guest;
		region->user = regions[i].user;
		region->size = regions[i].size;
		region->data = (uint8_t *)region->mapping + regions[i].offset;
		memory->count++;
	}
	return 0;
}

void memory_clear(struct memory *memory)
{
	while (memory->count) {
		memory->count--;
		munmap(memory->regions[memory->count].mapping,
		       memory->regions[memory->count].mapped);
	}
}

size_t memory_piece(const struct memory *memory, uint64_t guest, size_t length, uint8_t **data)
{
	for (unsigned int i = 0; i < memory->count; i++) {
		const struct memory_region *region = &memory->regions[i];

		if (guest >= region->guest && guest - region->guest < region->size) {
			uint64_t left = region->size - (guest - region->guest);

			*data = region->data + (guest - region->guest);
			return left < length ? left : length;
		}
	}
	return 0;
}

void *memory_at(const struct memory *memory, uint64_t guest, size_t length)
{
	uint8_t *data;

	return length && memory_piece(memory, guest, length, &data) == length ? data : NULL;
}

void *memory_at_user(const struct memory *memory, uint64_t user, size_t length, size_t alignment)
{
	for (unsigned int i = 0; i < memory->count; i++) {
		const struct memory_region *region = &memory->regions[i];

		if (user >= region->user && user - region->user < region->size) {
			uint8_t *data = region->data + (user - region->user);

			if (length > region->size - (user - region->user) ||
			    (uintptr_t)data % alignment)
				return NULL;
			return data;
		}
	}
	return NULL;
}
