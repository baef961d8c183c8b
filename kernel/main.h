/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include "boot/boot_info.h"

/* Where every way in ends: brings the machine up and runs the job. Does not return. */
void kernel_main(const struct boot_info *info) __attribute__((noreturn));

/* Valid from kernel_main() on. */
const struct boot_info *boot_information(void);

#endif
