/* SPDX-License-Identifier: BSD-2-Clause */
/* The parser of HTTP responses: each as a whole, byte by byte, and cut at each place in two. */
#include "net/netboot/http_response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct outcome {
	struct http_response response;
	enum http_event event; /* the last: MORE, END or BAD */
	unsigned int heads;
	char body[256];
	size_t body_length;
	size_t taken;
};

/* In memory of exactly its length, so that the sanitizer sees a byte too far. */
static void feed(struct outcome *outcome, const char *text, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);
	const uint8_t *next = copy;
	bool over = false;

	assert_non_null(copy);
	memcpy(copy, text, length);
	while (!over) {
		struct http_body body;
		size_t used;

		outcome->event =
			http_response_input(&outcome->response, next, length, &used, &body);
		assert_true(used <= length);
		next += used;
		length -= used;
		outcome->taken += used;
		switch (outcome->event) {
		case HTTP_HEAD:
			outcome->heads++;
			break;
		case HTTP_BODY:
			assert_true(body.length &&
				    body.length <= sizeof(outcome->body) - outcome->body_length);
			memcpy(outcome->body + outcome->body_length, body.bytes, body.length);
			outcome->body_length += body.length;
			break;
		default:
			over = true;
		}
	}
	free(copy);
}

static void begin(struct outcome *outcome)
{
	memset(outcome, 0x5a, sizeof(*outcome));
	http_response_begin(&outcome->response);
	outcome->heads = 0;
	outcome->body_length = outcome->taken = 0;
	outcome->event = HTTP_MORE;
}

static void parse(struct outcome *outcome, const char *text)
{
	begin(outcome);
	feed(outcome, text, strlen(text));
}

/* All ways to cut it give the same. */
static void parse_every_way(struct outcome *outcome, const char *text)
{
	size_t length = strlen(text);
	struct outcome cut;

	parse(outcome, text);
	for (size_t at = 0; at <= length; at++) {
		begin(&cut);
		feed(&cut, text, at);
		if (cut.event == HTTP_MORE)
			feed(&cut, text + at, length - at);
		assert_int_equal(cut.event, outcome->event);
		assert_int_equal(cut.heads, outcome->heads);
		assert_int_equal(cut.body_length, outcome->body_length);
		assert_memory_equal(cut.body, outcome->body, cut.body_length);
	}
	begin(&cut);
	for (size_t i = 0; i < length && cut.event == HTTP_MORE; i++)
		feed(&cut, text + i, 1);
	if (outcome->event != HTTP_BAD) /* which may be seen earlier */
		assert_int_equal(cut.taken, outcome->taken);
	assert_int_equal(cut.event, outcome->event);
	assert_int_equal(cut.body_length, outcome->body_length);
}

static void assert_body(const struct outcome *outcome, const char *text)
{
	assert_int_equal(outcome->body_length, strlen(text));
	assert_memory_equal(outcome->body, text, strlen(text));
}

static void a_body_of_known_length(void **state)
{
	static const char text[] =
		"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length:  5 \r\n"
		"ETag: \"abc\"\r\nLast-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\n"
		"\r\nhelloHTTP/1.1";
	struct outcome outcome;

	(void)state;
	parse_every_way(&outcome, text);
	assert_int_equal(outcome.event, HTTP_END);
	assert_int_equal(outcome.heads, 1);
	assert_int_equal(outcome.taken, strlen(text) - strlen("HTTP/1.1"));
	assert_body(&outcome, "hello");
	assert_int_equal(outcome.response.status, 200);
	assert_string_equal(outcome.response.reason, "OK");
	assert_string_equal(outcome.response.etag, "\"abc\"");
	assert_string_equal(outcome.response.last_modified, "Sat, 01 Jan 2022 00:00:00 GMT");
	assert_true(outcome.response.keep_alive);
}

static void a_body_in_chunks(void **state)
{
	struct outcome outcome;

	(void)state;
	parse_every_way(&outcome, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n"
				  "5\r\nhello\r\n00a;x=\"y\"\r\n0123456789\r\n1 \r\n!\r\n"
				  "0\r\nTrailer: x\r\n\r\nnext");
	assert_int_equal(outcome.event, HTTP_END);
	assert_body(&outcome, "hello0123456789!");
	assert_true(outcome.response.keep_alive);
	assert_false(outcome.response.has_length);
}

