/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings as scripts know them: names, types and values of any form, and text that refers to them. What is
 * written as a type and read as the same is what it was.
 */
#include "net/netboot/settings.h"

#include "net/netboot/setting_format.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define STEPS 40
#define TEXT_MAX 400u
#define TYPES (SETTING_GUID + 1)

static struct settings settings;

/* A string of the input in a block of exactly its size; the caller's. */
static char *some_text(uint32_t most)
{
	uint32_t length = fuzz_choose(most);
	char *text = malloc(length + 1u), *exact;

	fuzz_fill(text, length);
	text[length] = '\0';
	exact = strdup(text);
	free(text);
	return exact;
}

static char *some_name(void)
{
	static const char *const names[] = {
		"a",	  "b:hex",  "net0/mac",	   "net0/mac:hexhyp", "c:uint32", "d:int8",
		"e:ipv4", "f:uuid", "b:uristring", "a:base64",	      "b:ipv6",	  "f:guid"};

	return fuzz_choose(4) ? strdup(names[fuzz_choose(12)]) : some_text(150);
}

static void fill(struct setting *setting)
{
	uint8_t bytes[64];
	size_t length = fuzz_choose(8) ? fuzz_choose(sizeof(bytes)) : 16;

	fuzz_fill(bytes, length);
	setting_bytes(setting, fuzz_choose(TYPES), bytes, length);
}

static bool machine(void *context, const char *scope, const char *name, struct setting *setting)
{
	(void)context;
	fuzz_check(strlen(scope) + strlen(name) < SETTING_NAME_MAX, "a name that is too long");
	if (!strcmp(name, "none"))
		return false;
	fill(setting);
	return true;
}

static void round_trip(void)
{
	enum setting_type type = fuzz_choose(TYPES);
	size_t size = fuzz_choose(4) ? 3 * SETTING_MAX + 1 : fuzz_choose(40);
	char *text = malloc(size ? size : 1);
	struct setting setting, again;

	fill(&setting);
	if (!setting_text(&setting, type, text, size)) {
		fuzz_check(memchr(text, 0, size), "a text without end");
		for (const char *c = text; *c; c++)
			fuzz_check((uint8_t)*c >= ' ' && *c != 0x7f, "a control character");
		if (type == SETTING_HEX || type == SETTING_HEXHYP || type == SETTING_HEXRAW ||
		    type == SETTING_IPV4 || type == SETTING_UUID) {
			fuzz_check(!setting_parse(&again, type, text), "%s is not read", text);
			fuzz_check(again.length == setting.length &&
					   !memcmp(again.bytes, setting.bytes, again.length),
				   "%s is read as something else", text);
		}
	}
	free(text);
}

/* A value that was taken is of its type: it can be written as such. */
static void set(void)
{
	char *name = some_name(), *text = some_text(TEXT_MAX), *plain = strdup(name);
	char written[3 * SETTING_MAX + 1];
	struct setting setting;

	if (strchr(plain, ':'))
		*strchr(plain, ':') = '\0';
	if (!settings_set(&settings, name, text)) {
		fuzz_check(!settings_get(&settings, plain, &setting), "%s is not set", plain);
		fuzz_check(setting.length <= SETTING_MAX, "%zu bytes", setting.length);
		fuzz_check(!setting_text(&setting, setting.type, written, sizeof(written)),
			   "%s cannot be written", plain);
	}
	free(name);
	free(text);
	free(plain);
}

static void expand(void)
{
	char *text = some_text(TEXT_MAX), bad[SETTING_NAME_MAX] = "";
	size_t size = fuzz_choose(4) ? 2048 : 1 + fuzz_choose(64);
	char *result = malloc(size);

	if (!settings_expand(&settings, text, result, size, bad))
		fuzz_check(memchr(result, 0, size), "a text without end");
	fuzz_check(memchr(bad, 0, sizeof(bad)), "a name without end");
	free(text);
	free(result);
}

void fuzz_target(void)
{
	settings = (struct settings){.machine = machine};
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		switch (fuzz_choose(4)) {
		case 0:
			set();
			break;
		case 1:
			expand();
			break;
		case 2:
			round_trip();
			break;
		default: {
			char *name = some_name();
			struct setting setting;

			if (fuzz_choose(2))
				(void)settings_clear(&settings, name);
			else
				(void)settings_get(&settings, name, &setting);
			free(name);
			break;
		}
		}
	settings_clear_all(&settings);
	fuzz_check(!settings.variables && !settings.count, "settings are left");
}
