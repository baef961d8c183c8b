/* SPDX-License-Identifier: BSD-2-Clause */
/* What iperf3's client says in JSON, as it does and as it should not; and what we answer. */
#include "net/services/iperf3/json.h"
#include "net/services/iperf3/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In memory of exactly its length, so that the sanitizer sees a byte too far. */
static const char *read_parameters(const char *text, struct iperf3_parameters *parameters)
{
	size_t length = strlen(text);
	char *copy = malloc(length ? length : 1);
	const char *wrong;

	assert_non_null(copy);
	memcpy(copy, text, length);
	wrong = iperf3_read_parameters(copy, length, parameters);
	free(copy);
	return wrong;
}

static void takes_what_the_client_of_debian_12_says(void **state)
{
	struct iperf3_parameters parameters;

	(void)state;
	assert_null(read_parameters(
		"{\"tcp\":true,\"omit\":2,\"time\":10,\"num\":0,\"blockcount\":0,\"parallel\":4,"
		"\"reverse\":true,\"len\":131072,\"pacing_timer\":1000,\"client_version\":\"3.12\"}",
		&parameters));
	assert_false(parameters.udp);
	assert_true(parameters.to_client);
	assert_false(parameters.to_server);
	assert_int_equal(parameters.streams, 4);
	assert_int_equal(parameters.block, 131072);
	assert_int_equal(parameters.seconds, 10);
	assert_int_equal(parameters.omit, 2);
	assert_int_equal(parameters.bytes, 0);
	assert_null(read_parameters("{\"udp\":true,\"num\":1.5e+12,\"bidirectional\":1,"
				    "\"bandwidth\":1048576,\"burst\":7,\"len\":1448,"
				    "\"udp_counters_64bit\":1,\"extra\":{\"len\":[1,{\"num\":7}]}}",
				    &parameters));
	assert_true(parameters.udp && parameters.to_client && parameters.to_server);
	assert_true(parameters.counters_64bit);
	assert_int_equal(parameters.streams, 1);
	assert_int_equal(parameters.block, 1448);
	assert_int_equal(parameters.bytes, 1500000000000);
	assert_int_equal(parameters.rate, 1048576);
	assert_int_equal(parameters.burst, 7);
	assert_null(read_parameters(" { \"tcp\" : true } \n", &parameters));
	assert_int_equal(parameters.block, 131072);
}

static void refuses_what_cannot_be_done(void **state)
{
	static const struct {
		const char *text, *wrong;
	} cases[] = {
		{"{}", "neither"},
		{"{\"tcp\":true,\"udp\":true}", "neither"},
		{"{\"sctp\":true}", "SCTP"},
		{"{\"tcp\":true,\"authtoken\":\"x\"}", "user names"},
		{"{\"tcp\":true,\"parallel\":0}", "parallel"},
		{"{\"tcp\":true,\"parallel\":129}", "parallel"},
		{"{\"tcp\":true,\"parallel\":\"4\"}", "parallel"},
		{"{\"tcp\":true,\"parallel\":-4}", "parallel"},
		{"{\"tcp\":true,\"parallel\":0.9}", "parallel"},
		{"{\"tcp\":true,\"len\":1048577}", "len"},
		{"{\"tcp\":true,\"len\":1e300}", "len"},
		{"{\"udp\":true,\"len\":15}", "len"},
		{"{\"udp\":true,\"len\":65508}", "len"},
		{"{\"tcp\":true,\"num\":99999999999999999999999}", "num"},
		{"{\"tcp\":true,\"time\":86401}", "time"},
		{"{\"tcp\":true,\"omit\":601}", "omit"},
		{"{\"tcp\":true,\"reverse\":true,\"bidirectional\":true}", "reverse"},
		{"{\"tcp\":true,\"reverse\":\"yes\"}", "reverse"},
		{"[]", "no object"},
		{"7", "no object"},
	};
	struct iperf3_parameters parameters;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *wrong = read_parameters(cases[i].text, &parameters);

		if (!wrong || !strstr(wrong, cases[i].wrong))
			fail_msg("%s: %s", cases[i].text, wrong ? wrong : "was taken");
	}
}

static void refuses_what_is_not_json(void **state)
{
	static const char *const cases[] = {
		"",
		" ",
		"{",
		"{\"tcp\":true",
		"{\"tcp\":true,}",
		"{\"tcp\":true \"time\":1}",
		"{\"tcp\" true}",
		"{tcp:true}",
		"{\"tcp\":True}",
		"{\"tcp\":tru",
		"{\"tcp\":true}}",
		"{\"tcp\":true} x",
		"{\"tcp\":true]",
		"{\"tcp\":true,\"a\":[1,]}",
		"{\"tcp\":true,\"a\":[1 2]}",
		"{\"tcp\":true,\"a\":[}",
		"{\"tcp\":true,\"a\":\"\\x\"}",
		"{\"tcp\":true,\"a\":\"\\u00g0\"}",
		"{\"tcp\":true,\"a\":\"\n\"}",
		"{\"tcp\":true,\"a\":\"",
		"{\"tcp\":true,\"a\":01}",
		"{\"tcp\":true,\"a\":1.}",
		"{\"tcp\":true,\"a\":.5}",
		"{\"tcp\":true,\"a\":1e}",
		"{\"tcp\":true,\"a\":-}",
		"{\"tcp\":true,\"a\":1.2.3}",
		"{\"tcp\":true,\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}",
	};
	struct iperf3_parameters parameters;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!read_parameters(cases[i], &parameters))
			fail_msg("%s was taken", cases[i]);
}

