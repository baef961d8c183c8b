/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/1 responses (RFC 9110, RFC 9112) as a client reads them, in pieces as they come. Pure; context:
 * any.
 *
 *	http_response_begin(&response);
 *	while (length) {
 *		event = http_response_input(&response, bytes, length, &used, &body);
 *		...				HTTP_BODY: body.bytes, body.length lie in what was given
 *		bytes += used; length -= used;
 *	}
 *	the connection ended: event = http_response_closed(&response);
 */
#ifndef NET_NETBOOT_HTTP_RESPONSE_H
#define NET_NETBOOT_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_LINE_MAX 4096
#define HTTP_HEAD_MAX 32768 /* bytes of all lines that are not body; trailers have as many again */
#define HTTP_REASON_MAX 80
#define HTTP_LOCATION_MAX 2048
#define HTTP_ETAG_MAX 160
#define HTTP_DATE_MAX 40

enum http_event {
	HTTP_MORE, /* nothing yet */
	HTTP_HEAD, /* the head is there: the fields below are final (interim responses are skipped) */
	HTTP_BODY, /* some of the body */
	HTTP_END,  /* the response is complete; no byte behind it was taken */
	HTTP_BAD,  /* `wrong` says why */
};

enum http_part { /* what comes next */
		 HTTP_PART_STATUS,
		 HTTP_PART_FIELDS,
		 HTTP_PART_LENGTH, /* body of a known length */
		 HTTP_PART_CLOSE,  /* body up to the end of the connection */
		 HTTP_PART_CHUNK_SIZE,
		 HTTP_PART_CHUNK,
		 HTTP_PART_CHUNK_END,
		 HTTP_PART_TRAILERS,
		 HTTP_PART_DONE,
		 HTTP_PART_BAD,
};

struct http_response {
	unsigned int status;
	char reason[HTTP_REASON_MAX]; /* printable; "" */
	bool keep_alive;
	bool has_length; /* of the body that follows */
	uint64_t length;
	bool chunked;
	bool encoded; /* a Content-Encoding that nobody asked for */
	bool has_range;
	uint64_t range_first;
	bool has_range_total;
	uint64_t range_total; /* of the whole file, as Content-Range says */
	char location[HTTP_LOCATION_MAX];
	char etag[HTTP_ETAG_MAX];	   /* with its quotes; "" also when it is a weak one */
	char last_modified[HTTP_DATE_MAX]; /* "" */
	const char *wrong;		   /* a constant text */

	/* The parser's own. */
	enum http_part part;
	uint64_t left;
	size_t head;
	bool has_coding;
	size_t line_length;
	char line[HTTP_LINE_MAX];
};

struct http_body {
	const uint8_t *bytes;
	size_t length;
};

void http_response_begin(struct http_response *response);
enum http_event http_response_input(struct http_response *response, const uint8_t *bytes,
				    size_t length, size_t *used, struct http_body *body);
/* HTTP_END or HTTP_BAD. */
enum http_event http_response_closed(struct http_response *response);

#endif
