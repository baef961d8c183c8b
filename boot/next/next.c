/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/next/next.h"

#include "boot/next/internal.h"
#include "kernel/x86/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where an initrd may lie whatever the kernel will say: what nearly all of them say. */
#define INITRD_LIMIT_UNKNOWN 0x7fffffff

int next_fail(struct next_kernel *next, const struct next_file *file, int error, const char *format,
	      ...)
{
	va_list arguments;
	int used = 0;

	if (file)
		used = sniprintf(next->error, sizeof(next->error), "%.80s: ", file->name);
	va_start(arguments, format);
	vsniprintf(next->error + used, sizeof(next->error) - (size_t)used, format, arguments);
	va_end(arguments);
	return error;
}

/* What was decided is decided anew. */
static void changed(struct next_kernel *next)
{
	next_plan_release(&next->plan);
}

static void forget_content(struct next_file *file)
{
	next_kernel_file_release(file);
	next_store_release(&file->store);
	file->received = 0;
	file->ended = false;
	file->failed = 0;
}

static void file_free(struct next_file *file)
{
	forget_content(file);
	free(file->name);
	free(file);
}

struct next_kernel *next_create(void)
{
	return calloc(1, sizeof(struct next_kernel));
}

void next_destroy(struct next_kernel *next)
{
	if (!next)
		return;
	changed(next);
	for (struct next_file *file = next->files, *following; file; file = following) {
		following = file->following;
		file_free(file);
	}
	free(next->command_line);
	free(next);
}

struct next_file *next_file_kernel(struct next_kernel *next)
{
	for (struct next_file *file = next->files; file; file = file->following)
		if (file->role == NEXT_KERNEL)
			return file;
	return NULL;
}

struct next_file *next_file_find(struct next_kernel *next, const char *name)
{
	for (struct next_file *file = next->files; file; file = file->following)
		if (!strcmp(file->name, name))
			return file;
	return NULL;
}

const char *next_file_name(const struct next_file *file)
{
	return file->name;
}

const char *next_file_kind(const struct next_file *file)
{
	return file->kernel.known ? file->kernel.layout.kind : NULL;
}

const char *next_error(const struct next_kernel *next)
{
	return next->error;
}

/* An initrd begins behind the one before it, when that one is complete and in one piece. */
static void wish(struct next_file *file)
{
	const struct next_file *kernel = next_file_kernel(file->next);

	file->store.after = 0;
	for (const struct next_file *before = file->next->files; before != file;
	     before = before->following)
		if (before->role == NEXT_INITRD && before->store.length)
			file->store.after = before->ended ? next_store_run_end(&before->store) : 0;
	file->store.limit = kernel && kernel->kernel.known ? kernel->kernel.layout.initrd_limit
							   : INITRD_LIMIT_UNKNOWN;
}

struct next_file *next_file_begin(struct next_kernel *next, enum next_role role, const char *name)
{
	struct next_file *file, **end = &next->files;

	if (role == NEXT_KERNEL && next_file_kernel(next)) {
		next_fail(next, NULL, -EEXIST, "%.80s: there is a kernel already (%.80s)", name,
			  next_file_kernel(next)->name);
		return NULL;
	}
	changed(next);
	file = calloc(1, sizeof(*file));
	if (file)
		file->name = strdup(name);
	if (!file || !file->name) {
		free(file);
		next_fail(next, NULL, -ENOMEM, "%.80s: no memory for another file", name);
		return NULL;
	}
	file->next = next;
	file->role = role;
	while (*end)
		end = &(*end)->following;
	*end = file;
	return file;
}

static int failed(struct next_file *file, int error)
{
	if (error && !file->failed)
		file->failed = error;
	return error;
}

static int no_room(struct next_file *file, uint64_t size)
{
	return next_fail(file->next, file, -EFBIG, "no memory for its %" PRIu64 " KiB", size >> 10);
}

int next_file_size(struct next_file *file, uint64_t size)
{
	if (file->failed)
		return file->failed;
	if (size < file->received)
		return failed(file, next_fail(file->next, file, -EFBIG,
					      "is said to have %" PRIu64 " bytes, after %" PRIu64
					      " have come",
					      size, file->received));
	file->sized = true;
	file->size = size;
	if (file->role == NEXT_KERNEL)
		return failed(file, next_kernel_file_size(file));
	if (!file->received)
		wish(file);
	if (next_store_reserve(&file->store, size) < 0)
		return failed(file, no_room(file, size));
	return 0;
}

int next_file_write(struct next_file *file, const void *bytes, size_t length)
{
	int error;

	if (file->failed)
		return file->failed;
	if (file->ended)
		return next_fail(file->next, file, -EINVAL, "more bytes after its end");
	if (!length)
		return 0;
	if (file->sized && length > file->size - file->received)
		return failed(file,
			      next_fail(file->next, file, -EFBIG,
					"longer than the %" PRIu64 " bytes that were announced",
					file->size));
	if (file->role == NEXT_KERNEL) {
		error = next_kernel_file_write(file, bytes, length);
	} else {
		if (!file->received && !file->sized)
			wish(file);
		error = next_store_write(&file->store, bytes, length);
		if (error)
			error = no_room(file, file->received + length);
	}
	if (!error)
		file->received += length;
	return failed(file, error);
}

void next_file_restart(struct next_file *file)
{
	changed(file->next);
	forget_content(file);
	file->sized = false;
}

int next_file_end(struct next_file *file)
{
	int error = 0;

	if (file->failed)
		return file->failed;
	if (file->ended)
		return 0;
	if (file->sized && file->received < file->size)
		error = next_fail(file->next, file, file->role == NEXT_KERNEL ? -ENOEXEC : -EBADMSG,
				  "cut short: %" PRIu64 " bytes of %" PRIu64 " have come",
				  file->received, file->size);
	else if (file->role == NEXT_KERNEL)
		error = next_kernel_file_end(file);
	else
		next_store_end(&file->store);
	if (error)
		return failed(file, error);
	changed(file->next);
	file->ended = true;
	return 0;
}

void next_file_drop(struct next_file *file)
{
	struct next_file **at = &file->next->files;

	changed(file->next);
	while (*at != file)
		at = &(*at)->following;
	*at = file->following;
	file_free(file);
}

int next_set_command_line(struct next_kernel *next, const char *line)
{
	const struct next_file *kernel = next_file_kernel(next);
	size_t length = strlen(line);
	char *copy;

	if (kernel && kernel->kernel.known && length > kernel->kernel.layout.command_line_max)
		return next_fail(next, kernel, -E2BIG,
				 "takes %u characters as its command line, and it has %zu",
				 (unsigned int)kernel->kernel.layout.command_line_max, length);
	copy = strdup(line);
	if (!copy)
		return next_fail(next, NULL, -ENOMEM, "no memory for the command line");
	changed(next);
	free(next->command_line);
	next->command_line = copy;
	return 0;
}

int next_start(struct next_kernel *next)
{
	int error = next_check(next);

	if (error)
		return error;
	next_hand_over(&next->plan);
}
