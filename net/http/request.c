/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/http/request.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

struct span {
	const char *start;
	size_t length;
};

static bool span_is(struct span span, const char *text)
{
	return span.length == strlen(text) && !strncasecmp(span.start, text, span.length);
}

/*
 * The next line, without its end (RFC 9112, 2.2: a bare LF is taken for one too). False: not all
 * there.
 */
static bool next_line(struct span *rest, struct span *line)
{
	const char *end = memchr(rest->start, '\n', rest->length);
	size_t taken;

	if (!end)
		return false;
	taken = (size_t)(end - rest->start) + 1;
	*line = (struct span){rest->start, taken - 1};
	if (line->length && line->start[line->length - 1] == '\r')
		line->length--;
	rest->start += taken;
	rest->length -= taken;
	return true;
}

static struct span trim(struct span span)
{
	while (span.length && (*span.start == ' ' || *span.start == '\t')) {
		span.start++;
		span.length--;
	}
	while (span.length &&
	       (span.start[span.length - 1] == ' ' || span.start[span.length - 1] == '\t'))
		span.length--;
	return span;
}

/* What stands before the separator; the rest keeps what stands behind it, or nothing. */
static struct span split(struct span *rest, char separator)
{
	const char *end = memchr(rest->start, separator, rest->length);
	struct span first = {rest->start, end ? (size_t)(end - rest->start) : rest->length};
	size_t taken = first.length + (end ? 1 : 0);

	rest->start += taken;
	rest->length -= taken;
	return first;
}

/* METHOD SP target SP HTTP/1.x (RFC 9112, 3) */
static bool parse_request_line(struct span line, struct http_request *request)
{
	struct span method = split(&line, ' '), target = split(&line, ' '), path;

	if (!method.length || !target.length || line.length != 8 ||
	    strncmp(line.start, "HTTP/1.", 7) || line.start[7] < '0' || line.start[7] > '9')
		return false;
	request->keep_alive = line.start[7] != '0';
	request->method = HTTP_OTHER;
	/* Methods are case-sensitive. */
	if (method.length == 3 && !strncmp(method.start, "GET", 3))
		request->method = HTTP_GET;
	else if (method.length == 4 && !strncmp(method.start, "HEAD", 4))
		request->method = HTTP_HEAD;
	/* The absolute form (3.2.2) names a host that we are, whatever it is. */
	if (target.length > 7 && !strncasecmp(target.start, "http://", 7)) {
		const char *slash = memchr(target.start + 7, '/', target.length - 7);
		const char *end = target.start + target.length;

		target.start = slash ? slash : "/";
		target.length = slash ? (size_t)(end - slash) : 1;
	}
	path = split(&target, '?');
	request->path[0] = '\0';
	if (path.length < HTTP_PATH_MAX && !memchr(path.start, '\0', path.length)) {
		memcpy(request->path, path.start, path.length);
		request->path[path.length] = '\0';
	}
	return true;
}

static bool parse_field(struct span line, struct http_request *request)
{
	struct span value = line, name = split(&value, ':');

	if (name.length == line.length || !name.length)
		return false;
	value = trim(value);
	if (span_is(name, "connection")) {
		while (value.length) {
			struct span option = trim(split(&value, ','));

			if (span_is(option, "close"))
				request->keep_alive = false;
			else if (span_is(option, "keep-alive"))
				request->keep_alive = true;
		}
	} else if (span_is(name, "transfer-encoding") ||
		   (span_is(name, "content-length") && !span_is(value, "0"))) {
		request->has_body = true;
	}
	return true;
}

int http_request_parse(const char *text, size_t length, struct http_request *request)
{
	struct span rest = {text, length}, line;
	bool first = true;

	*request = (struct http_request){.method = HTTP_OTHER};
	if (length > INT_MAX)
		return -1;
	while (next_line(&rest, &line)) {
		if (first) {
			/* Empty lines before a request are forgiven (RFC 9112, 2.2). */
			if (!line.length)
				continue;
			if (!parse_request_line(line, request))
				return -1;
			first = false;
		} else if (!line.length) {
			return (int)(rest.start - text);
		} else if (!parse_field(line, request)) {
			return -1;
		}
	}
	return 0;
}
