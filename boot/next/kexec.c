/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command that starts what the VMM loaded beside us:
 *
 *	kexec [--initrd PIECE]... PIECE [COMMAND LINE]
 *
 * A PIECE is a module, or a part of one: N, or N@OFFSET+LENGTH, since most VMMs load only one.
 */
#include "boot/next/next.h"
#include "kernel/console/console.h"
#include "kernel/main.h"
#include "kernel/memory/map.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Mapped at a time. */
#define WINDOW (1u << 20)
#define LINE_MAX 512

struct piece {
	uint64_t start, length;
};

/* Splits at the first `mark`: what is behind it, or NULL. */
static char *cut(char *text, char mark)
{
	char *at = strchr(text, mark);

	if (at)
		*at++ = '\0';
	return at;
}

static bool parse_piece(char *text, struct piece *piece)
{
	const struct boot_info *info = boot_information();
	char *offset = cut(text, '@'), *length = offset ? cut(offset, '+') : NULL;
	uint64_t number, from = 0;

	if (!option_parse_number(text, &number) || number >= info->module_count) {
		command_print(
			"kexec: %s: the VMM has loaded %u modules beside us, counted from 0\n",
			text, info->module_count);
		return false;
	}
	*piece = (struct piece){info->modules[number].start, info->modules[number].length};
	if (!offset)
		return true;
	if (!length || !option_parse_number(offset, &from) ||
	    !option_parse_number(length, &piece->length) || from > info->modules[number].length ||
	    piece->length > info->modules[number].length - from) {
		command_print("kexec: module %s has %" PRIu64
			      " bytes: want N@OFFSET+LENGTH in it\n",
			      text, info->modules[number].length);
		return false;
	}
	piece->start += from;
	return true;
}

static bool load(struct next_kernel *next, enum next_role role, const char *name,
		 const struct piece *piece)
{
	struct next_file *file = next_file_begin(next, role, name);
	int error = file ? next_file_size(file, piece->length) : -1;

	for (uint64_t at = 0; !error && at < piece->length; at += WINDOW) {
		size_t part = piece->length - at < WINDOW ? piece->length - at : WINDOW;
		const void *bytes = map_firmware(piece->start + at, part);

		if (!bytes) {
			command_print("kexec: no memory to read module %s\n", name);
			return false;
		}
		error = next_file_write(file, bytes, part);
		unmap_firmware(bytes, part);
	}
	if (!error)
		error = next_file_end(file);
	if (error)
		command_print("kexec: %s\n", next_error(next));
	return !error;
}

static bool set_line(struct next_kernel *next, int argc, char **argv)
{
	char line[LINE_MAX];
	size_t used = 0;

	line[0] = '\0';
	for (int i = 0; i < argc; i++)
		used += (size_t)sniprintf(line + used,
					  used < sizeof(line) ? sizeof(line) - used : 0, "%s%s",
					  i ? " " : "", argv[i]);
	if (used >= sizeof(line)) {
		command_print("kexec: the command line is longer than %zu characters\n",
			      sizeof(line) - 1);
		return false;
	}
	if (!next_set_command_line(next, line))
		return true;
	command_print("kexec: %s\n", next_error(next));
	return false;
}

/* Everything in the order of the words; the kernel's place is taken before initrds come to lie there. */
static bool load_all(struct next_kernel *next, int argc, char **argv, int kernel)
{
	struct piece piece;
	char name[32];

	sniprintf(name, sizeof(name), "module %.20s", argv[kernel]);
	if (!parse_piece(argv[kernel], &piece) || !load(next, NEXT_KERNEL, name, &piece))
		return false;
	for (int i = 2; i < kernel; i += 2) {
		sniprintf(name, sizeof(name), "module %.20s", argv[i]);
		if (!parse_piece(argv[i], &piece) || !load(next, NEXT_INITRD, name, &piece))
			return false;
	}
	return set_line(next, argc - kernel - 1, argv + kernel + 1);
}

static enum command_result command_kexec(int argc, char **argv)
{
	struct next_kernel *next;
	int kernel = 1;

	while (kernel + 1 < argc && !strcmp(argv[kernel], "--initrd"))
		kernel += 2;
	if (kernel >= argc || argv[kernel][0] == '-')
		return COMMAND_USAGE;
	next = next_create();
	if (!next) {
		command_print("kexec: no memory\n");
		return COMMAND_FAILED;
	}
	if (load_all(next, argc, argv, kernel)) {
		int error = next_check(next);

		if (!error) {
			console_printf("ringside: kexec: %s\n",
				       next_file_kind(next_file_kernel(next)));
			(void)next_start(next);
		}
		command_print("kexec: %s\n", next_error(next));
	}
	next_destroy(next);
	return COMMAND_FAILED;
}
COMMAND(kexec, "kexec [--initrd MODULE]... MODULE [COMMAND LINE]",
	"start a kernel that the VMM loaded beside us", command_kexec);
