/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_X86_SYMBOLS_H
#define KERNEL_X86_SYMBOLS_H

#include <stdint.h>

/*
 * The function that holds the address, and how far in it is; "?" when it is none of ours. The table
 * is made at the end of the link (symbols.awk). Context: any.
 */
const char *symbol_find(uint64_t address, uint64_t *offset);

#endif
