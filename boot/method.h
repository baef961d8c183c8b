/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways in, as boot/start.S numbers them for boot/enter.c. */
#ifndef BOOT_METHOD_H
#define BOOT_METHOD_H

#define BOOT_METHOD_PVH 1
#define BOOT_METHOD_LINUX32 2
#define BOOT_METHOD_LINUX64 3
#define BOOT_METHOD_EFI 4

#endif
