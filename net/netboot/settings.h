/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings, as scripts know them: what the machine, its network interfaces and DHCP say
 * ("${net0/mac}"), and what the script has set itself. A value is bytes with a type, which is how it is
 * written unless the reference says another ("${net0/mac:hexhyp}").
 *
 * Pure but for malloc(); context: thread, one at a time for each struct settings.
 */
#ifndef NET_NETBOOT_SETTINGS_H
#define NET_NETBOOT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTING_MAX 1024     /* bytes of a value */
#define SETTING_NAME_MAX 128 /* with its scope and end */
#define SETTINGS_MAX 256     /* that a script sets */

enum setting_type {
	SETTING_STRING,
	SETTING_URISTRING,
	SETTING_IPV4,
	SETTING_IPV6,
	SETTING_INT8,
	SETTING_INT16,
	SETTING_INT32,
	SETTING_UINT8,
	SETTING_UINT16,
	SETTING_UINT32,
	SETTING_HEX,	/* 52:54:00 */
	SETTING_HEXHYP, /* 52-54-00 */
	SETTING_HEXRAW, /* 525400 */
	SETTING_BASE64,
	SETTING_UUID,
	SETTING_GUID, /* a UUID whose first three fields are little-endian */
};

struct setting {
	enum setting_type type;
	size_t length;
	uint8_t bytes[SETTING_MAX];
};

struct settings_variable;

struct settings {
	/* What the machine says; scope "" for a name alone. False: it does not know. May be NULL. */
	bool (*machine)(void *context, const char *scope, const char *name,
			struct setting *setting);
	void *context;
	struct settings_variable *variables;
	unsigned int count;
};

void settings_clear_all(struct settings *settings);

/* "[SCOPE/]NAME", without a type. 0, -ENOENT, -EINVAL (no such name can be). */
int settings_get(struct settings *settings, const char *name, struct setting *setting);

/* "[SCOPE/]NAME[:TYPE]" from text. 0, -EINVAL (the name, the type, or the text is not of it), -ENOMEM, -E2BIG. */
int settings_set(struct settings *settings, const char *name, const char *text);
/* Afterwards it is not set, whatever the machine says. 0, -EINVAL, -ENOMEM. */
int settings_clear(struct settings *settings, const char *name);

/* Writes a value as a type. 0, -EINVAL (not that many bytes), -E2BIG. */
int setting_text(const struct setting *setting, enum setting_type type, char *text, size_t size);
bool setting_type_of(const char *name, enum setting_type *type);

/* For those who fill a setting in. What is too long is cut. */
void setting_string(struct setting *setting, const char *text);
void setting_bytes(struct setting *setting, enum setting_type type, const void *bytes,
		   size_t length);

/*
 * Copies text with every "${...}" replaced, inner ones first; what is not set becomes "". 0, -E2BIG, -ELOOP
 * (values that name themselves), -EINVAL (a type that does not exist: it is in *bad, up to its '}').
 */
int settings_expand(struct settings *settings, const char *text, char *result, size_t size,
		    char bad[static SETTING_NAME_MAX]);

#endif
