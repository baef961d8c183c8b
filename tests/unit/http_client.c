/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The HTTP client and the way to the sink, with connections that are scripts: each question is checked
 * against what it must contain, and gets its answer; then the connection does what the script says.
 */
#include "net/netboot/http.c"
#include "net/netboot/transfer.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct step {
	const char *expect; /* a text that the request has; "!" before one that it has not */
	const char *answer;
	int end; /* 0: closed; or an error; STAYS: nothing more comes */
};
#define STAYS 1

static const struct step *steps;
static unsigned int step_count, step_now, opened, kept_count;

struct connection {
	bool was_kept;
	char question[REQUEST_MAX];
};

static struct connection only;
static bool is_kept;

int connection_open(struct connection **connection, struct transfer *transfer,
		    const struct url *url, uint16_t port, bool secure)
{
	(void)transfer;
	(void)url;
	(void)port;
	(void)secure;
	only.was_kept = is_kept;
	if (!is_kept)
		opened++;
	is_kept = false;
	*connection = &only;
	return 0;
}

bool connection_was_kept(const struct connection *connection)
{
	return connection->was_kept;
}

int connection_send(struct connection *connection, struct transfer *transfer, const void *bytes,
		    size_t length)
{
	(void)transfer;
	assert_true(length < sizeof(connection->question));
	memcpy(connection->question, bytes, length);
	connection->question[length] = '\0';
	return 0;
}

int connection_receive(struct connection *connection, struct transfer *transfer, stream_input take,
		       void *context)
{
	const struct step *step = &steps[step_now++];
	const char *answer;

	(void)transfer;
	assert_true(step_now <= step_count);
	if (step->expect[0] == '!') {
		if (strstr(connection->question, step->expect + 1))
			fail_msg("question %u has %s", step_now, step->expect + 1);
	} else if (!strstr(connection->question, step->expect)) {
		fail_msg("question %u has no %s:\n%s", step_now, step->expect,
			 connection->question);
	}
	answer = step->answer;
	/* In pieces of three bytes. */
	for (size_t left = strlen(answer); left;) {
		size_t part = left < 3 ? left : 3;
		int result = take(context, (const uint8_t *)answer, part);

		if (result)
			return result;
		answer += part;
		left -= part;
	}
	return step->end == STAYS ? -ETIMEDOUT : step->end;
}

void connection_close(struct connection *connection, bool whole)
{
	if (!connection)
		return;
	is_kept = whole;
	kept_count += whole;
}

void progress_begin(struct progress *progress, uint64_t now)
{
	(void)progress;
	(void)now;
}

void progress_show(struct progress *progress, uint64_t bytes, uint64_t size)
{
	(void)progress;
	(void)bytes;
	(void)size;
}

void progress_end(struct progress *progress)
{
	(void)progress;
}

static uint64_t copied;

void transfer_count_copied(size_t length)
{
	copied += length;
}

/* -- The sink */
static char got[256];
static size_t got_length;
static uint64_t got_size;
static unsigned int restarts;
static int refuse;

static int sink_size(struct transfer_sink *sink, uint64_t size)
{
	(void)sink;
	got_size = size;
	return 0;
}

static int sink_write(struct transfer_sink *sink, const void *bytes, size_t length)
{
	(void)sink;
	if (refuse)
		return refuse;
	assert_true(got_length + length < sizeof(got));
	memcpy(got + got_length, bytes, length);
	got_length += length;
	got[got_length] = '\0';
	return 0;
}

static int sink_restart(struct transfer_sink *sink)
{
	(void)sink;
	restarts++;
	got_length = 0;
	got[0] = '\0';
	return 0;
}

static const char *sink_message(struct transfer_sink *sink)
{
	(void)sink;
	return "the sink is full";
}

static struct transfer transfer;
static struct transfer_sink sink = {
	.size = sink_size,
	.write = sink_write,
	.restart = sink_restart,
	.message = sink_message,
	.copies = true,
};

static int fetch(const char *url, const struct step *script, unsigned int count)
{
	int status;

	steps = script;
	step_count = count;
	step_now = opened = kept_count = restarts = 0;
	is_kept = false;
	got_length = 0;
	got[0] = '\0';
	got_size = copied = 0;
	transfer.url = url;
	transfer.sink = &sink;
	status = transfer_run(&transfer);
	if (status)
		assert_true(strlen(transfer.error) > 0);
	else
		assert_string_equal(transfer.error, "");
	return status;
}

