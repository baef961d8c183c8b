/* SPDX-License-Identifier: BSD-2-Clause */
/* What `ip=` takes, and what it does not. */
#include "net/lwip/address_option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void takes_the_words(void **state)
{
	struct address_option option;

	(void)state;
	assert_true(address_option_parse("dhcp", &option));
	assert_int_equal(option.method, ADDRESS_DHCP);
	assert_true(address_option_parse("off", &option));
	assert_int_equal(option.method, ADDRESS_OFF);
}

static void takes_an_address(void **state)
{
	struct address_option option;

	(void)state;
	assert_true(address_option_parse("192.168.7.20/24", &option));
	assert_int_equal(option.method, ADDRESS_STATIC);
	assert_int_equal(option.address, 0xc0a80714);
	assert_int_equal(option.netmask, 0xffffff00);
	assert_int_equal(option.gateway, 0);
	assert_true(address_option_parse("10.0.0.1/8,10.255.0.1", &option));
	assert_int_equal(option.netmask, 0xff000000);
	assert_int_equal(option.gateway, 0x0aff0001);
	assert_true(address_option_parse("1.2.3.4/32", &option));
	assert_int_equal(option.netmask, 0xffffffff);
	assert_true(address_option_parse("1.2.3.4/1", &option));
	assert_int_equal(option.netmask, 0x80000000);
}

static void refuses_the_rest_and_leaves_the_option_alone(void **state)
{
	static const char *const wrong[] = {
		"",
		"DHCP",
		"dhcp ",
		"on",
		"1.2.3.4",
		"1.2.3.4/",
		"1.2.3.4/0",
		"1.2.3.4/33",
		"1.2.3/24",
		"1.2.3.4.5/24",
		"1.2.3.256/24",
		"1.2.3.0256/24",
		"1.2..4/24",
		".1.2.3.4/24",
		"1.2.3.4/24,",
		"1.2.3.4/24,5.6.7",
		"1.2.3.4/24,5.6.7.8,",
		"1.2.3.4/24 ",
		"-1.2.3.4/24",
		"0.0.0.0/24",
		"127.0.0.1/8",
		"224.0.0.1/4",
		"255.255.255.255/32",
		"1.2.3.4/24,0.0.0.0",
		"4294967297.2.3.4/24",
		"1.2.3.4/4294967320",
	};
	struct address_option option = {.method = ADDRESS_OFF, .address = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (address_option_parse(wrong[i], &option))
			fail_msg("\"%s\" was taken", wrong[i]);
	assert_int_equal(option.method, ADDRESS_OFF);
	assert_int_equal(option.address, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_words),
		cmocka_unit_test(takes_an_address),
		cmocka_unit_test(refuses_the_rest_and_leaves_the_option_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
