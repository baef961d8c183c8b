/* SPDX-License-Identifier: BSD-2-Clause */
/* The page allocator, against a plain array that remembers who has each page. */
#include "kernel/memory/pages.h"
#include "kernel/x86/cpu_flags.h"

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

static void the_longest_run_is_found(void **state)
{
	const uint64_t end = SECOND_START + SECOND_PAGES * PAGE_SIZE;
	uint64_t address = 0;

	(void)state;
	assert_int_equal(pages_free_run(0, UINT64_MAX, &address), SECOND_PAGES);
	assert_int_equal(address, SECOND_START);
	assert_int_equal(pages_free_run(0, SECOND_START - 1, &address), FIRST_PAGES);
	assert_int_equal(address, FIRST_START);
	/* Inside bounds that cut blocks, aligned or not. */
	assert_int_equal(
		pages_free_run(SECOND_START + 1, SECOND_START + 7 * PAGE_SIZE - 1, &address), 6);
	assert_int_equal(address, SECOND_START + PAGE_SIZE);
	assert_int_equal(pages_free_run(SECOND_START, SECOND_START + PAGE_SIZE - 2, &address), 0);
	assert_int_equal(pages_free_run(end, UINT64_MAX, &address), 0);

	/* Taken pages divide it: the longer part, wherever. */
	assert_int_equal(pages_take(SECOND_START + 100 * PAGE_SIZE, 3), 0);
	assert_int_equal(pages_free_run(0, UINT64_MAX, &address), SECOND_PAGES - 103);
	assert_int_equal(address, SECOND_START + 103 * PAGE_SIZE);
	assert_int_equal(pages_take(SECOND_START + 103 * PAGE_SIZE, SECOND_PAGES - 103), 0);
	assert_int_equal(pages_free_run(SECOND_START, UINT64_MAX, &address), 100);
	assert_int_equal(address, SECOND_START);
	pages_free(SECOND_START + 100 * PAGE_SIZE, SECOND_PAGES - 100);
}

#define HELD 200

static void random_use(void **state)
{
	struct {
		uint64_t address;
		size_t count;
	} held[HELD] = {0};
	uint64_t used = 0, large;

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
		if (held[i].count) {
			mark(held[i].address, held[i].count, 1, 0);
			pages_free(held[i].address, held[i].count);
		}
	assert_int_equal(pages_available(), FIRST_PAGES + SECOND_PAGES);
	large = pages_alloc(2048, 0);
	assert_int_not_equal(large, 0);
	pages_free(large, 2048);
}

/* -- Lending */

static uint32_t frames[FIRST_PAGES + SECOND_PAGES + 1];

static void lent_pages_are_known_and_come_back(void **state)
{
	const uint64_t all = FIRST_PAGES + SECOND_PAGES;
	struct pages_cursor cursor = {0};
	uint32_t listed[100];
	size_t count, seen = 0;

	(void)state;
	/* From the top down; each block in ascending order: here of 1, 2, and a part of 4096 pages. */
	assert_int_equal(pages_lend(frames, 10, 0), 10);
	for (uint32_t i = 0; i < 10; i++) {
		static const uint32_t below_end[] = {1, 3, 2, 10, 9, 8, 7, 6, 5, 4};

		assert_int_equal(frames[i], SECOND_START / PAGE_SIZE + SECOND_PAGES - below_end[i]);
	}
	assert_int_equal(pages_lent(), 10);
	assert_int_equal(pages_available(), all - 10);
	pages_unlend(frames + 4, 3);
	pages_unlend(frames + 7, 3);
	pages_unlend(frames, 4);
	assert_int_equal(pages_lent(), 0);

	/* Down to the reserve, and no further. */
	assert_int_equal(pages_lend(frames, all, all), 0);
	assert_int_equal(pages_lend(frames, all, UINT64_MAX), 0);
	count = pages_lend(frames, all, 100);
	assert_int_equal(count, all - 100);
	assert_int_equal(pages_lend(frames + count, 1, 100), 0);
	assert_int_equal(pages_lend(frames + count, all, 0), 100);
	assert_int_equal(pages_available(), 0);
	assert_int_equal(pages_lent(), all);
	for (size_t i = 0; i < all; i++)
		mark((uint64_t)frames[i] * PAGE_SIZE, 1, 0, 1);
	assert_int_equal(pages_alloc(1, 0), 0);
	assert_true(pages_take(FIRST_START, 1) < 0);

	/* The list goes through all of them once, in order, in pieces of any length. */
	while ((count = pages_lent_list(&cursor, listed, 1 + seen % 100, 0))) {
		for (size_t i = 0; i < count; i++)
			mark((uint64_t)listed[i] * PAGE_SIZE, 1, 1, 0);
		seen += count;
	}
	assert_int_equal(seen, all);
	cursor = (struct pages_cursor){0};
	assert_int_equal(pages_lent_list(&cursor, listed, 100, FIRST_START + 3 * PAGE_SIZE - 1), 3);
	assert_int_equal(pages_lent_list(&cursor, listed + 3, 97, FIRST_START + 3 * PAGE_SIZE - 1),
			 0);

	/* Back in any order. */
	srand(3);
	for (size_t i = all; i-- > 1;) {
		size_t other = (size_t)rand() % (i + 1);
		uint32_t frame = frames[i];

		frames[i] = frames[other];
		frames[other] = frame;
	}
	pages_unlend(frames, all);
	assert_int_equal(pages_available(), all);
	assert_int_equal(pages_lent(), 0);
}

