/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/url.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A reference in its parts (RFC 3986, appendix B); without a part its start is NULL. */
struct part {
	const char *start;
	size_t length;
};

struct parts {
	struct part scheme, authority, path, query;
};

static bool is_scheme(const char *text, size_t length)
{
	if (!length || !isalpha((unsigned char)text[0]))
		return false;
	for (size_t i = 1; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("+-.", text[i]))
			return false;
	return true;
}

static void split(struct parts *parts, const char *text)
{
	size_t length = strcspn(text, ":/?#");

	memset(parts, 0, sizeof(*parts));
	if (text[length] == ':' && is_scheme(text, length)) {
		parts->scheme = (struct part){text, length};
		text += length + 1;
	}
	if (text[0] == '/' && text[1] == '/') {
		text += 2;
		length = strcspn(text, "/?#");
		parts->authority = (struct part){text, length};
		text += length;
	}
	length = strcspn(text, "?#");
	parts->path = (struct part){text, length};
	text += length;
	if (*text == '?') {
		length = strcspn(text, "#");
		parts->query = (struct part){text, length};
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int decode(char *result, size_t size, const char *text, size_t length)
{
	size_t out = 0;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c == '%' && i + 2 < length && hex_digit(text[i + 1]) >= 0 &&
		    hex_digit(text[i + 2]) >= 0) {
			c = (char)(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
			i += 2;
			if (!c)
				return -EINVAL;
		}
		if (out + 1 >= size)
			return -ENAMETOOLONG;
		result[out++] = c;
	}
	if (!size)
		return -ENAMETOOLONG;
	result[out] = '\0';
	return 0;
}

int url_decode(char *result, size_t size, const char *path)
{
	return decode(result, size, path, strlen(path));
}

static bool parse_port(uint16_t *port, const char *text, size_t length)
{
	uint32_t value = 0;

	if (length > 5)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		value = value * 10 + (uint32_t)(text[i] - '0');
	}
	if (length && (!value || value > UINT16_MAX))
		return false;
	*port = (uint16_t)value;
	return true;
}

static bool host_character(char c, bool ipv6)
{
	if (ipv6)
		return isalnum((unsigned char)c) || strchr(":.%-_", c);
	return isalnum((unsigned char)c) || strchr("-._~", c);
}

/* [user@]host[:port] */
static const char *parse_authority(struct url *url, struct part authority)
{
	const char *start = authority.start, *end = start + authority.length, *host_end;
	const char *at = NULL;
	size_t length;

	for (const char *c = start; c < end; c++)
		if (*c == '@')
			at = c;
	if (at) {
		if (decode(url->user, sizeof(url->user), start, (size_t)(at - start)))
			return "the user's name cannot be used";
		start = at + 1;
	}
	if (start < end && *start == '[') {
		host_end = memchr(start, ']', (size_t)(end - start));
		if (!host_end)
			return "an IPv6 address without its closing bracket";
		url->ipv6_literal = true;
		start++;
		length = (size_t)(host_end - start);
		host_end++;
	} else {
		host_end = memchr(start, ':', (size_t)(end - start));
		if (!host_end)
			host_end = end;
		length = (size_t)(host_end - start);
	}
	if (!length)
		return "no host";
	if (length >= sizeof(url->host))
		return "the host's name is too long";
	for (size_t i = 0; i < length; i++)
		if (!start[i] || !host_character(start[i], url->ipv6_literal))
			return "the host's name has a character that none has";
	memcpy(url->host, start, length);
	url->host[length] = '\0';
	/* A zone is written %25eth0 (RFC 6874); people write %eth0. */
	if (url->ipv6_literal) {
		char *zone = strstr(url->host, "%25");

		if (zone && zone[3])
			memmove(zone + 1, zone + 3, strlen(zone + 3) + 1);
	}
	if (host_end < end && *host_end != ':')
		return "what follows the host is not a port";
	if (host_end < end && !parse_port(&url->port, host_end + 1, (size_t)(end - host_end) - 1))
		return "the port is not a number from 1 to 65535";
	return NULL;
}

static const char *parse(struct url *url, const char *text)
{
	struct parts parts;
	const char *why;
	size_t length;
	bool slash, local;

	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return "a blank or a control character in it";
	split(&parts, text);
	if (!parts.scheme.start)
		return "no scheme, as in http://";
	if (parts.scheme.length >= sizeof(url->scheme))
		return "a scheme that is not known";
	for (size_t i = 0; i < parts.scheme.length; i++)
		url->scheme[i] = (char)tolower((unsigned char)parts.scheme.start[i]);
	/* A module is on no host. */
	local = !strcmp(url->scheme, "module") && !parts.authority.start;
	if (!local && !parts.authority.start)
		return "no // behind the scheme";
	why = local ? NULL : parse_authority(url, parts.authority);
	if (why)
		return why;
	slash = !local && !parts.path.length; /* an empty path is "/" */
	length = slash + parts.path.length + parts.query.length;
	if (length >= sizeof(url->path))
		return "the path is too long";
	if (slash)
		url->path[0] = '/';
	memcpy(url->path + slash, parts.path.start, parts.path.length);
	if (parts.query.length)
		memcpy(url->path + slash + parts.path.length, parts.query.start,
		       parts.query.length);
	url->path[length] = '\0';
	return NULL;
}

