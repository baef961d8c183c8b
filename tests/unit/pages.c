/* SPDX-License-Identifier: BSD-2-Clause */
/* The page allocator, against a plain array that remembers who has each page. */
#include "kernel/memory/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Two regions with odd bounds, and a gap between them. */
#define FIRST_START 0x103000ULL
#define FIRST_PAGES 1021
#define SECOND_START 0x40200000ULL
#define SECOND_PAGES 4099

static uint8_t taken_first[FIRST_PAGES], taken_second[SECOND_PAGES];

static uint8_t *slot(uint64_t address)
{
	if (address >= FIRST_START && address < FIRST_START + FIRST_PAGES * PAGE_SIZE)
		return &taken_first[(address - FIRST_START) / PAGE_SIZE];
	assert_true(address >= SECOND_START && address < SECOND_START + SECOND_PAGES * PAGE_SIZE);
	return &taken_second[(address - SECOND_START) / PAGE_SIZE];
}

static void mark(uint64_t address, size_t count, uint8_t from, uint8_t to)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t *page = slot(address + i * PAGE_SIZE);

		assert_int_equal(*page, from);
		*page = to;
	}
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(pages_alloc(1, 0), 0);
	assert_int_equal(pages_add_region(FIRST_START, FIRST_START + FIRST_PAGES * PAGE_SIZE,
					  malloc(pages_metadata_size(FIRST_PAGES * PAGE_SIZE))),
			 0);
	assert_int_equal(pages_add_region(SECOND_START, SECOND_START + SECOND_PAGES * PAGE_SIZE,
					  malloc(pages_metadata_size(SECOND_PAGES * PAGE_SIZE))),
			 0);
	return 0;
}

static void all_is_free_at_first(void **state)
{
	(void)state;
	assert_int_equal(pages_total(), FIRST_PAGES + SECOND_PAGES);
	assert_int_equal(pages_available(), FIRST_PAGES + SECOND_PAGES);
}

static void every_page_once(void **state)
{
	uint64_t page;

	(void)state;
	while ((page = pages_alloc(1, 0)))
		mark(page, 1, 0, 1);
	assert_int_equal(pages_available(), 0);
	for (size_t i = 0; i < FIRST_PAGES; i++) {
		assert_int_equal(taken_first[i], 1);
		pages_free(FIRST_START + i * PAGE_SIZE, 1);
	}
	pages_free(SECOND_START, SECOND_PAGES);
	assert_int_equal(pages_available(), FIRST_PAGES + SECOND_PAGES);
	memset(taken_first, 0, sizeof(taken_first));
	memset(taken_second, 0, sizeof(taken_second));
}

static void blocks_are_aligned_and_merge_again(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 2; round++) {
		uint64_t large = pages_alloc(2048, 0);

		assert_int_not_equal(large, 0);
		assert_int_equal(large % (2048 * PAGE_SIZE), 0);
		assert_int_equal(pages_alloc(4096, 0), 0);
		pages_free(large, 1000);
		pages_free(large + 1000 * PAGE_SIZE, 1048);
	}
	assert_int_equal(pages_alloc(1ULL << 40, 0), 0);
	assert_int_equal(pages_alloc(0, 0), 0);
}

static void limits_hold(void **state)
{
	uint64_t pages[FIRST_PAGES + 1];
	unsigned int count = 0;

	(void)state;
	while ((pages[count] = pages_alloc(1, 0x3fffffff)))
		count++;
	assert_int_equal(count, FIRST_PAGES);
	while (count)
		pages_free(pages[--count], 1);
	assert_int_equal(pages_alloc(1, FIRST_START), 0);
	assert_int_equal(pages_alloc(1, FIRST_START + PAGE_SIZE - 1), FIRST_START);
	pages_free(FIRST_START, 1);
}

static void chosen_pages_can_be_taken(void **state)
{
	(void)state;
	assert_int_equal(pages_take(SECOND_START + 5 * PAGE_SIZE, 7), 0);
	mark(SECOND_START + 5 * PAGE_SIZE, 7, 0, 1);
	assert_true(pages_take(SECOND_START + 11 * PAGE_SIZE, 2) < 0);
	assert_true(pages_take(SECOND_START - PAGE_SIZE, 1) < 0);
	assert_true(pages_take(SECOND_START + (SECOND_PAGES - 1) * PAGE_SIZE, 2) < 0);
	assert_int_equal(pages_available(), FIRST_PAGES + SECOND_PAGES - 7);
	mark(SECOND_START + 5 * PAGE_SIZE, 7, 1, 0);
	pages_free(SECOND_START + 5 * PAGE_SIZE, 7);
}

#define HELD 200

static void random_use(void **state)
{
	struct {
		uint64_t address;
		size_t count;
	} held[HELD] = {0};
	uint64_t used = 0;

	(void)state;
	srand(7);
	for (unsigned int round = 0; round < 100000; round++) {
		unsigned int i = (unsigned int)rand() % HELD;

		if (held[i].count) {
			/* Sometimes only a part comes back. */
			size_t part =
				rand() % 4 ? held[i].count : (size_t)rand() % held[i].count + 1;

			mark(held[i].address, part, 1, 0);
			pages_free(held[i].address, part);
			held[i].address += part * PAGE_SIZE;
			held[i].count -= part;
			used -= part;
			continue;
		}
		held[i].count = (size_t)rand() % (rand() % 10 ? 8 : 300) + 1;
		held[i].address = pages_alloc(held[i].count, 0);
		if (!held[i].address) {
			held[i].count = 0;
			continue;
		}
		mark(held[i].address, held[i].count, 0, 1);
		used += held[i].count;
		assert_int_equal(pages_available(), FIRST_PAGES + SECOND_PAGES - used);
	}
	for (unsigned int i = 0; i < HELD; i++)
		if (held[i].count)
			pages_free(held[i].address, held[i].count);
	assert_int_equal(pages_available(), FIRST_PAGES + SECOND_PAGES);
	assert_int_not_equal(pages_alloc(2048, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_free_at_first),
		cmocka_unit_test(every_page_once),
		cmocka_unit_test(blocks_are_aligned_and_merge_again),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(chosen_pages_can_be_taken),
		cmocka_unit_test(random_use),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
