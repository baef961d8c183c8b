/* SPDX-License-Identifier: BSD-2-Clause */
/* HTTP responses in pieces of any size: the same body and the same end however they are cut. */
#include "net/netboot/http_response.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4096

struct outcome {
	struct http_response response;
	enum http_event event;
	uint64_t body;
	uint32_t sum;
};

static void feed(struct outcome *outcome, const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length);
	const uint8_t *at = copy;
	size_t left = length;

	memcpy(copy, bytes, length);
	for (unsigned int steps = 0;; steps++) {
		struct http_body body = {NULL, 0};
		size_t used = 0;

		fuzz_check(steps < 2 * TEXT_MAX + 16, "parsing without end");
		outcome->event = http_response_input(&outcome->response, at, left, &used, &body);
		fuzz_check(used <= left, "%zu bytes of %zu were used", used, left);
		if (outcome->event == HTTP_BODY) {
			fuzz_check(body.length && body.bytes >= copy &&
					   body.bytes + body.length <= copy + length,
				   "a body outside of the input");
			for (size_t i = 0; i < body.length; i++)
				outcome->sum = outcome->sum * 31 + body.bytes[i];
			outcome->body += body.length;
		}
		at += used;
		left -= used;
		if (outcome->event != HTTP_HEAD && outcome->event != HTTP_BODY)
			break;
	}
	free(copy);
}

void fuzz_target(void)
{
	static struct outcome whole, cut;
	uint8_t step = fuzz_byte();
	const uint8_t *bytes;
	size_t length, at = 0;

	bytes = fuzz_rest(TEXT_MAX, &length);
	memset(&whole, 0, sizeof(whole));
	memset(&cut, 0, sizeof(cut));
	http_response_begin(&whole.response);
	http_response_begin(&cut.response);
	feed(&whole, bytes, length);
	cut.event = HTTP_MORE;
	while (at < length && cut.event == HTTP_MORE) {
		size_t part = 1 + (step + at) % 7;

		if (part > length - at)
			part = length - at;
		feed(&cut, bytes + at, part);
		at += part;
	}
	fuzz_check(cut.event == whole.event && cut.body == whole.body && cut.sum == whole.sum,
		   "cut in pieces it is another response");
	if (whole.event != HTTP_MORE)
		return;
	fuzz_check(http_response_closed(&whole.response) == http_response_closed(&cut.response),
		   "it ends in another way");
}
