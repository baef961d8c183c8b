/* SPDX-License-Identifier: BSD-2-Clause */
/* The parser of HTTP requests, with what browsers send and what they should not. */
#include "net/http/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In memory of exactly its length, so that the sanitizer sees a byte too far. */
static int parse(const char *text, size_t length, struct http_request *request)
{
	char *copy = malloc(length ? length : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, text, length);
	result = http_request_parse(copy, length, request);
	free(copy);
	return result;
}

static int parse_text(const char *text, struct http_request *request)
{
	return parse(text, strlen(text), request);
}

static void takes_what_a_browser_sends(void **state)
{
	static const char text[] = "GET /status.json?x=1 HTTP/1.1\r\nHost: localhost:8080\r\n"
				   "Accept: */*\r\nConnection: keep-alive\r\n\r\n";
	struct http_request request;

	(void)state;
	assert_int_equal(parse(text, strlen(text), &request), strlen(text));
	assert_int_equal(request.method, HTTP_GET);
	assert_string_equal(request.path, "/status.json");
	assert_true(request.keep_alive);
	assert_false(request.has_body);
}

static void wants_more_until_all_is_there(void **state)
{
	static const char text[] = "\r\nHEAD / HTTP/1.0\nHost: a\n\nrest";
	struct http_request request;
	size_t whole = strlen(text) - strlen("rest");

	(void)state;
	for (size_t length = 0; length < whole; length++)
		assert_int_equal(parse(text, length, &request), 0);
	assert_int_equal(parse(text, strlen(text), &request), whole);
	assert_int_equal(request.method, HTTP_HEAD);
	assert_false(request.keep_alive);
}

static void knows_when_the_connection_ends(void **state)
{
	static const struct {
		const char *text;
		bool keep_alive;
	} cases[] = {
		{"GET / HTTP/1.1\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nconnection:close\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nConnection: foo , CLOSE \r\n\r\n", false},
		{"GET / HTTP/1.0\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
	};
	struct http_request request;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(parse(cases[i].text, strlen(cases[i].text), &request) > 0);
		assert_int_equal(request.keep_alive, cases[i].keep_alive);
	}
}

static void notices_a_body(void **state)
{
	struct http_request request;

	(void)state;
	assert_true(parse_text("GET / HTTP/1.1\nContent-Length: 0\n\n", &request) > 0);
	assert_false(request.has_body);
	assert_true(parse_text("GET / HTTP/1.1\nContent-Length: 5\n\nhello", &request) > 0);
	assert_true(request.has_body);
	assert_true(parse_text("POST / HTTP/1.1\nTransfer-Encoding: x\n\n", &request) > 0);
	assert_true(request.has_body);
	assert_int_equal(request.method, HTTP_OTHER);
}

static void takes_the_absolute_form(void **state)
{
	struct http_request request;

	(void)state;
	assert_true(parse_text("GET http://a/b?c HTTP/1.1\n\n", &request) > 0);
	assert_string_equal(request.path, "/b");
	assert_true(parse_text("GET http://a HTTP/1.1\n\n", &request) > 0);
	assert_string_equal(request.path, "/");
}

static void refuses_what_is_not_http(void **state)
{
	static const char *const wrong[] = {
		"hello\n",
		"GET /\n",
		"GET / HTTP/2.0\n",
		"GET / HTTP/1.1 \n",
		"GET  / HTTP/1.1\n",
		" GET / HTTP/1.1\n",
		"GET / HTTP/1.x\n",
		"GET / HTTP/1.1\nno colon\n",
		"GET / HTTP/1.1\n: no name\n",
	};
	struct http_request request;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (parse(wrong[i], strlen(wrong[i]), &request) != -1)
			fail_msg("\"%s\" was taken", wrong[i]);
}

static void a_strange_path_is_no_path(void **state)
{
	char text[400];
	struct http_request request;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	memcpy(text + sizeof(text) - 11, " HTTP/1.1\n\n", 11);
	assert_true(parse(text, sizeof(text), &request) > 0);
	assert_string_equal(request.path, "");
	assert_true(parse("GET /\0/x HTTP/1.1\n\n", 19, &request) > 0);
	assert_string_equal(request.path, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_a_browser_sends),
		cmocka_unit_test(wants_more_until_all_is_there),
		cmocka_unit_test(knows_when_the_connection_ends),
		cmocka_unit_test(notices_a_body),
		cmocka_unit_test(takes_the_absolute_form),
		cmocka_unit_test(refuses_what_is_not_http),
		cmocka_unit_test(a_strange_path_is_no_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
