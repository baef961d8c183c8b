/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/http_response.h"

#include <string.h>
#include <strings.h>

static enum http_event bad(struct http_response *response, const char *wrong)
{
	response->part = HTTP_PART_BAD;
	response->wrong = wrong;
	return HTTP_BAD;
}

void http_response_begin(struct http_response *response)
{
	/* Not the line: it is as large as all the rest. */
	memset(response, 0, offsetof(struct http_response, line));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits, and nothing else up to `end`; false also when it is more than 64 bits. */
static bool parse_number(const char *text, const char *end, uint64_t *value)
{
	if (text == end)
		return false;
	for (*value = 0; text < end; text++) {
		if (!is_digit(*text) || __builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(*text - '0'), value))
			return false;
	}
	return true;
}

/* "HTTP/1.1 200 OK" (RFC 9112, 4); the reason may be missing with its blank. */
static enum http_event status_line(struct http_response *response)
{
	const char *line = response->line;
	size_t length;

	if (strncmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) || line[8] != ' ' ||
	    line[9] < '1' || line[9] > '5' || !is_digit(line[10]) || !is_digit(line[11]) ||
	    (line[12] && line[12] != ' '))
		return bad(response, "the answer is not HTTP/1");
	response->keep_alive = line[7] != '0';
	response->status =
		(unsigned int)((line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0');
	line += line[12] ? 13 : 12;
	length = strnlen(line, sizeof(response->reason) - 1);
	for (size_t i = 0; i < length; i++)
		response->reason[i] = line[i] < ' ' || line[i] > '~' ? '?' : line[i];
	response->reason[length] = '\0';
	response->part = HTTP_PART_FIELDS;
	return HTTP_MORE;
}

/* Whether the comma-separated list has the word; and whether it is the last. */
static bool list_has(const char *list, const char *word, bool *last)
{
	bool found = false;

	while (*list) {
		size_t length;

		list += strspn(list, ", \t");
		length = strcspn(list, ", \t;");
		if (length) {
			*last = length == strlen(word) && !strncasecmp(list, word, length);
			found = found || *last;
		}
		list += strcspn(list, ",");
	}
	return found;
}

/* "bytes 100-199/1000"; the total may be "*". */
static bool parse_range(struct http_response *response, const char *value)
{
	const char *dash, *slash;
	uint64_t last;

	if (strncasecmp(value, "bytes ", 6) != 0)
		return false;
	value += 6;
	dash = strchr(value, '-');
	slash = strchr(value, '/');
	if (!dash || !slash || slash < dash || !parse_number(value, dash, &response->range_first) ||
	    !parse_number(dash + 1, slash, &last) || last < response->range_first)
		return false;
	response->has_range = true;
	if (!strcmp(slash + 1, "*"))
		return true;
	response->has_range_total = true;
	return parse_number(slash + 1, slash + strlen(slash), &response->range_total) &&
	       last < response->range_total;
}

/* A value that does not fit is as if it was not there: "". */
static void keep(char *to, size_t size, const char *value)
{
	size_t length = strlen(value);

	if (length < size)
		memcpy(to, value, length + 1);
}

static enum http_event content_length(struct http_response *response, const char *value)
{
	uint64_t length;

	if (!parse_number(value, value + strlen(value), &length))
		return bad(response, "its Content-Length is not a number");
	if (response->has_length && response->length != length)
		return bad(response, "it has two Content-Lengths");
	response->has_length = true;
	response->length = length;
	return HTTP_MORE;
}

static enum http_event field(struct http_response *response, const char *name, const char *value)
{
	bool last;

	if (!strcasecmp(name, "content-length"))
		return content_length(response, value);
	if (!strcasecmp(name, "transfer-encoding")) {
		response->has_coding = true;
		response->chunked = list_has(value, "chunked", &last) && last;
		if (!response->chunked || strchr(value, ','))
			return bad(response, "it has a transfer coding that was not asked for");
	} else if (!strcasecmp(name, "connection")) {
		if (list_has(value, "close", &last))
			response->keep_alive = false;
		else if (list_has(value, "keep-alive", &last))
			response->keep_alive = true;
	} else if (!strcasecmp(name, "content-encoding")) {
		response->encoded = strcasecmp(value, "identity") != 0;
	} else if (!strcasecmp(name, "content-range")) {
		/* With status 416 it has another form, "bytes *" and the size, and nobody needs it. */
		if (response->status == 206 && !parse_range(response, value))
			return bad(response, "its Content-Range cannot be understood");
	} else if (!strcasecmp(name, "location")) {
		keep(response->location, sizeof(response->location), value);
	} else if (!strcasecmp(name, "etag")) {
		/* A weak one does not promise the same bytes (RFC 9110, 13.1.5). */
		if (value[0] == '"')
			keep(response->etag, sizeof(response->etag), value);
	} else if (!strcasecmp(name, "last-modified")) {
		keep(response->last_modified, sizeof(response->last_modified), value);
	}
	return HTTP_MORE;
}

/* What follows the head (RFC 9112, 6.3). */
static enum http_event head_end(struct http_response *response)
{
	size_t head = response->head;

	if (response->status == 101)
		return bad(response, "it changes to a protocol that was not asked for");
	if (response->status < 200) {
		/* An interim response; the final one follows. What it took of the limit stays taken. */
		http_response_begin(response);
		response->head = head;
		return HTTP_MORE;
	}
	response->head = 0;
	if (response->status == 204 || response->status == 304) {
		response->has_length = true;
		response->length = 0;
		response->chunked = false;
		response->part = HTTP_PART_LENGTH;
	} else if (response->has_coding) {
		/* The coding counts, and such a connection is not used again. */
		response->keep_alive = response->keep_alive && !response->has_length;
		response->has_length = false;
		response->part = HTTP_PART_CHUNK_SIZE;
	} else if (response->has_length) {
		response->part = HTTP_PART_LENGTH;
	} else {
		response->keep_alive = false;
		response->part = HTTP_PART_CLOSE;
	}
	response->left = response->length;
	return HTTP_HEAD;
}

static enum http_event field_line(struct http_response *response)
{
	char *line = response->line, *value, *end;

	if (!*line)
		return head_end(response);
	value = strchr(line, ':');
	if (!value || value == line || strcspn(line, " \t") < (size_t)(value - line))
		return bad(response, "a line of its head is not a field");
	*value++ = '\0';
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	return field(response, line, value);
}

static enum http_event chunk_line(struct http_response *response)
{
	const char *c = response->line;
	uint64_t size = 0;
	unsigned int digits = 0;

	for (;; c++, digits++) {
		char letter = *c | 0x20;
		unsigned int digit;

		if (is_digit(*c))
			digit = (unsigned int)(*c - '0');
		else if (letter >= 'a' && letter <= 'f')
			digit = (unsigned int)(letter - 'a' + 10);
		else
			break;
		if (size >> 59)
			return bad(response, "a chunk is longer than anything");
		size = size << 4 | digit;
	}
	if (!digits || (*c && *c != ';' && *c != ' ' && *c != '\t'))
		return bad(response, "a chunk does not begin with its size");
	response->left = size;
	response->head = 0;
	response->part = size ? HTTP_PART_CHUNK : HTTP_PART_TRAILERS;
	return HTTP_MORE;
}

static enum http_event whole_line(struct http_response *response)
{
	switch (response->part) {
	case HTTP_PART_STATUS:
		return status_line(response);
	case HTTP_PART_FIELDS:
		return field_line(response);
	case HTTP_PART_CHUNK_SIZE:
		return chunk_line(response);
	case HTTP_PART_CHUNK_END:
		if (response->line[0])
			return bad(response, "a chunk is longer than its size");
		response->part = HTTP_PART_CHUNK_SIZE;
		return HTTP_MORE;
	default: /* trailers, which nobody needs */
		if (response->line[0])
			return HTTP_MORE;
		response->part = HTTP_PART_DONE;
		return HTTP_END;
	}
}

/* Adds to the line, up to its end (a bare LF is taken for one, RFC 9112, 2.2). */
static enum http_event line_input(struct http_response *response, const uint8_t *bytes,
				  size_t length, size_t *used)
{
	const uint8_t *end = memchr(bytes, '\n', length);
	size_t part = end ? (size_t)(end - bytes) : length;

	*used = part + (end ? 1 : 0);
	response->head += *used;
	if (response->head > HTTP_HEAD_MAX)
		return bad(response, "its head is too long");
	if (part >= sizeof(response->line) - response->line_length)
		return bad(response, "a line of it is too long");
	if (memchr(bytes, '\0', part))
		return bad(response, "there is a zero byte in a line of it");
	memcpy(response->line + response->line_length, bytes, part);
	response->line_length += part;
	if (!end)
		return HTTP_MORE;
	if (response->line_length && response->line[response->line_length - 1] == '\r')
		response->line_length--;
	response->line[response->line_length] = '\0';
	response->line_length = 0;
	return whole_line(response);
}

static enum http_event body_input(struct http_response *response, const uint8_t *bytes,
				  size_t length, size_t *used, struct http_body *body)
{
	bool counted = response->part != HTTP_PART_CLOSE;

	if (counted && length > response->left)
		length = response->left;
	*used = length;
	*body = (struct http_body){bytes, length};
	if (!counted)
		return HTTP_BODY;
	response->left -= length;
	if (!response->left && response->part == HTTP_PART_CHUNK)
		response->part = HTTP_PART_CHUNK_END;
	return HTTP_BODY;
}

enum http_event http_response_input(struct http_response *response, const uint8_t *bytes,
				    size_t length, size_t *used, struct http_body *body)
{
	enum http_event event = HTTP_MORE;
	size_t part;

	*used = 0;
	while (event == HTTP_MORE) {
		if (response->part == HTTP_PART_LENGTH && !response->left)
			response->part = HTTP_PART_DONE;
		if (response->part == HTTP_PART_DONE)
			return HTTP_END;
		if (response->part == HTTP_PART_BAD)
			return HTTP_BAD;
		if (*used == length)
			return HTTP_MORE;
		if (response->part == HTTP_PART_LENGTH || response->part == HTTP_PART_CLOSE ||
		    response->part == HTTP_PART_CHUNK)
			event = body_input(response, bytes + *used, length - *used, &part, body);
		else
			event = line_input(response, bytes + *used, length - *used, &part);
		*used += part;
	}
	return event;
}

enum http_event http_response_closed(struct http_response *response)
{
	if (response->part == HTTP_PART_CLOSE ||
	    (response->part == HTTP_PART_LENGTH && !response->left))
		response->part = HTTP_PART_DONE;
	if (response->part == HTTP_PART_DONE)
		return HTTP_END;
	if (response->part == HTTP_PART_BAD)
		return HTTP_BAD;
	response->wrong = response->part == HTTP_PART_STATUS && !response->head
				  ? "the server closed the connection without an answer"
				  : "the connection ended in the middle of the answer";
	return HTTP_BAD;
}
