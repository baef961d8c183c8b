/* SPDX-License-Identifier: BSD-2-Clause */
/* The printers of facts: what comes out, and that strings from outside cannot break out of it. */
#include "kernel/facts/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OUTPUT_MAX (4u << 20)
#define HOSTILE                                                                                    \
	"<script>alert(\"x\")</script>&'\\\n\t\x1b[31m\x7f\xc0\xaf\xff\xed\xa0\x80\xc2\x9b end"

static char output[OUTPUT_MAX];
static size_t length;
static int refuse_after = -1;

static int collect(void *context, const char *text, size_t count)
{
	assert_ptr_equal(context, &length);
	if (refuse_after == 0)
		return -5;
	if (refuse_after > 0)
		refuse_after--;
	assert_true(length + count < OUTPUT_MAX);
	memcpy(output + length, text, count);
	length += count;
	output[length] = '\0';
	return 0;
}

static void describe(struct facts *facts)
{
	fact_text(facts, "name", "a \"quoted\" & <b>");
	fact_number(facts, "number", UINT64_MAX);
	fact_hex(facts, "id", 0x1af4);
	fact_bytes(facts, "size", 1536);
	fact_nanoseconds(facts, "took", 12345678);
	fact_flag(facts, "link_up", true);
	fact_none(facts, "gateway");
	fact_text(facts, "nothing", NULL);
	fact_object(facts, "inner_part");
	fact_format(facts, "text", "%u-%s", 7, "x");
	fact_end(facts);
	fact_list(facts, "rows");
	for (unsigned int i = 0; i < 2; i++) {
		fact_item(facts);
		fact_number(facts, "index", i);
		if (i)
			fact_text(facts, "extra", "more");
		fact_end(facts);
	}
	fact_end(facts);
	fact_list(facts, "empty");
	fact_end(facts);
	fact_string_list(facts, "words");
	fact_string(facts, "one");
	fact_string(facts, "two");
	fact_end(facts);
}

static void describe_hostile(struct facts *facts)
{
	char *huge = malloc(5000);

	assert_non_null(huge);
	fact_text(facts, HOSTILE, HOSTILE);
	fact_string_list(facts, "strings");
	fact_string(facts, HOSTILE);
	fact_end(facts);
	/* Cut, and not in the middle of a character. */
	memset(huge, 'a', 5000);
	for (size_t i = 1; i + 2 < 5000; i += 2)
		memcpy(huge + i, "\xc3\xa9", 2);
	huge[4999] = '\0';
	fact_text(facts, "huge", huge);
	free(huge);
}

static void describe_deep(struct facts *facts)
{
	for (unsigned int i = 0; i < 100; i++)
		fact_object(facts, "deeper");
	fact_number(facts, "lost", 1);
	for (unsigned int i = 0; i < 100; i++)
		fact_end(facts);
	fact_number(facts, "kept", 2);
}

static void describe_misuse(struct facts *facts)
{
	fact_end(facts);
	fact_item(facts); /* outside of a list */
	fact_number(facts, "lost", 1);
	fact_end(facts);
	fact_list(facts, "list");
	fact_number(facts, "lost", 2); /* not an item */
	fact_end(facts);
	fact_string(facts, "lost");
	fact_number(facts, "kept", 3);
	fact_object(facts, "left_open");
}

static void describe_endless(struct facts *facts)
{
	for (unsigned int i = 0; i < 100000; i++)
		fact_number(facts, "again", i);
}

/* Sections 100 to 105 of the table; a driver's may stand before them. */
FACTS(test_second, "test_second", 101, describe_hostile);
FACTS(test_first, "test_first", 100, describe);
FACTS(test_deep, "test_deep", 102, describe_deep);
FACTS(test_misuse, "test_misuse", 103, describe_misuse);
FACTS(test_endless, "test_endless", 104, describe_endless);

static int reset(void **state)
{
	(void)state;
	length = 0;
	output[0] = '\0';
	refuse_after = -1;
	return 0;
}

