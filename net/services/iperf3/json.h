/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads JSON (RFC 8259) value by value, where it lies, without memory of its own. Context: any.
 *
 *	struct json_reader reader = json_read(text, length);
 *	struct json_value value;
 *
 *	while (json_next(&reader, &value))
 *		if (value.depth == 1 && json_is(&value, "time") && value.kind == JSON_NUMBER)
 *			seconds = value.number;
 *	if (reader.wrong)
 *		... what is wrong, for people
 */
#ifndef NET_SERVICES_IPERF3_JSON_H
#define NET_SERVICES_IPERF3_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 16

enum json_kind {
	JSON_OBJECT, /* its members follow, one deeper, then its JSON_END */
	JSON_ARRAY,
	JSON_END,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

struct json_value {
	enum json_kind kind;
	unsigned int depth; /* 0: the whole document */
	const char *name;   /* of a member of an object, as written; else NULL */
	size_t name_length;
	const char *string; /* as written, without its quotes */
	size_t string_length;
	bool negative;
	/* Its amount, without what stands behind the point; UINT64_MAX: that, or more. */
	uint64_t number;
};

struct json_reader {
	const char *next, *end;
	unsigned int depth;
	uint32_t objects;    /* bit n: what is open at depth n is an object, no array */
	bool value_expected; /* behind a comma, or at the start */
	bool first;	     /* nothing has come yet in what was opened last */
	const char *wrong;   /* NULL as long as nothing is */
};

struct json_reader json_read(const char *text, size_t length);

/* The next value. False at the end, and when something is wrong: then `wrong` says what. */
bool json_next(struct json_reader *reader, struct json_value *value);

/* Whether that is the name of the value. */
bool json_is(const struct json_value *value, const char *name);

#endif
