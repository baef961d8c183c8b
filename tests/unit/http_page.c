/* SPDX-License-Identifier: BSD-2-Clause */
/* The status page's answers where memory does not suffice, or a page is too large. */
#include "kernel/facts/facts.h"
#include "net/http/page.h"
#include "net/lwip/memory.h"
#include "net/lwip/stack.h"
#include "tests/device/host.h"
#include "tests/unit/failing/allocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BLOCKS_MOST 200u

static unsigned int rows;

static void describe_rows(struct facts *facts)
{
	char text[200];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fact_list(facts, "rows");
	for (unsigned int i = 0; i < rows; i++) {
		fact_item(facts);
		fact_number(facts, "number", i);
		fact_text(facts, "text", text);
		fact_end(facts);
	}
	fact_end(facts);
}
FACTS(rows, "rows", 10, describe_rows);

const char *network_stack_ready(uint64_t *after)
{
	*after = 0;
	return "10.0.2.15";
}

/* All memory but for so many blocks of an answer. */
static void *taken[BLOCKS_MOST];
static unsigned int taken_count;

static void leave(unsigned int blocks)
{
	void *left[64];

	for (unsigned int i = 0; i < blocks; i++) {
		left[i] = network_memory_alloc(sizeof(struct http_block));
		assert_non_null(left[i]);
	}
	while (taken_count < BLOCKS_MOST &&
	       (taken[taken_count] = network_memory_alloc(sizeof(struct http_block))))
		taken_count++;
	assert_true(taken_count < BLOCKS_MOST);
	while (blocks)
		network_memory_free(left[--blocks]);
}

static void give_back(void)
{
	while (taken_count)
		network_memory_free(taken[--taken_count]);
}

/* The answer as a client sees it: its status, and that the length it tells is its body's. */
static unsigned int status_of(const struct http_answer *answer, bool body, const char *type)
{
	char *text = malloc(answer->length + 1), *end, *told;
	size_t length = 0;
	unsigned int status;

	for (const struct http_block *block = answer->first; block; block = block->next) {
		memcpy(text + length, block->bytes, block->length);
		length += block->length;
	}
	assert_int_equal(length, answer->length);
	text[length] = '\0';
	assert_int_equal(sscanf(text, "HTTP/1.1 %u ", &status), 1);
	end = strstr(text, "\r\n\r\n");
	assert_non_null(end);
	told = strstr(text, "\r\nContent-Length: ");
	assert_true(told && told < end);
	assert_int_equal(length - (size_t)(end + 4 - text),
			 body ? strtoul(told + 18, NULL, 10) : 0);
	assert_true(strtoul(told + 18, NULL, 10) > 0);
	assert_non_null(strstr(text, type));
	free(text);
	return status;
}

static const struct http_request page = {.method = HTTP_GET, .path = "/", .keep_alive = true};
static const struct http_request head = {.method = HTTP_HEAD, .path = "/", .keep_alive = true};
static const struct http_request json = {
	.method = HTTP_GET, .path = "/status.json", .keep_alive = true};

static void a_page_with_memory(void **state)
{
	struct http_answer answer;
	bool keep_alive;

	(void)state;
	rows = 10;
	assert_int_equal(http_answer_make(&page, false, &answer, &keep_alive), 0);
	assert_true(keep_alive);
	assert_int_equal(status_of(&answer, true, "Content-Type: text/html"), 200);
	http_answer_free(&answer);
	assert_int_equal(http_answer_make(&json, false, &answer, &keep_alive), 0);
	assert_int_equal(status_of(&answer, true, "Content-Type: application/json"), 200);
	http_answer_free(&answer);
	assert_int_equal(http_answer_make(NULL, false, &answer, &keep_alive), 0);
	assert_false(keep_alive);
	assert_int_equal(status_of(&answer, true, "Content-Type: text/html"), 400);
	http_answer_free(&answer);
}

/* Whatever is left: nothing, too little for the page, or enough; the head comes last. */
static void a_page_without_memory(void **state)
{
	static const struct http_request *const requests[] = {&page, &head, &json};

	(void)state;
	rows = 300;
	for (unsigned int i = 0; i < 3; i++) {
		bool body = requests[i] != &head;
		unsigned int refused = 0, served = 0;

		for (unsigned int blocks = 0; blocks < 40 && allocations_another_round();
		     blocks++) {
			struct network_memory before, after;
			struct http_answer answer;
			bool keep_alive;
			int error;

			leave(blocks);
			network_memory_state(&before);
			error = http_answer_make(requests[i], false, &answer, &keep_alive);
			if (error) {
				assert_int_equal(error, -12);
				assert_true(blocks < 2);
				assert_null(answer.first);
				assert_int_equal(answer.length, 0);
			} else if (status_of(&answer, body, "Content-Type: ") == 503) {
				status_of(&answer, body, "Content-Type: text/html");
				status_of(&answer, body, "Connection: close");
				assert_false(keep_alive);
				assert_int_equal(served, 0);
				refused++;
			} else {
				assert_int_equal(status_of(&answer, body, "Connection: keep-alive"),
						 200);
				assert_true(keep_alive);
				served++;
			}
			http_answer_free(&answer);
			network_memory_state(&after);
			assert_int_equal(before.used, after.used);
			give_back();
		}
		assert_true(refused > 3);
		assert_true(served > 3);
	}
}

static void a_page_that_is_too_large(void **state)
{
	struct http_answer answer;
	bool keep_alive;

	(void)state;
	rows = 5000;
	network_memory_init(64u << 20, UINT64_MAX);
	assert_int_equal(http_answer_make(&page, false, &answer, &keep_alive), 0);
	assert_int_equal(status_of(&answer, true, "Content-Type: text/html"), 500);
	assert_false(keep_alive);
	http_answer_free(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_with_memory),
		cmocka_unit_test(a_page_without_memory),
		cmocka_unit_test(a_page_that_is_too_large),
	};

	host_reset();
	network_memory_init(0, UINT64_MAX); /* so 512 KiB */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