/* -- Idle blocks */

#define BLOCK (PAGES_IDLE_COUNT * PAGE_SIZE)

/* How many whole blocks of 2 MiB the regions have. */
static uint64_t idle_blocks(void)
{
	uint64_t first = (FIRST_START + BLOCK - 1) / BLOCK;
	uint64_t second = (SECOND_START + BLOCK - 1) / BLOCK;

	return (FIRST_START + FIRST_PAGES * PAGE_SIZE) / BLOCK - first +
	       (SECOND_START + SECOND_PAGES * PAGE_SIZE) / BLOCK - second;
}

static unsigned int hooked;

static void hook(void)
{
	hooked++;
}

static uint64_t drain(enum pages_view view)
{
	uint64_t address, blocks = 0;
	size_t count;

	while ((address = pages_idle_take(view, 3 * PAGES_IDLE_COUNT, 0, &count))) {
		assert_int_equal(address % BLOCK, 0);
		assert_int_equal(count % PAGES_IDLE_COUNT, 0);
		assert_in_range(count, PAGES_IDLE_COUNT, 3 * PAGES_IDLE_COUNT);
		mark(address, count, 0, 1);
		mark(address, count, 1, 0);
		/* Nobody else gets it meanwhile. */
		assert_true(pages_take(address + BLOCK - PAGE_SIZE, 1) < 0);
		pages_idle_put(address, count);
		blocks += count / PAGES_IDLE_COUNT;
	}
	assert_int_equal(pages_idle_new(view), 0);
	return blocks;
}

static void idle_blocks_are_new_once(void **state)
{
	uint64_t page, large;

	(void)state;
	pages_idle_restart(PAGES_REPORTING);
	pages_idle_restart(PAGES_HINTING);
	assert_int_equal(pages_idle_new(PAGES_REPORTING), idle_blocks());
	assert_int_equal(drain(PAGES_REPORTING), idle_blocks());
	assert_int_equal(drain(PAGES_REPORTING), 0);
	assert_int_equal(pages_available(), FIRST_PAGES + SECOND_PAGES);
	large = pages_alloc(2048, 0); /* they have merged again */
	assert_int_equal(large, 0x40800000);
	pages_free(large, 2048);

	/* What was in use meanwhile is new again, only that, and for each view by itself. */
	assert_int_equal(drain(PAGES_REPORTING), 4);
	assert_int_equal(drain(PAGES_HINTING), idle_blocks());
	pages_set_idle_hook(hook);
	assert_int_equal(pages_take(0x40800000, 1), 0);
	assert_int_equal(pages_idle_new(PAGES_REPORTING), 0);
	pages_free(0x40800000, 1);
	assert_int_equal(hooked, 1);
	assert_int_equal(drain(PAGES_REPORTING), 1);
	assert_int_equal(drain(PAGES_HINTING), 1);
	assert_int_equal(drain(PAGES_HINTING), 0);

	/* A page in a small block makes nothing new. */
	page = pages_alloc(1, 0);
	pages_free(page, 1);
	large = pages_alloc(PAGES_IDLE_COUNT + 1, 0);
	assert_int_not_equal(large, 0);
	pages_free(large, PAGES_IDLE_COUNT + 1);
	assert_int_equal(drain(PAGES_REPORTING), 2);
	assert_int_equal(hooked, 2);

	/* Lent pages are not idle; they are new when they come back. */
	assert_int_equal(pages_lend(frames, FIRST_PAGES + SECOND_PAGES, 0),
			 FIRST_PAGES + SECOND_PAGES);
	pages_idle_restart(PAGES_HINTING);
	assert_int_equal(pages_idle_new(PAGES_HINTING), 0);
	pages_unlend(frames, FIRST_PAGES + SECOND_PAGES);
	assert_int_equal(hooked, 3);
	assert_int_equal(drain(PAGES_REPORTING), idle_blocks());
	pages_set_idle_hook(NULL);
}

