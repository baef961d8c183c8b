/* SPDX-License-Identifier: BSD-2-Clause */
/* The HTTP server's request parser: any bytes, whole and as they come in. */
#include "net/http/request.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define TEXT_MAX 4096

void fuzz_target(void)
{
	struct http_request request, whole;
	size_t length, part;
	const uint8_t *bytes;
	int head, result;

	part = fuzz_choose(256);
	bytes = fuzz_rest(TEXT_MAX, &length);
	memset(&whole, 0, sizeof(whole));
	head = http_request_parse((const char *)bytes, length, &whole);
	fuzz_check(head >= -1 && head <= (int)length, "a head of %d bytes of %zu", head, length);
	if (head <= 0)
		return;
	fuzz_check(memchr(whole.path, 0, sizeof(whole.path)), "a path without end");
	fuzz_check(whole.method <= HTTP_OTHER, "method %d", whole.method);
	/* What stands behind the head changes nothing, and a part of it is none. */
	memset(&request, 0, sizeof(request));
	result = http_request_parse((const char *)bytes, (size_t)head, &request);
	fuzz_check(result == head && !strcmp(request.path, whole.path) &&
			   request.method == whole.method &&
			   request.keep_alive == whole.keep_alive &&
			   request.has_body == whole.has_body,
		   "the same head is another request");
	if (part < (size_t)head)
		fuzz_check(http_request_parse((const char *)bytes, part, &request) <= 0,
			   "%zu bytes of a head of %d are a request", part, head);
}
