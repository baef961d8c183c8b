/* SPDX-License-Identifier: BSD-2-Clause */
/* What a benchmark makes of its samples. */
#include "kernel/bench/statistics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROOM 1000u

static struct samples make(uint64_t count, size_t room, uint64_t (*value)(uint64_t number))
{
	struct samples samples;

	samples_init(&samples, calloc(room, sizeof(uint64_t)), room);
	assert_non_null(samples.values);
	for (uint64_t i = 0; i < count; i++)
		samples_add(&samples, value(i));
	return samples;
}

static uint64_t up(uint64_t number)
{
	return number + 1;
}

static uint64_t down(uint64_t number)
{
	return ROOM - number;
}

static uint64_t largest(uint64_t number)
{
	return UINT64_MAX - number;
}

static void quantiles_are_by_nearest_rank(void **state)
{
	struct samples samples = make(ROOM, ROOM, down);

	(void)state;
	samples_sort(&samples);
	/* 1 to 1000: the value is the rank. */
	assert_int_equal(samples_quantile(&samples, 500), 500);
	assert_int_equal(samples_quantile(&samples, 900), 900);
	assert_int_equal(samples_quantile(&samples, 990), 990);
	assert_int_equal(samples_quantile(&samples, 999), 999);
	assert_int_equal(samples_quantile(&samples, 1000), 1000);
	assert_int_equal(samples_quantile(&samples, 0), 1);
	free(samples.values);
}

static void few_samples_have_quantiles(void **state)
{
	struct samples samples = make(3, 4, up);

	(void)state;
	samples_sort(&samples);
	assert_int_equal(samples_quantile(&samples, 333), 1);
	assert_int_equal(samples_quantile(&samples, 334), 2);
	assert_int_equal(samples_quantile(&samples, 500), 2);
	assert_int_equal(samples_quantile(&samples, 667), 3);
	assert_int_equal(samples_quantile(&samples, 999), 3);
	free(samples.values);

	samples = make(1, 2, up);
	samples_sort(&samples);
	assert_int_equal(samples_quantile(&samples, 0), 1);
	assert_int_equal(samples_quantile(&samples, 999), 1);
	free(samples.values);
}

static void none_has_none(void **state)
{
	struct samples samples = make(0, 2, up);

	(void)state;
	samples_sort(&samples);
	assert_int_equal(samples_quantile(&samples, 500), 0);
	free(samples.values);
}

static void large_values_are_in_order(void **state)
{
	struct samples samples = make(4, 4, largest);

	(void)state;
	samples_sort(&samples);
	assert_true(samples_quantile(&samples, 1000) == UINT64_MAX);
	assert_true(samples_quantile(&samples, 250) == UINT64_MAX - 3);
	free(samples.values);
}

/* The sanitizer sees a write behind the room. */
static void a_full_room_keeps_every_second(void **state)
{
	struct samples samples = make(9, 8, up);

	(void)state;
	assert_int_equal(samples.seen, 9);
	assert_int_equal(samples.count, 5);
	for (size_t i = 0; i < samples.count; i++)
		assert_int_equal(samples.values[i], 2 * i + 1);
	free(samples.values);

	/* However many: equally far apart, from the first on. */
	for (uint64_t count = 1; count < 300; count++) {
		samples = make(count, 8, up);
		assert_int_equal(samples.seen, count);
		assert_int_equal(samples.count, (count + samples.stride - 1) / samples.stride);
		for (size_t i = 0; i < samples.count; i++)
			assert_int_equal(samples.values[i], i * samples.stride + 1);
		free(samples.values);
	}
}

static void quantiles_of_many_are_near(void **state)
{
	struct samples samples = make(100000, ROOM, up);

	(void)state;
	samples_sort(&samples);
	assert_in_range(samples_quantile(&samples, 500), 49000, 51000);
	assert_in_range(samples_quantile(&samples, 990), 98000, 100000);
	free(samples.values);
}

static void thousandths_are_rounded(void **state)
{
	(void)state;
	assert_int_equal(thousandths_of(1, 1), 1000);
	assert_int_equal(thousandths_of(1, 32), 31);
	assert_int_equal(thousandths_of(2, 3), 667);
	assert_int_equal(thousandths_of(0, 5), 0);
	assert_int_equal(thousandths_of(5, 0), 0);
	assert_true(thousandths_of(UINT64_MAX, 1000) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_by_nearest_rank),
		cmocka_unit_test(few_samples_have_quantiles),
		cmocka_unit_test(none_has_none),
		cmocka_unit_test(large_values_are_in_order),
		cmocka_unit_test(a_full_room_keeps_every_second),
		cmocka_unit_test(quantiles_of_many_are_near),
		cmocka_unit_test(thousandths_are_rounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