static void assert_has(const char *part)
{
	if (!strstr(output, part))
		fail_msg("no \"%s\" in:\n%.4000s", part, output);
}

static void assert_has_not(const char *part)
{
	if (strstr(output, part))
		fail_msg("\"%s\" is in the output", part);
}

static void text_is_for_people(void **state)
{
	(void)state;
	assert_int_equal(facts_print_text(describe, collect, &length), 0);
	assert_string_equal(output, "name: a \"quoted\" & <b>\n"
				    "number: 18446744073709551615\n"
				    "id: 0x1af4\n"
				    "size: 1.5 KiB\n"
				    "took: 12.3 ms\n"
				    "link up: yes\n"
				    "gateway: none\n"
				    "nothing: none\n"
				    "inner part:\n"
				    "  text: 7-x\n"
				    "rows:\n"
				    "- index: 0\n"
				    "- index: 1\n"
				    "  extra: more\n"
				    "empty: none\n"
				    "words:\n"
				    "  one two\n");
}

static void text_shows_no_controls(void **state)
{
	(void)state;
	assert_int_equal(facts_print_text(describe_hostile, collect, &length), 0);
	for (size_t i = 0; i < length; i++)
		assert_true((uint8_t)output[i] >= 0x20 || output[i] == '\n');
	assert_has("\\x1b[31m\\x7f\\xc0\\xaf\\xff\\xed\\xa0\\x80\\u009b end");
	assert_has("not all of it"); /* the huge one was cut */
}

static void units_are_chosen_by_size(void **state)
{
	(void)state;
	assert_int_equal(facts_print_text(NULL, collect, &length), 0);
	assert_has("size: 1.5 KiB");
}

/* Just enough of a JSON parser to know that it is JSON. */
static const char *skip_space(const char *at)
{
	while (*at == ' ' || *at == '\n')
		at++;
	return at;
}

static const char *json_value(const char *at, unsigned int depth);

static const char *json_string(const char *at)
{
	assert_int_equal(*at, '"');
	for (at++; *at != '"'; at++) {
		assert_true((uint8_t)*at >= 0x20);
		if (*at == '\\') {
			at++;
			assert_non_null(strchr("\"\\u", *at));
			if (*at == 'u')
				for (unsigned int i = 0; i < 4; i++)
					assert_non_null(strchr("0123456789abcdef", *++at));
		}
	}
	return at + 1;
}

static const char *json_members(const char *at, char end, unsigned int depth)
{
	at = skip_space(at + 1);
	while (*at != end) {
		if (end == '}') {
			at = skip_space(json_string(at));
			assert_int_equal(*at, ':');
			at = skip_space(at + 1);
		}
		at = skip_space(json_value(at, depth + 1));
		if (*at == ',') {
			at = skip_space(at + 1);
			assert_int_not_equal(*at, end);
		} else {
			assert_int_equal(*at, end);
		}
	}
	return at + 1;
}

static const char *json_value(const char *at, unsigned int depth)
{
	static const char *const words[] = {"true", "false", "null"};
	char *end;

	assert_true(depth < 32);
	if (*at == '{')
		return json_members(at, '}', depth);
	if (*at == '[')
		return json_members(at, ']', depth);
	if (*at == '"')
		return json_string(at);
	for (size_t i = 0; i < 3; i++)
		if (!strncmp(at, words[i], strlen(words[i])))
			return at + strlen(words[i]);
	(void)strtold(at, &end);
	assert_ptr_not_equal(at, end);
	return end;
}

static void json_is_json(void **state)
{
	(void)state;
	assert_int_equal(facts_print_json(collect, &length), 0);
	assert_string_equal(skip_space(json_value(output, 0)), "");
	assert_has("\"test_first\": {");
	assert_has("\"name\": \"a \\\"quoted\\\" & <b>\"");
	assert_has("\"number\": 18446744073709551615");
	assert_has("\"id\": \"0x1af4\"");
	assert_has("\"size\": 1536");
	assert_has("\"took\": 12345678");
	assert_has("\"link_up\": true");
	assert_has("\"gateway\": null");
	assert_has("\"empty\": []");
	assert_has("\\u001b[31m\\u007f\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\xc2\x9b end");
	assert_has("\"incomplete\": true");
}