#define FETCH(url, script) fetch(url, script, sizeof(script) / sizeof((script)[0]))
#define OK "HTTP/1.1 200 OK\r\n"
#define ETAG "ETag: \"v1\"\r\n"

static void gets_a_file(void **state)
{
	static const struct step script[] = {
		{"GET /a/b?c HTTP/1.1\r\nHost: server.test:8080\r\nUser-Agent: Ringside/",
		 OK "Content-Length: 5\r\n\r\nhello", STAYS},
	};

	(void)state;
	assert_int_equal(FETCH("http://server.test:8080/a/b?c", script), 0);
	assert_string_equal(got, "hello");
	assert_int_equal(got_size, 5);
	assert_int_equal(transfer.bytes, 5);
	assert_int_equal(copied, 5);
	assert_int_equal(kept_count, 1);
	assert_string_equal(transfer.final_url, "http://server.test:8080/a/b?c");
}

static void says_who_it_is(void **state)
{
	static const struct step script[] = {
		{"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n", /* RFC 7617, 2 */
		 "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", STAYS},
	};
	static const struct step nobody[] = {
		{"!Authorization", OK "Content-Length: 0\r\n\r\n", STAYS},
	};

	(void)state;
	assert_int_equal(FETCH("http://Aladdin:open%20sesame@a/", script), -EACCES);
	assert_string_equal(transfer.error, "http://a/: the server says 401 Unauthorized");
	assert_int_equal(FETCH("http://a/", nobody), 0);
}

static void goes_on_where_it_broke(void **state)
{
	static const struct step script[] = {
		{"!Range", OK ETAG "Content-Length: 10\r\n\r\n0123", -ECONNRESET},
		{"Range: bytes=4-\r\nIf-Range: \"v1\"\r\n",
		 "HTTP/1.1 206 Partial\r\nContent-Range: bytes 4-9/10\r\n" ETAG
		 "Content-Length: 6\r\n\r\n45",
		 0},
		{"Range: bytes=6-\r\n",
		 "HTTP/1.1 206 Partial\r\nContent-Range: bytes 6-9/10\r\n" ETAG
		 "Content-Length: 4\r\n\r\n6789",
		 STAYS},
	};

	(void)state;
	assert_int_equal(FETCH("http://a/f", script), 0);
	assert_string_equal(got, "0123456789");
	assert_int_equal(transfer.resumed, 2);
	assert_int_equal(restarts, 0);
	assert_int_equal(opened, 3);
}

static void a_date_is_as_good_as_a_tag(void **state)
{
	static const struct step script[] = {
		{"!Range",
		 OK "ETag: W/\"v1\"\r\nLast-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\n"
		    "Content-Length: 4\r\n\r\n01",
		 0},
		{"If-Range: Sat, 01 Jan 2022 00:00:00 GMT\r\n",
		 "HTTP/1.1 206 Partial\r\nContent-Range: bytes 2-3/4\r\nContent-Length: 2\r\n\r\n23",
		 STAYS},
	};

	(void)state;
	assert_int_equal(FETCH("http://a/f", script), 0);
	assert_string_equal(got, "0123");
}

static void a_file_that_changed_comes_whole(void **state)
{
	static const struct step script[] = {
		{"!Range", OK ETAG "Content-Length: 10\r\n\r\n0123", 0},
		{"If-Range: \"v1\"", OK "ETag: \"v2\"\r\nContent-Length: 6\r\n\r\nabc", 0},
		{"Range: bytes=3-\r\nIf-Range: \"v2\"",
		 "HTTP/1.1 206 Partial\r\nContent-Range: bytes 3-5/6\r\nContent-Length: 3\r\n\r\ndef",
		 STAYS},
	};

	(void)state;
	assert_int_equal(FETCH("http://a/f", script), 0);
	assert_string_equal(got, "abcdef");
	assert_int_equal(got_size, 6);
	assert_int_equal(restarts, 1);
}

static void a_file_that_shrank_comes_whole(void **state)
{
	static const struct step script[] = {
		{"!Range", OK ETAG "Content-Length: 10\r\n\r\n01234", 0},
		{"Range: bytes=5-", "HTTP/1.1 416 Range\r\nContent-Length: 0\r\n\r\n", STAYS},
		{"!Range", OK "Content-Length: 3\r\n\r\nabc", STAYS},
	};

	(void)state;
	assert_int_equal(FETCH("http://a/f", script), 0);
	assert_string_equal(got, "abc");
}

