/* SPDX-License-Identifier: BSD-2-Clause */
/* The line editor: what a terminal sends becomes a line. */
#ifndef KERNEL_SHELL_LINE_H
#define KERNEL_SHELL_LINE_H

#include <stddef.h>

#define SHELL_LINE_MAX 256

/* Reads until Enter, with editing and history. Always terminated. Thread context. */
void line_read(const char *prompt, char *line, size_t size);

#endif
