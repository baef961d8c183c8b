/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For our own bugs only, never for what a device, a packet, a table or a user did: prints the line
 * and a stack trace, and ends the machine as `panic=` says. Context: any.
 */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
