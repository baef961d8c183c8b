/* SPDX-License-Identifier: BSD-2-Clause */
/* When attempts to bring a device back are made, and when not. */
#include "drivers/recovery.h"

#include "kernel/time/clock.h"
#include "tests/device/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>

static struct recovery device;
static unsigned int attempts, given_up;
static int result;
static bool breaks_again;

static int attempt(struct recovery *recovery)
{
	attempts++;
	recovery_begin(recovery);
	if (breaks_again)
		assert_true(recovery_break(recovery, "broke in its attempt"));
	return result;
}

static void give_up(struct recovery *recovery)
{
	assert_ptr_equal(recovery, &device);
	given_up++;
}

/* There is one, since what is looked after lives for ever; it is as new for each test. */
static int set_up(void **state)
{
	static const struct recovery_operations operations = {attempt, give_up};
	static bool added;
	struct recovery *next = device.next;

	(void)state;
	host_reset();
	device = (struct recovery){
		.operations = &operations, .place = "00:03.0", .name = "test", .next = next};
	attempts = given_up = 0;
	result = 0;
	breaks_again = false;
	if (!added)
		recovery_add(&device);
	added = true;
	return 0;
}

static void test_recovered(void **state)
{
	(void)state;
	assert_int_equal(recovery_run(), UINT64_MAX);
	assert_true(recovery_break(&device, "does not answer"));
	assert_false(recovery_break(&device, "another reason"));
	recovery_wake(&device);
	assert_int_equal(recovery_run(), UINT64_MAX);
	assert_int_equal(attempts, 1);
	assert_int_equal(device.recoveries, 1);
	assert_false(device.broken);
	assert_string_equal(device.reason, "does not answer");
}

/* Whoever noticed still looks at what an attempt takes away. */
static void test_not_before_it_is_left(void **state)
{
	(void)state;
	assert_true(recovery_break(&device, "does not answer"));
	assert_int_equal(recovery_run(), UINT64_MAX);
	assert_int_equal(attempts, 0);
	recovery_wake(&device);
	(void)recovery_run();
	assert_int_equal(attempts, 1);
}

/* The same in an attempt, whatever becomes of that. */
static void test_broken_in_an_attempt(void **state)
{
	(void)state;
	for (int error = 0; error >= -EIO; error -= EIO) {
		set_up(NULL);
		breaks_again = true;
		result = error;
		assert_true(recovery_break(&device, "does not answer"));
		recovery_wake(&device);
		(void)recovery_run();
		assert_int_equal(attempts, 1);
		host_clock_advance(NANOSECONDS_PER_SECOND);
		(void)recovery_run();
		assert_int_equal(attempts, 1);
		assert_string_equal(device.failure, "broke in its attempt");

		breaks_again = false;
		result = 0;
		recovery_wake(&device);
		(void)recovery_run();
		host_clock_advance(NANOSECONDS_PER_SECOND);
		(void)recovery_run();
		assert_int_equal(attempts, 2);
		assert_false(device.broken);
	}
}

static void test_given_up(void **state)
{
	(void)state;
	result = -EIO;
	assert_true(recovery_break(&device, "does not answer"));
	recovery_wake(&device);
	for (unsigned int i = 0; i < 100; i++) {
		(void)recovery_run();
		host_clock_advance(NANOSECONDS_PER_SECOND);
	}
	assert_int_equal(attempts, RECOVERY_ATTEMPTS);
	assert_int_equal(given_up, 1);
	assert_true(device.given_up);
	assert_true(host_log_has("given up, it does not answer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_recovered, set_up),
		cmocka_unit_test_setup(test_not_before_it_is_left, set_up),
		cmocka_unit_test_setup(test_broken_in_an_attempt, set_up),
		cmocka_unit_test_setup(test_given_up, set_up),
	};

	return cmocka_run_group_tests_name("recovery", tests, NULL, NULL);
}
