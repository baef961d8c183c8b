/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File descriptors, as far as there are any: 0 to 2 are the console, others belong to whoever
 * registered their range (sockets).
 */
#ifndef KERNEL_LIBC_FILES_H
#define KERNEL_LIBC_FILES_H

#include <stddef.h>
#include <sys/types.h>

/* Each returns as its system call does: -1 with errno set on failure. NULL: EBADF or ENOSYS. */
struct file_operations {
	ssize_t (*read)(int descriptor, void *data, size_t length);
	ssize_t (*write)(int descriptor, const void *data, size_t length);
	int (*close)(int descriptor);
	int (*fcntl)(int descriptor, int command, int argument);
};

/*
 * Descriptors [first, last] go to these operations. At start only. -ENOSPC when there are too many
 * ranges.
 */
int files_register_range(int first, int last, const struct file_operations *operations);

#endif
