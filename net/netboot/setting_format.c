/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/setting_format.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum setting_type type;
} types[] = {
	{"string", SETTING_STRING}, {"uristring", SETTING_URISTRING},
	{"ipv4", SETTING_IPV4},	    {"ipv6", SETTING_IPV6},
	{"int8", SETTING_INT8},	    {"int16", SETTING_INT16},
	{"int32", SETTING_INT32},   {"uint8", SETTING_UINT8},
	{"uint16", SETTING_UINT16}, {"uint32", SETTING_UINT32},
	{"hex", SETTING_HEX},	    {"hexhyp", SETTING_HEXHYP},
	{"hexraw", SETTING_HEXRAW}, {"base64", SETTING_BASE64},
	{"uuid", SETTING_UUID},	    {"guid", SETTING_GUID},
};

bool setting_type_of(const char *name, enum setting_type *type)
{
	for (unsigned int i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i].name, name))
			continue;
		*type = types[i].type;
		return true;
	}
	return false;
}

/* -- Writing */

struct text {
	char *at;
	size_t left; /* with the end */
	bool full;
};

static void append(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void append(struct text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsniprintf(text->at, text->left, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= text->left) {
		text->full = true;
		return;
	}
	text->at += length;
	text->left -= (size_t)length;
}

static void append_hex(struct text *text, const uint8_t *bytes, size_t length, const char *between)
{
	for (size_t i = 0; i < length && !text->full; i++)
		append(text, "%s%02x", i ? between : "", bytes[i]);
}

/* RFC 3986, 2.3: everything but unreserved characters is encoded, so that it can stand in a query. */
static void append_uri(struct text *text, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length && !text->full; i++) {
		uint8_t c = bytes[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    c == '-' || c == '.' || c == '_' || c == '~')
			append(text, "%c", c);
		else
			append(text, "%%%02X", c);
	}
}

/* Control characters cannot be in a line. */
static void append_string(struct text *text, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length && bytes[i] && !text->full; i++)
		append(text, "%c", bytes[i] >= ' ' && bytes[i] != 0x7f ? bytes[i] : '?');
}

static void append_base64(struct text *text, const uint8_t *bytes, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < length && !text->full; i += 3) {
		uint32_t group = (uint32_t)bytes[i] << 16 |
				 (uint32_t)(i + 1 < length ? bytes[i + 1] : 0) << 8 |
				 (i + 2 < length ? bytes[i + 2] : 0);

		append(text, "%c%c%c%c", digits[group >> 18], digits[group >> 12 & 63],
		       i + 1 < length ? digits[group >> 6 & 63] : '=',
		       i + 2 < length ? digits[group & 63] : '=');
	}
}

static void append_uuid(struct text *text, const uint8_t *bytes, bool little)
{
	static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

	for (unsigned int i = 0; i < 16; i++)
		append(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
		       bytes[little ? order[i] : i]);
}

static void append_ipv6(struct text *text, const uint8_t *bytes)
{
	for (unsigned int i = 0; i < 16; i += 2)
		append(text, "%s%x", i ? ":" : "", (unsigned int)(bytes[i] << 8 | bytes[i + 1]));
}

static unsigned int integer_size(enum setting_type type)
{
	switch (type) {
	case SETTING_INT8:
	case SETTING_UINT8:
		return 1;
	case SETTING_INT16:
	case SETTING_UINT16:
		return 2;
	case SETTING_INT32:
	case SETTING_UINT32:
		return 4;
	default:
		return 0;
	}
}

static bool is_signed(enum setting_type type)
{
	return type == SETTING_INT8 || type == SETTING_INT16 || type == SETTING_INT32;
}

/* Of any length up to 4 bytes, most significant first. */
static void append_integer(struct text *text, const struct setting *setting, enum setting_type type)
{
	unsigned int bits = integer_size(type) * 8;
	uint32_t value = 0;
	int32_t number;

	for (size_t i = 0; i < setting->length; i++)
		value = value << 8 | setting->bytes[i];
	if (bits < 32)
		value &= (1u << bits) - 1;
	if (!is_signed(type)) {
		append(text, "0x%x", (unsigned int)value);
		return;
	}
	number = (int32_t)value;
	if (bits < 32 && value >> (bits - 1))
		number = (int32_t)value - (int32_t)(1u << bits);
	append(text, "%d", (int)number);
}