static void without_ranges_it_begins_again(void **state)
{
	static const struct step script[] = {
		{"!Range", OK "Content-Length: 6\r\n\r\n012", -ECONNRESET},
		{"!Range", OK "Content-Length: 6\r\n\r\n01", 0},
		{"!Range", OK "Content-Length: 6\r\n\r\n012345", STAYS},
	};

	(void)state;
	assert_int_equal(FETCH("http://a/f", script), 0);
	assert_string_equal(got, "012345");
	assert_int_equal(restarts, 2);
}

static void gives_up_when_it_gets_no_further(void **state)
{
	static const struct step script[] = {
		{"", OK "Content-Length: 6\r\n\r\n012", 0},
		{"", OK "Content-Length: 6\r\n\r\n012", 0},
		{"", OK "Content-Length: 6\r\n\r\n012", 0},
		{"", OK "Content-Length: 6\r\n\r\n012", 0},
	};
	static const struct step silent[] = {{"", OK "Content-Length: 6\r\n\r\n012", STAYS}};
	static const struct step mute[] = {{"", "", STAYS}};
	static const struct step shut[] = {{"", "", 0}, {"", "", 0}, {"", "", 0}};

	(void)state;
	assert_int_equal(FETCH("http://a/f", script), -EPROTO);
	assert_string_equal(transfer.error, "http://a/f: the connection ended in the middle of the "
					    "answer, at byte 3, again and again");
	assert_int_equal(step_now, 3);
	assert_int_equal(FETCH("http://a/f", silent), -ETIMEDOUT);
	assert_string_equal(transfer.error, "http://a/f: the server has said nothing for 20 s");
	assert_int_equal(FETCH("http://a/f", mute), -ETIMEDOUT);
	assert_int_equal(FETCH("http://a/f", shut), -EPROTO);
	assert_string_equal(transfer.error,
			    "http://a/f: the server closed the connection without an answer");
}

static void a_wrong_part_is_refused(void **state)
{
	static const struct step another[] = {
		{"", OK ETAG "Content-Length: 6\r\n\r\n012", 0},
		{"",
		 "HTTP/1.1 206 P\r\nContent-Range: bytes 2-5/6\r\nContent-Length: 4\r\n\r\n2345",
		 STAYS},
	};
	static const struct step unasked[] = {
		{"",
		 "HTTP/1.1 206 P\r\nContent-Range: bytes 0-5/6\r\nContent-Length: 6\r\n\r\n012345",
		 STAYS},
	};
	static const struct step longer[] = {
		{"", OK ETAG "Content-Length: 6\r\n\r\n012", 0},
		{"",
		 "HTTP/1.1 206 P\r\nContent-Range: bytes 3-9/10\r\nContent-Length: 7\r\n\r\n3456789",
		 STAYS},
	};
	static const struct step shorter[] = {
		{"", OK ETAG "Content-Length: 6\r\n\r\n012", 0},
		{"", "HTTP/1.1 206 P\r\nContent-Range: bytes 3-3/4\r\nContent-Length: 1\r\n\r\n3",
		 STAYS},
	};

	(void)state;
	assert_int_equal(FETCH("http://a/f", another), -EPROTO);
	assert_int_equal(FETCH("http://a/f", unasked), -EPROTO);
	assert_int_equal(FETCH("http://a/f", longer), -EBADMSG);
	assert_string_equal(transfer.error,
			    "http://a/f: more came than the 6 bytes that were announced");
	assert_int_equal(FETCH("http://a/f", shorter), -EBADMSG);
	assert_string_equal(transfer.error, "http://a/f: 4 bytes came, 6 were announced");
}

static void follows_redirects(void **state)
{
	static const struct step script[] = {
		{"GET /a/b HTTP/1.1\r\nHost: a\r\n",
		 "HTTP/1.1 301 Moved\r\nLocation: ../c\r\nContent-Length: 3\r\n\r\nxyz", STAYS},
		{"GET /c HTTP/1.1\r\nHost: a\r\n",
		 "HTTP/1.1 308 Moved\r\nLocation: //b:81/d\r\nConnection: close\r\n\r\nbody", 0},
		{"GET /d HTTP/1.1\r\nHost: b:81\r\n",
		 "HTTP/1.1 302 Found\r\nLocation: /e?f#g\r\nContent-Length: 0\r\n\r\n", STAYS},
		{"GET /e?f HTTP/1.1\r\nHost: b:81\r\n", OK "Content-Length: 2\r\n\r\nok", STAYS},
	};

	(void)state;
	assert_int_equal(FETCH("http://a/a/b", script), 0);
	assert_string_equal(got, "ok");
	assert_string_equal(transfer.final_url, "http://b:81/e?f");
	assert_int_equal(opened, 2); /* the second was closed; the script gives one for any host */
}

