/* SPDX-License-Identifier: BSD-2-Clause */
/* Between libFuzzer and a target: the stream of choices, and the same state for each run. */
#include "tests/fuzz/fuzz.h"

#include "tests/device/pci_model.h"

#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define REGIONS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
const char *__asan_default_options(void);

/* -- The stream */

static const uint8_t *next;
static size_t left;

bool fuzz_more(void)
{
	return left != 0;
}

uint8_t fuzz_byte(void)
{
	if (!left)
		return 0;
	left--;
	return *next++;
}

uint32_t fuzz_choose(uint32_t count)
{
	uint32_t value = fuzz_byte();

	if (count > 256)
		value |= (uint32_t)fuzz_byte() << 8;
	if (count > 65536)
		value |= (uint32_t)fuzz_byte() << 16;
	return count ? value % count : 0;
}

uint64_t fuzz_number(unsigned int width)
{
	const uint64_t all = width < 8 ? (1ull << 8 * width) - 1 : UINT64_MAX;
	const uint64_t hurting[] = {0,
				    1,
				    all,
				    all - 1,
				    all / 2,
				    all / 2 + 1,
				    2,
				    3,
				    0x10,
				    0x20,
				    0x40,
				    0x7f,
				    0x80,
				    0xff,
				    0x100,
				    0x200,
				    0x1000,
				    0x7fff,
				    0x8000,
				    0xffff,
				    0x10000,
				    0x7fffffff,
				    0xffffffff,
				    0x80000000,
				    0x100000000,
				    all - 0x0fff,
				    (all / 16) * 15};
	uint8_t kind = fuzz_byte();
	uint64_t value = 0;

	if (kind < sizeof(hurting) / sizeof(hurting[0]))
		return hurting[kind] & all;
	if (kind < 0xc0)
		return (uint64_t)kind - sizeof(hurting) / sizeof(hurting[0]);
	for (unsigned int i = 0; i < width; i++)
		value |= (uint64_t)fuzz_byte() << 8 * i;
	return value;
}

void fuzz_fill(void *to, size_t length)
{
	size_t there = length < left ? length : left;

	memcpy(to, next, there);
	memset((uint8_t *)to + there, 0, length - there);
	next += there;
	left -= there;
}

static void *rest;

uint8_t *fuzz_rest(size_t most, size_t *length)
{
	size_t there = left < most ? left : most;

	free(rest);
	rest = malloc(there);
	fuzz_fill(rest, there);
	*length = there;
	return rest;
}

char *fuzz_text(size_t most)
{
	size_t there = left < most ? left : most;
	char *text;

	free(rest);
	rest = text = malloc(there + 1);
	fuzz_fill(text, there);
	text[there] = '\0';
	rest = realloc(rest, strlen(text) + 1);
	return rest;
}

/* -- The heap of the sources: their malloc and free are these, by the linker (fuzz.mk) */

struct block {
	struct block *next, *previous;
	size_t size;
	uint64_t unused; /* keeps what follows aligned */
};

void *fuzz_malloc(size_t size);
void *fuzz_calloc(size_t count, size_t size);
void *fuzz_realloc(void *memory, size_t size);
char *fuzz_strdup(const char *text);
void fuzz_free(void *memory);

static struct block *blocks;
static bool keeping = true; /* before the first run: what is allocated stays */

static void open_block(struct block *block)
{
	ASAN_UNPOISON_MEMORY_REGION(block, sizeof(*block));
}

static void close_block(struct block *block)
{
	ASAN_POISON_MEMORY_REGION(block, sizeof(*block));
}

void *fuzz_malloc(size_t size)
{
	struct block *block;

	if (size > SIZE_MAX / 2)
		return NULL;
	block = malloc(sizeof(*block) + size);
	if (!block)
		return NULL;
	*block = (struct block){.size = size};
	if (!keeping) {
		block->next = blocks;
		if (blocks) {
			open_block(blocks);
			blocks->previous = block;
			close_block(blocks);
		}
		blocks = block;
	}
	close_block(block);
	return block + 1;
}

void *fuzz_calloc(size_t count, size_t size)
{
	void *memory = size && count > SIZE_MAX / 2 / size ? NULL : fuzz_malloc(count * size);

	if (memory)
		memset(memory, 0, count * size);
	return memory;
}