static void a_body_up_to_the_end(void **state)
{
	struct outcome outcome;

	(void)state;
	parse_every_way(&outcome, "HTTP/1.0 200 OK\r\n\r\nhello");
	assert_int_equal(outcome.event, HTTP_MORE);
	assert_body(&outcome, "hello");
	assert_false(outcome.response.keep_alive);
	assert_int_equal(http_response_closed(&outcome.response), HTTP_END);
}

static void no_body(void **state)
{
	struct outcome outcome;

	(void)state;
	parse_every_way(&outcome, "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n");
	assert_int_equal(outcome.event, HTTP_END);
	assert_int_equal(outcome.body_length, 0);
	parse_every_way(&outcome, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(outcome.event, HTTP_END);
	assert_string_equal(outcome.response.reason, "");
}

static void interim_responses_are_skipped(void **state)
{
	struct outcome outcome;

	(void)state;
	parse_every_way(&outcome,
			"HTTP/1.1 100 Continue\r\nETag: \"x\"\r\n\r\nHTTP/1.1 103 Early\r\n"
			"Link: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	assert_int_equal(outcome.event, HTTP_END);
	assert_int_equal(outcome.heads, 1);
	assert_body(&outcome, "ok");
	assert_string_equal(outcome.response.etag, "");
	parse(&outcome, "HTTP/1.1 101 Switching\r\n\r\n");
	assert_int_equal(outcome.event, HTTP_BAD);
}

static void ranges(void **state)
{
	static const char *const wrong[] = {"bytes 5-4/10", "bytes 5-10/10", "bytes -4/10",
					    "bytes 1-4",    "lines 1-4/10",  "bytes 1-x/10",
					    "bytes 1-4/x"};
	struct outcome outcome;
	char text[160];

	(void)state;
	parse_every_way(&outcome, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\n"
				  "Content-Length: 5\r\n\r\n56789");
	assert_int_equal(outcome.event, HTTP_END);
	assert_true(outcome.response.has_range);
	assert_int_equal(outcome.response.range_first, 5);
	assert_true(outcome.response.has_range_total);
	assert_int_equal(outcome.response.range_total, 10);
	parse(&outcome, "HTTP/1.1 206 x\r\nContent-Range: bytes 5-9/*\r\n\r\n");
	assert_true(outcome.response.has_range);
	assert_false(outcome.response.has_range_total);
	parse(&outcome, "HTTP/1.1 416 x\r\nContent-Range: bytes */10\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(outcome.event, HTTP_END);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "HTTP/1.1 206 x\r\nContent-Range: %s\r\n\r\n",
			 wrong[i]);
		parse(&outcome, text);
		if (outcome.event != HTTP_BAD)
			fail_msg("%s was taken", wrong[i]);
	}
}

static void a_weak_tag_is_none(void **state)
{
	struct outcome outcome;

	(void)state;
	parse(&outcome, "HTTP/1.1 200 OK\r\nETag: W/\"abc\"\r\nContent-Encoding: gzip\r\n"
			"Location: /x\r\nConnection: foo, Close\r\n\r\n");
	assert_string_equal(outcome.response.etag, "");
	assert_true(outcome.response.encoded);
	assert_string_equal(outcome.response.location, "/x");
	assert_false(outcome.response.keep_alive);
}

static void refuses_what_is_not_http(void **state)
{
	static const char *const wrong[] = {
		"hello\n",
		"\n",
		"HTTP/1.1\n",
		"HTTP/2 200 OK\n",
		"HTTP/1.1 2000 OK\n",
		"HTTP/1.1 20 OK\n",
		"HTTP/1.1 600 OK\n",
		"HTTP/1.1  200 OK\n",
		"http/1.1 200 OK\n",
		"HTTP/1.1 200 OK\nno colon\n",
		"HTTP/1.1 200 OK\n: no name\n",
		"HTTP/1.1 200 OK\nname : value\n",
		"HTTP/1.1 200 OK\nA: b\n folded\n",
		"HTTP/1.1 200 OK\nContent-Length: -1\n",
		"HTTP/1.1 200 OK\nContent-Length: 1 2\n",
		"HTTP/1.1 200 OK\nContent-Length:\n",
		"HTTP/1.1 200 OK\nContent-Length: 18446744073709551616\n",
		"HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2\n",
		"HTTP/1.1 200 OK\nTransfer-Encoding: gzip\n",
		"HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n\n",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nx\n",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n-1\n",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5x\n",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nfffffffffffffffff\n",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\nab\n",
	};
	struct outcome outcome;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		parse_every_way(&outcome, wrong[i]);
		if (outcome.event != HTTP_BAD)
			fail_msg("\"%s\" was taken", wrong[i]);
		assert_non_null(outcome.response.wrong);
		/* And stays bad. */
		feed(&outcome, "HTTP/1.1 200 OK\r\n\r\n", 19);
		assert_int_equal(outcome.event, HTTP_BAD);
	}
	begin(&outcome);
	feed(&outcome, "HTTP/1.1 200 O\0K\n", 17);
	assert_int_equal(outcome.event, HTTP_BAD);
}

