/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel command line. */
#include "kernel/options/options.h"

#include "tests/device/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool colour_check(const char *value)
{
	return option_one_of(value, "red|green");
}
OPTION(colour, "test.colour", "red|green", "for these tests", colour_check);
OPTION(number, "test.number", "NUMBER", "for these tests", NULL);

static void the_last_good_value_wins(void **state)
{
	(void)state;
	options_parse("test.colour=red test.number=1 test.colour=green test.number=0x20");
	assert_string_equal(option_get("test.colour", "none"), "green");
	assert_int_equal(option_number("test.number", 0, 100, 7), 0x20);
	assert_string_equal(option_get("test.absent", "none"), "none");
	host_log_clear();
	options_parse("test.colour=red test.colour=blue");
	assert_string_equal(option_get("test.colour", "none"), "red");
	assert_true(host_log_has("test.colour=blue: expected red|green"));
}

static void numbers_are_checked(void **state)
{
	uint64_t value;

	(void)state;
	assert_true(option_parse_number("0", &value) && value == 0);
	assert_true(option_parse_number("0xFf", &value) && value == 255);
	assert_false(option_parse_number("", &value));
	assert_false(option_parse_number("-1", &value));
	assert_false(option_parse_number(" 1", &value));
	assert_false(option_parse_number("1k", &value));
	assert_false(option_parse_number("0x", &value));
	host_log_clear();
	options_parse("test.number=101");
	assert_int_equal(option_number("test.number", 0, 100, 7), 7);
	assert_true(host_log_has("expected a number from 0 to 100"));
}

static void unknown_words_are_named_and_linux_words_pass(void **state)
{
	(void)state;
	host_log_clear();
	options_parse(
		"BOOT_IMAGE=/vmlinuz root=/dev/vda rw earlyprintk=ttyS0 reboot=k pci=off noapic "
		"i8042.noaux i8042.nomux acpi=off");
	assert_int_equal(host_log_count(), 0);
	options_parse("tset.number=3 i8043.noaux");
	assert_int_equal(host_log_count(), 2);
	assert_true(host_log_has("unknown word \"tset.number\""));
	assert_true(host_log_has("unknown word \"i8043.noaux\""));
}

static bool any_check(const char *value)
{
	return option_one_of(value, "ours|theirs");
}
OPTION(panic, "panic", "ours|theirs", "for these tests", any_check);
OPTION(ip, "ip", "ours|theirs", "for these tests", any_check);

static void values_of_linux_are_as_if_not_there(void **state)
{
	static const char *const malformed[] = {"panic=",    "panic=-",	 "panic=--1", "panic=1s",
						"panic=0x1", "panic=+1", "ip=",	      "ip=1.2.3.4"};

	(void)state;
	host_log_clear();
	options_parse(
		"panic=1 ip=10.0.0.2::10.0.0.1:255.255.255.0::eth0:off panic=-1 ip=:::::eth0");
	assert_int_equal(host_log_count(), 0);
	assert_string_equal(option_get("panic", "default"), "default");
	assert_string_equal(option_get("ip", "default"), "default");
	options_parse("panic=ours ip=ours panic=10 ip=::::::dhcp");
	assert_int_equal(host_log_count(), 0);
	assert_string_equal(option_get("panic", "default"), "ours");
	assert_string_equal(option_get("ip", "default"), "ours");
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		host_log_clear();
		options_parse(malformed[i]);
		if (host_log_count() != 1)
			fail_msg("\"%s\" passes", malformed[i]);
	}
	/* Only for the keys that are Linux's too. */
	host_log_clear();
	options_parse("test.colour=1 test.colour=a:b");
	assert_int_equal(host_log_count(), 2);
}

static void quotes_and_spaces(void **state)
{
	(void)state;
	options_parse("  test.number=\"a b\"\t\"test.colour=red\"  ");
	assert_string_equal(option_get("test.number", ""), "a b");
	assert_string_equal(options_line(), "test.number=\"a b\"\t\"test.colour=red\"  ");
	assert_string_equal(option_get("test.colour", ""), "red");
	options_parse("test.number=\"never closed test.colour=red");
	assert_string_equal(option_get("test.number", ""), "never closed test.colour=red");
}

static void what_follows_two_dashes_is_the_applications(void **state)
{
	char **words;

	(void)state;
	options_parse("test.number=1 -- test.number=2 \"two words\" --");
	assert_int_equal(option_number("test.number", 0, 9, 0), 1);
	assert_int_equal(options_application(&words), 3);
	assert_string_equal(words[0], "test.number=2");
	assert_string_equal(words[1], "two words");
	assert_string_equal(words[2], "--");
	assert_null(words[3]);
}

static bool collect(void *context, const char *value)
{
	strcat(context, value);
	return strlen(context) < 2;
}

static void all_values_can_be_seen(void **state)
{
	char seen[16] = "";

	(void)state;
	options_parse("test.number=1 test.number=2 test.number=3");
	options_each("test.number", collect, seen);
	assert_string_equal(seen, "12");
	assert_true(option_list_has("a,bc,d", "bc"));
	assert_true(option_list_has("a,bc,d", "d"));
	assert_false(option_list_has("a,bc,d", "b"));
	assert_false(option_list_has("", "a"));
	assert_false(option_one_of("", "a|b"));
}

static void long_lines(void **state)
{
	char *line = malloc(10000);
	char **words;

	(void)state;
	memset(line, 'x', 9999);
	line[9999] = '\0';
	options_parse(line);
	for (unsigned int i = 0; i < 9999; i += 2)
		line[i] = ' ';
	options_parse(line);
	memcpy(line, "-- ", 3);
	options_parse(line);
	assert_true(options_application(&words) <= 256);
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_good_value_wins),
		cmocka_unit_test(numbers_are_checked),
		cmocka_unit_test(unknown_words_are_named_and_linux_words_pass),
		cmocka_unit_test(values_of_linux_are_as_if_not_there),
		cmocka_unit_test(quotes_and_spaces),
		cmocka_unit_test(what_follows_two_dashes_is_the_applications),
		cmocka_unit_test(all_values_can_be_seen),
		cmocka_unit_test(long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
