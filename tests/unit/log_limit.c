/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines that a device can make us say without end are limited, and counted. */
#include "kernel/console/log_limit.h"
#include "kernel/time/clock.h"
#include "tests/device/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

static unsigned int allowed_of(struct log_limit *limit, unsigned int count)
{
	unsigned int allowed = 0;

	while (count--)
		allowed += log_limit_allows(limit, "test", "it");
	return allowed;
}

static void test_few_are_said(void **state)
{
	struct log_limit limit = {0};

	(void)state;
	host_reset();
	host_log_clear();
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(allowed_of(&limit, LOG_LIMIT_LINES), LOG_LIMIT_LINES);
		host_clock_advance(LOG_LIMIT_SECONDS * NANOSECONDS_PER_SECOND);
	}
	assert_false(host_log_has("left out"));
}

static void test_many_are_counted(void **state)
{
	struct log_limit limit = {0};

	(void)state;
	host_reset();
	host_log_clear();
	assert_int_equal(allowed_of(&limit, 1000), LOG_LIMIT_LINES);
	host_clock_advance(LOG_LIMIT_SECONDS * NANOSECONDS_PER_SECOND / 2);
	assert_int_equal(allowed_of(&limit, 1), 0);
	assert_false(host_log_has("left out"));
	host_clock_advance(LOG_LIMIT_SECONDS * NANOSECONDS_PER_SECOND / 2);
	assert_int_equal(allowed_of(&limit, 1), 1);
	assert_true(host_log_has("it: 991 more lines like this were left out"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_are_said),
		cmocka_unit_test(test_many_are_counted),
	};

	return cmocka_run_group_tests_name("log_limit", tests, NULL, NULL);
}
