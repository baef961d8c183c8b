/* SPDX-License-Identifier: BSD-2-Clause */
/* URLs: what they are taken apart into, what references mean (RFC 3986, 5.4), what is refused. */
#include "net/netboot/url.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void takes_urls_apart(void **state)
{
	static const struct {
		const char *text, *scheme, *host;
		uint16_t port;
		const char *user, *path;
		bool ipv6;
	} cases[] = {
		{"http://10.0.2.2/vmlinuz", "http", "10.0.2.2", 0, "", "/vmlinuz", false},
		{"HTTP://Server.test:8080", "http", "Server.test", 8080, "", "/", false},
		{"http://a?x=1", "http", "a", 0, "", "/?x=1", false},
		{"https://user:pa%40ss@a/b?c=d#e", "https", "a", 0, "user:pa@ss", "/b?c=d", false},
		{"tftp://[fd77::1]:69/a/b", "tftp", "fd77::1", 69, "", "/a/b", true},
		{"http://[fe80::1%25eth0]/a", "http", "fe80::1%eth0", 0, "", "/a", true},
		{"http://[fe80::1%eth0]/a", "http", "fe80::1%eth0", 0, "", "/a", true},
		{"http://a:/b", "http", "a", 0, "", "/b", false},
		{"module:0", "module", "", 0, "", "0", false},
		{"module:1@0x200+4096", "module", "", 0, "", "1@0x200+4096", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct url url;
		const char *why;

		assert_int_equal(url_parse(&url, cases[i].text, &why), 0);
		assert_string_equal(url.scheme, cases[i].scheme);
		assert_string_equal(url.host, cases[i].host);
		assert_int_equal(url.port, cases[i].port);
		assert_string_equal(url.user, cases[i].user);
		assert_string_equal(url.path, cases[i].path);
		assert_int_equal(url.ipv6_literal, cases[i].ipv6);
	}
}

static void refuses_what_is_no_url(void **state)
{
	static const char *const wrong[] = {
		"",
		"vmlinuz",
		"/vmlinuz",
		"http:",
		"http:/a",
		"http://",
		"http:///a",
		"http://a b/",
		"http://a/b c",
		"http://[::1/a",
		"http://[::1]x/a",
		"http://a:0/",
		"http://a:65536/",
		"http://a:1x/",
		"http://a\"b/",
		"1http://a/",
		"http://a:99999999999/",
		"http://a\n/",
		"://a/",
		"http://u%00@a/",
	};
	struct url url;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (url_parse(&url, wrong[i], &why) != -EINVAL)
			fail_msg("\"%s\" was taken", wrong[i]);
		assert_non_null(why);
	}
}

static void too_long_parts_are_refused(void **state)
{
	static char text[URL_PATH_MAX + 64];
	struct url url;
	const char *why;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "http://", 7);
	assert_int_equal(url_parse(&url, text, &why), -EINVAL);
	text[10] = '/';
	assert_int_equal(url_parse(&url, text, &why), -EINVAL);
	text[10 + URL_PATH_MAX] = '\0';
	assert_int_equal(url_parse(&url, text, &why), -EINVAL);
	text[10 + URL_PATH_MAX - 1] = '\0';
	assert_int_equal(url_parse(&url, text, &why), 0);
	assert_int_equal(strlen(url.path), URL_PATH_MAX - 1);
}