static void an_endless_head_ends(void **state)
{
	struct outcome outcome;
	char line[HTTP_LINE_MAX + 1];
	size_t sent = 0;

	(void)state;
	parse(&outcome, "HTTP/1.1 200 OK\r\n");
	while (outcome.event == HTTP_MORE && sent < 2 * HTTP_HEAD_MAX) {
		feed(&outcome, "Name: value\r\n", 13);
		sent += 13;
	}
	assert_int_equal(outcome.event, HTTP_BAD);
	assert_true(sent <= HTTP_HEAD_MAX + 13);
	/* A line without end, and interim responses without end. */
	memset(line, 'a', sizeof(line));
	begin(&outcome);
	feed(&outcome, line, HTTP_LINE_MAX - 1);
	assert_int_equal(outcome.event, HTTP_MORE);
	feed(&outcome, line, 1);
	assert_int_equal(outcome.event, HTTP_BAD);
	begin(&outcome);
	for (sent = 0; outcome.event == HTTP_MORE && sent < 2 * HTTP_HEAD_MAX; sent += 16)
		feed(&outcome, "HTTP/1.1 100 a\n\n", 16);
	assert_int_equal(outcome.event, HTTP_BAD);
	/* Trailers without end. */
	parse(&outcome, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\n");
	for (sent = 0; outcome.event == HTTP_MORE && sent < 2 * HTTP_HEAD_MAX; sent += 5)
		feed(&outcome, "a: b\n", 5);
	assert_int_equal(outcome.event, HTTP_BAD);
}

static void an_early_end_is_seen(void **state)
{
	static const char *const cut[] = {
		"",
		"HTTP/1.1 200",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
	};
	struct outcome outcome;

	(void)state;
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		parse(&outcome, cut[i]);
		assert_int_equal(outcome.event, HTTP_MORE);
		assert_int_equal(http_response_closed(&outcome.response), HTTP_BAD);
		assert_non_null(outcome.response.wrong);
	}
}

static void a_reason_is_printable(void **state)
{
	struct outcome outcome;
	char text[300];

	(void)state;
	parse(&outcome, "HTTP/1.1 404 Not\x1b[2J\xffound\r\n\r\n");
	assert_string_equal(outcome.response.reason, "Not?[2J?ound");
	memset(text, 'a', sizeof(text));
	memcpy(text, "HTTP/1.1 404 ", 13);
	memcpy(text + sizeof(text) - 3, "\n\n", 3);
	parse(&outcome, text);
	assert_int_equal(strlen(outcome.response.reason), HTTP_REASON_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_of_known_length),
		cmocka_unit_test(a_body_in_chunks),
		cmocka_unit_test(a_body_up_to_the_end),
		cmocka_unit_test(no_body),
		cmocka_unit_test(interim_responses_are_skipped),
		cmocka_unit_test(ranges),
		cmocka_unit_test(a_weak_tag_is_none),
		cmocka_unit_test(refuses_what_is_not_http),
		cmocka_unit_test(an_endless_head_ends),
		cmocka_unit_test(an_early_end_is_seen),
		cmocka_unit_test(a_reason_is_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