void fuzz_free(void *memory)
{
	struct block *block = memory;

	if (!memory)
		return;
	open_block(--block);
	if (block->next) {
		open_block(block->next);
		block->next->previous = block->previous;
		close_block(block->next);
	}
	if (block->previous) {
		open_block(block->previous);
		block->previous->next = block->next;
		close_block(block->previous);
	} else if (blocks == block) {
		blocks = block->next;
	}
	free(block);
}

void *fuzz_realloc(void *memory, size_t size)
{
	void *larger = fuzz_malloc(size);
	struct block *block = memory;

	if (!larger || !memory)
		return larger;
	open_block(--block);
	memcpy(larger, memory, block->size < size ? block->size : size);
	close_block(block);
	fuzz_free(memory);
	return larger;
}

char *fuzz_strdup(const char *text)
{
	size_t length = strlen(text) + 1;
	char *copy = fuzz_malloc(length);

	if (copy)
		memcpy(copy, text, length);
	return copy;
}

/* -- State */

/* The variables of the sources, by the linker (state.ld). */
extern uint8_t fuzz_state_start[], fuzz_state_end[];

static struct region {
	uint8_t *memory, *saved;
	size_t length;
} regions[REGIONS_MAX];
static unsigned int region_count;

/* Redzones between variables lie in there too, so this may not be looked at, nor replaced by memcpy(). */
__attribute__((no_sanitize("address", "undefined"))) static void copy(void *to, const void *from,
								      size_t length)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(length)::"memory");
}

void fuzz_restore(void *memory, size_t length)
{
	struct region *region = &regions[region_count++];

	fuzz_check(region_count <= REGIONS_MAX, "too many regions");
	*region = (struct region){memory, malloc(length), length};
	copy(region->saved, memory, length);
}

static void begin_run(void)
{
	static bool started;

	if (!started) {
		started = true;
		host_reset();
		pci_model_reset();
		if (fuzz_prepare)
			fuzz_prepare();
		fuzz_restore(fuzz_state_start, (size_t)(fuzz_state_end - fuzz_state_start));
		keeping = false;
	}
	for (unsigned int i = 0; i < region_count; i++)
		copy(regions[i].memory, regions[i].saved, regions[i].length);
	while (blocks)
		fuzz_free(blocks + 1);
	host_reset();
	pci_model_reset();
}

/* -- The command line */

/* A small quarantine: less memory is touched, more runs. What a run leaves is freed by the next one. */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=4:detect_leaks=0";
}

static bool is_folder(const char *path)
{
	struct stat status;

	return path[0] != '-' && !stat(path, &status) && S_ISDIR(status.st_mode);
}

/* build/fuzz/corpus/NAME, of build/fuzz/NAME; or NULL. */
static char *scratch_folder(const char *program)
{
	const char *slash = strrchr(program, '/');
	char *folder = NULL;

	if (!slash || asprintf(&folder, "%.*s/corpus", (int)(slash - program), program) < 0)
		return NULL;
	(void)mkdir(folder, 0777);
	free(folder);
	if (asprintf(&folder, "%.*s/corpus%s", (int)(slash - program), program, slash) < 0)
		return NULL;
	return mkdir(folder, 0777) && errno != EEXIST ? NULL : folder;
}

/*
 * libFuzzer writes what it finds into the first folder that it is given, and by hand that easily is the one with the seeds:
 * where a single folder is named, a scratch one goes before it. Without its search for leaks it does not run inputs twice.
 */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char **words = calloc((size_t)*argc + 3, sizeof(*words)), *scratch = NULL;
	int count = 0, folders = 0;
	bool writes = true;

	for (int i = 1; i < *argc; i++) {
		folders += is_folder((*argv)[i]);
		if (!strcmp((*argv)[i], "-runs=0"))
			writes = false;
	}
	if (folders == 1 && writes)
		scratch = scratch_folder((*argv)[0]);
	words[count++] = (*argv)[0];
	words[count++] = strdup("-detect_leaks=0");
	for (int i = 1; i < *argc; i++) {
		if (scratch && is_folder((*argv)[i]))
			words[count++] = scratch;
		words[count++] = (*argv)[i];
	}
	*argc = count;
	*argv = words;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin_run();
	next = data;
	left = size;
	fuzz_target();
	left = 0;
	return 0;
}