static void sections_come_in_their_order(void **state)
{
	const char *first, *second;

	(void)state;
	assert_int_equal(facts_print_json(collect, &length), 0);
	first = strstr(output, "test_first");
	second = strstr(output, "test_second");
	assert_non_null(first);
	assert_true(first < second);
}

static void what_does_not_fit_is_left_out(void **state)
{
	(void)state;
	assert_int_equal(facts_print_json(collect, &length), 0);
	assert_has_not("\"lost\"");
	assert_has("\"kept\": 2");
	assert_has("\"kept\": 3");
}

static void html_is_escaped(void **state)
{
	(void)state;
	assert_int_equal(facts_print_html(collect, &length), 0);
	assert_has("a &quot;quoted&quot; &amp; &lt;b&gt;");
	assert_has("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;");
	assert_has_not("<script");
	assert_has_not("\x1b");
	assert_has_not("\xff");
	assert_has("<section id=\"test_first\">");
	assert_has("<h2>Test first</h2>");
	assert_has("<th scope=\"row\">Link up</th><td>yes</td>");
}

static void a_list_becomes_a_table(void **state)
{
	(void)state;
	assert_int_equal(facts_print_html(collect, &length), 0);
	assert_has("<th scope=\"col\" class=\"n\">Index</th><th scope=\"col\">Extra</th>");
	assert_has("<tr><td class=\"n\">0</td><td></td></tr>");
	assert_has("<tr><td class=\"n\">1</td><td>more</td></tr>");
}

/* At a '<': 1, it opens this tag; -1, it closes it; 0, another. */
static int turn_of(const char *at, const char *tag)
{
	size_t end = strlen(tag);
	int turn = at[1] == '/' ? -1 : 1;

	at += turn < 0 ? 2 : 1;
	return strncmp(at, tag, end) == 0 && (at[end] == '>' || at[end] == ' ') ? turn : 0;
}

static void every_tag_is_closed(void **state)
{
	static const char *const tags[] = {"section", "table", "tbody", "thead", "tr",	 "td",
					   "th",      "h2",    "h3",	"div",	 "code", "span"};
	long open[sizeof(tags) / sizeof(tags[0])] = {0}, opened = 0;

	(void)state;
	assert_int_equal(facts_print_html(collect, &length), 0);
	/* Once through all of it, by hand: for strstr() the sanitizer measures what is left, each time. */
	for (size_t at = 0; at < length; at++)
		for (size_t i = 0; output[at] == '<' && i < sizeof(tags) / sizeof(tags[0]); i++) {
			open[i] += turn_of(output + at, tags[i]);
			opened += turn_of(output + at, tags[i]) > 0;
		}
	assert_true(opened > 100);
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (open[i])
			fail_msg("%s: %ld more opened than closed", tags[i], open[i]);
}

static void a_refused_output_stops_it(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		reset(state);
		refuse_after = i;
		assert_int_equal(facts_print_html(collect, &length), -5);
		reset(state);
		refuse_after = i;
		assert_int_equal(facts_print_json(collect, &length), -5);
		reset(state);
		refuse_after = i;
		assert_int_equal(facts_print_text(NULL, collect, &length), -5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(text_is_for_people, reset),
		cmocka_unit_test_setup(text_shows_no_controls, reset),
		cmocka_unit_test_setup(units_are_chosen_by_size, reset),
		cmocka_unit_test_setup(json_is_json, reset),
		cmocka_unit_test_setup(sections_come_in_their_order, reset),
		cmocka_unit_test_setup(what_does_not_fit_is_left_out, reset),
		cmocka_unit_test_setup(html_is_escaped, reset),
		cmocka_unit_test_setup(a_list_becomes_a_table, reset),
		cmocka_unit_test_setup(every_tag_is_closed, reset),
		cmocka_unit_test_setup(a_refused_output_stops_it, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