static void reads_numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t number;
	} cases[] = {
		{"0", 0},
		{"-7", 7},
		{"0.5", 0},
		{"1e3", 1000},
		{"1.2345e3", 1234},
		{"123456e-3", 123},
		{"0.00012e6", 120},
		{"1E+2", 100},
		{"999999999999999999", 999999999999999999},
		{"1234567890123456789", 1234567890123456780}, /* eighteen digits are kept */
		{"1e999999999999", UINT64_MAX},
		{"1e-999999999999", 0},
		{"0e999", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_reader reader = json_read(cases[i].text, strlen(cases[i].text));
		struct json_value value;

		assert_true(json_next(&reader, &value));
		assert_int_equal(value.kind, JSON_NUMBER);
		assert_int_equal(value.number, cases[i].number);
		assert_int_equal(value.negative, cases[i].text[0] == '-');
		assert_false(json_next(&reader, &value));
		assert_null(reader.wrong);
	}
}

static const char *read_results(const char *text, struct iperf3_result *results, unsigned int room,
				unsigned int *count)
{
	return iperf3_read_results(text, strlen(text), results, room, count);
}

static void reads_the_clients_results(void **state)
{
	struct iperf3_result results[2];
	unsigned int count;

	(void)state;
	assert_null(
		read_results("{\"cpu_util_total\":1.5,\"sender_has_retransmits\":1,\"streams\":["
			     "{\"id\":1,\"bytes\":5,\"retransmits\":0,\"jitter\":0,\"packets\":2},"
			     "{\"packets\":3,\"id\":3,\"bytes\":70000000000}],\"bytes\":9}",
			     results, 2, &count));
	assert_int_equal(count, 2);
	assert_int_equal(results[0].id, 1);
	assert_int_equal(results[0].bytes, 5);
	assert_int_equal(results[0].packets, 2);
	assert_int_equal(results[1].id, 3);
	assert_int_equal(results[1].bytes, 70000000000);
	assert_int_equal(results[1].packets, 3);
	assert_null(read_results("{\"streams\":[1,[{\"id\":4}]]}", results, 2, &count));
	assert_int_equal(count, 0);
	assert_non_null(read_results("{\"streams\":[{\"id\":1},{\"id\":3},{\"id\":4}]}", results, 2,
				     &count));
	assert_non_null(read_results("{\"streams\":[{\"bytes\":1}]}", results, 2, &count));
	assert_non_null(read_results("{\"streams\":[{\"id\":1}", results, 2, &count));
	assert_non_null(read_results("{\"streams\":[{\"id\":-1}]}", results, 2, &count));
}

static void what_is_written_can_be_read(void **state)
{
	const struct iperf3_result most = {
		.id = 257,
		.bytes = UINT64_MAX,
		.packets = UINT64_MAX,
		.lost = UINT64_MAX,
		.jitter = UINT64_MAX,
		.end = UINT64_MAX,
		.omitted_packets = UINT64_MAX,
		.omitted_lost = UINT64_MAX,
		.sent_again = INT64_MAX,
	};
	struct iperf3_result results[3] = {
		most, most, {.id = 1, .bytes = 7, .jitter = 1500000, .sent_again = -1}};
	struct iperf3_result back[3];
	size_t size = iperf3_results_size(3), length;
	char *text = malloc(size);
	unsigned int count;

	(void)state;
	assert_non_null(text);
	length = iperf3_write_results(text, size, results, 3);
	assert_true(length < size - 1);
	assert_non_null(strstr(text, "\"bytes\":7,\"retransmits\":-1,\"jitter\":0.001500000,"));
	assert_non_null(strstr(text, "\"retransmits\":9223372036854775807,"));
	assert_non_null(strstr(text, "\"sender_has_retransmits\":1,"));
	assert_null(iperf3_read_results(text, length, back, 3, &count));
	assert_int_equal(count, 3);
	assert_int_equal(back[1].id, 257);
	length = iperf3_write_results(text, size, results + 2, 1);
	assert_non_null(strstr(text, "\"sender_has_retransmits\":0,"));
	assert_null(iperf3_read_results(text, length, back, 3, &count));
	assert_int_equal(count, 1);
	assert_int_equal(back[0].bytes, 7);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_the_client_of_debian_12_says),
		cmocka_unit_test(refuses_what_cannot_be_done),
		cmocka_unit_test(refuses_what_is_not_json),
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(reads_the_clients_results),
		cmocka_unit_test(what_is_written_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