int url_parse(struct url *url, const char *text, const char **why)
{
	memset(url, 0, sizeof(*url));
	*why = parse(url, text);
	return *why ? -EINVAL : 0;
}

/* -- References (RFC 3986, 5.2) */
struct output {
	char *text;
	size_t size, used;
	bool full;
};

static void put(struct output *output, const char *text, size_t length)
{
	if (output->full || length >= output->size - output->used) {
		output->full = true;
		return;
	}
	memcpy(output->text + output->used, text, length);
	output->used += length;
	output->text[output->used] = '\0';
}

/* Takes the last segment, with its slash, off what was written from `start` on. */
static void take_segment(struct output *output, size_t start)
{
	while (output->used > start && output->text[--output->used] != '/')
		;
	output->text[output->used] = '\0';
}

/* Writes the path without its dot segments (5.2.4); it begins with '/' or is empty. */
static void put_path(struct output *output, const char *path, size_t length)
{
	size_t start = output->used;
	const char *end = path + length;

	while (path < end && !output->full) {
		const char *segment = path + 1;
		const char *next = memchr(segment, '/', (size_t)(end - segment));
		size_t segment_length = (size_t)((next ? next : end) - segment);
		bool dot = segment_length == 1 && segment[0] == '.';
		bool dots = segment_length == 2 && segment[0] == '.' && segment[1] == '.';

		if (dots)
			take_segment(output, start);
		if (!dot && !dots)
			put(output, path, segment_length + 1);
		else if (!next)
			put(output, "/", 1);
		path = next ? next : end;
	}
}

/* The reference's path in the folder of the base's (5.2.3), still with its dots. */
static int merge(char *merged, size_t size, const struct parts *base, struct part path)
{
	const char *slash = NULL;
	size_t folder;

	for (size_t i = 0; i < base->path.length; i++)
		if (base->path.start[i] == '/')
			slash = base->path.start + i;
	folder = slash ? (size_t)(slash - base->path.start) + 1 : 0;
	if (folder + 1 + path.length >= size)
		return -ENAMETOOLONG;
	memcpy(merged, base->path.start, folder);
	/* An empty path of the base is "/"; every path of ours begins so. */
	if (!folder)
		merged[folder++] = '/';
	memcpy(merged + folder, path.start, path.length);
	merged[folder + path.length] = '\0';
	return 0;
}

static void put_target(struct output *output, struct part scheme, struct part authority)
{
	put(output, scheme.start, scheme.length);
	put(output, ":", 1);
	if (authority.start) {
		put(output, "//", 2);
		put(output, authority.start, authority.length);
	}
}

int url_resolve(char *result, size_t size, const char *base, const char *reference)
{
	struct parts from, to;
	struct output output = {.text = result, .size = size};
	char merged[URL_PATH_MAX];

	if (!size)
		return -ENAMETOOLONG;
	result[0] = '\0';
	for (const char *c = reference; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return -EINVAL;
	split(&to, reference);
	if (to.scheme.start) {
		put_target(&output, to.scheme, to.authority);
		if (to.path.length && to.path.start[0] == '/')
			put_path(&output, to.path.start, to.path.length);
		else
			put(&output, to.path.start, to.path.length);
		put(&output, to.query.start ? to.query.start : "", to.query.length);
		return output.full ? -ENAMETOOLONG : 0;
	}
	split(&from, base);
	if (!from.scheme.start)
		return -EINVAL;
	put_target(&output, from.scheme, to.authority.start ? to.authority : from.authority);
	if (to.authority.start || (to.path.length && to.path.start[0] == '/')) {
		put_path(&output, to.path.start, to.path.length);
	} else if (to.path.length) {
		if (merge(merged, sizeof(merged), &from, to.path))
			return -ENAMETOOLONG;
		put_path(&output, merged, strlen(merged));
	} else {
		put(&output, from.path.start, from.path.length);
		if (!to.query.start)
			to.query = from.query;
	}
	put(&output, to.query.start ? to.query.start : "", to.query.length);
	return output.full ? -ENAMETOOLONG : 0;
}
