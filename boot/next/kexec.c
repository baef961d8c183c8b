/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command that starts what the VMM loaded beside us:
 *
 *	kexec [--initrd MODULE]... MODULE [COMMAND LINE]
 */
#include "boot/next/module.h"
#include "boot/next/next.h"
#include "kernel/console/console.h"
#include "kernel/shell/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX 512

static int take(void *file, const void *bytes, size_t length)
{
	return next_file_write(file, bytes, length);
}

static bool load(struct next_kernel *next, enum next_role role, const char *text)
{
	struct module_piece piece;
	char why[MODULE_WHY_MAX], name[32];
	struct next_file *file;
	int error;

	if (module_find(text, &piece, why) < 0) {
		command_print("kexec: %s: %s\n", text, why);
		return false;
	}
	sniprintf(name, sizeof(name), "module %.20s", text);
	file = next_file_begin(next, role, name);
	error = file ? next_file_size(file, piece.length) : -ENOMEM;
	if (!error)
		error = module_read(&piece, take, file);
	if (!error)
		error = next_file_end(file);
	if (error)
		command_print("kexec: %s\n", *next_error(next) ? next_error(next)
							       : "no memory to read the module");
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

/* The kernel first: its place is taken before initrds come to lie there. */
static bool load_all(struct next_kernel *next, int argc, char **argv, int kernel)
{
	if (!load(next, NEXT_KERNEL, argv[kernel]))
		return false;
	for (int i = 2; i < kernel; i += 2)
		if (!load(next, NEXT_INITRD, argv[i]))
			return false;
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