static void redirects_end(void **state)
{
	static const struct step circle[] = {
		{"GET /1 ", "HTTP/1.1 302 F\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n", STAYS},
		{"GET /2 ", "HTTP/1.1 302 F\r\nLocation: /1\r\nContent-Length: 0\r\n\r\n", STAYS},
	};
	static const struct step nowhere[] = {
		{"", "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", STAYS},
	};
	static const struct step wrong[] = {
		{"", "HTTP/1.1 302 F\r\nLocation: http://a:x/\r\nContent-Length: 0\r\n\r\n", STAYS},
	};
	static const struct step other[] = {
		{"", "HTTP/1.1 302 F\r\nLocation: tftp://a/\r\nContent-Length: 0\r\n\r\n", STAYS},
	};
	static const struct step down[] = {
		{"", "HTTP/1.1 302 F\r\nLocation: http://a/\r\nContent-Length: 0\r\n\r\n", STAYS},
	};
	static struct step many[REDIRECTS_MAX + 1];
	static char answers[REDIRECTS_MAX + 1][80];

	(void)state;
	assert_int_equal(FETCH("http://a/1", circle), -ELOOP);
	assert_string_equal(transfer.error, "http://a/1: redirects in a circle: http://a/1 again");
	assert_int_equal(FETCH("http://a/", nowhere), -EPROTO);
	assert_int_equal(FETCH("http://a/", wrong), -EPROTO);
	assert_int_equal(FETCH("http://a/", other), -EPROTO);
	assert_int_equal(FETCH("https://a/", down), -EPROTO);
	for (unsigned int i = 0; i <= REDIRECTS_MAX; i++) {
		snprintf(answers[i], sizeof(answers[i]),
			 "HTTP/1.1 302 F\r\nLocation: /%u\r\nContent-Length: 0\r\n\r\n", i);
		many[i] = (struct step){"", answers[i], STAYS};
	}
	assert_int_equal(FETCH("http://a/", many), -ELOOP);
	assert_string_equal(transfer.error, "http://a/: more than 10 redirects, the last to /10");
}

static void says_what_the_server_says(void **state)
{
	static const struct step missing[] = {
		{"", "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nsorry", STAYS}};
	static const struct step broken_server[] = {
		{"", "HTTP/1.1 503 Come back later\r\n\r\n", STAYS}};
	static const struct step not_http[] = {{"", "SSH-2.0-x\r\n", STAYS}};
	static const struct step packed[] = {
		{"", OK "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx", STAYS}};

	(void)state;
	assert_int_equal(FETCH("http://u:secret@a/f", missing), -ENOENT);
	assert_string_equal(transfer.error, "http://a/f: the server says 404 Not Found");
	assert_string_equal(got, "");
	assert_int_equal(FETCH("http://a/f", broken_server), -EPROTO);
	assert_string_equal(transfer.error, "http://a/f: the server says 503 Come back later");
	assert_int_equal(FETCH("http://a/f", not_http), -EPROTO);
	assert_string_equal(transfer.error, "http://a/f: the answer is not HTTP/1");
	assert_int_equal(FETCH("http://a/f", packed), -EPROTO);
}

/* A connection that was kept may have been closed meanwhile: that is no failure, and not counted. */
static void a_stale_connection_is_replaced(void **state)
{
	static const struct step script[] = {
		{"GET /1 ", "HTTP/1.1 302 F\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n", STAYS},
		{"GET /2 ", "", -ECONNRESET},
		{"GET /2 ", OK "Content-Length: 2\r\n\r\nok", STAYS},
	};

	(void)state;
	assert_int_equal(FETCH("http://a/1", script), 0);
	assert_int_equal(opened, 2);
	assert_int_equal(transfer.resumed, 0);
}

static void surplus_closes_the_connection(void **state)
{
	static const struct step script[] = {{"", OK "Content-Length: 2\r\n\r\nokHTTP", STAYS}};

	(void)state;
	assert_int_equal(FETCH("http://a/f", script), 0);
	assert_string_equal(got, "ok");
	assert_int_equal(kept_count, 0);
}

static void a_sink_can_end_it(void **state)
{
	static const struct step script[] = {{"", OK "Content-Length: 2\r\n\r\nok", STAYS}};

	(void)state;
	refuse = -ENOSPC;
	assert_int_equal(FETCH("http://a/f", script), -ENOSPC);
	refuse = 0;
	assert_string_equal(transfer.error, "http://a/f: the sink is full");
}

