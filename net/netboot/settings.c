/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/settings.h"

#include "net/netboot/setting_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXPANSIONS_MAX 256 /* in one text */

struct settings_variable {
	struct settings_variable *next;
	char name[SETTING_NAME_MAX];
	bool cleared;
	struct setting value;
};

void setting_bytes(struct setting *setting, enum setting_type type, const void *bytes,
		   size_t length)
{
	setting->type = type;
	setting->length = length < SETTING_MAX ? length : SETTING_MAX;
	memcpy(setting->bytes, bytes, setting->length);
}

void setting_string(struct setting *setting, const char *text)
{
	setting_bytes(setting, SETTING_STRING, text, strlen(text));
}

void settings_clear_all(struct settings *settings)
{
	while (settings->variables) {
		struct settings_variable *next = settings->variables->next;

		free(settings->variables);
		settings->variables = next;
	}
	settings->count = 0;
}

static bool is_name(const char *name)
{
	size_t length = strlen(name);

	if (!length || length >= SETTING_NAME_MAX || name[length - 1] == '/')
		return false;
	for (; *name; name++)
		if (*name <= ' ' || *name > '~' || strchr("${}:", *name))
			return false;
	return true;
}

static struct settings_variable *find(struct settings *settings, const char *name)
{
	struct settings_variable *variable = settings->variables;

	while (variable && strcmp(variable->name, name))
		variable = variable->next;
	return variable;
}

int settings_get(struct settings *settings, const char *name, struct setting *setting)
{
	struct settings_variable *variable;
	char scope[SETTING_NAME_MAX] = "";
	const char *slash;

	if (!is_name(name))
		return -EINVAL;
	variable = find(settings, name);
	if (variable && variable->cleared)
		return -ENOENT;
	if (variable) {
		*setting = variable->value;
		return 0;
	}
	slash = strrchr(name, '/');
	if (slash) {
		memcpy(scope, name, (size_t)(slash - name));
		scope[slash - name] = '\0';
		name = slash + 1;
	}
	return settings->machine && settings->machine(settings->context, scope, name, setting)
		       ? 0
		       : -ENOENT;
}

static int variable_make(struct settings *settings, const char *name,
			 struct settings_variable **result)
{
	struct settings_variable *variable;

	if (!is_name(name))
		return -EINVAL;
	variable = find(settings, name);
	if (!variable) {
		if (settings->count == SETTINGS_MAX)
			return -ENOMEM;
		variable = calloc(1, sizeof(*variable));
		if (!variable)
			return -ENOMEM;
		strcpy(variable->name, name);
		variable->next = settings->variables;
		settings->variables = variable;
		settings->count++;
	}
	*result = variable;
	return 0;
}

/* Takes the ":TYPE" off a name. 0, -EINVAL. */
static int split_type(const char *text, char name[static SETTING_NAME_MAX], enum setting_type *type,
		      bool *typed)
{
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);

	if (length >= SETTING_NAME_MAX)
		return -EINVAL;
	memcpy(name, text, length);
	name[length] = '\0';
	*typed = colon != NULL;
	return colon && !setting_type_of(colon + 1, type) ? -EINVAL : 0;
}

int settings_set(struct settings *settings, const char *name, const char *text)
{
	enum setting_type type = SETTING_STRING;
	char plain[SETTING_NAME_MAX];
	struct settings_variable *variable;
	struct setting value;
	bool typed;
	int error;

	if (split_type(name, plain, &type, &typed))
		return -EINVAL;
	error = setting_parse(&value, type, text);
	if (!error)
		error = variable_make(settings, plain, &variable);
	if (error)
		return error;
	variable->value = value;
	variable->cleared = false;
	return 0;
}

int settings_clear(struct settings *settings, const char *name)
{
	enum setting_type type;
	char plain[SETTING_NAME_MAX];
	struct settings_variable *variable;
	bool typed;
	int error = split_type(name, plain, &type, &typed);

	if (!error)
		error = variable_make(settings, plain, &variable);
	if (error)
		return error;
	variable->cleared = true;
	return 0;
}

/* What stands between "${" and "}", of that length, as text. */
static int reference(struct settings *settings, const char *text, size_t length, char *value,
		     size_t size, char bad[static SETTING_NAME_MAX])
{
	char whole[2 * SETTING_NAME_MAX], name[SETTING_NAME_MAX];
	enum setting_type type;
	struct setting setting;
	bool typed;

	value[0] = '\0';
	if (length >= sizeof(whole))
		return 0;
	memcpy(whole, text, length);
	whole[length] = '\0';
	if (split_type(whole, name, &type, &typed)) {
		strncpy(bad, whole, SETTING_NAME_MAX - 1);
		bad[SETTING_NAME_MAX - 1] = '\0';
		return -EINVAL;
	}
	if (settings_get(settings, name, &setting))
		return 0;
	/* Bytes that are not of that type are nothing. */
	if (setting_text(&setting, typed ? type : setting.type, value, size) == -E2BIG)
		return -E2BIG;
	return 0;
}

int settings_expand(struct settings *settings, const char *text, char *result, size_t size,
		    char bad[static SETTING_NAME_MAX])
{
	/* As hexadecimal or in a URI each byte may become three characters. */
	char *value = malloc(3 * SETTING_MAX + 1);
	int error = 0;

	if (!value)
		return -ENOMEM;
	if (strlen(text) >= size)
		error = -E2BIG;
	else
		strcpy(result, text);
	for (unsigned int count = 0; !error; count++) {
		char *start = NULL, *end = result;
		size_t length, rest;

		/* The first closing brace that has an opening one, and the last of those before it. */
		for (; *end && !(*end == '}' && start); end++)
			if (end[0] == '$' && end[1] == '{')
				start = end;
		if (!*end)
			break;
		if (count == EXPANSIONS_MAX) {
			error = -ELOOP;
			break;
		}
		error = reference(settings, start + 2, (size_t)(end - start - 2), value,
				  3 * SETTING_MAX + 1, bad);
		if (error)
			break;
		length = strlen(value);
		rest = strlen(end + 1) + 1;
		if ((size_t)(start - result) + length + rest > size) {
			error = -E2BIG;
			break;
		}
		memmove(start + length, end + 1, rest);
		memcpy(start, value, length);
	}
	free(value);
	return error;
}
