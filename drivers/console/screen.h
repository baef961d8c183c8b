/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A screen that stays black makes people think that nothing runs: one line says where the console
 * is.
 */
#ifndef DRIVERS_CONSOLE_SCREEN_H
#define DRIVERS_CONSOLE_SCREEN_H

#include "boot/boot_info.h"

/*
 * On a VGA text screen, when there is a VGA device. (Under UEFI boot/efi/ says it through the
 * firmware, whose text stays.) After pci_init().
 */
void screen_say_where(const struct boot_info *info);

#endif
