/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/services/iperf3/json.h"

#include <string.h>

#define DIGITS_MAX 18	 /* that fit into 64 bits */
#define EXPONENT_MAX 400 /* beyond what a double has */

struct json_reader json_read(const char *text, size_t length)
{
	return (struct json_reader){.next = text, .end = text + length, .value_expected = true};
}

static bool wrong(struct json_reader *reader, const char *what)
{
	if (!reader->wrong)
		reader->wrong = what;
	return false;
}

/* The next character that is not taken yet; 0 at the end, which is no character of JSON's. */
static char peek(const struct json_reader *reader)
{
	return reader->next < reader->end ? *reader->next : '\0';
}

static bool take(struct json_reader *reader, char character)
{
	if (peek(reader) != character)
		return false;
	reader->next++;
	return true;
}

static void skip_space(struct json_reader *reader)
{
	while (reader->next < reader->end && *reader->next && strchr(" \t\r\n", *reader->next))
		reader->next++;
}

static bool is_digit(char character)
{
	return character >= '0' && character <= '9';
}

static bool is_hexadecimal(char character)
{
	return character && strchr("0123456789abcdefABCDEF", character);
}

static bool take_escape(struct json_reader *reader)
{
	char kind = peek(reader);

	if (!kind || !strchr("\"\\/bfnrtu", kind))
		return wrong(reader, "an escape that is none");
	reader->next++;
	for (unsigned int i = 0; kind == 'u' && i < 4; i++) {
		if (!is_hexadecimal(peek(reader)))
			return wrong(reader, "an escape that is none");
		reader->next++;
	}
	return true;
}

/* From behind its first quote. */
static bool take_string(struct json_reader *reader, const char **string, size_t *length)
{
	*string = reader->next;
	while (reader->next < reader->end) {
		unsigned char character = (unsigned char)*reader->next++;

		if (character == '"') {
			*length = (size_t)(reader->next - 1 - *string);
			return true;
		}
		if (character < ' ')
			return wrong(reader, "a control character in a string");
		if (character == '\\' && !take_escape(reader))
			return false;
	}
	return wrong(reader, "a string without end");
}

static bool take_word(struct json_reader *reader, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(reader->end - reader->next) < length || memcmp(reader->next, word, length))
		return wrong(reader, "a word that JSON does not have");
	reader->next += length;
	return true;
}

/* The amount: its first digits, times ten to the power of `exponent`. */
static uint64_t scale(uint64_t amount, int exponent)
{
	for (; exponent < 0 && amount; exponent++)
		amount /= 10;
	for (; exponent > 0 && amount; exponent--)
		if (__builtin_mul_overflow(amount, 10, &amount))
			return UINT64_MAX;
	return amount;
}

static bool take_exponent(struct json_reader *reader, int *exponent)
{
	bool negative;
	int amount = 0;

	if (!take(reader, 'e') && !take(reader, 'E'))
		return true;
	negative = take(reader, '-');
	if (!negative)
		(void)take(reader, '+');
	if (!is_digit(peek(reader)))
		return wrong(reader, "a number without digits");
	for (; is_digit(peek(reader)); reader->next++)
		if (amount < EXPONENT_MAX)
			amount = amount * 10 + (*reader->next - '0');
	*exponent += negative ? -amount : amount;
	return true;
}

static bool take_number(struct json_reader *reader, struct json_value *value)
{
	unsigned int digits = 0;
	uint64_t amount = 0;
	int exponent = 0;
	bool fraction = false;

	value->negative = take(reader, '-');
	if (!is_digit(peek(reader)))
		return wrong(reader, "a number without digits");
	if (peek(reader) == '0' && reader->next + 1 < reader->end && is_digit(reader->next[1]))
		return wrong(reader, "a number that begins with 0");
	for (;; reader->next++) {
		if (peek(reader) == '.' && !fraction) {
			fraction = true;
			if (reader->next + 1 == reader->end || !is_digit(reader->next[1]))
				return wrong(reader, "a number without digits");
			continue;
		}
		if (!is_digit(peek(reader)))
			break;
		if (digits < DIGITS_MAX) {
			amount = amount * 10 + (uint64_t)(*reader->next - '0');
			digits += amount != 0;
			exponent -= fraction;
		} else {
			exponent += !fraction;
		}
	}
	if (!take_exponent(reader, &exponent))
		return false;
	value->number = scale(amount, exponent);
	return true;
}

static bool in_object(const struct json_reader *reader)
{
	return reader->depth && reader->objects >> (reader->depth - 1) & 1;
}

static bool open(struct json_reader *reader, struct json_value *value, bool object)
{
	if (reader->depth == JSON_DEPTH_MAX)
		return wrong(reader, "too deep");
	value->kind = object ? JSON_OBJECT : JSON_ARRAY;
	reader->objects &= ~(1u << reader->depth);
	reader->objects |= (uint32_t)object << reader->depth;
	reader->depth++;
	reader->first = true;
	return true;
}

static bool take_value(struct json_reader *reader, struct json_value *value)
{
	value->depth = reader->depth;
	reader->value_expected = reader->first = false;
	switch (peek(reader)) {
	case '{':
	case '[':
		return open(reader, value, *reader->next++ == '{');
	case '"':
		reader->next++;
		value->kind = JSON_STRING;
		return take_string(reader, &value->string, &value->string_length);
	case 't':
		value->kind = JSON_TRUE;
		return take_word(reader, "true");
	case 'f':
		value->kind = JSON_FALSE;
		return take_word(reader, "false");
	case 'n':
		value->kind = JSON_NULL;
		return take_word(reader, "null");
	default:
		if (peek(reader) != '-' && !is_digit(peek(reader)))
			return wrong(reader, "something that is no value");
		value->kind = JSON_NUMBER;
		return take_number(reader, value);
	}
}

/* Of a member of an object: "name" and the colon. */
static bool take_name(struct json_reader *reader, struct json_value *value)
{
	if (!take(reader, '"'))
		return wrong(reader, "a member without a name");
	if (!take_string(reader, &value->name, &value->name_length))
		return false;
	skip_space(reader);
	if (!take(reader, ':'))
		return wrong(reader, "a name without a value");
	skip_space(reader);
	return true;
}

/* What closes the object or array that is open, when it comes now. */
static bool take_end(struct json_reader *reader, struct json_value *value)
{
	if (!reader->depth || reader->value_expected ||
	    !take(reader, in_object(reader) ? '}' : ']'))
		return false;
	reader->first = false;
	value->kind = JSON_END;
	value->depth = --reader->depth;
	return true;
}

bool json_next(struct json_reader *reader, struct json_value *value)
{
	memset(value, 0, sizeof(*value));
	if (reader->wrong)
		return false;
	skip_space(reader);
	if (take_end(reader, value))
		return true;
	if (!reader->depth && !reader->value_expected)
		return reader->next < reader->end && wrong(reader, "more behind its end");
	if (reader->next == reader->end)
		return wrong(reader, "its end is missing");
	if (reader->depth && !reader->first && !reader->value_expected) {
		if (!take(reader, ','))
			return wrong(reader, "values without a comma between them");
		reader->value_expected = true;
		skip_space(reader);
	}
	if (in_object(reader) && !take_name(reader, value))
		return false;
	return take_value(reader, value);
}

bool json_is(const struct json_value *value, const char *name)
{
	return value->name && value->name_length == strlen(name) &&
	       !memcmp(value->name, name, value->name_length);
}
