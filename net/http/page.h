/* SPDX-License-Identifier: BSD-2-Clause */
/* What the server serves: generated on demand into blocks of the network's memory. */
#ifndef NET_HTTP_PAGE_H
#define NET_HTTP_PAGE_H

#include "net/http/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_BLOCK 4064 /* with its head and the allocator's: 4 KiB */
#define HTTP_PAGE_MAX (1u << 20)

struct http_block {
	struct http_block *next;
	size_t length;
	char bytes[HTTP_BLOCK];
};

/*
 * An answer with its head. The device reads the blocks where they lie, so they stay until it was
 * acknowledged.
 */
struct http_answer {
	struct http_block *first, *last;
	size_t length;
};

/*
 * Makes the answer to a request (NULL: to something that is not one). Whether the connection stays
 * open is decided here too. A page that memory does not suffice for is answered by 503, one of more than
 * HTTP_PAGE_MAX bytes by 500. 0; -ENOMEM when there is no memory for that either, and *answer is empty.
 * Thread context, without locks: it asks everybody for facts.
 */
int http_answer_make(const struct http_request *request, bool too_large, struct http_answer *answer,
		     bool *keep_alive);
void http_answer_free(struct http_answer *answer);

#endif