int setting_text(const struct setting *setting, enum setting_type type, char *result, size_t size)
{
	struct text text = {.at = result, .left = size};
	const uint8_t *bytes = setting->bytes;
	size_t length = setting->length;

	if (!size)
		return -E2BIG;
	result[0] = '\0';
	if ((integer_size(type) && (!length || length > 4)) ||
	    (type == SETTING_IPV4 && length != 4) ||
	    ((type == SETTING_IPV6 || type == SETTING_UUID || type == SETTING_GUID) &&
	     length != 16))
		return -EINVAL;
	switch (type) {
	case SETTING_STRING:
		append_string(&text, bytes, length);
		break;
	case SETTING_URISTRING:
		append_uri(&text, bytes, length);
		break;
	case SETTING_IPV4:
		append(&text, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
		break;
	case SETTING_IPV6:
		append_ipv6(&text, bytes);
		break;
	case SETTING_HEX:
		append_hex(&text, bytes, length, ":");
		break;
	case SETTING_HEXHYP:
		append_hex(&text, bytes, length, "-");
		break;
	case SETTING_HEXRAW:
		append_hex(&text, bytes, length, "");
		break;
	case SETTING_BASE64:
		append_base64(&text, bytes, length);
		break;
	case SETTING_UUID:
	case SETTING_GUID:
		append_uuid(&text, bytes, type == SETTING_GUID);
		break;
	default:
		append_integer(&text, setting, type);
	}
	return text.full ? -E2BIG : 0;
}

/* -- Reading */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Pairs of digits, with that character between them ('\0': none). */
static int parse_hex(struct setting *setting, const char *text, char between)
{
	while (*text) {
		int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);

		if (low < 0)
			return -EINVAL;
		if (setting->length == SETTING_MAX)
			return -E2BIG;
		setting->bytes[setting->length++] = (uint8_t)(high << 4 | low);
		text += 2;
		if (between && *text && (*text++ != between || !*text))
			return -EINVAL;
	}
	return 0;
}

static int parse_integer(struct setting *setting, enum setting_type type, const char *text)
{
	unsigned int size = integer_size(type);
	char *end;
	long long value = strtoll(text, &end, 0);
	long long limit = 1ll << (size * 8);

	if (end == text || *end || value >= limit || value < -(limit / 2))
		return -EINVAL;
	for (unsigned int i = 0; i < size; i++)
		setting->bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
	setting->length = size;
	return 0;
}

static int parse_ipv4(struct setting *setting, const char *text)
{
	for (unsigned int i = 0; i < 4; i++) {
		char *end;
		unsigned long part = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 256;

		if (part > 255 || *end != (i < 3 ? '.' : '\0'))
			return -EINVAL;
		setting->bytes[i] = (uint8_t)part;
		text = end + 1;
	}
	setting->length = 4;
	return 0;
}

static int parse_uuid(struct setting *setting, const char *text)
{
	if (strlen(text) != 36)
		return -EINVAL;
	for (unsigned int i = 0; i < 16; i++) {
		int high, low;

		if (i == 4 || i == 6 || i == 8 || i == 10)
			if (*text++ != '-')
				return -EINVAL;
		high = digit(text[0]);
		low = digit(text[1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		setting->bytes[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	setting->length = 16;
	return 0;
}

int setting_parse(struct setting *setting, enum setting_type type, const char *text)
{
	setting->type = type;
	setting->length = 0;
	switch (type) {
	case SETTING_STRING:
	case SETTING_URISTRING:
		if (strlen(text) > SETTING_MAX)
			return -E2BIG;
		setting_string(setting, text);
		return 0;
	case SETTING_IPV4:
		return parse_ipv4(setting, text);
	case SETTING_HEX:
		return parse_hex(setting, text, ':');
	case SETTING_HEXHYP:
		return parse_hex(setting, text, '-');
	case SETTING_HEXRAW:
		return parse_hex(setting, text, '\0');
	case SETTING_UUID:
		return parse_uuid(setting, text);
	case SETTING_IPV6:
	case SETTING_GUID:
	case SETTING_BASE64:
		/* Read only. */
		return -EINVAL;
	default:
		return parse_integer(setting, type, text);
	}
}