/* FIPS 180-4's examples, over a connection that breaks. */
static void the_sum_is_of_the_whole_file(void **state)
{
	static const uint8_t abc[SHA256_SIZE] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
						 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
						 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
						 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	static const uint8_t long_one[SHA256_SIZE] = {0x24, 0x8d, 0x6a, 0x61, 0xd2, 0x06, 0x38,
						      0xb8, 0xe5, 0xc0, 0x26, 0x93, 0x0c, 0x3e,
						      0x60, 0x39, 0xa3, 0x3c, 0xe4, 0x59, 0x64,
						      0xff, 0x21, 0x67, 0xf6, 0xec, 0xed, 0xd4,
						      0x19, 0xdb, 0x06, 0xc1};
	static const struct step script[] = {
		{"", OK "Content-Length: 3\r\n\r\nxy", 0},
		{"", OK "Content-Length: 3\r\n\r\nabc", STAYS},
	};
	static const struct step second[] = {
		{"",
		 OK "Transfer-Encoding: chunked\r\n\r\n"
		    "8\r\nabcdbcde\r\n30\r\ncdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq\r\n"
		    "0\r\n\r\n",
		 STAYS},
	};
	static const struct step empty[] = {{"", OK "Content-Length: 0\r\n\r\n", STAYS}};
	uint8_t sum[SHA256_SIZE];

	(void)state;
	transfer.sha256 = abc;
	transfer.sum = sum;
	assert_int_equal(FETCH("http://a/f", script), 0);
	assert_memory_equal(sum, abc, sizeof(sum));
	transfer.sha256 = long_one;
	assert_int_equal(FETCH("http://a/f", second), 0);
	assert_int_equal(FETCH("http://a/f", empty), -EBADMSG);
	assert_string_equal(
		transfer.error,
		"http://a/f: its sha256 is e3b0c44298fc1c14..., not 248d6a61d20638b8...");
	transfer.sha256 = NULL;
	transfer.sum = NULL;
}

static void what_is_no_url_is_said(void **state)
{
	static char long_url[TRANSFER_URL_MAX + 1];

	(void)state;
	assert_int_equal(fetch("vmlinuz", NULL, 0), -EINVAL);
	assert_string_equal(transfer.error, "vmlinuz: not a URL: no scheme, as in http://");
	assert_int_equal(fetch("gopher://a/b", NULL, 0), -EINVAL);
	assert_string_equal(transfer.error, "gopher://a/b: gopher is not a scheme that is known");
	memset(long_url, 'a', TRANSFER_URL_MAX);
	assert_int_equal(fetch(long_url, NULL, 0), -EINVAL);
}

static void progress_is_told(void **state)
{
	char line[PROGRESS_LINE_MAX];

	(void)state;
	progress_line(line, 12500000, 64000000, 190200000);
	assert_string_equal(line, "12.5 of 64.0 MB, 190.2 MB/s, 1 s left");
	progress_line(line, 12500000, 0, 1000000);
	assert_string_equal(line, "12.5 MB, 1.0 MB/s");
	progress_line(line, 1000000, 1000000000, 1000000);
	assert_string_equal(line, "1.0 of 1000.0 MB, 1.0 MB/s, 16 min left");
	progress_line(line, 0, UINT64_MAX, 0);
	progress_line(line, UINT64_MAX, UINT64_MAX, UINT64_MAX);
	assert_int_equal(progress_rate(1000, 0), 0);
	assert_int_equal(progress_rate(UINT64_MAX, 1000000000000), 18446744073709551);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gets_a_file),
		cmocka_unit_test(says_who_it_is),
		cmocka_unit_test(goes_on_where_it_broke),
		cmocka_unit_test(a_date_is_as_good_as_a_tag),
		cmocka_unit_test(a_file_that_changed_comes_whole),
		cmocka_unit_test(a_file_that_shrank_comes_whole),
		cmocka_unit_test(without_ranges_it_begins_again),
		cmocka_unit_test(gives_up_when_it_gets_no_further),
		cmocka_unit_test(a_wrong_part_is_refused),
		cmocka_unit_test(follows_redirects),
		cmocka_unit_test(redirects_end),
		cmocka_unit_test(says_what_the_server_says),
		cmocka_unit_test(a_stale_connection_is_replaced),
		cmocka_unit_test(surplus_closes_the_connection),
		cmocka_unit_test(a_sink_can_end_it),
		cmocka_unit_test(the_sum_is_of_the_whole_file),
		cmocka_unit_test(what_is_no_url_is_said),
		cmocka_unit_test(progress_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
