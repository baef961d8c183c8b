/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VMM or boot loader loaded beside us: module:N by its number from 0 on (QEMU's -initrd is 0), or
 * module:NAME by the first word of its command line, with or without the folders before it.
 */
#include "kernel/main.h"
#include "kernel/memory/memory.h"
#include "kernel/x86/paging.h"
#include "net/netboot/transfer.h"
#include "net/netboot/url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECE (1u << 20) /* so much between two looks at the user's patience */
#define NAME_MAX_LENGTH 256

/* Whether the first word of the text, or what stands behind its last slash, is the name. */
static bool is_named(const char *text, const char *name)
{
	size_t length = strnlen(text, NAME_MAX_LENGTH), base = 0;

	for (size_t i = 0; i < length && text[i] != ' '; i++)
		if (text[i] == '/')
			base = i + 1;
	length = 0;
	while (length < NAME_MAX_LENGTH && text[length] && text[length] != ' ')
		length++;
	return (length == strlen(name) && !strncmp(text, name, length)) ||
	       (length - base == strlen(name) && !strncmp(text + base, name, length - base));
}

static const struct boot_module *find(const char *name)
{
	const struct boot_info *boot = boot_information();
	char *end;
	unsigned long number = strtoul(name, &end, 10);

	if (*name >= '0' && *name <= '9' && !*end)
		return number < boot->module_count ? &boot->modules[number] : NULL;
	for (unsigned int i = 0; i < boot->module_count; i++) {
		const struct boot_module *module = &boot->modules[i];

		if (module->command_line && memory_is_ram(module->command_line, NAME_MAX_LENGTH) &&
		    is_named(direct_map(module->command_line), name))
			return module;
	}
	return NULL;
}

static int module_get(struct transfer *transfer, const struct url *url)
{
	const struct boot_module *module = find(url->path + 1);
	int status;

	if (!module)
		return transfer_fail(transfer, -ENOENT, "there is no such module (given: %u)",
				     boot_information()->module_count);
	if (module->length && !memory_is_ram(module->start, module->length))
		return transfer_fail(transfer, -EINVAL, "the module does not lie in memory");
	status = transfer_size(transfer, module->length);
	for (uint64_t done = 0; !status && done < module->length;) {
		uint64_t left = module->length - done;
		size_t part = left < PIECE ? (size_t)left : PIECE;

		status = transfer_write(transfer, direct_map(module->start + done), part);
		done += part;
		if (!status)
			status = transfer_tick(transfer);
	}
	return status;
}

TRANSFER_SCHEME(module, module_get);
