/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/next/module.h"

#include "kernel/main.h"
#include "kernel/memory/map.h"
#include "kernel/options/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Mapped at a time. */
#define WINDOW (1u << 20)
#define TEXT_MAX 80

/* Splits at the first `mark`: what is behind it, or NULL. */
static char *cut(char *text, char mark)
{
	char *at = strchr(text, mark);

	if (at)
		*at++ = '\0';
	return at;
}

int module_find(const char *text, struct module_piece *piece, char why[MODULE_WHY_MAX])
{
	const struct boot_info *info = boot_information();
	char copy[TEXT_MAX], *offset, *length;
	const struct boot_module *module;
	uint64_t number, from;

	/* What is cut is no number any more, or none that there is. */
	sniprintf(copy, sizeof(copy), "%s", text);
	offset = cut(copy, '@');
	length = offset ? cut(offset, '+') : NULL;
	if (!option_parse_number(copy, &number) || number >= info->module_count) {
		sniprintf(why, MODULE_WHY_MAX,
			  "the VMM has loaded %u modules beside us, counted from 0",
			  info->module_count);
		return -ENOENT;
	}
	module = &info->modules[number];
	*piece = (struct module_piece){module->start, module->length};
	if (!offset)
		return 0;
	if (!length || !option_parse_number(offset, &from) ||
	    !option_parse_number(length, &piece->length) || from > module->length ||
	    piece->length > module->length - from) {
		sniprintf(why, MODULE_WHY_MAX,
			  "module %s has %" PRIu64 " bytes: want N@OFFSET+LENGTH in it", copy,
			  module->length);
		return -EINVAL;
	}
	piece->start += from;
	return 0;
}

int module_read(const struct module_piece *piece,
		int (*write)(void *context, const void *bytes, size_t length), void *context)
{
	int error = 0;

	for (uint64_t at = 0; !error && at < piece->length; at += WINDOW) {
		size_t part = piece->length - at < WINDOW ? piece->length - at : WINDOW;
		const void *bytes = map_firmware(piece->start + at, part);

		if (!bytes)
			return -ENOMEM;
		error = write(context, bytes, part);
		unmap_firmware(bytes, part);
	}
	return error;
}
