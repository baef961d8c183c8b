/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_X86_SYMBOLS_H
#define KERNEL_X86_SYMBOLS_H

#include <stdint.h>

#define SYMBOL_NAME_SIZE 64 /* longer names are cut */

/*
 * The function that holds the address, and how far in it is; "?" when it is none of ours. Returns `name`.
 * The table is made at the end of the link (symbols.pl). Context: any.
 */
const char *symbol_find(uint64_t address, char name[SYMBOL_NAME_SIZE], uint64_t *offset);

#endif
