/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of what the consoles were told, so that one that comes late can show it. The caller has
 * the multiplexer's lock.
 */
#ifndef KERNEL_CONSOLE_TRANSCRIPT_H
#define KERNEL_CONSOLE_TRANSCRIPT_H

#include <stddef.h>

void transcript_add(const char *text, size_t length);

/* Calls `show` with the pieces, oldest first; it begins at the start of a line. */
void transcript_each(void (*show)(void *context, const char *text, size_t length), void *context);

#endif