/* RFC 3986, 5.4: all of its examples but those with fragments, which are not sent. */
static void resolves_references_as_the_rfc_does(void **state)
{
	static const struct {
		const char *reference, *target;
	} cases[] = {
		{"g:h", "g:h"},
		{"g", "http://a/b/c/g"},
		{"./g", "http://a/b/c/g"},
		{"g/", "http://a/b/c/g/"},
		{"/g", "http://a/g"},
		{"//g", "http://g"},
		{"?y", "http://a/b/c/d;p?y"},
		{"g?y", "http://a/b/c/g?y"},
		{"", "http://a/b/c/d;p?q"},
		{";x", "http://a/b/c/;x"},
		{"g;x", "http://a/b/c/g;x"},
		{".", "http://a/b/c/"},
		{"./", "http://a/b/c/"},
		{"..", "http://a/b/"},
		{"../", "http://a/b/"},
		{"../g", "http://a/b/g"},
		{"../..", "http://a/"},
		{"../../", "http://a/"},
		{"../../g", "http://a/g"},
		{"../../../g", "http://a/g"},
		{"../../../../g", "http://a/g"},
		{"/./g", "http://a/g"},
		{"/../g", "http://a/g"},
		{"g.", "http://a/b/c/g."},
		{".g", "http://a/b/c/.g"},
		{"g..", "http://a/b/c/g.."},
		{"..g", "http://a/b/c/..g"},
		{"./../g", "http://a/b/g"},
		{"./g/.", "http://a/b/c/g/"},
		{"g/./h", "http://a/b/c/g/h"},
		{"g/../h", "http://a/b/c/h"},
		{"g;x=1/./y", "http://a/b/c/g;x=1/y"},
		{"g;x=1/../y", "http://a/b/c/y"},
		{"g?y/./x", "http://a/b/c/g?y/./x"},
		{"g?y/../x", "http://a/b/c/g?y/../x"},
		{"g#s", "http://a/b/c/g"},
		{"https://b/x/../y?z", "https://b/y?z"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char result[64];

		assert_int_equal(url_resolve(result, sizeof(result), "http://a/b/c/d;p?q",
					     cases[i].reference),
				 0);
		assert_string_equal(result, cases[i].target);
	}
}

static void an_authority_stays_with_its_path(void **state)
{
	char result[64];

	(void)state;
	assert_int_equal(url_resolve(result, sizeof(result), "http://u:p@a:81", "x"), 0);
	assert_string_equal(result, "http://u:p@a:81/x");
	assert_int_equal(url_resolve(result, sizeof(result), "tftp://[fd77::1]/d/f", "g"), 0);
	assert_string_equal(result, "tftp://[fd77::1]/d/g");
	assert_int_equal(url_resolve(result, sizeof(result), "no base", "x"), -EINVAL);
	assert_int_equal(url_resolve(result, sizeof(result), "http://a/", "a b"), -EINVAL);
}

/* Every size too small is refused, and nothing is written behind it. */
static void a_result_that_does_not_fit_is_refused(void **state)
{
	static const char target[] = "http://a/b/e?f";

	(void)state;
	for (size_t size = 1; size <= sizeof(target); size++) {
		char *result = malloc(size);
		int status = url_resolve(result, size, "http://a/b/c", "d/../e?f");

		assert_int_equal(status, size < sizeof(target) ? -ENAMETOOLONG : 0);
		free(result);
	}
}

static void decodes_percent_signs(void **state)
{
	char result[16];

	(void)state;
	assert_int_equal(url_decode(result, sizeof(result), "/a%20b%2fc"), 0);
	assert_string_equal(result, "/a b/c");
	assert_int_equal(url_decode(result, sizeof(result), "/100%"), 0);
	assert_string_equal(result, "/100%");
	assert_int_equal(url_decode(result, sizeof(result), "/%zz%4"), 0);
	assert_string_equal(result, "/%zz%4");
	assert_int_equal(url_decode(result, sizeof(result), "/a%00b"), -EINVAL);
	assert_int_equal(url_decode(result, 4, "abc"), 0);
	assert_int_equal(url_decode(result, 3, "abc"), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_urls_apart),
		cmocka_unit_test(refuses_what_is_no_url),
		cmocka_unit_test(too_long_parts_are_refused),
		cmocka_unit_test(resolves_references_as_the_rfc_does),
		cmocka_unit_test(an_authority_stays_with_its_path),
		cmocka_unit_test(a_result_that_does_not_fit_is_refused),
		cmocka_unit_test(decodes_percent_signs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
