/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP requests (RFC 9110, RFC 9112), as far as a server of pages that only can be read needs them.
 */
#ifndef NET_HTTP_REQUEST_H
#define NET_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_PATH_MAX 64 /* longer than any path that we have */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

struct http_request {
	enum http_method method;
	char path[HTTP_PATH_MAX]; /* without the query; empty when it was too long to be one of ours
				   */
	bool keep_alive;
	bool has_body; /* which we do not read, so that the connection ends after the answer */
};

/*
 * Parses what has come so far. The length of the request's head when it is all there, 0 when more
 * has to come, -1 when it is not HTTP/1.
 */
int http_request_parse(const char *text, size_t length, struct http_request *request);

#endif