static void idle_blocks_leave_a_reserve(void **state)
{
	size_t count;
	uint64_t address, all = FIRST_PAGES + SECOND_PAGES;

	(void)state;
	pages_idle_restart(PAGES_HINTING);
	assert_int_equal(pages_idle_take(PAGES_HINTING, 1 << 18, all, &count), 0);
	assert_int_equal(
		pages_idle_take(PAGES_HINTING, 1 << 18, all - PAGES_IDLE_COUNT + 1, &count), 0);
	assert_int_equal(pages_idle_take(PAGES_HINTING, PAGES_IDLE_COUNT - 1, 0, &count), 0);
	assert_int_equal(pages_idle_new(PAGES_HINTING), idle_blocks());
	address = pages_idle_take(PAGES_HINTING, 1 << 18, all - PAGES_IDLE_COUNT, &count);
	assert_int_not_equal(address, 0);
	assert_int_equal(count, PAGES_IDLE_COUNT);
	pages_idle_put(address, count);
}

/* -- Reclaim */

static unsigned int asked, gives, lent_now;
static size_t asked_count;
static uint64_t asked_limit;

static bool give_back(size_t count, uint64_t limit)
{
	asked++;
	asked_count = count;
	asked_limit = limit;
	if (asked > gives)
		return false;
	pages_unlend(frames + --lent_now, 1);
	return true;
}

static void somebody_is_asked_before_it_fails(void **state)
{
	uint64_t all = FIRST_PAGES + SECOND_PAGES, page;

	(void)state;
	lent_now = (unsigned int)pages_lend(frames, all, 0);
	assert_int_equal(lent_now, all);
	pages_set_reclaim(give_back);
	gives = 1;
	page = pages_alloc(1, 0);
	assert_int_equal(page, (uint64_t)frames[all - 1] * PAGE_SIZE);
	assert_int_equal(asked, 1);
	assert_int_equal(asked_count, 1);
	assert_int_equal(asked_limit, 0);
	asked = gives = 0;
	assert_int_equal(pages_alloc(3, 0x3fffffff), 0);
	assert_int_equal(asked, 1);
	assert_int_equal(asked_count, 3);
	assert_int_equal(asked_limit, 0x3fffffff);
	asked = 0;
	gives = 1000;
	/* As often as it takes. */
	page = pages_alloc(4, 0);
	assert_int_not_equal(page, 0);
	assert_in_range(asked, 4, 10);
	/* Not where nobody may sleep. */
	asked = 0;
	{
		uint64_t flags = interrupts_save();

		assert_int_equal(pages_alloc(1 << 10, 0), 0);
		interrupts_restore(flags);
	}
	assert_int_equal(asked, 0);
	pages_set_reclaim(NULL);
	assert_int_equal(pages_alloc(1 << 10, 0), 0);
	assert_int_equal(asked, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_free_at_first),
		cmocka_unit_test(every_page_once),
		cmocka_unit_test(blocks_are_aligned_and_merge_again),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(chosen_pages_can_be_taken),
		cmocka_unit_test(the_longest_run_is_found),
		cmocka_unit_test(random_use),
		cmocka_unit_test(lent_pages_are_known_and_come_back),
		cmocka_unit_test(idle_blocks_are_new_once),
		cmocka_unit_test(idle_blocks_leave_a_reserve),
		cmocka_unit_test(somebody_is_asked_before_it_fails),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
