/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that run while the prompt is there for others: "blktest --yes vda &". */
#ifndef KERNEL_SHELL_BACKGROUND_H
#define KERNEL_SHELL_BACKGROUND_H

#include <stdarg.h>
#include <stdbool.h>

/* Runs the line in a thread of its own. -ENOMEM, or 0. Thread context, CPU 0. */
int background_start(const char *line);

/* Whether the caller's command is such a one: ^C is not for it. Context: any thread. */
bool background_is(void);

/*
 * Prints for it, if it is such a one, whole lines above the one that is being typed. False: it is
 * none.
 */
bool background_print(const char *format, va_list arguments);

#endif
